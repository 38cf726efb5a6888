"""Recordings, decoded by libsndfile, of every length that a header may say, or not say.

A path is opened once: the descriptor is asked what it is, read, and compared with what the header promised, whatever
the path names by then. What was written meanwhile is read too.
"""

import os
from typing import Iterator

import numpy as np

from edge.audio import flac, ogg
from edge.audio.containers import read_promise
from edge.audio.piped_wav import PipedWav
from edge.engines.base import quiet_stderr
from edge.errors import UserError
from edge.files import kind_of, open_descriptor, shown

# Writers that count the header to the samples promise this much too much: 8, 36, or where the samples begin.
HEADER_BYTES = (8, 36)


class Recording:
    """A file of sound that holds at least one sample, at its own rate.

    Raises UserError, here or while reading: missing, no file, empty, not audio, cut short.
    """

    def __init__(self, path: str, descriptor: int):
        self.name = shown(path)
        self._descriptor = descriptor
        self._sound = None
        self._frames_read = 0
        self._missing = ""  # what its end lacks, where that is known from the start
        try:
            if not self._size():
                raise UserError("{}: is empty (0 bytes): record or copy it again".format(self.name))
            self._promise = read_promise(self._read_at, self._size())
            self._begins = ogg.stream_begins(self._read_at, self._size()) if ogg.is_ogg(self._read_at) else [0]
            self._sound = self._first()
            if not self._sound.frames:
                raise UserError("{}: holds no audio (0 samples): record or copy it again".format(self.name))
            self.rate_hz, self.channels = self._sound.samplerate, self._sound.channels
        except BaseException:
            self.close()
            raise

    def blocks(self, frames: int) -> Iterator[np.ndarray]:
        """Yield (n, channels) float32 blocks of at most so many frames; a decoder's failure ends them."""
        while True:
            try:
                block = self._sound.read(frames, dtype="float32", always_2d=True)
            except RuntimeError as error:
                raise self._cut_short(str(error).strip().rstrip(".")) from error
            if len(block):
                self._frames_read += len(block)
                yield block
            elif not self._goes_on():
                break
        missing = self._what_is_missing()
        if missing:
            raise self._cut_short(missing)

    def close(self) -> None:
        """Give the file back; closing twice is harmless."""
        if self._sound is not None:
            self._sound.close()
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._sound = self._descriptor = None

    def _size(self):
        return os.fstat(self._descriptor).st_size

    def _read_at(self, offset, n_bytes):
        return os.pread(self._descriptor, n_bytes, offset)

    def _first(self):
        """Open the recording, or the first of joined ones; one whose header does not say how long it is to its end."""
        begin = self._begins.pop(0)
        if self._promise and self._promise.samples:
            return self._open_samples(self._readable())
        patches = ()
        if flac.is_flac(self._read_at) and not flac.samples_in_header(self._read_at):
            samples, is_whole = flac.count_samples(self._read_at, self._size())
            self._missing = "" if is_whole else "its last frame is not whole"
            patches = (flac.header_with(self._read_at, samples),)
        return self._open(begin, self._begins[0] if self._begins else self._size(), patches)

    def _open(self, begin, end, patches=(), **form):
        soundfile = _import_soundfile(self.name)
        try:
            with quiet_stderr():  # a decoder of MP3 remarks on everything that it cannot make out
                return soundfile.SoundFile(_Window(self._read_at, begin, end, patches), **form)
        except (RuntimeError, TypeError, ValueError) as error:
            raise UserError(
                "{}: not a recording, or damaged at its start: use WAV, FLAC or OGG".format(self.name)
            ) from error

    def _open_samples(self, n_bytes, skipped_bytes=0):
        """Open so many bytes of samples that are not compressed, without the header and what comes before."""
        data_at, samples = self._promise.data_at, self._promise.samples
        form = {"format": "RAW", "subtype": samples.subtype, "endian": samples.endian}
        return self._open(
            data_at + skipped_bytes,
            data_at + n_bytes,
            samplerate=samples.rate_hz,
            channels=samples.channels,
            **form,
        )

    def _readable(self):
        """Bytes of whole frames that are there now and belong to the recording."""
        behind = max(0, self._size() - self._promise.data_at)
        wanted = behind if self._promise.data_bytes is None else min(behind, self._promise.data_bytes)
        return wanted - wanted % self._promise.samples.frame_bytes

    def _goes_on(self):
        """Open what follows: the next of joined streams, or what was written since. Returns whether there is more."""
        if self._begins:
            begin = self._begins.pop(0)
            following = self._open(begin, self._begins[0] if self._begins else self._size())
            self._take(following)
            if (following.samplerate, following.channels) != (self.rate_hz, self.channels):
                raise self._cut_short("what is joined to it there has another rate or other channels")
            return True
        if not self._promise or not self._promise.samples:
            return False
        read = self._frames_read * self._promise.samples.frame_bytes
        readable = self._readable()
        if readable > read:
            self._take(self._open_samples(readable, read))
        return readable > read

    def _take(self, sound):
        self._sound.close()
        self._sound = sound

    def _what_is_missing(self):
        """What the header promised and was not read, in words; empty when that is nothing."""
        promise = self._promise
        if promise is None:
            if ogg.is_ogg(self._read_at):
                return ogg.missing_from_ogg(self._read_at, self._size())
            return self._missing or ("its header promises more" if self._sound.tell() < self._sound.frames else "")
        if promise.data_bytes is None:
            return ""
        frame_bytes = promise.samples.frame_bytes if promise.samples else 0
        missing = promise.data_bytes - (self._frames_read * frame_bytes or self._size() - promise.data_at)
        if missing < max(1, frame_bytes) or missing in HEADER_BYTES + (promise.data_at, promise.data_at - 8):
            return ""
        return "its header promises {} bytes more".format(missing)

    def _cut_short(self, reason):
        return UserError(
            "{}: cut short or damaged after {:.2f} s ({}): what comes before was read; copy the file again "
            "for the rest".format(self.name, self._frames_read / self.rate_hz, reason)
        )


class _Window:
    """A part of a file as libsndfile reads it through us, with some of its bytes replaced."""

    def __init__(self, read_at, begin, end, patches):
        self._read_at = read_at
        self._begin, self._end = begin, end
        self._patches = patches
        self._position = 0

    def read(self, n_bytes):
        n_bytes = max(0, min(n_bytes, self._end - self._begin - self._position))
        content = bytearray(self._read_at(self._begin + self._position, n_bytes))
        for at, replacement in self._patches:
            for offset, byte in enumerate(replacement, at - self._position):
                if 0 <= offset < len(content):
                    content[offset] = byte
        self._position += len(content)
        return bytes(content)

    def seek(self, offset, whence=os.SEEK_SET):
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._end - self._begin}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self):
        return self._position


def open_recording(path: str):
    """Open whatever can be heard at a path, with rate_hz, channels, blocks(frames) and close().

    Raises UserError for everything that is neither a recording nor a named pipe that a WAV comes through.
    """
    descriptor = open_descriptor(path)
    kind = kind_of(descriptor)
    if not kind:
        return Recording(path, descriptor)
    if kind == "a named pipe":
        return PipedWav(shown(path), descriptor)
    os.close(descriptor)
    if kind == "a directory":
        raise UserError("{}: is a directory: give the recording inside it".format(shown(path)))
    raise UserError("{}: is {}, not a recording: use WAV, FLAC or OGG".format(shown(path), kind))


def _import_soundfile(name):
    try:
        import soundfile
    except (ImportError, OSError) as error:
        raise UserError(
            "reading {} needs the Python package soundfile ({}): pip install soundfile".format(name, error)
        ) from error
    return soundfile
