"""How an input is made wrong: its bytes, or the values of a document; a random.Random makes it the same again."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

TOKENS = (
    b"\x00" * 8,
    b"\xff" * 8,
    b"\x7f\xff\xff\xff",
    b"\x80\x00\x00\x00",
    b"\xff\xff\xff\x7f",
    b"RIFF",
    b"data",
    b"fmt ",
    b"fLaC",
    b"OggS",
    b"SQLite format 3\x00",
    b"\x93NUMPY",
    b"PK\x03\x04",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\x1b[2J",
    b"[" * 3000,
    b'{"a":' * 3000,
    b'"' * 3,
    b"\n",
    b"1e999",
    b"9" * 400,
    b"NaN",
    b"\\u0000",
    b"\\ud800",
)
VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    2**63,
    10**400,
    -(10**30),
    0.0,
    -0.5,
    1e308,
    5e-324,
    float("nan"),
    float("inf"),
    "",
    " ",
    "a",
    "\x00",
    "\ud800",
    "\x1b[2J\x1b]0;title\x07",
    "\u202egnp.exe",
    "../../etc/passwd",
    "/dev/zero",
    "x" * 100000,
    "9" * 5000,
    [],
    {},
    [[]],
    {"": None},
    ["cry"] * 1000,
)
DEEP = 3000
MOST_CHANGES = 4


def mutated_bytes(content: bytes, rng: random.Random) -> bytes:
    """The content with some bytes changed, put in, left out, or ended early."""
    changed = bytearray(content)
    for _ in range(rng.randint(1, MOST_CHANGES)):
        changed = _BYTE_CHANGES[rng.randrange(len(_BYTE_CHANGES))](changed, rng)
    return bytes(changed)


def mutated_document(document: Any, rng: random.Random) -> bytes:
    """A JSON document with some values replaced, left out or nested, as text; then, at times, its bytes too."""
    changed = copy.deepcopy(document)
    for _ in range(rng.randint(1, MOST_CHANGES)):
        changed = _changed_value(changed, rng)
    try:
        text = json.dumps(changed, ensure_ascii=rng.random() < 0.8)
    except (RecursionError, ValueError):
        text = "[" * DEEP
    if rng.random() < 0.1:  # a key twice
        text = text.replace("{", '{"schema": 1, ', 2)
    content = text.encode("utf-8", "surrogatepass")
    return mutated_bytes(content, rng) if rng.random() < 0.3 else content


def mutated_lines(text: str, rng: random.Random, values: tuple[str, ...]) -> bytes:
    """Lines of `key = value` or of cells, with values replaced, lines doubled or left out; then, at times, bytes."""
    lines = text.split("\n")
    for _ in range(rng.randint(1, MOST_CHANGES)):
        number = rng.randrange(len(lines))
        line, value = lines[number], rng.choice(values)
        change = rng.randrange(4)
        if change == 0:
            lines[number] = f"{line.split('=')[0]} = {value}" if "=" in line else value
        elif change == 1 and "," in line:
            cells = line.split(",")
            cells[rng.randrange(len(cells))] = value
            lines[number] = ",".join(cells)
        elif change == 2:
            lines.insert(number, rng.choice(lines))
        else:
            del lines[number]
            lines = lines or [""]
    content = "\n".join(lines).encode("utf-8", "surrogatepass")
    return mutated_bytes(content, rng) if rng.random() < 0.4 else content


def _flip(content: bytearray, rng: random.Random) -> bytearray:
    for _ in range(rng.randint(1, 8)):
        if content:
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return content


def _overwrite(content: bytearray, rng: random.Random) -> bytearray:
    at, token = rng.randrange(len(content) + 1), rng.choice(TOKENS)
    content[at : at + len(token)] = token
    return content


def _overwrite_start(content: bytearray, rng: random.Random) -> bytearray:
    """Headers are where sizes and types are."""
    at = rng.randrange(min(len(content), 128) + 1)
    size = rng.choice((1, 2, 4, 8))
    content[at : at + size] = rng.getrandbits(8 * size).to_bytes(size, "little")
    return content


def _insert(content: bytearray, rng: random.Random) -> bytearray:
    at = rng.randrange(len(content) + 1)
    content[at:at] = rng.choice(TOKENS)
    return content


def _delete(content: bytearray, rng: random.Random) -> bytearray:
    at = rng.randrange(len(content) + 1)
    del content[at : at + rng.choice((1, 4, 100, 5000))]
    return content


def _cut(content: bytearray, rng: random.Random) -> bytearray:
    return content[: rng.randrange(len(content) + 1)]


def _double(content: bytearray, rng: random.Random) -> bytearray:
    at = rng.randrange(len(content) + 1)
    return content[:at] + content[max(0, at - rng.choice((4, 100, 4096))) :]


_BYTE_CHANGES = (_flip, _overwrite, _overwrite_start, _insert, _delete, _cut, _double)


def _changed_value(document: Any, rng: random.Random) -> Any:
    """The document with the value at a random place replaced, left out or nested."""
    places = list(_places(document))
    if not places:
        return copy.deepcopy(rng.choice(VALUES))
    within, key = rng.choice(places)
    change = rng.randrange(5)
    if change == 0:
        del within[key]
    elif change == 1:
        nested: Any = within[key]
        for _ in range(rng.choice((1, 10, 70, 500))):
            nested = [nested]
        within[key] = nested
    else:
        within[key] = copy.deepcopy(rng.choice(VALUES))
    return document


def _places(document: Any) -> Any:
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, (dict, list)):
            for key in list(value) if isinstance(value, dict) else range(len(value)):
                yield value, key
                waiting.append(value[key])
