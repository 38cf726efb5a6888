"""Where samples come from: a microphone, a recording or standard input.

Whatever the origin, everything after this room sees one thing: blocks of mono float32 at 16 kHz, nominally
in [-1, 1]. `source.py` holds the interface, `file.py`, `microphone.py` and `stdin.py` the three origins. What all do
with samples is `intake.py`: `numbers.py` replaces values that are none, `channels.py` chooses the channel that hears,
`resample.py` is the way to 16 kHz. `recording.py` decodes a file and holds it against what its header promised
(`containers.py`, `flac.py`, `ogg.py`, `piped_wav.py`), `hops.py` keeps the newest audio for whoever falls behind,
`signal_watch.py` sees a microphone that is muted, too loud, or has an offset or hum.

Depends on edge.errors and on edge.capture, the process that reads the microphone; libsndfile and soxr are
loaded when the first source that needs them is opened.
"""

from edge.audio.file import FileSource, read_file
from edge.audio.microphone import MicrophoneLost, MicrophoneSource, MicrophoneStalled
from edge.audio.source import Source
from edge.audio.stdin import StdinSource
from edge.capture.devices import InputDevice, list_input_devices
from edge.errors import UserError
from edge.frames import SAMPLE_RATE

__all__ = [
    "SAMPLE_RATE",
    "FileSource",
    "InputDevice",
    "MicrophoneLost",
    "MicrophoneSource",
    "MicrophoneStalled",
    "Source",
    "StdinSource",
    "list_input_devices",
    "open_source",
    "read_file",
]


def open_source(spec: str, realtime: bool = False) -> Source:
    """Open what a person asks for with `--source`: "mic", "mic:NAME", "file:PATH" or "-".

    `realtime` paces a file to the clock, as if it were being played to a microphone; the other sources are
    live anyway. Raises UserError when the source does not exist or cannot be used.
    """
    kind, _, value = spec.partition(":")
    if spec == "mic" or (kind == "mic" and value):
        return MicrophoneSource(value)
    if kind == "file" and value:
        return FileSource(value, realtime)
    if spec == "-":
        return StdinSource()
    raise UserError("unknown audio source {!r}: use mic, mic:NAME, file:PATH or -".format(spec))
