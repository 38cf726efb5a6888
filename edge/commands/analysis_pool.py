"""Several recordings at once, each in a process of its own; what they came to, in the order of the recordings."""

import multiprocessing
import os
import signal
from collections import deque
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait
from typing import Generator, List, NamedTuple, Optional, Sequence

from edge.bundle import load_bundle
from edge.commands.notes import print_notes
from edge.commands.recording import Heard, analyse
from edge.errors import UserError
from edge.records import Frame
from edge.runtime.children import end_with_parent
from edge.runtime.private_memory import keep_private

JOBS_PER_CORE = 2  # more only wait for each other
AHEAD_PER_JOB = 8  # recordings that are done, or being done, before an earlier one is


class Analysed(NamedTuple):
    """What became of one recording."""

    records: List
    problem: Optional[str]  # why it could not be read to its end


class Work(NamedTuple):
    """What every process is told. settings: edge.config.Settings."""

    directory: str  # of the bundle
    settings: tuple
    with_frames: bool


def most_jobs() -> int:
    """The largest number of processes that is of use on this machine."""
    return JOBS_PER_CORE * (os.cpu_count() or 1)


def analyse_all(paths: Sequence[str], jobs: int, work: Work) -> Generator[Analysed, None, None]:
    """Yield one Analysed for each path, in their order.

    No process is left behind, also where this ends early. Raises UserError when the bundle cannot be used.
    """
    waiting, done, n_yielded = deque(enumerate(paths)), {}, 0
    workers = [_Worker(work, says_notes=number == 0) for number in range(min(jobs, len(paths)))]
    try:
        while n_yielded < len(paths):
            for worker in workers:
                if worker.number is None and waiting and waiting[0][0] < n_yielded + AHEAD_PER_JOB * jobs:
                    worker.give(*waiting.popleft())
            for connection in wait([worker.connection for worker in workers if worker.number is not None]):
                (worker,) = [worker for worker in workers if worker.connection is connection]
                number, analysed = worker.take()
                done[number] = analysed
            while n_yielded in done:
                yield done.pop(n_yielded)
                n_yielded += 1
    finally:
        for worker in workers:
            worker.kill()


class _Worker(object):
    """A process that analyses one recording after the other."""

    def __init__(self, work, says_notes):
        self.number = None  # of the recording that it is at
        self._work = work
        self._start(says_notes)

    def _start(self, says_notes=False):
        context = multiprocessing.get_context("fork")  # no engine is open yet that would not survive it
        self.connection, its_end = context.Pipe()
        self._process = context.Process(target=_serve, args=(its_end, self._work, os.getpid(), says_notes))
        self._process.daemon = True
        with _interrupts_wait():  # what runs around a fork would swallow a Ctrl-C
            self._process.start()
        its_end.close()

    def give(self, number, path):
        """Have a recording analysed."""
        self.number, self._path = number, path
        with suppress(BrokenPipeError):  # the process has ended: take() says how
            self.connection.send(path)

    def take(self):
        """(number of the recording, Analysed), once the connection has something to say."""
        number, self.number = self.number, None
        try:
            analysed = self.connection.recv()
        except (EOFError, ConnectionError):
            self.kill()
            ended = self._process.exitcode
            self._start()
            return number, Analysed([], _death(self._path, ended))
        if isinstance(analysed, UserError):
            raise analysed
        return number, analysed

    def kill(self):
        """End the process, whatever it does."""
        self.connection.close()
        if self._process.is_alive():
            os.kill(self._process.pid, signal.SIGKILL)
        self._process.join()


@contextmanager
def _interrupts_wait():
    """Ctrl-C comes after what is done within."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _death(path, exit_code):
    how = "signal {}".format(-exit_code) if exit_code < 0 else "exit status {}".format(exit_code)
    return "{}: the process that analysed it ended by {}: where memory is short, use fewer --jobs".format(path, how)


def _serve(connection, work, parent, says_notes):
    """In the child: answer each path with an Analysed, until the connection is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal: the parent ends us
    keep_private()
    end_with_parent(parent)
    try:
        bundle = load_bundle(work.directory, work.settings.detector.threads)
        bundle.warm_up()
        if says_notes:
            print_notes(bundle, work.settings)
    except UserError as error:
        connection.recv()
        connection.send(error)
        return
    while True:
        try:
            path = connection.recv()
        except (EOFError, ConnectionError):
            return
        connection.send(_analysed(path, bundle, work))


def _analysed(path, bundle, work):
    records, problem = [], None
    try:
        for record in analyse(path, bundle, work.settings):
            if not isinstance(record, Heard) and (work.with_frames or not isinstance(record, Frame)):
                records.append(record)
    except UserError as error:
        problem = str(error)
    return Analysed(records, problem)
