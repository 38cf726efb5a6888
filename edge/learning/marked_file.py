"""marked.json: of each marked event, when it was, its mark and what both networks answered; no event, no numbers.

{"networks": "SHA-256 of the two", "episodes": [{"start_utc", "end_utc", "mark": "cry" or "other", "logits":
[[detector's, verifier's ...] of a frame, ...]}, ...]}. It lies in a folder of its own beside the database, its user's
alone. The database says what may be in it: an episode whose event has gone, or has no mark any more, goes at the next
look. What fuses them asks for no order in time, and none is kept: it is what words are made of.
"""

import fcntl
import json
import math
import os
import time
from contextlib import contextmanager, suppress
from typing import Dict, Iterable, Iterator, List, NamedTuple, Tuple

from edge.errors import UserError
from edge.store import MARKS, Store
from edge.text import shown
from edge.untrusted import read_json

SUFFIX = ".learn"  # of the folder, after the name of the database
FILE, PARTIAL = "marked.json", ".marked.json.partial"
PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
READ_AT_MOST = 20000000  # bytes; more than the largest [learn] max_mb
LOCKED_S = 0.5  # another process that changes it is waited for
DECIMALS = 1  # of logits: no more than the fusion needs
ADVICE = "it is damaged: remove it, and the events that are marked from now on make a new one"


class Episode(NamedTuple):
    """One marked event. logits: a list of numbers for each frame."""

    start_utc: float
    end_utc: float
    mark: str
    logits: List[List[float]]


class Kept(NamedTuple):
    """What the file holds. networks: whose answers these are."""

    networks: str
    episodes: List[Episode]


class Limits(NamedTuple):
    """How much is kept; the oldest go first."""

    episodes: int
    n_bytes: int


NOTHING = Kept("", [])


def folder_beside(database: str) -> str:
    """Where marked.json of a database is."""
    return database + SUFFIX


def read_kept(folder: str) -> Kept:
    """What is kept, NOTHING where no file is. Raises UserError for one that cannot be read or is none."""
    path = os.path.join(folder, FILE)
    if not os.path.lexists(path):
        return NOTHING
    content = read_json(path, READ_AT_MOST, advice=ADVICE)
    try:
        return Kept(_text(content["networks"]), [_episode(entry) for entry in content["episodes"]])
    except (KeyError, TypeError, ValueError) as error:
        raise UserError("{}: {}; {}".format(path, shown(str(error)), ADVICE)) from error


def settle(database: str) -> Kept:
    """Drop what the database has no marked event for any more; returns what stays. Raises UserError."""
    folder = folder_beside(database)
    if not os.path.isdir(folder):
        return NOTHING
    with locked(folder):
        return settle_locked(database, read_kept(folder))


def forget(database: str) -> None:
    """Drop all of it, whatever is there. Raises UserError."""
    folder = folder_beside(database)
    if os.path.isdir(folder):
        with locked(folder):
            write_kept(folder, NOTHING)


def settle_locked(database: str, kept: Kept) -> Kept:
    """The same under the lock, of what was read: written again where it is less. Raises UserError."""
    marks = marks_of(database, [episode.start_utc for episode in kept.episodes])
    stays = [
        episode._replace(mark=marks[episode.start_utc]) for episode in kept.episodes if marks.get(episode.start_utc)
    ]
    if stays != kept.episodes:
        kept = kept._replace(episodes=stays)
        write_kept(folder_beside(database), kept)
    return kept


def marks_of(database: str, starts_utc: Iterable[float]) -> Dict[float, str]:
    """{start: mark} of the events that began exactly then; without a mark it is empty text. Raises UserError."""
    wanted = set(starts_utc)
    if not wanted:
        return {}
    with Store(database, read_only=True) as store:
        cries = store.cries(min(wanted))
    return {cry.start_utc: cry.mark or "" for cry in cries if cry.start_utc in wanted}


def limited(kept: Kept, limits: Limits) -> Kept:
    """The newest of it, within the limits."""
    lengths = [len(_json(episode)) + 2 for episode in kept.episodes]
    room, first = limits.n_bytes - len(_content(kept._replace(episodes=[]))), len(lengths)
    while first > 0 and len(lengths) - first < limits.episodes and lengths[first - 1] <= room:
        first -= 1
        room -= lengths[first]
    return kept._replace(episodes=kept.episodes[first:])


def write_kept(folder: str, kept: Kept) -> None:
    """Put it in the place of what was there, all or nothing; what was there is overwritten. Raises UserError."""
    path, partial = os.path.join(folder, FILE), os.path.join(folder, PARTIAL)
    try:
        before = _open_to_overwrite(path)
        try:
            if kept.episodes:
                _write_synced(partial, _content(kept))
                os.replace(partial, path)
            else:
                with suppress(FileNotFoundError):
                    os.unlink(path)
            _sync_folder(folder)
            _overwrite(before)
        finally:
            if before is not None:
                os.close(before)
    except OSError as error:
        with suppress(OSError):
            os.unlink(partial)
        raise UserError("cannot write {}: {}".format(path, error.strerror)) from error


@contextmanager
def locked(folder: str) -> Iterator[None]:
    """Nobody else changes the file meanwhile. Makes the folder. Raises UserError."""
    try:
        os.makedirs(folder, mode=PRIVATE_FOLDER, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise UserError("cannot use the folder {}: {}".format(folder, error.strerror)) from error
    try:
        _wait_for_lock(handle, folder)
        yield
    finally:
        os.close(handle)


def _wait_for_lock(handle, folder):
    until_s = time.monotonic() + LOCKED_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as error:
            if time.monotonic() >= until_s:
                raise UserError("cannot lock {}: {}; try again".format(folder, error.strerror)) from error
        time.sleep(0.02)


def _open_to_overwrite(path):
    try:
        return os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None


def _overwrite(handle):
    if handle is not None:
        os.pwrite(handle, bytes(os.fstat(handle).st_size), 0)
        os.fsync(handle)


def _write_synced(path, content):
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, PRIVATE_FILE), "wb") as file:
        os.fchmod(file.fileno(), PRIVATE_FILE)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder):
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _content(kept):
    lines = ",\n".join(_json(episode) for episode in kept.episodes)
    return '{{"networks": {}, "episodes": [\n{}\n]}}\n'.format(json.dumps(kept.networks), lines).encode("ascii")


def _json(episode):
    return json.dumps(episode._asdict())


def _episode(entry) -> Episode:
    """Raises ValueError, KeyError, TypeError."""
    start_utc, end_utc, mark = float(entry["start_utc"]), float(entry["end_utc"]), entry["mark"]
    logits = [[round(float(number), DECIMALS) for number in row] for row in entry["logits"]]
    if mark not in MARKS or not logits or not all(math.isfinite(number) for row in logits for number in row):
        raise ValueError("an episode without a mark or without numbers")
    return Episode(start_utc, end_utc, mark, logits)


def _text(value) -> str:
    if not isinstance(value, str):
        raise ValueError("networks is no text")
    return value


def unordered(logits) -> List[List[float]]:
    """(n, numbers) float32 as the file has them: rounded, and in the order of their size, not of time."""
    return sorted([round(float(number), DECIMALS) for number in row] for row in logits)


def summary(kept: Kept) -> Tuple[int, int]:
    """(episodes, numbers a frame)."""
    return len(kept.episodes), max([len(episode.logits[0]) for episode in kept.episodes] or [0])
