"""systemd/cry-monitor-federate.service under a real systemd: the unit as it ships, a SuperLink and another home."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
for folder in ("stages/federation", "systemd"):
    sys.path.insert(0, str(REPOSITORY / "tests" / folder))

from booted_systemd import BootedSystemd, why_it_cannot_boot  # noqa: E402
from test_deployment import FLOWER, QUIET, Site, free_port  # noqa: E402

UNIT = "cry-monitor-federate.service"
ENVIRONMENT, SITE, SYSTEM_PYTHON = "/opt/cry-monitor-federate", "/opt/site", "/usr/bin/python3"
SETTINGS = "/etc/cry-monitor/federation"
MARKED = "/var/lib/private/cry-monitor/events.db.learn"


def minor_version(python):
    return subprocess.check_output([str(python), "-c", "import sys; print(sys.version_info[:2])"])


def make_environment(installed):
    """ENVIRONMENT as the unit says how to make it, of what is here: FLOWER's packages and this repository."""
    environment = installed / ENVIRONMENT[1:]
    subprocess.check_call([SYSTEM_PYTHON, "-m", "venv", "--without-pip", str(environment)])
    (packages,) = environment.glob("lib/python*/site-packages")
    (packages / "flower.pth").write_text("/opt/source\n")
    for room in ("edge", "training"):
        shutil.copytree(REPOSITORY / room, packages / room, ignore=shutil.ignore_patterns("__pycache__"))
    for script in [*FLOWER.glob("flower-*"), *FLOWER.glob("flwr*")]:
        lines = script.read_text().splitlines()
        copy = environment / "bin" / script.name
        copy.write_text("\n".join([f"#!{ENVIRONMENT}/bin/python", *lines[1:]]) + "\n")
        copy.chmod(0o755)


def fill(installed, port):
    """home-0's settings where the unit looks for them; another home, and what the SuperLink needs, in SITE."""
    (installed / SITE[1:]).mkdir()
    site = Site(installed / SITE[1:])
    home, settings = site.folder / "home-0", installed / SETTINGS[1:]
    settings.mkdir(parents=True)
    for file in (home / "identity", home / "supernode", site.folder / "roster.json", site.folder / "federation.toml",
                 site.folder / "right" / "ca.crt"):  # fmt: skip
        shutil.copy(file, settings)
    for kind in ("crt", "key"):
        shutil.copy(site.folder / "right" / f"server.{kind}", settings / f"node.{kind}")
    (settings / "home.env").write_text(f"HOME_NAME=home-0\nSUPERLINK=127.0.0.1:{port}\n")


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    """A booted systemd with all of it and a SuperLink; port: the SuperLink's."""
    missing = why_it_cannot_boot()
    if not missing and minor_version(SYSTEM_PYTHON) != minor_version(FLOWER / "python"):
        missing = "the system's Python is another than Flower's environment has"
    if missing:
        pytest.skip(f"no systemd with Flower can be booted here: {missing}")
    installed = tmp_path_factory.mktemp("installed")
    for folder in ("etc/systemd/system", "usr", "opt"):
        (installed / folder).mkdir(parents=True)
    shutil.copy(REPOSITORY / "systemd" / UNIT, installed / "etc" / "systemd" / "system")
    make_environment(installed)
    port = free_port()
    fill(installed, port)
    (packages,) = FLOWER.parent.glob("lib/python*/site-packages")
    system = BootedSystemd(tmp_path_factory.mktemp("system"), installed, packages)
    try:
        system.port = port
        system.run("mkdir", "-p", MARKED)
        system.run("cp", f"{SITE}/home-0/marked.json", MARKED)
        tls = "--ssl-certfile right/server.crt --ssl-keyfile right/server.key --ssl-ca-certfile right/ca.crt"
        beside(system, "superlink", f"flower-superlink {tls} --enable-supernode-auth --host 127.0.0.1 --port {port} "
               "--disable-runtime-dependency-installation")  # fmt: skip
        system.wait_until(lambda: "Uvicorn running" in said(system, "superlink"), 120)
        connection = f'[superlink]\ndefault = "here"\n[superlink.here]\naddress = "127.0.0.1:{port}"\n'
        system.write("/run/flower/config.toml", f'{connection}root-certificates = "{SITE}/right/ca.crt"\n')
        for home in ("home-0", "home-1"):
            command = f"{ENVIRONMENT}/bin/flwr supernode register {SITE}/{home}/supernode.pub"
            system.run("env", "FLWR_HOME=/run/flower", *quiet(), *command.split())
        yield system
    finally:
        system.close()


def quiet():
    return [f"{name}={value}" for name, value in {**QUIET, "PATH": f"{ENVIRONMENT}/bin:/usr/bin:/bin"}.items()]


def beside(system, unit, command):
    """Start a command of ENVIRONMENT as a unit without a sandbox."""
    variables = [f"--setenv={one}" for one in [*quiet(), f"FLWR_HOME=/run/{unit}"]]
    system.run("systemd-run", f"--unit={unit}", f"--working-directory={SITE}", *variables,
               "sh", "-c", f"exec {ENVIRONMENT}/bin/{command}")  # fmt: skip


def said(system, unit):
    """A unit's lines; the journal gives those with colours as bytes."""
    lines = [text for _, text in system.journal(unit)]
    return "\n".join(line if isinstance(line, str) else bytes(line).decode(errors="replace") for line in lines)


def test_it_is_off_until_it_is_configured_and_a_unit_without_complaints(system):
    assert system.run("systemd-analyze", "verify", f"/etc/systemd/system/{UNIT}") == ""
    assert system.property(UNIT, "UnitFileState") == "disabled"
    system.run("mv", f"{SETTINGS}/home.env", f"{SETTINGS}/elsewhere")
    system.run("systemctl", "start", UNIT)
    assert system.property(UNIT, "ActiveState") == "inactive"
    system.run("mv", f"{SETTINGS}/elsewhere", f"{SETTINGS}/home.env")


def test_a_home_takes_part_and_what_trains_there_has_no_network(system):
    files = " ".join(f'{key}="{SITE}/{file}"' for key, file in (
        ("folder", "home-1"), ("identity", "home-1/identity"), ("roster", "roster.json"),
        ("federation", "federation.toml")))  # fmt: skip
    system.run("chmod", "-R", "go-rwx", SETTINGS)
    system.run("systemctl", "start", UNIT)
    tls = "--ssl-certfile right/server.crt --ssl-keyfile right/server.key --ssl-ca-certfile right/ca.crt"
    beside(system, "home-1", f"flower-supernode --root-certificates right/ca.crt --superlink 127.0.0.1:{system.port} "
           f"--auth-supernode-private-key home-1/supernode --port {free_port()} {tls} "
           f"--node-config 'home=\"home-1\" {files}'")  # fmt: skip
    for unit in (UNIT, "home-1"):
        system.wait_until(lambda unit=unit: "SuperNode ID" in said(system, unit), 120)
    command = f"{ENVIRONMENT}/bin/python -m training.command federate --engine deployment --out /run/deployed --config "
    command += f"{SITE}/federation.toml --roster {SITE}/roster.json --certificate {SITE}/right/ca.crt"
    told = system.run("env", *quiet(), *command.split(), "--superlink", f"127.0.0.1:{system.port}")
    assert "2 of 2 homes" in told and "wrote /run/deployed/model" in told, told + said(system, UNIT)
    assert "cry-train: error" not in said(system, UNIT)
    assert system.property(UNIT, "NRestarts") == "0"
    kept = system.run("find", "/var/lib/private/cry-monitor-federate", "-name", "federation-state.npz", "-printf", "%m")
    assert kept == "600"


def test_a_home_with_nothing_marked_starts_with_nothing(system):
    system.run("rm", f"{MARKED}/marked.json")
    system.run("systemctl", "restart", UNIT)
    credential = f"/run/credentials/{UNIT}/marked.json"
    system.wait_until(lambda: system.succeeds("test", "-s", credential))
    assert json.loads(system.run("cat", credential)) == {}
