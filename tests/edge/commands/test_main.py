"""What every command has in common: help, exit statuses, one line for an error and never a stack trace."""

import argparse
import subprocess
import sys

import pytest
from virtual_microphone import REPOSITORY

from edge import __version__
from edge.commands.main import guarded, make_parser
from edge.errors import UserError

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
    ],
)
def test_wrong_usage_exits_2(run_here, arguments):
    finished = run_here(*arguments)
    assert finished.status == 2
    assert finished.out == ""
    assert "cry-monitor" in finished.err and "error: " in finished.err


@pytest.mark.parametrize(
    "error, said",
    [
        (UserError("the cot is empty: put the baby in"), "cry-monitor: error: the cot is empty: put the baby in\n"),
        (
            ValueError("two\nlines"),
            "cry-monitor: error: internal error: ValueError: two lines; please report it; "
            "run with CRY_MONITOR_TRACEBACK=1 to see where\n",
        ),
    ],
)
def test_any_exception_becomes_one_line(capsys, error, said):
    def command(args):
        raise error

    assert guarded(command, argparse.Namespace()) == 1
    assert capsys.readouterr().err == said


def test_ctrl_c_exits_130(capsys):
    def command(args):
        raise KeyboardInterrupt

    assert guarded(command, argparse.Namespace()) == 130
    assert capsys.readouterr().err == ""


def test_a_reader_that_goes_away_is_no_error(start, loud_bundle, burst_wav):
    process = start("analyze", "--json", "--frames", "--bundle", loud_bundle, *[burst_wav] * 5)
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=60) == 141
    assert process.stderr.read() == ""


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
    code = "from time import process_time as s; started = s(); import edge.commands.main; print(s() - started)"
    # Installed code is compiled once, so the first run here may compile it too, whatever this machine's setting.
    as_installed = dict(environment, PYTHONDONTWRITEBYTECODE="", PYTHONPYCACHEPREFIX=str(tmp_path))
    taken_s = [
        float(subprocess.check_output([sys.executable, "-c", code], cwd=REPOSITORY, env=as_installed))
        for _ in range(10)
    ]
    assert min(taken_s) < 0.3
