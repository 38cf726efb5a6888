"""A monitor that dies leaves no core dump, whatever the limit was, and neither does what it started."""

import os
import signal
import subprocess
import sys

import pytest
from virtual_microphone import REPOSITORY

CRASH = "import os, signal; os.kill(os.getpid(), signal.SIGABRT)"
FORBID = "from edge.runtime.core_dumps import forbid_core_dumps; forbid_core_dumps(); "
ALLOW = "import resource; resource.setrlimit(resource.RLIMIT_CORE, (1 << 30, 1 << 30)); "


@pytest.fixture
def leaves_a_core(tmp_path):
    """leaves_a_core(code) -> whether the kernel dumped the process that ran it."""

    def leaves_a_core(code):
        process = subprocess.Popen(
            [sys.executable, "-c", code], cwd=str(tmp_path), env=dict(os.environ, PYTHONPATH=REPOSITORY)
        )
        status = os.waitpid(process.pid, 0)[1]
        process.returncode = 0  # it has been waited for
        assert os.WTERMSIG(status) == signal.SIGABRT
        return os.WCOREDUMP(status) or os.listdir(str(tmp_path)) != []

    return leaves_a_core


@pytest.fixture
def elsewhere_one_is_left(leaves_a_core, tmp_path):
    """Proof that a core dump would be seen."""
    if not leaves_a_core(ALLOW + CRASH):
        pytest.skip("no core dumps are made here at all")
    for name in os.listdir(str(tmp_path)):
        os.remove(str(tmp_path / name))


def test_it_leaves_none(elsewhere_one_is_left, leaves_a_core):
    assert not leaves_a_core(ALLOW + FORBID + CRASH)


def test_it_leaves_none_where_the_limit_may_not_be_set(elsewhere_one_is_left, leaves_a_core):
    no_such_limit = "import resource; resource.RLIMIT_CORE = -1; "
    assert not leaves_a_core(ALLOW + no_such_limit + FORBID + CRASH)


def test_neither_does_what_it_starts(elsewhere_one_is_left, leaves_a_core):
    child = "import subprocess, sys; subprocess.call([sys.executable, '-c', {!r}]); ".format(CRASH)
    assert not leaves_a_core(ALLOW + FORBID + child + CRASH)
