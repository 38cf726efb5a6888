"""Native code that reads models, in a process of its own: what crashes there ends that process, and is named here.

A child is a module that serves jobs: one JSON object a line in, one answer a line out. It is started by the first job,
and again by the first after a crash.
"""

import atexit
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

TIMEOUT_S = 900  # then it is killed

Job = dict[str, Any]


class Crash(Exception):
    """A child ended without an answer; str() says how."""


class Child:
    """One process of a module that calls serve()."""

    def __init__(self, module: str) -> None:
        self.module = module
        self.child: subprocess.Popen[str] | None = None

    def ask(self, job: Job) -> Job:
        """The child's answer to one job. Raises Crash."""
        child = self.running()
        assert child.stdin is not None and child.stdout is not None
        timer = threading.Timer(TIMEOUT_S, child.kill)
        timer.start()
        try:
            child.stdin.write(json.dumps(job) + "\n")
            child.stdin.flush()
            line = child.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            timer.cancel()
        if line:
            return json.loads(line)
        self.child = None
        status = child.wait()
        how = f"with {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
        raise Crash(f"crashed {how}")

    def running(self) -> "subprocess.Popen[str]":
        """The process, started where there is none."""
        if self.child is None or self.child.poll() is not None:
            command = [sys.executable, "-m", self.module]
            self.child = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
            atexit.register(self.stop)
        return self.child

    def stop(self) -> None:
        """End the process."""
        if self.child is not None:
            self.child.kill()
            self.child.wait()
            self.child = None


def serve(answer_to: Callable[[Job], Job]) -> None:
    """Answer jobs until standard input ends."""
    answers = sys.stdout
    sys.stdout = sys.stderr  # converters print
    for line in sys.stdin:
        print(json.dumps(answer_to(json.loads(line))), file=answers, flush=True)
