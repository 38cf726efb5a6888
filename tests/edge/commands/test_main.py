"""What every command has in common: help, exit statuses, one line for an error and never a stack trace."""

import argparse
import os
import resource
import signal
import subprocess
import sys
import time

import pytest
from patience import PATIENCE_S
from virtual_microphone import REPOSITORY

from edge import __version__
from edge.commands.main import make_parser
from edge.records import Event
from edge.store import Store

COMMANDS = ("run", "analyze", "events", "purge", "devices", "prepare", "demo")


def test_version_and_help(run):
    assert run("--version").out == "cry-monitor {}\n".format(__version__)
    text = run("--help").out
    for command in COMMANDS:
        assert "\n    {} ".format(command) in text


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_each_command_explains_each_flag(command):
    subparsers = make_parser()._subparsers._group_actions[0]
    parser = subparsers.choices[command]
    assert parser.description
    for action in parser._actions:
        assert action.help, action.option_strings
    parser.format_help()


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("sing",),
        ("run", "--loud"),
        ("analyze",),
        ("events", "--since", "yesterday"),
        ("events", "--json", "--csv"),
        ("demo", "--minutes", "ten"),
        ("purge",),
        ("purge", "--all", "--before", "7d"),
        ("purge", "--before", "soon"),
        ("run", "--source", ""),
        ("run", "--db", ""),
        ("run", "--bundle", " "),
        ("run", "--config", ""),
        ("analyze", ""),
        ("analyze", "a.wav", "--db", ""),
        ("analyze", "a.wav", "--bundle", ""),
        ("events", "--db", ""),
        ("doctor", "--source", ""),
        ("doctor", "--db", ""),
        ("prepare", "--bundle", ""),
        ("demo", "--db", ""),
        ("events", "--db", "~no-such-user/events.db"),
        ("events", "--since", "\x1b[2J"),
        ("\x1b[2J",),
    ],
)
def test_wrong_usage_exits_2(run_here, arguments):
    finished = run_here(*arguments)
    assert finished.status == 2
    assert finished.out == ""
    assert "cry-monitor" in finished.err and "error: " in finished.err
    assert "\x1b" not in finished.err


def test_a_reader_that_goes_away_is_no_error(start, loud_bundle, burst_wav):
    process = start("analyze", "--json", "--frames", "--bundle", loud_bundle, *[burst_wav] * 5)
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=PATIENCE_S) == 141
    assert process.stderr.read() == ""


STARTING_S = 1.5  # until any of them is at work, on a machine with time for it
MOMENTS = 8


def test_ctrl_c_at_any_moment_of_the_start_is_130_and_silence(start, burst_wav, tmp_path):
    """The daemon that is READY ends in good order instead, with 0; what has ended before has its own status."""
    path = str(tmp_path / "night.db")
    Store(path).close()
    commands = [
        ("analyze", burst_wav),
        ("events", "--db", path),
        ("run", "--source", "file:" + burst_wav, "--db", path),
    ]
    for moment in range(MOMENTS):
        processes = [start(*command) for command in commands]
        for process in processes:
            wait_until_ours(process)
        time.sleep(moment * STARTING_S / MOMENTS)
        for process in processes:
            process.send_signal(signal.SIGINT)
        for process in processes:
            _, err = process.communicate(timeout=PATIENCE_S)
            assert "Traceback" not in err and "KeyboardInterrupt" not in err
            if process.returncode in (130, -signal.SIGINT):  # the latter once Python is at its end: a shell says 130
                assert "error" not in err
            else:
                assert process.returncode == 0


def wait_until_ours(process):
    """Until the interpreter itself has started, which answers to nobody: it loads NumPy for us."""
    while process.poll() is None:
        with open("/proc/{}/maps".format(process.pid)) as maps:
            if "numpy" in maps.read():
                return
        time.sleep(0.005)


@pytest.mark.parametrize("descriptor", [0, 1, 2])
def test_a_descriptor_that_is_closed_is_as_good_as_dev_null(environment, tmp_path, descriptor):
    """Else the database would get its number, and what is printed would be written into it."""
    path = str(tmp_path / "night.db")
    Store(path).close()
    with open(path, "rb") as file:
        before = file.read()
    command = [sys.executable, "-m", "edge.commands.main", "events", "--db", path]
    status = subprocess.call(command, cwd=REPOSITORY, env=environment, preexec_fn=lambda: os.close(descriptor))
    assert status == 0
    with open(path, "rb") as file:
        assert file.read() == before


def test_output_that_finds_no_room_is_one_line(environment, tmp_path):
    path = str(tmp_path / "night.db")
    Store(path).close()
    command = [sys.executable, "-m", "edge.commands.main", "events", "--json", "--db", path]
    with Store(path) as store:
        store.add_event(Event(1.0, 2.0, 0.9), 1.8e9)
    with open("/dev/full", "w") as full:
        process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=full, stderr=subprocess.PIPE)
        err = process.communicate()[1].decode()
    assert process.returncode == 1
    assert err == (
        "cry-monitor: error: standard output cannot be written (No space left on device): free some space, or "
        "send it elsewhere\n"
    )


@pytest.mark.parametrize("address_space_mb", [120, 200])
def test_too_little_address_space_is_one_line_and_no_endless_loop(environment, burst_wav, tmp_path, address_space_mb):
    limit = address_space_mb * 1000000
    process = subprocess.Popen(
        [sys.executable, "-m", "edge.commands.main", "run", "--source", "file:" + burst_wav, "--fast"]
        + ["--db", str(tmp_path / "night.db")],
        cwd=REPOSITORY,
        env=environment,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    err = process.communicate(timeout=PATIENCE_S)[1].decode()
    assert process.returncode == 1
    assert err.startswith("cry-monitor: error: ") and err.count("\n") == 1
    assert "{} MB of addresses".format(address_space_mb) in err


def test_importing_any_of_it_loads_no_heavy_library(environment):
    heavy = "tensorflow", "keras", "torch", "scipy", "sounddevice", "soundfile", "soxr"
    heavy += "ai_edge_litert", "tflite_runtime", "onnxruntime"
    code = "\n".join(
        [
            "import importlib, pkgutil, sys, edge",
            "for module in pkgutil.walk_packages(edge.__path__, 'edge.'): importlib.import_module(module.name)",
            "assert 'edge.runtime.daemon' in sys.modules",
            "print([name for name in {!r} if name in sys.modules])".format(heavy),
        ]
    )
    assert subprocess.check_output([sys.executable, "-c", code], cwd=REPOSITORY, env=environment) == b"[]\n"


def test_importing_the_commands_takes_less_than_0_3_s(environment, tmp_path):
    """Of a processor: on a machine with time for it, hardly more goes by."""
    code = (
        "from time import process_time as s; started = s(); "
        "from edge.commands.main import make_parser; make_parser(); print(s() - started)"
    )
    # Installed code is compiled once, so the first run here may compile it too, whatever this machine's setting.
    as_installed = dict(environment, PYTHONDONTWRITEBYTECODE="", PYTHONPYCACHEPREFIX=str(tmp_path))
    command = [sys.executable, "-c", code]
    assert any(float(subprocess.check_output(command, cwd=REPOSITORY, env=as_installed)) < 0.3 for _ in range(10))


def options_of(parser):
    """Every option of a parser that takes one value, and is not a number or a choice, with its parser."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield from options_of(each)
        elif action.option_strings and action.nargs is None and not action.choices:
            yield parser, action


def test_no_option_of_any_command_takes_an_empty_name(capsys):
    """Whatever commands there will be."""
    found = list(options_of(make_parser()))
    assert len(found) > 30
    for parser, action in found:
        with pytest.raises((argparse.ArgumentError, argparse.ArgumentTypeError)):
            parser._get_value(action, "")
