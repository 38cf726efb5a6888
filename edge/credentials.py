"""Passwords and tokens: the first line of a file that only its owner reads, or a credential of the service."""

import os

from edge.errors import UserError
from edge.files import read_regular

LONGEST_SECRET = 4096  # bytes of a credential file


def read_secret(key: str, path: str) -> str:
    """The first line of a credential file; "" where none is named. Raises UserError."""
    if not path:
        return ""
    directory = os.environ.get("CREDENTIALS_DIRECTORY", "")
    path = path if os.path.isabs(path) or not directory else os.path.join(directory, path)
    try:
        secret = first_line(path)
    except UserError as error:
        raise UserError("{}: {}".format(key, error)) from error
    if not secret:
        raise UserError("{}: {} holds no password on its first line".format(key, path))
    return secret


def first_line(path: str) -> str:
    """What stands on the first line of a file, without the spaces around it. Raises UserError."""
    lines = read_regular(path, LONGEST_SECRET).decode("utf-8", "replace").splitlines()
    return lines[0].strip() if lines else ""
