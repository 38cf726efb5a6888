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
        content = read_regular(path, LONGEST_SECRET)
    except UserError as error:
        raise UserError("{}: {}".format(key, error)) from error
    lines = content.decode("utf-8", "replace").splitlines()
    if not lines or not lines[0].strip():
        raise UserError("{}: {} holds no password on its first line".format(key, path))
    return lines[0].strip()
