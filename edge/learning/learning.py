"""The monitor's part of [learn]: what an episode was answered with waits in memory for its mark, a day at most.

The database alone says what is marked, whoever marked it and whenever: each look compares what waits, and what is in
the file, with it. A mark is thus found however it came, also one that was given while the cry went on; and what is
purged there, is purged here.
"""

import hashlib
import sqlite3
import threading
from collections import deque
from typing import Callable, Deque, List, NamedTuple, Optional

import numpy as np

from edge.bundle.manifest import read_manifest
from edge.bundle.model import DETECTOR, VERIFIER
from edge.errors import UserError
from edge.learning import marked_file
from edge.learning.marked_file import NOTHING, Episode, Kept, Limits
from edge.log import log
from edge.runtime.passed import since_boot_s

WAITS_S = 24 * 3600.0
MOST_WAITING = 200  # episodes in memory; a night has some dozens
SETTLED_EVERY_S = 24 * 3600.0  # events go by age once a day


def log_trouble(trouble: str) -> None:
    """Say it in the log."""
    if trouble:
        log.warning("what is marked is not kept to learn from: %s", trouble)


class Waiting(NamedTuple):
    """An episode without a mark."""

    since_s: float  # since the machine started
    start_utc: float
    end_utc: float
    logits: np.ndarray
    was_stored: bool  # its event has been seen in the database


class Learning(object):
    """What this monitor keeps to learn from. look() and keep() are for the listening thread, settle() for any.

    settings: edge.config.Settings. path_of() -> where the database is now. networks: of networks_of(). tell(trouble) is
    called by the listening thread when marked numbers cannot be kept, with one line, and with "" when they can again.
    """

    def __init__(self, settings, path_of: Callable[[], str], networks: str, tell: Callable[[str], None] = log_trouble):
        self._limits = Limits(settings.learn.max_episodes, int(1e6 * settings.learn.max_mb))
        self._path_of, self._networks = path_of, networks
        self._lock = threading.Lock()
        self._new: Deque[Waiting] = deque()  # from the listening thread
        self._waiting: List[Waiting] = []
        self._next_s = 0.0  # since the machine started: when the file is looked at, marked or not
        self.trouble = self._told = ""
        self._tell = tell

    @property
    def waiting(self) -> int:
        """Episodes in memory."""
        return len(self._new) + len(self._waiting)

    def keep(self, logits: np.ndarray, start_utc: float, end_utc: float) -> None:
        """An episode is over; logits: (n, numbers), as edge.learning.answers has them."""
        if len(logits):
            self._new.append(Waiting(since_boot_s(), start_utc, end_utc, logits, False))
            self.look()

    def look(self) -> None:
        """Forget what has waited for too long, write down what was marked; not now where another thread does."""
        if self._lock.acquire(False):
            try:
                self._try_to_settle(since_boot_s() >= self._next_s)
            finally:
                self._lock.release()
        if self.trouble != self._told:
            self._told = self.trouble
            self._tell(self._told)

    def settle(self) -> None:
        """Bring memory and file in line with the marks of the database; the next look tries what fails again."""
        with self._lock:
            self._try_to_settle(True)

    def _try_to_settle(self, is_file_due):
        while self._new:
            self._waiting.append(self._new.popleft())
        oldest_s = since_boot_s() - WAITS_S
        self._waiting = [one for one in self._waiting[-MOST_WAITING:] if one.since_s > oldest_s]
        try:
            if self._waiting or is_file_due:
                self._settle(is_file_due)
            self.trouble = ""
        except (UserError, OSError, sqlite3.Error) as error:  # hearing does not end for it
            self.trouble = str(error)

    def _settle(self, is_file_due):
        database = self._path_of()
        with marked_file.locked(marked_file.folder_beside(database)):
            marks = marked_file.marks_of(database, [one.start_utc for one in self._waiting])
            marked = [episode_of(one, marks[one.start_utc]) for one in self._waiting if marks.get(one.start_utc)]
            if marked or is_file_due:
                self._write(database, marked)
                self._next_s = since_boot_s() + SETTLED_EVERY_S
        self._waiting = [
            one._replace(was_stored=one.start_utc in marks)
            for one in self._waiting
            if not marks.get(one.start_utc) and (one.start_utc in marks or not one.was_stored)
        ]

    def _write(self, database, marked):
        """Under the file's lock."""
        before = marked_file.settle_locked(database, self._readable(database))
        if marked:
            newest = sorted(before.episodes + marked, key=lambda episode: episode.end_utc)
            kept = marked_file.limited(Kept(self._networks, newest), self._limits)
            marked_file.write_kept(marked_file.folder_beside(database), kept)

    def _readable(self, database):
        """What is in the file; nothing where it is damaged, or of other networks than these."""
        try:
            kept = marked_file.read_kept(marked_file.folder_beside(database))
        except UserError as error:
            log.warning("%s", error)
            return NOTHING
        if kept.episodes and kept.networks != self._networks:
            log.info("what %d marked events were answered with was of other networks: removed", len(kept.episodes))
            kept = NOTHING
            marked_file.write_kept(marked_file.folder_beside(database), kept)
        return kept


def episode_of(waiting: Waiting, mark: str) -> Episode:
    """As it is written down."""
    return Episode(waiting.start_utc, waiting.end_utc, mark, marked_file.unordered(waiting.logits))


def networks_of(directory: str) -> str:
    """What tells detector and verifier of a bundle from others: one SHA-256 of their files'. Raises UserError."""
    models = [model for model in read_manifest(directory).models if model.role in (DETECTOR, VERIFIER)]
    files = sorted(entry.sha256 for model in models for entry in model.files.values())
    return hashlib.sha256("".join(files).encode("ascii")).hexdigest()


def mark_and_settle(requests, learning: Optional[Learning]):
    """The local socket's requests; after a mark, the file is brought in line at once."""
    if learning is None:
        return requests
    mark = requests["mark"]

    def answer(request):
        marked = mark(request)
        learning.settle()
        return marked

    return dict(requests, mark=answer)
