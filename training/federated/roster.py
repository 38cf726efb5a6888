"""Who takes part: every home's public key, in a file that each home has from people it knows, not from the server."""

from __future__ import annotations

import os
from pathlib import Path

from edge.errors import UserError
from edge.files import read_regular
from edge.untrusted import read_json
from training.federated.keys import KEY_BYTES, Identity


def new_identity(file: Path) -> Identity:
    """Write a new private key, readable by its owner alone. Raises UserError when there is one."""
    identity = Identity()
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(identity.private)
    except FileExistsError as error:
        raise UserError(f"{file} is there already; a home keeps its identity, delete it to make another") from error
    except OSError as error:
        raise UserError(f"{file} cannot be written: {error.strerror}; name another file") from error
    return identity


def read_identity(file: Path) -> Identity:
    """The identity that new_identity() wrote. Raises UserError."""
    private = read_regular(file, KEY_BYTES)
    if len(private) != KEY_BYTES:
        raise UserError(f"{file} has {len(private)} bytes, an identity has {KEY_BYTES}; make one with --new-identity")
    return Identity(private)


def read_roster(file: Path) -> dict[str, bytes]:
    """{home: public key} of JSON {home: hexadecimal}. Raises UserError."""
    content = read_json(file)
    try:
        roster = {name: bytes.fromhex(key) for name, key in content.items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise UserError(f'{file} is no roster ({error}); it is JSON, {{"home": "its public key"}}') from error
    wrong = [name for name, key in roster.items() if len(key) != KEY_BYTES]
    if wrong or len(set(roster.values())) < len(roster) or len(roster) < 2:
        raise UserError(f"{file}: a key is not of {KEY_BYTES} bytes, or twice, or the only one: {', '.join(wrong[:3])}")
    return roster
