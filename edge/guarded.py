"""How every command begins and ends: an exit status, one line for whatever goes wrong, silence for Ctrl-C.

It is loaded before anything else, and loads next to nothing: what takes time or memory is loaded under its guard.
"""

import errno
import os
import signal
import sys
import threading
from contextlib import suppress

from edge.errors import UserError, print_error
from edge.text import say_all_characters

WENT_WRONG = 1
INTERRUPTED = 130  # exit status of a process ended by Ctrl-C
PIPE_CLOSED = 141  # and of one whose reader went away
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FULL = NO_ROOM + (errno.EIO,)
TRACEBACK_VARIABLE = "CRY_MONITOR_TRACEBACK"

AGAIN_S = 0.01  # after which Ctrl-C is tried again that came while C was calling back

_interrupts = []  # Ctrl-C, once each; whatever an exception becomes on its way up, they are remembered
_again = []  # the timer of one that is tried again


def enter(load, argv=None, name: str = "cry-monitor") -> int:
    """The exit status of a command line. `load(argv)` imports what is needed and returns (command, args).

    Ctrl-C ends the process at once while it loads. Raises SystemExit(2) for wrong usage.
    """
    open_standard_descriptors()
    say_all_characters()
    del _interrupts[:]
    hear_interrupts(_leave)
    _say_nothing_of_interrupts()
    return guarded(lambda arguments: _load_and_run(load, arguments), argv, name)


def _load_and_run(load, argv):
    command, args = load(argv)
    hear_interrupts(_interrupt)
    try:
        return command(args)
    finally:
        hear_interrupts(_leave)


def guarded(command, args, name: str = "cry-monitor") -> int:
    """The exit status of command(args); whatever goes wrong is one line on stderr, `NAME: error: ...`."""
    try:
        status = command(args)
        sys.stdout.flush()
    except SystemExit:
        raise
    except BaseException as error:
        return _ended(error, name)
    return INTERRUPTED if _interrupts else status


def _ended(error, name):
    """Say what went wrong; returns the exit status."""
    if _interrupts or isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, BrokenPipeError):
        _turn_away_stdout()
        return PIPE_CLOSED
    if isinstance(error, UserError):
        text = str(error)
    elif isinstance(error, OSError) and error.filename is None and error.errno in FULL:  # a print()
        _turn_away_stdout()
        text = "standard output cannot be written ({}): free some space, or send it elsewhere".format(error.strerror)
    elif isinstance(error, OSError) and error.errno in NO_ROOM:
        text = "{} cannot be written ({}): free some space".format(error.filename2 or error.filename, error.strerror)
    elif isinstance(error, MemoryError):
        text = "out of memory: close other programs, or allow more (ulimit -v)"
    elif _is_of_a_lost_worker(error):
        text = "a process that worked for this one was ended, most likely for want of memory: close other programs"
    else:
        text = _internal(error)
    _say_error(text, name)
    return WENT_WRONG


def _is_of_a_lost_worker(error):
    from concurrent.futures.process import BrokenProcessPool  # only where something went wrong: it takes a while

    return isinstance(error, BrokenProcessPool)


def _internal(error):
    if os.environ.get(TRACEBACK_VARIABLE):
        import traceback

        traceback.print_exception(type(error), error, error.__traceback__)
    return "internal error: {}: {}; please report it; run with {}=1 to see where".format(
        type(error).__name__, " ".join(str(error).split()), TRACEBACK_VARIABLE
    )


def _say_error(text, name):
    """In the log, once its lines have a form that a program relies on; for a person otherwise."""
    from edge.log import log, read_by_machines

    if read_by_machines():
        log.error("%s", text)
    else:
        print_error(text, name)


def open_standard_descriptors() -> None:
    """Make a descriptor 0, 1 or 2 that is closed as good as /dev/null.

    Else the next file that is opened gets its number: what is printed would be written into the database.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115  until the end


def _turn_away_stdout():
    """Python flushes stdout once more at exit, and would complain then."""
    with suppress(OSError, ValueError):  # it is no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def hear_interrupts(handler) -> None:
    """Let `handler` act on Ctrl-C where that is ours: not in the background, and not for a daemon's own handler."""
    ours = (signal.default_int_handler, _leave, _interrupt)
    with suppress(ValueError):  # not the main thread
        if signal.getsignal(signal.SIGINT) in ours:
            signal.signal(signal.SIGINT, handler)


def _leave(_number, _frame):
    os._exit(INTERRUPTED)  # an exception in the middle of an import may become any other, or a warning


def _interrupt(_number, frame):
    _interrupts.append(True)
    for again in _again:
        again.cancel()
    del _again[:]
    if not _is_called_by_libsndfile(frame):
        raise KeyboardInterrupt
    again = threading.Timer(AGAIN_S, os.kill, (os.getpid(), signal.SIGINT))
    again.daemon = True
    _again.append(again)
    again.start()


def _is_called_by_libsndfile(frame):
    """Whether C has called back: an exception would not come through, and cffi would print it with its trace."""
    while frame:
        if frame.f_globals.get("__name__") == "soundfile" and frame.f_code.co_name.startswith("vio_"):
            return True
        frame = frame.f_back
    return False


def _say_nothing_of_interrupts():
    """Ctrl-C in a finalizer is reported on stderr, and forgotten: it is remembered here."""
    report = getattr(sys, "__unraisablehook__", None)  # Python 3.8
    if report:
        sys.unraisablehook = lambda what: None if what.exc_type is KeyboardInterrupt else report(what)  # novermin
