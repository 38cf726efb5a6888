"""A live microphone through PortAudio, and the ways in which it can go silent."""

import atexit
import queue
import threading
from contextlib import suppress
from typing import Iterator

import numpy as np

from edge.audio.devices import choose_device, input_devices, load_portaudio
from edge.audio.resample import StreamingResampler
from edge.audio.source import SAMPLE_RATE, Source
from edge.errors import UserError

MAX_CHANNELS = 2  # a sound server offers 32 channels of which it invents 30
BLOCK_S = 0.05  # of audio in each callback
BUFFER_S = 0.2  # in the sound system, so that a busy board may stop us for half of it without a loss
QUEUE_S = 10.0  # the reader may be this late before samples are dropped
STALL_S = 2.0  # a live microphone is never silent for so long: silence, too, comes in blocks
CLOSE_S = 2.0  # a sound server that hangs must not hang us

_ENDED = None  # in the queue, after the last block

# Closing a stream may hang for ever when its sound server died at a bad moment. Stopping PortAudio would then
# hang too: so it is not stopped any more, neither to look for new devices nor at exit.
_hung_streams = []


class MicrophoneLost(UserError):
    """The microphone stopped delivering: unplugged, suspended, or its sound server is gone. Open it again."""


class MicrophoneSource(Source):
    """An input device at its own default rate, at most two channels, averaged and resampled to 16 kHz.

    `name` chooses it as `choose_device` does; empty means the default. Recording begins with blocks().
    Opening looks for devices afresh, so a microphone plugged in since is found; one may be open at a time.
    Raises UserError when there is no such microphone, it does not open, or PortAudio is missing.
    """

    def __init__(self, name: str = ""):
        sounddevice = load_portaudio(look_again=not _hung_streams)
        device = choose_device(input_devices(sounddevice), name)
        self.name = device.name
        self.native_rate_hz = device.default_rate_hz
        self.channels = min(device.channels, MAX_CHANNELS)
        self._resampler = StreamingResampler(self.native_rate_hz)
        self._queue = queue.Queue(maxsize=int(QUEUE_S / BLOCK_S))
        self._dropped_frames = 0
        self._closing = False
        self._portaudio_error = sounddevice.PortAudioError
        self._stop_portaudio = sounddevice._exit_handler
        try:
            self._stream = sounddevice.InputStream(
                device=device.index,
                samplerate=self.native_rate_hz,
                channels=self.channels,
                dtype="float32",
                blocksize=int(BLOCK_S * self.native_rate_hz),
                latency=BUFFER_S,
                callback=self._on_block,
                finished_callback=self._on_finished,
            )
        except self._portaudio_error as error:
            raise self._does_not_open(error) from error

    @property
    def dropped_samples(self) -> int:
        return self._dropped_frames * SAMPLE_RATE // self.native_rate_hz

    def blocks(self) -> Iterator[np.ndarray]:
        """Start recording and yield 1-D float32 blocks at 16 kHz until close().

        Raises MicrophoneLost when the stream ends by itself or nothing came for 2 s.
        """
        try:
            self._stream.start()
        except self._portaudio_error as error:
            raise self._does_not_open(error) from error
        while not self._closing:
            try:
                block = self._queue.get(timeout=STALL_S)
            except queue.Empty:
                block = _ENDED
            if self._closing:
                return
            if block is _ENDED:
                raise MicrophoneLost(
                    "microphone {!r} stopped sending: check its cable and the sound system".format(self.name)
                )
            samples = self._resampler.push(block.mean(axis=1))
            if len(samples):
                yield samples

    def close(self) -> None:
        """Stop recording; a blocks() that waits in another thread ends."""
        if self._closing:
            return
        self._closing = True
        closing = threading.Thread(target=self._stream.close, name="close-microphone", daemon=True)
        closing.start()
        closing.join(CLOSE_S)
        if closing.is_alive():
            _hung_streams.append(self._stream)
            atexit.unregister(self._stop_portaudio)

    def _on_block(self, indata, frames, _time, status) -> None:
        """PortAudio's callback: keep a copy, count losses, nothing else."""
        if status.input_overflow:
            self.overflows += 1
        try:
            self._queue.put_nowait(indata.copy())
        except queue.Full:
            self._dropped_frames += frames

    def _on_finished(self) -> None:
        with suppress(queue.Full):  # the reader drains the queue and then finds the stall
            self._queue.put_nowait(_ENDED)

    def _does_not_open(self, error) -> UserError:
        return UserError(
            "microphone {!r} does not open at {} Hz with {} channel(s) ({}): close other programs that "
            "use it".format(self.name, self.native_rate_hz, self.channels, error)
        )
