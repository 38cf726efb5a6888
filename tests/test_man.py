"""The manual pages and completions are those of the programs as they are, and every option says what it does."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
MAN = REPOSITORY / "man"
sys.path.insert(0, str(MAN))

import make_man  # noqa: E402

PROGRAMS = {parser.prog: parser for parser in (make_man.monitor_parser(), make_man.bench_parser())}
PARSERS = [
    (name, sub)
    for program in PROGRAMS.values()
    for name, sub in [
        (program.prog, program),
        *((command, one) for command, (_, one) in make_man.subcommands(program).items()),
    ]
]


def test_what_is_written_is_what_the_programs_say():
    done = subprocess.run([sys.executable, MAN / "make_man.py", "--check"], stdout=subprocess.PIPE, text=True)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name, parser", PARSERS, ids=[name for name, _ in PARSERS])
def test_every_option_says_what_it_does(name, parser):
    assert parser.description
    assert [action.dest for action in make_man.arguments(parser) if not action.help] == []
    for line, _ in make_man.subcommands(parser).values():
        assert line


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_manual_page_is_one_without_complaints(program):
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed")
    page = MAN / f"{program}.1"
    lint = subprocess.run(["groff", "-man", "-ww", "-z", "-Tutf8", page], stderr=subprocess.PIPE, text=True)
    assert lint.stderr == ""
    shown = subprocess.run(["groff", "-man", "-Tascii", "-P-c", page], stdout=subprocess.PIPE, text=True).stdout
    shown = re.sub(".\x08", "", shown)  # bold is a letter struck twice
    for heading in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS"):
        assert heading in shown
    for command in make_man.subcommands(PROGRAMS[program]):
        assert re.search(rf"^ +{command}$", shown, re.MULTILINE)


def complete(program, *words):
    """What bash offers for the last of the words."""
    function = "_" + program.replace("-", "_")
    script = f'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); {function}; echo "${{COMPREPLY[@]}}"'
    done = subprocess.run(
        ["bash", "--norc", "-euc", script, MAN / "completions" / program, program, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert done.stderr == ""
    return set(done.stdout.split())


@pytest.mark.parametrize("program", PROGRAMS)
def test_bash_offers_every_command_and_option(program):
    parser = PROGRAMS[program]
    commands = make_man.subcommands(parser)
    assert set(commands) <= complete(program, "") or not commands
    options = {option for action in make_man.arguments(parser) for option in action.option_strings if "--" in option}
    assert complete(program, "--") == options
    for command, (_, sub) in commands.items():
        options = {option for one in make_man.arguments(sub) for option in one.option_strings if "--" in option}
        assert complete(program, command, "--") == options, command


def test_bash_offers_what_begins_so_and_files_for_a_file():
    assert complete("cry-monitor", "rep") == {"report"}
    assert complete("cry-monitor", "report", "--o") == {"--out"}
    assert complete("cry-monitor", "report", "--out", "") == set()  # then bash offers files
    assert complete("cry-monitor", "mark", "last", "o") == {"other"}


def test_bash_and_the_reader_find_them_where_they_are_installed():
    install = (REPOSITORY / "systemd" / "install").read_text()
    assert "share/man/man1" in install and "bash-completion/completions" in install
