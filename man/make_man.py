"""The manual pages and bash's completions, made of the programs' own parsers, so that none is forgotten.

    python man/make_man.py         writes man/*.1 and man/completions/*
    python man/make_man.py --check     exit status 1 when one of them is not up to date

Needs edge alone.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from edge import __version__  # noqa: E402
from edge.bench.command import make_parser as bench_parser  # noqa: E402
from edge.commands.main import make_parser as monitor_parser  # noqa: E402

SEE_ALSO = {"cry-monitor": "edge-bench", "edge-bench": "cry-monitor"}
FILES = (
    ("/etc/cry-monitor/cry-monitor.toml", "the configuration of the service; every key with its default and range"),
    ("/var/lib/private/cry-monitor/events.db", "the service's events; the root user and the page read it"),
    ("/run/cry-monitor.socket", "what is heard now, for members of the group cry-monitor-readers"),
)
EXIT = "0 done, 1 something went wrong (stderr says what and what to do), 2 wrong usage, 130 ended by Ctrl-C."


def subcommands(parser: argparse.ArgumentParser) -> dict[str, tuple[str, argparse.ArgumentParser]]:
    """{name: (one line of help, parser)} of its commands."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            lines = {choice.dest: choice.help or "" for choice in action._choices_actions}
            return {name: (lines[name], sub) for name, sub in action.choices.items()}
    return {}


def arguments(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Its options and arguments, without the commands."""
    return [one for one in parser._actions if not isinstance(one, argparse._SubParsersAction)]


def roff(text: str) -> str:
    """Text as troff reads it."""
    text = " ".join(text.split()).replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text)


def value_of(action: argparse.Action) -> str:
    """What an option takes, or the name of an argument: FILE, empty for a switch."""
    if action.nargs == 0:
        return ""
    if action.choices:
        return "{" + ",".join(map(str, action.choices)) + "}"
    return str(action.metavar or action.dest.upper())


def synopsis(name: str, parser: argparse.ArgumentParser) -> str:
    """One line of how it is called."""
    words = [f"\\fB{roff(name)}\\fR"]
    for action in arguments(parser):
        value = f"\\fI{roff(value_of(action))}\\fR" if value_of(action) else ""
        if action.option_strings:
            text = " ".join(part for part in (f"\\fB{roff(action.option_strings[-1])}\\fR", value) if part)
            words.append(text if action.required else f"[{text}]")
        else:
            many = value + (" ..." if action.nargs in ("+", "*") else "")
            words.append(f"[{many}]" if action.nargs in ("?", "*") else many)
    return " ".join(words)


def options(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Lines of every option and argument."""
    for action in arguments(parser):
        names = ", ".join(f"\\fB{roff(name)}\\fR" for name in action.option_strings)
        value = f"\\fI{roff(value_of(action))}\\fR" if value_of(action) else ""
        yield ".TP"
        yield " ".join(part for part in (names, value) if part)
        yield roff((action.help or "").replace("%(default)s", str(action.default)).replace("%%", "%"))


def manual(parser: argparse.ArgumentParser) -> str:
    """The manual page of a program."""
    name, commands = parser.prog, subcommands(parser)
    description = roff(parser.description or "")
    lines = [
        ".\\\" Made by man/make_man.py of the program's own --help.",
        f'.TH {name.upper()} 1 "" "cry\\-monitor {roff(__version__)}" "User Commands"',
        ".SH NAME",
        f"{roff(name)} \\- {ONE_LINE[name]}",
        ".SH SYNOPSIS",
    ]
    if commands:
        lines += [f"\\fB{roff(name)}\\fR \\fICOMMAND\\fR [\\fIoption\\fR ...]", ".SH DESCRIPTION", description]
        lines += [".SH COMMANDS"]
        for command, (_, sub) in commands.items():
            lines += [f'.SS "{roff(command)}"', synopsis(sub.prog, sub), ".PP", roff(sub.description or "")]
            lines += options(sub)
    else:
        lines += [synopsis(name, parser), ".SH DESCRIPTION", description]
    lines += [".SH OPTIONS", *options(parser), ".SH FILES"]
    for path, text in FILES:
        lines += [".TP", f"\\fI{roff(path)}\\fR", roff(text)]
    lines += [".SH EXIT STATUS", roff(EXIT), ".SH SEE ALSO", f"\\fB{roff(SEE_ALSO[name])}\\fR(1)"]
    return "\n".join(lines) + "\n"


ONE_LINE = {
    "cry-monitor": "hears a baby cry, on this machine",
    "edge-bench": "how long each stage of hearing takes on this machine",
}


def completion(parser: argparse.ArgumentParser) -> str:
    """bash's completion of a program: commands, options, and the values of options that have few."""
    name, commands = parser.prog, {command: sub for command, (_, sub) in subcommands(parser).items()}
    function = "_" + name.replace("-", "_")
    lines = [
        "# Made by man/make_man.py of the program's own parsers. Where it offers nothing, bash offers files.",
        f"{function}() {{",
        "  local current=${COMP_WORDS[COMP_CWORD]} command= words= number",
        "  for ((number = 1; number < COMP_CWORD; number++)); do",
        f"    case ${{COMP_WORDS[number]}} in {'|'.join(commands)}) command=${{COMP_WORDS[number]}}; break ;; esac",
        "  done",
    ]
    if not commands:
        del lines[3:6]
    lines += ["  case $command,${COMP_WORDS[COMP_CWORD-1]} in", *values("", parser)]
    for command, sub in commands.items():
        lines += values(command, sub)
    lines += ["  esac", "  case $command in", f'    "") words="{words_of(parser, commands)}" ;;']
    lines += [f'    {command}) words="{words_of(sub, ())}" ;;' for command, sub in commands.items()]
    lines += ["  esac"]
    wanted = "$current = -* || -z $command" if commands else "$current = -*"
    lines += [f'  if [[ {wanted} ]]; then COMPREPLY=($(compgen -W "$words" -- "$current")); fi']
    if any(choices(sub) for sub in commands.values()):
        lines += ["  if [[ $current != -* && -n $command ]]; then", "    case $command in"]
        lines += [
            f'      {command}) COMPREPLY=($(compgen -W "{" ".join(choices(sub))}" -- "$current")) ;;'
            for command, sub in commands.items()
            if choices(sub)
        ]
        lines += ["    esac", "  fi"]
    lines += ["}", f"complete -o default -F {function} {name}"]
    return "\n".join(lines) + "\n"


def values(command: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    """Cases of the options that take a value: what may follow, or nothing, for a file."""
    files = []
    for action in arguments(parser):
        if action.option_strings and action.nargs != 0:
            names = [f"{command},{option}" for option in action.option_strings]
            words = " ".join(map(str, action.choices or ()))
            if words:
                yield f'    {"|".join(names)}) COMPREPLY=($(compgen -W "{words}" -- "$current")); return ;;'
            files += [] if words else names
    if files:
        yield f"    {'|'.join(files)}) return ;;"


def words_of(parser: argparse.ArgumentParser, commands: object) -> str:
    """Its options, and its commands."""
    named = [option for action in arguments(parser) for option in action.option_strings if option.startswith("--")]
    return " ".join([*named, *commands])  # type: ignore[misc]


def choices(parser: argparse.ArgumentParser) -> list[str]:
    """What its arguments may be, where that is a choice."""
    return [str(word) for action in arguments(parser) if not action.option_strings for word in action.choices or ()]


def made() -> dict[Path, str]:
    """{file: its text}."""
    texts = {}
    for parser in (monitor_parser(), bench_parser()):
        texts[HERE / f"{parser.prog}.1"] = manual(parser)
        texts[HERE / "completions" / parser.prog] = completion(parser)
    return texts


def main() -> int:
    """Write them, or look whether they are up to date."""
    old = [path for path, text in made().items() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv[1:]:
        for path in old:
            print(f"{path} is not up to date: python man/make_man.py")
        return int(bool(old))
    for path, text in made().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
