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


@pytest.fixture
def analyze(tmp_path):
    """analyze(*arguments, drop_ins=()) -> what systemd-analyze says of the unit with those drop-ins."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")

    def analyze(*arguments, drop_ins=()):
        # It looks for the program that is started, which is not installed here.
        unit = re.sub(
            "^ExecStart=.*$", "ExecStart=/bin/true", (SYSTEMD / "cry-monitor.service").read_text(), flags=re.MULTILINE
        )
        (tmp_path / "cry-monitor.service").write_text(unit)
        (tmp_path / "cry-monitor.service.d").mkdir(exist_ok=True)
        for name in drop_ins:
            shutil.copy(str(SYSTEMD / "drop-ins" / name), str(tmp_path / "cry-monitor.service.d"))
        done = subprocess.run(
            ["systemd-analyze", *arguments, "cry-monitor.service"],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return done.stdout

    return analyze


@pytest.mark.parametrize("drop_ins", [[], *([name] for name in DROP_INS), DROP_INS])
def test_systemd_has_no_complaint(analyze, drop_ins):
    assert analyze("verify", drop_ins=drop_ins) == ""


# What a drop-in gives up is bounded too: the GPU on a Jetson.
@pytest.mark.parametrize(
    "drop_ins, most",
    [
        ([], MOST_EXPOSURE),
        (["systemd-237.conf"], MOST_EXPOSURE),
        (["systemd-237.conf", "jetson.conf"], MOST_EXPOSURE),
    ],
)
def test_exposure(analyze, drop_ins, most, record_property, capsys):
    said = analyze("security", "--offline=true", "--no-pager", drop_ins=drop_ins)
    found = re.search(r"exposure level for cry-monitor.service: ([\d.]+)", said)
    if not found:
        pytest.skip("this systemd-analyze does not look at files: " + said.splitlines()[0])
    with capsys.disabled():
        print("\ncry-monitor.service {}: exposure {}".format(" ".join(drop_ins), found[1]))
    assert float(found[1]) <= most


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
