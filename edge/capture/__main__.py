"""The capture process: `python -m edge.capture NAME PIPE PARENT`. Started by process.py only."""

import json
import os
import signal
import sys
import threading
import time

from edge.capture.devices import choose_device, input_devices, load_portaudio
from edge.capture.messages import ENDED, FAILED, OPENED, SAMPLES, Block, pack_block, write_message
from edge.capture.sound_server import StreamWatch
from edge.errors import UserError
from edge.runtime.children import end_with_parent
from edge.runtime.private_memory import keep_private

MAX_CHANNELS = 2  # a sound server offers 32 channels of which it invents 30
BLOCK_S = 0.1  # of audio in each message: half a hop
BUFFER_S = 0.2  # in the sound system, so that a busy board may stop us for half of it without a loss


def main(name: str, pipe_number: str, parent: str) -> None:
    """Record until killed, until nobody reads, or until the microphone fails; its last message says why."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # they are the parent's, which gets them too, to act on
    end_with_parent(int(parent))
    keep_private()
    os.set_inheritable(int(pipe_number), False)  # or a sound server started by its library would hold it
    sender = _Sender(os.fdopen(int(pipe_number), "wb", 0))
    try:
        sender.say_last(*_record(name, sender))
    except BrokenPipeError:
        pass
    finally:
        os._exit(0)  # stopping PortAudio may hang; the kernel gives everything back


class _Sender:
    """The pipe, for two threads."""

    def __init__(self, pipe):
        self._pipe = pipe
        self._lock = threading.Lock()

    def send(self, kind, payload):
        with self._lock:
            write_message(self._pipe, kind, payload)

    def say_last(self, kind, text):
        """Send the last message, and end the process: the other thread may be in a read that never returns."""
        with self._lock:
            write_message(self._pipe, kind, text.encode("utf-8", "replace"))
            os._exit(0)


def _record(name, sender):
    """Send what is heard; returns the last message, kind and text."""
    watch = StreamWatch(os.getpid())
    try:
        stream, device, channels = _open(name)
    except UserError as error:
        return FAILED, str(error)
    except Exception as error:
        return FAILED, "microphone {!r} does not open ({}): check the sound system".format(name, error)
    sender.send(
        OPENED, json.dumps({"name": device.name, "rate_hz": device.default_rate_hz, "channels": channels}).encode()
    )
    threading.Thread(target=watch.until_it_moves, args=(lambda why: sender.say_last(ENDED, why),), daemon=True).start()
    try:
        _send_blocks(stream, sender, int(BLOCK_S * device.default_rate_hz))
    except BrokenPipeError:
        raise
    except Exception as error:
        return ENDED, "stopped sending ({}): check its cable and the sound system".format(error)


def _open(name):
    sounddevice = load_portaudio()
    device = choose_device(input_devices(sounddevice), name)
    channels = min(device.channels, MAX_CHANNELS)
    try:
        stream = sounddevice.RawInputStream(
            device=device.index,
            samplerate=device.default_rate_hz,
            channels=channels,
            dtype="float32",
            blocksize=int(BLOCK_S * device.default_rate_hz),
            latency=BUFFER_S,
        )
        stream.start()
    except sounddevice.PortAudioError as error:
        raise UserError(
            "microphone {!r} does not open at {} Hz with {} channel(s) ({}): close other programs that use it".format(
                device.name, device.default_rate_hz, channels, error
            )
        ) from error
    return stream, device, channels


def _send_blocks(stream, sender, frames):
    while True:
        samples, overflowed = stream.read(frames)
        sender.send(SAMPLES, pack_block(Block(time.monotonic(), bool(overflowed), bytes(samples))))


if __name__ == "__main__":
    main(*sys.argv[1:])
