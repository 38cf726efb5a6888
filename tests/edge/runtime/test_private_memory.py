"""What was heard stays in memory: locked where that is allowed, and said where it could be swapped to a disk."""

import os
import subprocess
import sys

import pytest
from virtual_microphone import REPOSITORY

from edge.runtime.private_memory import swap_on_disk

LOCKED = "[int(line.split()[1]) for line in open('/proc/self/status') if line.startswith('VmLck')][0]"
HEARS = {
    "analyze": ["edge.commands.main", "analyze", "cry.wav"],
    "demo": ["edge.commands.main", "demo", "--minutes", "1"],
    "doctor": ["edge.commands.main", "doctor", "--source", "file:cry.wav", "--db", "none.db"],
    "run": ["edge.commands.main", "run", "--source", "file:cry.wav", "--fast", "--db", "night.db"],
    "edge-bench": ["edge.bench.command", "--seconds", "10"],
}
# The command's own code, stopped where it opens its bundle: by then everything that is private must be so.
STOPS = """
import resource, sys
resource.setrlimit(resource.RLIMIT_CORE, (1 << 20, 1 << 20)) if resource.getrlimit(resource.RLIMIT_CORE)[1] else None
import edge.bundle, edge.bundle.trial
def stop(*arguments, **named):
    import ctypes
    print("core", resource.getrlimit(resource.RLIMIT_CORE), "dumpable", ctypes.CDLL(None).prctl(3, 0, 0, 0, 0),
          "locked", {locked}, file=sys.stderr, flush=True)
    import os; os._exit(7)
for room in (edge.bundle, edge.bundle.trial):
    for name in ("load_bundle", "load_tried", "check_and_try", "read_manifest"):
        if hasattr(room, name):
            setattr(room, name, stop)
import runpy
sys.argv = {argv!r}
runpy.run_module(sys.argv[0], run_name="__main__")
"""


def run(code, **options):
    return subprocess.run(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        env=dict(os.environ, PYTHONPATH=REPOSITORY),
        **options,
    )


@pytest.mark.once
@pytest.mark.parametrize("command", sorted(HEARS))
def test_every_command_that_hears_keeps_it_private_before_it_hears(command, tmp_path):
    done = run(STOPS.format(locked=LOCKED, argv=HEARS[command]), cwd=str(tmp_path))
    assert done.returncode == 7, done.stderr
    said = done.stderr.splitlines()[-1]
    assert "core (0, 0) dumpable 0" in said
    if os.geteuid() == 0:
        assert int(said.split()[-1]) > 10000


def test_locking_takes_no_more_memory():
    code = (
        "import mmap; from edge.runtime.private_memory import lock_memory; assert lock_memory() == '', lock_memory();"
        "held = mmap.mmap(-1, 200000000);"
        "print(*[line.split()[1] for line in open('/proc/self/status') if line.startswith(('VmLck', 'VmRSS'))])"
    )
    done = run(code)
    if done.returncode:
        pytest.skip("memory cannot be locked here: " + done.stderr.splitlines()[-1])
    locked_kb, resident_kb = map(int, done.stdout.split())
    assert locked_kb > 200000 and resident_kb < 100000


def test_under_a_limit_nothing_is_locked_and_memory_is_still_given():
    code = (
        "import os, resource; resource.setrlimit(resource.RLIMIT_MEMLOCK, (65536, 65536)); os.setuid(65534);"
        "import sys; sys.path.insert(0, {!r}); from edge.runtime.private_memory import lock_memory;"
        "print(lock_memory()); held = bytearray(50000000)"
    )
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    done = run("from edge.runtime import private_memory; " + code.format(REPOSITORY))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "its memory is not locked, as this user may lock 64 kB (ulimit -l)"


def test_where_it_may_be_swapped_it_is_said(tmp_path, monkeypatch, caplog):
    from edge.runtime import private_memory

    monkeypatch.setattr(private_memory, "forbid_core_dumps", lambda: None)
    monkeypatch.setattr(private_memory, "lock_memory", lambda: "its memory is not locked (why)")
    monkeypatch.setattr(private_memory, "swap_on_disk", lambda: ["/var/swap"])
    private_memory.keep_private(live=True)
    assert "may be swapped to /var/swap: its memory is not locked (why); swapoff -a" in caplog.text
    monkeypatch.setattr(private_memory, "swap_on_disk", lambda: [])
    caplog.clear()
    private_memory.keep_private(live=True)
    assert caplog.text == ""


def test_where_swaps_are_not_shown_there_are_none(tmp_path):
    assert swap_on_disk(str(tmp_path)) == []
