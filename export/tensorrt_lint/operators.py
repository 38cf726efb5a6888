"""What TensorRT's ONNX parser imports: the operator table, tensorrt_operators.csv.

It is the table of the parser's own documentation (onnx-tensorrt, docs/operators.md, Apache-2.0) at three
releases, with one slip of that source put right (INT64 was spelt INF64). Nothing of it is repeated in code.
"""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

from edge.errors import UserError

TABLE = Path(__file__).with_name("tensorrt_operators.csv")
VERSIONS = ("8.2", "8.6", "10.1")


@dataclass(frozen=True)
class Support:
    """One row of the table for one TensorRT version."""

    is_imported: bool
    types: frozenset[str]  # FP32, FP16, BF16, FP8, INT64, INT32, INT8, UINT8, INT4, BOOL
    restrictions: tuple[str, ...]  # sentences, as they stand in the table


def find_version(name: str) -> str:
    """One of VERSIONS, also by its first number alone where that is enough. Raises UserError for another."""
    version = next((known for known in VERSIONS if known.split(".")[0] == name != "8"), name)
    if version not in VERSIONS:
        raise UserError(f"no operator table for TensorRT {name!r}: choose one of {', '.join(VERSIONS)}")
    return version


def load_operators(version: str) -> dict[str, Support]:
    """The table for one of VERSIONS by ONNX operator. Raises UserError for another."""
    version = find_version(version)
    with open(TABLE, encoding="utf-8", newline="") as handle:
        return {
            row["onnx_operator"]: Support(
                row[f"imported_{version}"] == "Y",
                frozenset(re.findall(r"\w+", row[f"types_{version}"])),
                sentences(row[f"restriction_{version}"]),
            )
            for row in csv.DictReader(handle)
        }


def sentences(restriction: str) -> tuple[str, ...]:
    """Split a restriction, in which lines and full stops are also written `<br />` and `\\.`."""
    parts = re.split(r"\\?\.(?:<br />|\s|$)", restriction)
    return tuple(part.strip() for part in parts if part.strip())
