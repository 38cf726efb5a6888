"""The unit and its drop-ins as systemd reads them: no complaint, little exposure, what JetPack's systemd knows."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parent.parent.parent / "systemd"
DROP_INS = sorted(path.name for path in (SYSTEMD / "drop-ins").glob("*.conf"))
MOST_EXPOSURE = 2.0

# systemd 237 takes no other groups: `systemd-analyze syscall-filter` of Ubuntu 18.04.
GROUPS_237 = {
    "@default",
    "@aio",
    "@basic-io",
    "@chown",
    "@clock",
    "@cpu-emulation",
    "@debug",
    "@file-system",
    "@io-event",
    "@ipc",
    "@keyring",
    "@memlock",
    "@module",
    "@mount",
    "@network-io",
    "@obsolete",
    "@privileged",
    "@process",
    "@raw-io",
    "@reboot",
    "@resources",
    "@setuid",
    "@signal",
    "@swap",
    "@sync",
    "@timer",
}


# The unit, and the template of several, which is made from it.
HEARING = ["cry-monitor.service", "cry-monitor@.service"]


@pytest.fixture
def analyze(tmp_path):
    """analyze(*arguments, unit, drop_ins=()) -> what systemd-analyze says of the unit with those drop-ins."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")

    def analyze(*arguments, unit="cry-monitor.service", drop_ins=()):
        for path in [*SYSTEMD.glob("*.service"), *SYSTEMD.glob("*.socket")]:
            shutil.copy(str(path), str(tmp_path))
        (tmp_path / "cry-monitor.service.d").mkdir(exist_ok=True)
        for name in drop_ins:
            shutil.copy(str(SYSTEMD / "drop-ins" / name), str(tmp_path / "cry-monitor.service.d"))
        subprocess.check_call([str(SYSTEMD / "instances"), str(tmp_path), *drop_ins])
        for path in tmp_path.glob("*.service"):  # it looks for the program that is started, which is not installed here
            text = re.sub(
                r"^(ExecStart|ExecStartPre)=(.*\\\n)*.*$", r"\1=/bin/true", path.read_text(), flags=re.MULTILINE
            )
            path.write_text(text)
        done = subprocess.run(
            ["systemd-analyze", *arguments, unit.replace("@.", "@cot.")],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return done.stdout

    return analyze


@pytest.mark.parametrize("unit", HEARING)
@pytest.mark.parametrize("drop_ins", [[], *([name] for name in DROP_INS), DROP_INS])
def test_systemd_has_no_complaint(analyze, unit, drop_ins):
    assert analyze("verify", unit=unit, drop_ins=drop_ins) == ""


# What a drop-in gives up is bounded too: the GPU on a Jetson.
@pytest.mark.parametrize(
    "unit, drop_ins, most",
    [
        *((unit, [], MOST_EXPOSURE) for unit in HEARING),
        ("cry-monitor.service", ["systemd-237.conf"], MOST_EXPOSURE),
        ("cry-monitor.service", ["systemd-237.conf", "jetson.conf"], MOST_EXPOSURE),
        ("cry-monitor-camera@.service", [], MOST_EXPOSURE),
        ("cry-monitor-federate.service", [], MOST_EXPOSURE),
    ],
)
def test_exposure(analyze, unit, drop_ins, most, record_property, capsys):
    said = analyze("security", "--offline=true", "--no-pager", unit=unit, drop_ins=drop_ins)
    found = re.search(r"exposure level for cry-monitor\S*.service: ([\d.]+)", said)
    if not found:
        pytest.skip("this systemd-analyze does not look at files: " + said.splitlines()[0])
    with capsys.disabled():
        print("\n{} {}: exposure {}".format(unit, " ".join(drop_ins), found[1]))
    assert float(found[1]) <= most


def test_the_camera_is_fetched_by_a_unit_with_the_network_of_the_house_and_no_disk(analyze):
    for unit in ("cry-monitor-camera@.service", "cry-monitor-camera@.socket", "cry-monitor@.socket"):
        assert analyze("verify", unit=unit) == ""
    text = (SYSTEMD / "cry-monitor-camera@.service").read_text()
    assert "IPAddressDeny=any" in text and "StateDirectory" not in text and "InaccessiblePaths=/var " in text
    hearing = (SYSTEMD / "cry-monitor.service").read_text()
    assert "PrivateNetwork=yes" in hearing and "RestrictAddressFamilies=AF_UNIX\n" in hearing


def test_several_monitors_share_nothing(tmp_path):
    subprocess.check_call([str(SYSTEMD / "instances"), str(tmp_path), *DROP_INS])
    for name in ("cry-monitor@.service", "cry-monitor@.socket", "cry-monitor@.service.d/systemd-237.conf"):
        lines = [line for line in (tmp_path / name).read_text().splitlines() if not line.startswith("#")]
        ours = re.findall(r"\S*cry-monitor\S*", " ".join(lines))
        programs = ("ExecStart=/opt/cry-monitor/bin/cry-monitor", "SocketGroup=cry-monitor-readers")
        assert [path for path in ours if "%i" not in path and path not in programs] == []


def test_the_reduced_drop_in_is_known_to_jetpack():
    text = (SYSTEMD / "drop-ins" / "systemd-237.conf").read_text()
    assert text.index("SystemCallFilter=\n") < text.index("SystemCallFilter=@")  # forgets what it does not know
    assert set(re.findall(r"@[\w-]+", re.sub("^#.*$", "", text, flags=re.MULTILINE))) <= GROUPS_237


def test_the_shipped_configuration_is_where_the_unit_looks():
    unit = (SYSTEMD / "cry-monitor.service").read_text()
    assert "--config /etc/cry-monitor/cry-monitor.toml" in unit
    assert "/etc/cry-monitor/cry-monitor.toml" in (SYSTEMD / "install").read_text()


@pytest.mark.parametrize("name", ["bridge", "serve"])
def test_what_has_a_network_is_a_unit_of_its_own_that_cannot_hear(tmp_path, name):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    unit = "cry-monitor-{}.service".format(name)
    text = (SYSTEMD / unit).read_text()
    assert "PrivateDevices=yes" in text and "audio" not in re.findall("SupplementaryGroups=(.*)", text)[0]
    assert "DynamicUser=yes" in text and "StateDirectory" not in text
    (tmp_path / unit).write_text(re.sub("^ExecStart=.*$", "ExecStart=/bin/true", text, flags=re.MULTILINE))

    def analyze(*arguments):
        return subprocess.run(
            ["systemd-analyze", *arguments, unit],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ).stdout

    assert analyze("verify") == ""
    found = re.search(r"exposure level for \S+: ([\d.]+)", analyze("security", "--offline=true", "--no-pager"))
    assert found is None or float(found[1]) <= MOST_EXPOSURE
    assert unit.replace("cry-monitor-", "").split(".")[0] in (SYSTEMD / "install").read_text()


def test_what_learns_with_other_homes_cannot_hear_and_is_off_until_it_is_configured(analyze):
    assert analyze("verify", unit="cry-monitor-federate.service") == ""
    text = (SYSTEMD / "cry-monitor-federate.service").read_text()
    assert "PrivateDevices=yes" in text and "audio" not in text and "DynamicUser=yes" in text
    assert "ConditionPathExists=/etc/cry-monitor/federation/home.env" in text
    assert "RestrictNamespaces=user net\n" in text  # what trains leaves the network by one
    assert "federate" not in re.findall("systemctl enable.*", (SYSTEMD / "install").read_text())[0]
