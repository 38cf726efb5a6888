"""Two monitors under a real systemd, the second hears a camera: shipped units, unchanged."""

import shutil
import time
from pathlib import Path

import pytest

SENDER = Path(__file__).parent.parent / "edge" / "camera" / "fake_sender.py"
SECRET = "hush-little-baby"
ADDRESS = "http://127.0.0.1:8554/cot"
HEARING, CAMERA = "cry-monitor@cot.service", "cry-monitor-camera@cot.service"
CONFIGURATION = '[audio]\nsource = "http://baby@127.0.0.1:8554/cot"\n'
SENDING = "import sys, time; sys.path.insert(0, '/etc'); import fake_sender; s = fake_sender.FakeSender(8554, '{}'); "
BOTH = '[bridge]\nsources = "bed=/run/cry-monitor.socket, cot=/run/cry-monitor-cot.socket"\n'
MOST_S = 10.0  # until it is heard again


@pytest.fixture(scope="module")
def camera(system):
    """The booted system, with a camera on its loopback and a second monitor that hears it."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    system.write("/etc/fake_sender.py", SENDER.read_text())
    start = '[Service]\nExecStart=/opt/cry-monitor/bin/python -c "{}time.sleep(1e6)"\n'.format(SENDING.format(SECRET))
    system.write("/etc/systemd/system/fake-camera.service", start)
    system.write("/etc/cry-monitor/cot.toml", CONFIGURATION)
    system.write("/etc/cry-monitor/cot.password", SECRET + "\n")
    system.run("chmod", "600", "/etc/cry-monitor/cot.password")
    system.run("groupadd", "--force", "--system", "cry-monitor-readers")  # as systemd/install does, without a DESTDIR
    system.run("systemctl", "restart", "cry-monitor")
    system.run("systemctl", "start", "fake-camera", HEARING)
    yield system
    system.run("systemctl", "stop", HEARING, CAMERA, "cry-monitor-camera@cot.socket", "fake-camera")
    system.run("sh", "-c", "rm -rf /etc/cry-monitor/cot.* /var/lib/private/cry-monitor-cot /var/lib/cry-monitor-cot")


def state(system):
    """The state of hearing, as systemd shows it."""
    return system.property(HEARING, "StatusText")


def wait_until_heard(system):
    """Seconds until the camera is heard; at most MOST_S, but for what starting takes."""
    began_s = time.monotonic()
    system.wait_until(lambda: state(system).startswith("healthy"), 60)
    return time.monotonic() - began_s


def test_the_camera_is_heard_and_every_word_says_of_which_monitor(camera):
    wait_until_heard(camera)
    assert state(camera).startswith("healthy: [cot] hearing {} (48000 Hz, 2 channels)".format(ADDRESS))
    lines = [text for _, text in camera.journal(HEARING)]
    assert lines and not [text for text in lines if not text.startswith("[cot] ")]


def test_the_process_that_hears_has_no_network_and_ffmpeg_is_in_the_camera_s_unit(camera):
    wait_until_heard(camera)
    pid, fetching = (camera.property(unit, "MainPID") for unit in (HEARING, CAMERA))
    seen = camera.run("nsenter", "-t", pid, "-n", "cat", "/proc/self/net/dev")
    assert [line.split(":")[0].strip() for line in seen.splitlines() if ":" in line] == ["lo"]
    assert camera.run("readlink", "/proc/{}/ns/net".format(pid)) != camera.run("readlink", "/proc/self/ns/net")
    names = camera.run("sh", "-c", 'cat $(printf "/proc/%s/comm " $(cat /proc/{0}/task/{0}/children))'.format(fetching))
    assert names.split() == ["ffmpeg"]
    assert camera.run("cat", "/proc/{0}/task/{0}/children".format(pid)).strip() == ""
    assert camera.property(CAMERA, "IPAddressAllow") == "127.0.0.1/32"


def test_the_password_is_shown_nowhere(camera):
    wait_until_heard(camera)
    shown = camera.run("sh", "-c", "cat /proc/*/cmdline /proc/*/environ | tr '\\0' '\\n'")
    shown = "\n".join(line for line in shown.splitlines() if "fake_sender" not in line)
    shown += camera.run("journalctl", "--no-pager", "--unit=cry-monitor*") + state(camera)
    shown += camera.run(
        "/opt/cry-monitor/bin/cry-monitor", "doctor", "--config", "/etc/cry-monitor/cot.toml", check=False
    )
    assert "127.0.0.1:8554" in shown and SECRET not in shown and "baby@" not in shown
    assert not camera.succeeds("grep", "-aq", SECRET, "/var/lib/cry-monitor-cot/events.db")
    user = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    assert not camera.succeeds(*user, "cat", "/etc/cry-monitor/cot.password")


@pytest.mark.parametrize("fault", ["frozen", "killed"])
def test_a_camera_that_freezes_or_restarts_is_heard_again_soon(camera, fault):
    wait_until_heard(camera)
    if fault == "frozen":
        camera.run("systemctl", "kill", "--signal=STOP", "fake-camera")
        camera.wait_until(lambda: state(camera).startswith(("stalled", "lost")), 30)
        camera.run("systemctl", "kill", "--signal=CONT", "fake-camera")
    else:
        camera.run("systemctl", "kill", "--signal=KILL", "fake-camera")
        camera.wait_until(lambda: state(camera).startswith(("recovering", "lost")), 30)
        camera.run("systemctl", "restart", "fake-camera")
    assert wait_until_heard(camera) < MOST_S
    assert camera.property(HEARING, "NRestarts") == "0"


def test_a_wrong_password_is_said_in_words_and_mended_without_a_restart(camera):
    camera.write("/etc/cry-monitor/cot.password", "wrong\n")
    camera.run("systemctl", "restart", CAMERA)
    camera.wait_until(lambda: "refuses the user or the password (401)" in state(camera), 30)
    camera.write("/etc/cry-monitor/cot.password", SECRET + "\n")
    camera.run("systemctl", "restart", CAMERA)
    assert wait_until_heard(camera) < MOST_S


def test_both_monitors_hear_side_by_side_and_one_configuration_shows_both(camera, hearing):
    hearing()
    wait_until_heard(camera)
    camera.write("/etc/both.toml", BOTH)
    shown = camera.run("/opt/cry-monitor/bin/cry-monitor", "live", "--once", "--config", "/etc/both.toml")
    assert "bed" in shown and "cot" in shown
    for path in ("/var/lib/cry-monitor/events.db", "/var/lib/cry-monitor-cot/events.db", "/run/cry-monitor-cot.socket"):
        assert camera.succeeds("test", "-e", path)
    examined = camera.run("/opt/cry-monitor/bin/cry-monitor", "doctor", check=False)
    assert "cry-monitor@cot: active" in examined
