"""The place of a monitor's database: it hears and writes whatever it finds there, and says what it did about it."""

import os
import time
from contextlib import suppress

from edge.log import log
from edge.store.database import Store
from edge.store.failures import NotOurs, StoreFails, Unusable
from edge.store.lock import MonitorLock
from edge.store.opening import BESIDE, PRIVATE_FOLDER, SUFFIXES, check_kind, whole_path

MARK = ".set-aside-"  # after the name of a database, before why and when
MOST_TRIES = 1000


class Place:
    """`path`: of the database. `said`: what was set aside or left alone since it was last looked at.

    Raises HeldByAnother, at the start and when it is opened, where another monitor writes there.
    """

    def __init__(self, path):
        self.path = whole_path(path)
        self.said = []
        with suppress(OSError):  # whatever it is, it is met again when the database is opened
            try:
                check_kind(self.path)
            except NotOurs as trouble:
                self._go_beside(trouble)
            os.makedirs(os.path.dirname(self.path), mode=PRIVATE_FOLDER, exist_ok=True)
        self._lock = MonitorLock(self.path)

    def open(self) -> Store:
        """The database, open; one that will never do is set aside and a new one begun.

        Raises StoreFails for what may pass.
        """
        if not self._lock.is_held:  # the disk was full or read-only
            self._lock = MonitorLock(self.path)
        try:
            return self._opened()
        except NotOurs as trouble:
            self._lock.release()
            self._go_beside(trouble)
            self._lock = MonitorLock(self.path)
        except Unusable as trouble:
            self.set_aside(trouble)
        return self._opened()

    def set_aside(self, trouble: Unusable) -> None:
        """Rename the database and what lies beside it, closed, to names that nothing has. Raises StoreFails."""
        aside = _free_name(self.path + MARK + trouble.why + time.strftime("-%Y%m%dT%H%M%S", time.gmtime()))
        try:
            # The database last: a power cut between two of them leaves it to be set aside once more.
            for suffix in SUFFIXES + ("",):
                if os.path.lexists(self.path + suffix):
                    os.rename(self.path + suffix, aside + suffix)
        except OSError as error:
            raise StoreFails("{}; it cannot be set aside: {}".format(trouble, error.strerror)) from error
        self._say("{}; it is kept as {}, and a new one is begun".format(trouble, aside))

    def _opened(self):
        store = Store(self.path)
        if store.path != self.path:  # beside it, as at an earlier start
            self._lock.release()
            self.path = store.path
            try:
                self._lock = MonitorLock(self.path)
            except BaseException:
                store.close()
                raise
        return store

    def release(self) -> None:
        """Let another monitor write there."""
        self._lock.release()

    def _go_beside(self, trouble):
        self.path += BESIDE
        self._say("{}; events go to {}".format(trouble, self.path))

    def _say(self, text):
        log.error("%s", text)
        self.said.append(text)


def found_aside(path: str):
    """Names that databases at `path` were set aside under, the oldest first."""
    folder, name = os.path.split(path)
    try:
        there = os.listdir(folder)
    except OSError:
        return []
    found = [each for each in there if each.startswith(name + MARK) and not each.endswith(SUFFIXES)]
    return [os.path.join(folder, each) for each in sorted(found)]


def _free_name(name):
    for number in range(MOST_TRIES):
        free = name + ("-{}".format(number) if number else "")
        if not any(os.path.lexists(free + suffix) for suffix in SUFFIXES + ("",)):
            return free
    raise StoreFails("{} and {} names after it are taken: remove what was set aside".format(name, MOST_TRIES))
