"""A microphone without sound hardware: a PulseAudio server whose null sinks are recorded from.

What `play` sends to the sink "mono16" is what the default input hears, sample for sample at 16 kHz; the
input "stereo48" hears the 48-kHz stereo sink of that name. PortAudio reads its environment once, so the code
under test runs in a process of its own, started with `environment`.
"""

import ctypes.util
import glob
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import wave

import numpy as np
import pytest

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# Without norewinds the first 20 ms of what is played are lost.
PULSE_SCRIPT = """
.fail
load-module module-native-protocol-unix auth-anonymous=1
load-module module-null-sink sink_name=mono16 rate=16000 channels=1 format=s16le norewinds=1
load-module module-remap-source master=mono16.monitor source_name=microphone
load-module module-null-sink sink_name=stereo48 rate=48000 channels=2 format=float32le norewinds=1
set-default-sink mono16
set-default-source microphone
"""

ALSA_CONFIGURATION = """
</usr/share/alsa/alsa.conf>
pcm.!default { type pulse }
ctl.!default { type pulse }
pcm.stereo48 { type pulse device stereo48.monitor hint.description "48 kHz, two channels" }
"""


def what_is_not_installed():
    """Return why no virtual microphone can be made here, or an empty string."""
    for program in ("pulseaudio", "pactl", "paplay"):
        if shutil.which(program) is None:
            return "{} is not installed".format(program)
    if ctypes.util.find_library("portaudio") is None:
        return "libportaudio2 is not installed"
    if not glob.glob("/usr/lib/*/alsa-lib/libasound_module_pcm_pulse.so"):
        return "libasound2-plugins is not installed"
    for module in ("sounddevice", "soxr"):
        if importlib.util.find_spec(module) is None:
            return "{} is not installed".format(module)
    return ""


class VirtualMicrophone:
    """A running server; close() ends it."""

    def __init__(self):
        # Not pytest's tmp_path: the path of a Unix socket may have 107 characters.
        self.directory = tempfile.mkdtemp(prefix="mic")
        alsa_conf = self._write("asound.conf", ALSA_CONFIGURATION)
        pulse_script = self._write("mic.pa", PULSE_SCRIPT)
        self.environment = dict(
            os.environ,
            PULSE_RUNTIME_PATH=self.directory,
            PULSE_STATE_PATH=self.directory,
            PULSE_SERVER="unix:" + os.path.join(self.directory, "native"),
            ALSA_CONFIG_PATH=alsa_conf,
        )
        self._command = ["pulseaudio", "-n", "-F", pulse_script, "--daemonize=no", "--use-pid-file=no"]
        self._command += ["--exit-idle-time=-1", "--disallow-exit=yes"]
        self._log_path = os.path.join(self.directory, "log")
        self.start()

    def start(self):
        """Start the server; again after kill()."""
        with open(self._log_path, "wb") as log:
            self.server = subprocess.Popen(self._command, env=self.environment, stderr=log)
        self._wait_until_it_answers()

    def run_python(self, code, *arguments):
        """Start this interpreter on `code` in the repository, hearing this microphone; returns a Popen."""
        return subprocess.Popen(
            [sys.executable, "-c", code] + list(arguments),
            cwd=REPOSITORY,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
        )

    def play(self, samples, rate_hz=16000, sink="mono16"):
        """Play float samples, (n,) or (n, channels), and wait until they have been heard."""
        path = os.path.join(self.directory, "play.wav")
        write_wav(path, samples, rate_hz)
        subprocess.check_call(["paplay", "--device=" + sink, path], env=self.environment)

    def suspend(self):
        """Make the default source stop sending without telling anyone."""
        self._pactl("suspend-source", "microphone", "1")

    def resume(self):
        """Make the default source send again, after suspend()."""
        self._pactl("suspend-source", "microphone", "0")

    def remove_source(self):
        """Unplug the default source."""
        for line in self._pactl("list", "short", "modules").splitlines():
            if "source_name=microphone" in line:
                self._pactl("unload-module", line.split()[0])

    def add_source(self, rate_hz=16000):
        """Plug the default source in again, after remove_source(), at that rate."""
        self._pactl(
            "load-module",
            "module-remap-source",
            "master=mono16.monitor",
            "source_name=microphone",
            "rate={}".format(rate_hz),
        )
        self._pactl("set-default-source", "microphone")

    def freeze(self):
        """Stop the server as a hung one would be."""
        self.server.send_signal(signal.SIGSTOP)

    def thaw(self):
        """Let the server go on, after freeze()."""
        self.server.send_signal(signal.SIGCONT)

    def kill(self):
        """End the server at once."""
        self.server.kill()
        self.server.wait()

    def close(self):
        """End the server and remove its files."""
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _pactl(self, *arguments):
        return subprocess.check_output(("pactl",) + arguments, env=self.environment, universal_newlines=True)

    def _write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def _wait_until_it_answers(self):
        for _ in range(100):
            answer = subprocess.call(
                ["pactl", "info"], env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            if answer == 0:
                return
            time.sleep(0.05)
        with open(self._log_path) as log:
            raise RuntimeError("PulseAudio does not start: " + log.read())


def write_wav(path, samples, rate_hz):
    """Write float samples, (n,) or (n, channels), as 16-bit WAV."""
    samples = np.asarray(samples)
    with wave.open(path, "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(np.round(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


@pytest.fixture
def virtual_microphone():
    """A VirtualMicrophone of the test's own; the test is skipped where none can be made."""
    missing = what_is_not_installed()
    if missing:
        pytest.skip("no virtual microphone: " + missing)
    microphone = VirtualMicrophone()
    yield microphone
    microphone.close()
