"""Where samples come from: a microphone, a camera, a recording or standard input.

Whatever the origin, everything after this room sees one thing: blocks of mono float32 at 16 kHz, nominally
in [-1, 1]. `source.py` holds the interface, `file.py`, `microphone.py`, `camera.py` and `stdin.py` the origins;
`captured.py` is what microphone and camera have in common, a process that can be killed. What all do with samples is
`intake.py`: `numbers.py` replaces values that are none, `channels.py` chooses the channel that hears, `resample.py` is
the way to 16 kHz. `recording.py` decodes a file and holds it against what its header promised (`containers.py`,
`flac.py`, `ogg.py`, `piped_wav.py`), `hops.py` keeps the newest audio for whoever falls behind, `signal_watch.py` sees
a microphone that is muted, too loud, or has an offset or hum.

Depends on edge.errors, on edge.capture, the process that reads the microphone, and on edge.camera, what reads the
network; libsndfile and soxr are loaded when the first source that needs them is opened.
"""

from edge.audio.camera import CameraSource
from edge.audio.captured import MicrophoneLost, MicrophoneStalled
from edge.audio.file import FileSource, read_file
from edge.audio.microphone import MicrophoneSource
from edge.audio.source import Source
from edge.audio.stdin import StdinSource
from edge.camera.address import SCHEMES, is_address
from edge.capture.devices import InputDevice, list_input_devices
from edge.errors import UserError
from edge.frames import SAMPLE_RATE

__all__ = [
    "SAMPLE_RATE",
    "CameraSource",
    "FileSource",
    "InputDevice",
    "MicrophoneLost",
    "MicrophoneSource",
    "MicrophoneStalled",
    "Source",
    "StdinSource",
    "is_waited_for",
    "list_input_devices",
    "open_source",
    "read_file",
]


def open_source(spec: str, realtime: bool = False, audio=None) -> Source:
    """Open what a person asks for with `--source`: "mic", "mic:NAME", "rtsp://...", "file:PATH" or "-".

    `realtime` paces a file to the clock, as if it were being played to a microphone; the other sources are
    live anyway. audio: the [audio] settings, for what a camera needs beside its address. Raises UserError when the
    source does not exist or cannot be used.
    """
    kind, _, value = spec.partition(":")
    if spec == "mic" or (kind == "mic" and value):
        return MicrophoneSource(value)
    if is_address(spec):
        return CameraSource(spec, audio.password_file, audio.raw_rate_hz) if audio else CameraSource(spec)
    if kind == "file" and value:
        return FileSource(value, realtime)
    if spec == "-":
        return StdinSource()
    raise UserError(
        "unknown audio source {!r}: use mic, mic:NAME, {}, file:PATH or -".format(
            spec, ", ".join(scheme + "://" for scheme in SCHEMES)
        )
    )


def is_waited_for(spec: str) -> bool:
    """Whether a source that is lost comes back one day: a microphone, a camera."""
    return spec.startswith("mic") or is_address(spec)
