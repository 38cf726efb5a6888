"""All or nothing, and what fails is said: how every statement reaches the database."""

import sqlite3
from contextlib import contextmanager
from typing import Iterator, Optional

from edge.store.failures import FAILURES, refusal


class Transactions(object):
    """What has a path, a connection and the session that its rows carry."""

    path: str
    _connection: sqlite3.Connection
    _session: Optional[int]

    @contextmanager
    def _transaction(self, doing, synchronous="NORMAL") -> Iterator:
        """All that is executed in it, or nothing. FULL: on the card when it is over."""
        execute, session = self._connection.execute, self._session
        with self._explained(doing):
            execute("PRAGMA synchronous=" + synchronous)
            execute("BEGIN IMMEDIATE")
            try:
                yield execute
                execute("COMMIT")
            except BaseException:
                self._session = session  # its number was not taken after all
                if self._connection.in_transaction:
                    execute("ROLLBACK")
                raise

    @contextmanager
    def _explained(self, doing) -> Iterator[None]:
        try:
            yield
        except FAILURES as error:
            raise refusal(doing, self.path, error) from error
