"""A live microphone, read by a process of its own that can be killed whatever the sound system does to it."""

from edge.audio.captured import CapturedSource
from edge.capture.process import CaptureProcess


class MicrophoneSource(CapturedSource):
    """An input device at its own default rate, at most two channels.

    `name` chooses it as `edge.capture.devices.choose_device` does; empty means the default. Every opening looks for
    devices afresh. Raises UserError when there is no such microphone, it does not open, or PortAudio is missing.
    """

    OPEN_S = 6.0  # a Python starts, a sound system is asked for its devices, on a board that is busy starting up
    FIRST_HOP_S = 3.0
    STALL_S = 1.5
    KIND = "microphone"
    CHECK = "check its cable and the sound system"
    HANGS = "the sound system hangs"

    def __init__(self, name: str = ""):
        super().__init__(CaptureProcess(name), name or "default")

    @property
    def pid(self) -> int:
        """Of the process that reads the microphone."""
        return self._capture.pid
