"""A real `cry-monitor run` beside a benchmark: started, read as it logs, ended in good order."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).parents[2]
PATIENCE_S = 60.0  # for what must happen at last, on whatever machine


class Held(NamedTuple):
    """What a process holds."""

    threads: int
    files: int
    children: int


class RunningDaemon:
    """`cry-monitor run`, its log read as it comes. environment: of what it hears, VirtualMicrophone.environment."""

    def __init__(self, environment: dict[str, str], bundle: str, directory: str, configuration: str):
        self._environment = dict(environment, XDG_STATE_HOME=directory)
        for name in ("NOTIFY_SOCKET", "JOURNAL_STREAM", "WATCHDOG_USEC"):
            self._environment.pop(name, None)
        config = os.path.join(directory, "cycles.toml")
        with open(config, "w") as file:
            file.write(configuration)
        self.database = os.path.join(directory, "cycles.db")
        self._command = [
            sys.executable,
            "-m",
            "edge.commands.main",
            "run",
            "--bundle",
            bundle,
            "--config",
            config,
            "--db",
            self.database,
        ]
        self.start()

    def start(self) -> None:
        """Start it; again after stop()."""
        self.process = subprocess.Popen(
            self._command, cwd=REPOSITORY, env=self._environment, stderr=subprocess.PIPE, universal_newlines=True
        )
        self.lines = []  # (time.monotonic(), text)
        self._arrived = threading.Condition()
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def stop(self) -> str:
        """End it; returns its last line."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE_S)
        self._reading.join(PATIENCE_S)
        self.process.stderr.close()
        assert self.process.returncode == 0, self.log()
        return self.lines[-1][1]

    def wait_for(self, text: str, since: int) -> tuple[float, int]:
        """The time of the first line from number `since` on that holds the text, and the number after it."""
        return self.wait_for_match(re.compile(re.escape(text)), since)

    def wait_for_match(self, pattern: re.Pattern[str], since: int) -> tuple[float, int]:
        """The same of a line in which the pattern is found."""
        give_up_s = time.monotonic() + PATIENCE_S
        with self._arrived:
            while True:
                for number in range(since, len(self.lines)):
                    if pattern.search(self.lines[number][1]):
                        return self.lines[number][0], number + 1
                assert time.monotonic() < give_up_s, f"{pattern.pattern!r} was never logged:\n{self.log()}"
                self._arrived.wait(1.0)

    def log(self) -> str:
        """All it said."""
        return "\n".join(line for _, line in self.lines)

    def children(self) -> list[int]:
        """The numbers of the processes that it has started."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def held(self) -> Held:
        """Threads, file descriptors and children."""
        process = Path("/proc", str(self.process.pid))
        return Held(
            len(list((process / "task").iterdir())), len(list((process / "fd").iterdir())), len(self.children())
        )

    def resident_mb(self) -> float:
        """Memory, without the process that reads the microphone."""
        status = Path("/proc", str(self.process.pid), "status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) / 1024

    def _read(self):
        for line in self.process.stderr:
            with self._arrived:
                self.lines.append((time.monotonic(), line.rstrip("\n")))
                self._arrived.notify_all()
