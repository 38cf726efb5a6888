"""A running monitor: its log, and what its local socket tells, each with the time at which it came."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

REPOSITORY = Path(__file__).parents[3]
PATIENCE_S = 120.0  # for what must happen at last, on whatever machine
RUN = "import sys; from edge.commands.main import main; sys.exit(main())"
# What is said of every cry, and of every start, is no word about a fault.
USUAL = re.compile(r"alert:|event:|READY:|healthy: hearing|bundle|starting|stopped:|frames, level|^\W*$")
LEVEL = re.compile(r"^[\d-]+ [\d:]+ (INFO|WARNING|ERROR) +")


class Came(NamedTuple):
    """A line of the log, or a message of the socket, and time.monotonic() when it came."""

    at_s: float
    what: Any


class RunningMonitor:
    """`cry-monitor run` in a folder of its own; close() ends it.

    arguments: of `run`. code: run in its place, with the same arguments. stdout, stderr: where they go, in place of
    nowhere and a pipe that is read.
    """

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        code: str = RUN,
        configuration: str = "",
        stdout: int = subprocess.DEVNULL,
        stderr: int = subprocess.PIPE,
    ):
        self.database = folder / "events.db"
        self.configuration = folder / "cry-monitor.toml"
        self.configuration.write_text(self.with_socket(configuration))
        self.lines: list[Came] = []
        self.messages: list[Came] = []
        self._came = threading.Condition()
        command = [sys.executable, "-c", code, "run", "--db", str(self.database), "--config", str(self.configuration)]
        self.began_s = time.monotonic()
        self.process = subprocess.Popen(
            [*command, *arguments],
            cwd=REPOSITORY,
            env=outside_of_services(environment or os.environ),
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=stderr,
        )
        readers: list[Callable[[], None]] = [self._read_socket]
        if self.process.stderr is not None:
            readers.append(self._read_log)
        self._readers = [threading.Thread(target=reader, daemon=True) for reader in readers]
        for reader in self._readers:
            reader.start()

    def with_socket(self, configuration: str) -> str:
        """The text of a configuration that has this monitor's socket too."""
        return f'{configuration}\n[socket]\npath = "{self.configuration.parent}/socket"\n'

    def wait_for(self, kind: str, since_s: float, patience_s: float = PATIENCE_S) -> float | None:
        """When the first message of a kind came after a moment; None when none comes within the patience."""
        return self._wait(
            lambda: first_after(self.messages, since_s, lambda message: message["type"] == kind), patience_s
        )

    def wait_for_line(self, text: str, since_s: float = 0.0) -> float:
        """When the first line came that holds the text, after a moment. Raises TimeoutError."""
        at_s = self._wait(lambda: first_after(self.lines, since_s, lambda line: text in line), PATIENCE_S)
        if at_s is None:
            raise TimeoutError(f"{text!r} was never said:\n" + "\n".join(came.what for came in self.lines))
        return at_s

    def said(self, since_s: float = 0.0, holding: str = "") -> str:
        """The first line after a moment that is not said of every cry, with a word in it; empty when there is none."""
        for at_s, line in list(self.lines):
            if at_s > since_s and holding in line and not USUAL.search(line):
                return LEVEL.sub("", line)
        return ""

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal; the exit status."""
        self.process.send_signal(number)
        return self.close()

    def close(self) -> int:
        """End it, if it has not ended; the exit status."""
        try:
            self.process.wait(PATIENCE_S if self.process.poll() is None else 0)
        finally:
            self.process.kill()
            self.process.wait()
            for reader in self._readers:
                reader.join(PATIENCE_S)
        return self.process.returncode

    def _wait(self, found, patience_s):
        until_s = time.monotonic() + patience_s
        with self._came:
            while True:
                at_s = found()
                if at_s is not None or time.monotonic() > until_s:
                    return at_s
                self._came.wait(0.5)

    def _keep(self, where, what):
        with self._came:
            where.append(Came(time.monotonic(), what))
            self._came.notify_all()

    def _read_log(self):
        for line in self.process.stderr:
            self._keep(self.lines, line.decode("utf-8", "replace").rstrip("\n"))

    def _read_socket(self):
        path = str(self.configuration.parent / "socket")
        while self.process.poll() is None:
            with socket.socket(socket.AF_UNIX) as reader:
                try:
                    reader.connect(path)
                    for line in reader.makefile("rb"):
                        self._keep(self.messages, json.loads(line))
                except OSError:  # it is not there yet, or no more
                    time.sleep(0.02)


def first_after(came: list[Came], since_s: float, wanted: Callable[[Any], bool]) -> float | None:
    """When the first came that is wanted, after a moment."""
    return next((at_s for at_s, what in came if at_s > since_s and wanted(what)), None)


def outside_of_services(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment without what a service manager adds."""
    theirs = ("NOTIFY_SOCKET", "JOURNAL_STREAM", "WATCHDOG_USEC", "STATE_DIRECTORY", "RUNTIME_DIRECTORY")
    return {name: value for name, value in environment.items() if name not in theirs}
