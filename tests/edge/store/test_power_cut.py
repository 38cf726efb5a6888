"""The power fails at any instant: what was told is in the database, and the file is whole.

A writer is traced; its writes, truncations and flushes are played back up to a random instant. Of what was not flushed
by then, a disk may have anything: each write wholly, in part (to a sector) or not at all, in any order.
"""

import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys

import pytest

from edge.store import Store

pytestmark = pytest.mark.once  # SQLite writes alike under every Python

N_EVENTS = 60
INSTANTS = 150
SECTOR_BYTES = 512
WRITER = """
import sys
from edge.config import default_settings
from edge.store.buffered_store import BufferedStore
from edge.records import Event
from edge.store import Minute
with BufferedStore(sys.argv[1], default_settings()) as keeper:
    for number in range({}):
        start_s = 100.0 * number
        for length_s in (5.0, 10.0):
            keeper.checkpoint(Event(start_s, start_s + length_s, 0.9), start_s)
            print("wrote", number, length_s, flush=True)
        keeper.add_event(Event(start_s, start_s + 12.0, 0.9), start_s)
        print("ended", number, 12.0, flush=True)
        keeper.add_minute(Minute(start_s, 60.0, 12.0, -40.0, -20.0, 300, 0, 0))
""".format(N_EVENTS)

CALL = re.compile(r'(?:\d+ +)?(\w+)\((?:(\d+)<([^>]*)>(?:, )?)?(?:"([^"]*)")?(?:, )?([^)]*)\) += \d+$')


@pytest.fixture(scope="module")
def trace(tmp_path_factory):
    """[(call, path, bytes written, numbers)] of the writer, in order."""
    strace = shutil.which("strace") or pytest.skip("strace is not installed")
    directory = tmp_path_factory.mktemp("writer")
    path, log = str(directory / "events.db"), str(directory / "trace")
    Store(path).close()
    shutil.copy(path, str(directory / "before.db"))
    process = subprocess.Popen(
        [
            strace,
            "-f",
            "-y",
            "-xx",
            "-s",
            "100000",
            "-e",
            "trace=write,pwrite64,fdatasync,fsync,ftruncate,unlink",
            "-o",
            log,
            sys.executable,
            "-c",
            WRITER,
            path,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    _, error = process.communicate()
    if process.returncode:
        pytest.skip("strace may not trace here: {}".format(error.decode()[-200:]))
    calls = []
    with open(log) as lines:
        for line in lines:
            match = CALL.match(line.strip())
            if match:
                call, descriptor, path_hex, content, numbers = match.groups()
                name = "stdout" if descriptor == "1" else unescaped(path_hex or content).decode()
                calls.append(
                    (
                        call,
                        os.path.basename(name),
                        unescaped(content or ""),
                        [int(number) for number in re.findall(r"\d+", numbers)],
                    )
                )
    return str(directory / "before.db"), calls


def unescaped(text):
    return bytes(bytearray.fromhex(text.replace("\\x", "")))


class Disk(object):
    """Files as they are on the disk for sure, and what may be there besides."""

    def __init__(self, files):
        self._files = files  # name: content
        self._unsure = []

    def play(self, call, name, content, numbers):
        if not name.startswith("events.db") or name.endswith("-shm"):
            return
        if call in ("fsync", "fdatasync"):
            for change in [change for change in self._unsure if change[1] == name]:
                apply(self._files, change)
            self._unsure = [change for change in self._unsure if change[1] != name]
        else:
            self._unsure.append((call, name, content, numbers))

    def after_power_cut(self, rng):
        files = {name: bytearray(content) for name, content in self._files.items()}
        for call, name, content, numbers in self._unsure:
            fate = rng.choice(("lost", "done", "torn"))
            if fate == "torn" and call == "pwrite64":
                content = content[: SECTOR_BYTES * rng.randrange(1 + len(content) // SECTOR_BYTES)]
            if fate != "lost":
                apply(files, (call, name, content, numbers))
        return files


def apply(files, change):
    call, name, content, numbers = change
    if call == "unlink":
        files.pop(name, None)
        return
    file = files.setdefault(name, bytearray())
    begin = numbers[-1]
    file.extend(bytes(bytearray(max(0, begin + len(content) - len(file)))))
    if call == "ftruncate":
        del file[begin:]
    else:
        file[begin : begin + len(content)] = content


def test_what_was_told_is_there_and_the_file_is_whole(trace, tmp_path):
    before, calls = trace
    rng = random.Random(1)
    instants = sorted(rng.sample(range(len(calls)), INSTANTS))
    with open(before, "rb") as file:
        disk = Disk({"events.db": bytearray(file.read())})
    told, n_cuts = "", 0
    for instant, (call, name, content, numbers) in enumerate(calls):
        if name == "stdout":
            told += content.decode()
        disk.play(call, name, content, numbers)
        if instant in instants:
            check(disk.after_power_cut(rng), told, str(tmp_path / str(instant)))
            n_cuts += 1
    assert n_cuts == INSTANTS
    assert told.count("ended") == N_EVENTS


def check(files, told, directory):
    os.mkdir(directory)
    for name, content in files.items():
        with open(os.path.join(directory, name), "wb") as file:
            file.write(content)
    path = os.path.join(directory, "events.db")
    raw = sqlite3.connect(path)
    assert raw.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    raw.close()
    with Store(path) as store:
        rows = {event.start_utc: (event.state, event.end_utc - event.start_utc) for event in store.events()}
        assert len(rows) == len(store.events())
    for line in told.split("\n")[:-1]:  # what follows the last end of a line was only begun
        what, number, length_s = line.split()
        state, stored_s = rows[100.0 * int(number)]
        assert stored_s >= float(length_s)
        assert what != "ended" or state == "ended"
