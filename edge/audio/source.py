"""What every source of audio looks like."""

from typing import Iterator, List, Tuple

import numpy as np

from edge.frames import SAMPLE_RATE


class Source:
    """Audio that is read block by block; a context manager that closes itself.

    Attributes:
        name: what a person reads: the device or file name.
        native_rate_hz, channels: of the origin, before resampling and mixing.
        dropped_samples: 16-kHz samples, before the newest block, that were lost because nobody took them in time.
        overflows: times the sound system itself reported a loss before handing samples over.
        waited_s: how long ago the newest block ended; 0 where audio has no time of its own.
        arrived_frames: whole 0.2-s hops that came from a live source; None where nothing can be skipped.
        skipped_frames: how many of them were skipped.
    """

    name = ""
    native_rate_hz = SAMPLE_RATE
    channels = 1
    dropped_samples = 0
    overflows = 0
    waited_s = 0.0
    arrived_frames = None
    skipped_frames = 0

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield 1-D float32 blocks at 16 kHz until the audio ends; once per source.

        A block without samples says that the source is there, and has sent nothing for a while.
        """
        raise NotImplementedError

    def remarks(self) -> List[Tuple[str, str]]:
        """What is wrong with the samples since the last call: what, in a word, and what a person should know of it."""
        return []

    def stop(self) -> bool:
        """Make blocks() end at once; a signal handler may call this. Returns False where blocks() waits in a way
        that only an exception interrupts."""
        return False

    def close(self) -> None:
        """Give back the file or device; closing twice is harmless."""

    def __enter__(self) -> "Source":
        return self

    def __exit__(self, *exception) -> None:
        self.close()
