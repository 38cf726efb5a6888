"""What command lines have in common: how an argument is read, and how a wrong one is said."""

import argparse
from pathlib import Path

from edge.errors import UserError
from edge.files import expand_home
from edge.text import printable


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that shows arguments with everything in them written out."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.register("type", None, given)  # of what names no type
        self.register("type", Path, lambda text: Path(path_name(text)))  # Path("") would be the working directory

    def error(self, message):
        """Say what is wrong and how it is used; exit status 2."""
        super().error(printable(message))


def given(text: str) -> str:
    """A text that is not empty: a script's variable that was not set is no wish for the default."""
    if not text.strip():
        raise argparse.ArgumentTypeError("{!r} is empty: give a name, or leave the option out".format(text))
    return text


def path_name(text: str) -> str:
    """The path of a file or folder, its ~ replaced."""
    if "\0" in given(text):
        raise argparse.ArgumentTypeError("{!r} holds a NUL: no path does".format(text))
    try:
        return expand_home(text, "path")
    except UserError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_configuration(parser) -> None:
    """--config FILE, the same for every command that reads the configuration."""
    parser.add_argument(
        "--config", metavar="FILE", type=path_name, help="configuration in TOML (default: built-in defaults)"
    )


def add_bundle(parser) -> None:
    """--bundle DIR, the same for every command that loads the models."""
    parser.add_argument(
        "--bundle",
        metavar="DIR",
        type=path_name,
        help="directory of the models (default: the configuration's, else what ships)",
    )
