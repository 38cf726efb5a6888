"""What the compose files and their images promise, read from them: no container engine is needed, none was there."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from edge.camera.address import is_address
from edge.camera.unit import VARIABLE
from edge.config import load_settings

yaml = pytest.importorskip("yaml")

REPOSITORY = Path(__file__).parent.parent
CONTAINERS = REPOSITORY / "containers"
NOTHING = object()  # what `!reset` leaves of a key


class Compose(yaml.SafeLoader):
    """YAML with Compose's own mark."""


Compose.add_constructor("!reset", lambda loader, node: NOTHING)


def merged(below, above):
    """Two files as `docker compose --file BELOW --file ABOVE` takes them: lists grow, `!reset` empties."""
    if isinstance(below, dict) and isinstance(above, dict):
        both = {key: merged(below[key], above[key]) if key in below else above[key] for key in above}
        return {key: value for key, value in {**below, **both}.items() if value is not NOTHING}
    return below + above if isinstance(below, list) and isinstance(above, list) else above


COMPOSE = yaml.safe_load((CONTAINERS / "compose.yaml").read_text())
CAMERA = yaml.load((CONTAINERS / "compose.camera.yaml").read_text(), Compose)
WITH_CAMERA = merged(COMPOSE, CAMERA)
DOCKERFILE = (CONTAINERS / "Dockerfile").read_text()
SERVICES = COMPOSE["services"]
HEARING, WITH_A_NETWORK = SERVICES["hearing"], [SERVICES["bridge"], SERVICES["page"]]


def mounted(service):
    """{place in the container: how it is mounted}."""
    parts = [volume.split(":") for volume in service["volumes"]]
    return {where: (rest[0] if rest else "rw") for _, where, *rest in parts}


def test_what_hears_has_no_network():
    assert HEARING["network_mode"] == "none"
    assert not {"ports", "networks", "expose"} & set(HEARING)
    assert HEARING["devices"] == ["/dev/snd"]


@pytest.mark.parametrize("service", WITH_A_NETWORK)
def test_what_has_a_network_has_no_microphone_and_writes_nothing(service):
    assert not {"devices", "privileged", "network_mode", "pid", "ipc"} & set(service)
    assert {how for where, how in mounted(service).items()} == {"ro"}


def test_only_the_page_reads_the_events_and_only_this_machine_reaches_it():
    assert "/var/lib/cry-monitor" in mounted(SERVICES["page"])
    assert "/var/lib/cry-monitor" not in mounted(SERVICES["bridge"])
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["page"]["ports"])


@pytest.mark.parametrize("service", WITH_CAMERA["services"].values(), ids=WITH_CAMERA["services"])
def test_every_container_is_kept_small(service):
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["ulimits"]["core"] == 0 and service["pids_limit"] <= 64 and "mem_limit" in service
    assert "docker.sock" not in str(service)
    assert service["command"][0] in ("run", "bridge", "serve") or service is WITH_CAMERA["services"]["camera"]


def test_nothing_heard_is_swapped_or_dumped():
    assert HEARING["memswap_limit"] == HEARING["mem_limit"]
    assert HEARING["ulimits"] == {"core": 0, "memlock": -1}


@pytest.mark.parametrize("compose", [COMPOSE, WITH_CAMERA], ids=["microphone", "camera"])
def test_all_volumes_and_secrets_are_there(compose):
    named = {volume.split(":")[0] for service in compose["services"].values() for volume in service["volumes"]}
    assert {name for name in named if not name.startswith(".")} == set(compose["volumes"])
    assert all((CONTAINERS / name).exists() for name in named if name.startswith("."))
    secrets = [secret for service in compose["services"].values() for secret in service.get("secrets", [])]
    assert secrets == list(compose["secrets"])


def test_with_a_camera_what_hears_still_has_no_network_and_no_sound_device_either():
    hearing, camera = WITH_CAMERA["services"]["hearing"], WITH_CAMERA["services"]["camera"]
    assert hearing["network_mode"] == "none" and not {"devices", "group_add", "ports", "secrets"} & set(hearing)
    assert not {"devices", "privileged", "network_mode", "ports", "pid", "ipc"} & set(camera)
    assert set(mounted(camera).values()) == {"ro", "rw"} and camera["memswap_limit"] == camera["mem_limit"]
    (socket_folder,) = [where for where, how in mounted(camera).items() if how == "rw"]
    assert mounted(hearing)[socket_folder] == "ro"  # sound goes one way
    for service in (hearing, camera):  # the one path that both are told
        assert Path(service["environment"][VARIABLE]).parent == Path(socket_folder)
    others = [SERVICES["bridge"], SERVICES["page"]]
    assert not [one for one in others if socket_folder in mounted(one)]  # whoever connects there hears the room


def test_the_configuration_of_a_camera_fits_it(tmp_path):
    text = re.sub("^#(?! )", "", (CONTAINERS / "cry-monitor.toml").read_text(), flags=re.MULTILINE)
    (tmp_path / "cry-monitor.toml").write_text(text)
    audio = load_settings(str(tmp_path / "cry-monitor.toml")).audio
    assert is_address(audio.source)
    assert audio.password_file == "/run/secrets/" + CAMERA["services"]["camera"]["secrets"][0]


def test_every_service_is_built_of_a_stage_that_is_there():
    stages = re.findall(r"^FROM \S+ AS (\w+)$", DOCKERFILE, re.MULTILINE)
    built = [service["build"] for service in WITH_CAMERA["services"].values() if "build" in service]
    assert {build["target"] for build in built} == {"monitor", "camera"} <= set(stages)
    assert "ffmpeg" not in DOCKERFILE.partition("FROM monitor AS camera")[0].partition("FROM")[2]


def test_the_configuration_fits_it():
    settings = load_settings(str(CONTAINERS / "cry-monitor.toml"))
    assert mounted(HEARING)[str(Path(settings.socket.path).parent)] == "rw"
    assert settings.serve.password_file == "/run/secrets/" + SERVICES["page"]["secrets"][0]


def test_the_image_installs_what_is_locked_and_runs_as_nobody():
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (REPOSITORY / source).exists(), source
    for line in re.findall(r"pip install .*", DOCKERFILE):
        assert "--require-hashes" in line or "--no-index" in line
    for stage in DOCKERFILE.split("\nFROM ")[2:]:
        assert re.findall(r"^USER (\w+)$", stage, re.MULTILINE)[-1] == "monitor"


def test_it_says_that_it_was_not_run():
    for name in ("Dockerfile", "compose.yaml", "compose.camera.yaml"):
        assert re.search("could not be run|Not run", (CONTAINERS / name).read_text())


def test_the_name_in_the_house_is_the_pages_port():
    path = REPOSITORY / "systemd" / "avahi" / "cry-monitor.service"
    service = ElementTree.parse(path).getroot().find("service")
    assert service.find("port").text == str(load_settings(None).serve.port)
    assert service.find("type").text == "_http._tcp"
    assert "/etc/avahi/services" not in re.sub("#.*", "", (REPOSITORY / "systemd" / "install").read_text())
