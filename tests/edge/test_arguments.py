"""What is given on a command line is read alike by every command, and what is wrong is said in one plain line."""

from pathlib import Path

import pytest

from edge.arguments import Parser, add_bundle, add_configuration


@pytest.fixture
def parse(monkeypatch):
    """parse(*arguments) -> what a command with every kind of argument makes of them."""
    monkeypatch.setenv("HOME", "/home/parent")
    parser = Parser(prog="cry-monitor listen")
    parser.add_argument("--name")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--often", type=int)
    add_configuration(parser)
    add_bundle(parser)
    return lambda *arguments: parser.parse_args(arguments)


def test_what_is_given_arrives_and_what_is_not_is_none(parse):
    given = parse("--name", "USB: mic", "--config", "a.toml", "--folder", "b", "--bundle", "c", "--often", "3")
    assert (given.name, given.config, given.folder, given.bundle) == ("USB: mic", "a.toml", Path("b"), "c")
    assert given.often == 3
    assert set(vars(parse()).values()) == {None}


@pytest.mark.parametrize("option", ["--config", "--bundle", "--folder"])
def test_a_home_is_found(parse, option):
    (found,) = [str(value) for value in vars(parse(option, "~/a")).values() if value is not None]
    assert found == "/home/parent/a"


@pytest.mark.parametrize("option", ["--name", "--config", "--bundle", "--folder"])
@pytest.mark.parametrize("value, said", [("", "'' is empty: give a name, or leave"), (" \t", "is empty")])
def test_an_empty_name_is_no_wish_for_the_default(parse, capsys, option, value, said):
    refused(parse, capsys, [option, value], said)


@pytest.mark.parametrize("option", ["--config", "--bundle", "--folder"])
@pytest.mark.parametrize(
    "value, said", [("a\0b", "holds a NUL: no path does"), ("~no-such-user/a", "path ~no-such-user/a: no home")]
)
def test_what_can_be_no_path_is_refused(parse, capsys, option, value, said):
    refused(parse, capsys, [option, value], said)


def test_what_is_shown_of_a_wrong_argument_commands_no_terminal(parse, capsys):
    refused(parse, capsys, ["--often", "\x1b[2J"], "\\x1b[2J")


def refused(parse, capsys, arguments, said):
    """It exits 2 with one line after the usage."""
    with pytest.raises(SystemExit) as ended:
        parse(*arguments)
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("usage: cry-monitor listen")
    assert said in error.splitlines()[-1] and "\x1b" not in error
