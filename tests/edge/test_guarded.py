"""How every command ends: its own status, one line for whatever goes wrong, silence for Ctrl-C and a closed pipe."""

import argparse
import errno
import io
import logging
import os
import signal
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import pytest
from virtual_microphone import REPOSITORY

from edge import guarded as module
from edge.errors import UserError
from edge.guarded import enter, guarded
from edge.log import log

INTERNAL = "internal error: {}; please report it; run with CRY_MONITOR_TRACEBACK=1 to see where"
NO_ROOM = "standard output cannot be written ({}): free some space, or send it elsewhere"


def raising(error):
    def command(args):
        raise error

    return command


@pytest.mark.parametrize("status", [0, 1, 3])
def test_what_goes_well_has_its_own_status_and_says_nothing(capsys, status):
    assert guarded(lambda args: args.status, argparse.Namespace(status=status)) == status
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "error, said",
    [
        (UserError("the cot is empty: put the baby in"), "the cot is empty: put the baby in"),
        (ValueError("two\nlines"), INTERNAL.format("ValueError: two lines")),
        (OSError(errno.ENOSPC, "No space left on device"), NO_ROOM.format("No space left on device")),
        (OSError(errno.EIO, "Input/output error"), NO_ROOM.format("Input/output error")),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), NO_ROOM.format("Disk quota exceeded")),
        (OSError(errno.EFBIG, "File too large"), NO_ROOM.format("File too large")),
        (  # of a file, which is not standard output
            OSError(errno.ENOSPC, "No space left on device", "a.json"),
            "a.json cannot be written (No space left on device): free some space",
        ),
        (  # of a copy
            OSError(errno.ENOSPC, "No space left on device", "a.json", None, "b.json"),
            "b.json cannot be written (No space left on device): free some space",
        ),
        (OSError(errno.EIO, "Input/output error", "a"), INTERNAL.format("OSError: [Errno 5] Input/output error: 'a'")),
        (OSError(errno.EPERM, "Not permitted"), INTERNAL.format("PermissionError: [Errno 1] Not permitted")),
        (MemoryError(), "out of memory: close other programs, or allow more (ulimit -v)"),
        (
            BrokenProcessPool("terminated abruptly"),
            "a process that worked for this one was ended, most likely for want of memory: close other programs",
        ),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_any_exception_becomes_one_line(capsys, error, said):
    assert guarded(raising(error), argparse.Namespace(), "edge-bench") == 1
    assert capsys.readouterr() == ("", "edge-bench: error: {}\n".format(said))


def test_where_it_happened_is_shown_to_who_asks(capsys, monkeypatch):
    monkeypatch.setenv("CRY_MONITOR_TRACEBACK", "1")
    assert guarded(raising(ValueError("lost")), argparse.Namespace()) == 1
    said = capsys.readouterr().err
    assert said.startswith("Traceback (most recent call last):") and "test_guarded.py" in said
    assert said.splitlines()[-1].startswith("cry-monitor: error: internal error: ValueError: lost")


@pytest.mark.parametrize("error, status", [(KeyboardInterrupt(), 130), (BrokenPipeError(), 141)])
def test_ctrl_c_and_a_reader_that_is_gone_have_their_statuses_and_say_nothing(capsys, error, status):
    assert guarded(raising(error), argparse.Namespace()) == status
    assert capsys.readouterr() == ("", "")


def test_wrong_usage_keeps_its_status():
    with pytest.raises(SystemExit) as ended:
        guarded(raising(SystemExit(2)), argparse.Namespace())
    assert ended.value.code == 2


def test_an_error_goes_to_the_log_once_programs_rely_on_its_form(capsys, monkeypatch):
    records = []
    monkeypatch.setattr("edge.log.read_by_machines", lambda: True)
    monkeypatch.setattr(log, "handlers", [logging.NullHandler()])
    monkeypatch.setattr(log.handlers[0], "handle", records.append)
    assert guarded(raising(UserError("no cot")), argparse.Namespace()) == 1
    assert capsys.readouterr().err == ""
    assert [(record.levelname, record.getMessage()) for record in records] == [("ERROR", "no cot")]


@pytest.fixture
def our_interrupts():
    """Ctrl-C is what it is when a program starts, and what it was before afterwards."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    report = getattr(sys, "unraisablehook", None)
    yield
    signal.signal(signal.SIGINT, before)
    del module._interrupts[:]
    if report:
        sys.unraisablehook = report


class Finalized:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_in_a_place_that_swallows_it_is_130_too(capfd, our_interrupts):
    def command(args):
        if hasattr(sys, "unraisablehook"):
            Finalized()
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
        except BaseException:
            raise ValueError("what a library makes of it") from None
        return 0

    assert enter(lambda argv: (command, argv)) == 130
    assert capfd.readouterr().err == ""


def test_ctrl_c_that_a_library_hides_altogether_is_130_too(our_interrupts):
    def command(args):
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
        except KeyboardInterrupt:
            pass
        return 0

    assert enter(lambda argv: (command, argv)) == 130
    assert enter(lambda argv: (lambda args: 0, argv)) == 0  # the next command has heard of none


def test_ctrl_c_while_libsndfile_calls_back_ends_the_command_and_says_nothing(capfd, our_interrupts, tmp_path):
    soundfile = pytest.importorskip("soundfile")
    path = str(tmp_path / "sound.wav")
    soundfile.write(path, np.zeros(1600), 16000)

    class Interrupted(io.FileIO):
        def readinto(self, buffer):
            os.kill(os.getpid(), signal.SIGINT)
            return io.FileIO.readinto(self, buffer)

    def command(args):
        soundfile.SoundFile(Interrupted(path)).read()
        time.sleep(60)
        return 0

    assert enter(lambda argv: (command, argv)) == 130
    assert capfd.readouterr().err == ""


def test_a_handler_of_somebody_else_is_left_alone(our_interrupts):
    own = lambda number, frame: None  # noqa: E731
    for handler in (own, signal.SIG_IGN):  # a daemon's; in the background
        signal.signal(signal.SIGINT, handler)
        assert enter(lambda argv: (lambda args: 0, argv)) == 0
        assert signal.getsignal(signal.SIGINT) == handler


def run_closed(descriptors, code):
    """(status, stdout, stderr) of Python code begun with these descriptors closed."""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: [os.close(descriptor) for descriptor in descriptors],
    )
    out, err = process.communicate()
    return process.returncode, out.decode(), err.decode()


def test_closed_standard_descriptors_are_as_good_as_dev_null():
    """Else the next file that is opened would get such a number, and all that is printed."""
    code = (
        "import os, sys; from edge.guarded import open_standard_descriptors as o; o(); "
        "opened = [os.path.realpath('/proc/self/fd/%d' % n) for n in (0, 1, 2)]; print('lost', file=sys.stderr); "
        "assert opened == ['/dev/null'] * 3, os._exit(5); print('lost'); assert os.open('/', 0) > 2, os._exit(6)"
    )
    assert run_closed((0, 1, 2), code) == (0, "", "")


def test_those_that_are_open_are_left_alone():
    code = (
        "import sys; from edge.guarded import open_standard_descriptors as o; o(); print(1); print(2, file=sys.stderr)"
    )
    assert run_closed((0,), code) == (0, "1\n", "2\n")


def test_output_that_finds_no_room_is_one_line_and_python_adds_none():
    code = (
        "import sys; from edge.guarded import guarded; sys.exit(guarded(lambda args: print('x' * 100000) or 0, None))"
    )
    with open("/dev/full", "w") as full:
        process = subprocess.Popen([sys.executable, "-c", code], cwd=REPOSITORY, stdout=full, stderr=subprocess.PIPE)
        err = process.communicate()[1].decode()
    assert process.returncode == 1
    assert err == "cry-monitor: error: {}\n".format(NO_ROOM.format("No space left on device"))
