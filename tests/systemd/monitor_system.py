"""An installation of the monitor, started in a booted systemd, hearing a virtual microphone."""

import contextlib
import subprocess

# Not the interpreter of the tests: the service may not look into anybody's home, where that one may live.
PYTHON = "/usr/bin/python3"
SOURCES = ["LICENSE", "Makefile", "README.md", "edge", "man", "pyproject.toml", "setup.py", "systemd"]

MICROPHONE = """
.fail
load-module module-native-protocol-unix auth-anonymous=1 socket=/run/microphone/native
load-module module-null-sink sink_name=sink rate=16000 channels=1 format=s16le norewinds=1
load-module module-remap-source master=sink.monitor source_name=microphone
set-default-sink sink
set-default-source microphone
"""
ALSA = "</usr/share/alsa/alsa.conf>\npcm.!default { type pulse }\nctl.!default { type pulse }\n"
MICROPHONE_UNIT = """
[Service]
RuntimeDirectory=microphone pulse-private
Environment=PULSE_RUNTIME_PATH=/run/pulse-private PULSE_STATE_PATH=/run/pulse-private
ExecStart=pulseaudio -n -F /etc/microphone.pa --daemonize=no --use-pid-file=no --exit-idle-time=-1 --disallow-exit=yes
ExecStartPost=sh -c 'until chmod 777 /run/microphone/native; do sleep 0.1; done'
"""
HEARS_IT = """
[Service]
Environment=PULSE_SERVER=unix:/run/microphone/native ALSA_CONFIG_PATH=/etc/microphone-alsa.conf
"""
# Opening a microphone may take 6 s, and no frame is processed meanwhile.
IMPATIENT = "[Service]\nWatchdogSec=8\nRestartSec=0.5\n"


def make_target(source, target, **variables):
    """`make TARGET NAME=VALUE...` in a folder: (exit status, what was printed)."""
    done = subprocess.run(
        ["make", target, *("{}={}".format(*pair) for pair in variables.items())],
        cwd=source,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.returncode, done.stdout


@contextlib.contextmanager
def with_monitor(system, drop_in=""):
    """The booted system with its microphone and the monitor's service started; it is closed at the end."""
    try:
        system.write("/etc/microphone.pa", MICROPHONE)
        system.write("/etc/microphone-alsa.conf", ALSA)
        system.write("/etc/systemd/system/microphone.service", MICROPHONE_UNIT)
        system.write("/etc/systemd/system/cry-monitor.service.d/hears-it.conf", HEARS_IT)
        if drop_in:
            system.write("/etc/systemd/system/cry-monitor.service.d/impatient.conf", drop_in)
        system.run("systemctl", "start", "microphone", "cry-monitor")
        yield system
    finally:
        system.close()
