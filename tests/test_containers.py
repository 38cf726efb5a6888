"""What compose.yaml and its image promise, read from them: no container engine is needed, and none was there."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from edge.config import load_settings

yaml = pytest.importorskip("yaml")

REPOSITORY = Path(__file__).parent.parent
CONTAINERS = REPOSITORY / "containers"
COMPOSE = yaml.safe_load((CONTAINERS / "compose.yaml").read_text())
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


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_every_container_is_kept_small(service):
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["ulimits"]["core"] == 0 and service["pids_limit"] <= 64 and "mem_limit" in service
    assert "docker.sock" not in str(service)
    assert service["command"][0] in ("run", "bridge", "serve")


def test_nothing_heard_is_swapped_or_dumped():
    assert HEARING["memswap_limit"] == HEARING["mem_limit"]
    assert HEARING["ulimits"] == {"core": 0, "memlock": -1}


def test_all_volumes_and_secrets_are_there():
    named = {volume.split(":")[0] for service in SERVICES.values() for volume in service["volumes"]}
    assert {name for name in named if not name.startswith(".")} == set(COMPOSE["volumes"])
    assert all((CONTAINERS / name).exists() for name in named if name.startswith("."))
    assert SERVICES["page"]["secrets"] == list(COMPOSE["secrets"])


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
    assert re.findall(r"^USER (\w+)$", DOCKERFILE, re.MULTILINE) == ["monitor"]


def test_it_says_that_it_was_not_run():
    for name in ("Dockerfile", "compose.yaml"):
        assert re.search("could not be run|Not run", (CONTAINERS / name).read_text())


def test_the_name_in_the_house_is_the_pages_port():
    path = REPOSITORY / "systemd" / "avahi" / "cry-monitor.service"
    service = ElementTree.parse(path).getroot().find("service")
    assert service.find("port").text == str(load_settings(None).serve.port)
    assert service.find("type").text == "_http._tcp"
    assert "/etc/avahi/services" not in re.sub("#.*", "", (REPOSITORY / "systemd" / "install").read_text())
