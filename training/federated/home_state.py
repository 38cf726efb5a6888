"""What a home keeps between messages, where each is answered by a process of its own: on its own disk, for it alone."""

from __future__ import annotations

import dataclasses
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from edge.errors import UserError
from edge.files import naming, read_regular
from edge.untrusted import parse_json, read_arrays
from training.federated.home import Home
from training.federated.masking import Member
from training.federated.steps import Known

AT_MOST = 1 << 30  # bytes
ARRAYS = ("known", "control", "pending", "parameters", "server_control")
ADVICE = "delete it: the home then takes part as a new one"


def keep_home(home: Home, file: Path) -> None:
    """Write a home's control variate and the secrets of its round, readable by its owner alone."""
    known = {"run": home.run, "trained_in": home.trained_in, "is_pending": home.pending is not None}
    known["knows"] = home.known.number if home.known else -1
    known["completed"] = home.completed
    known["member"] = json.dumps(encoded(dataclasses.asdict(home.member))) if home.member else ""
    content = io.BytesIO()
    pending = home.pending if home.pending is not None else np.zeros(0, np.float32)
    model = [home.known.parameters, home.known.control] if home.known else [np.zeros(0, np.float32)] * 2
    arrays = {"control": home.control, "pending": pending, "parameters": model[0], "server_control": model[1]}
    np.savez(content, known=np.array(json.dumps(known)), **arrays)  # type: ignore[arg-type]
    partial = file.with_name(f".{file.name}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with naming(partial), os.fdopen(descriptor, "wb") as stream:
        stream.write(content.getvalue())
    partial.replace(file)


def take_home(home: Home, file: Path) -> None:
    """Make a home what keep_home() wrote, if that was in the same federation. Raises UserError for anything else."""
    if not file.is_file():
        return
    arrays = read_arrays(read_regular(file, AT_MOST), ARRAYS, str(file), AT_MOST, ADVICE)
    known = parse_json(str(arrays["known"]).encode(), str(file), advice=ADVICE)
    try:
        if known["run"] != home.run or arrays["control"].shape != home.control.shape:
            return
        home.control, home.trained_in = arrays["control"], known["trained_in"]
        home.completed = known["completed"]
        model = Known(known["knows"], arrays["parameters"], arrays["server_control"])
        home.known = model if model.number >= 0 else None
        home.pending = arrays["pending"] if known["is_pending"] else None
        home.member = Member(**decoded(json.loads(known["member"]))) if known["member"] else None
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{file} is not what a home keeps ({error}); {ADVICE}") from error


def encoded(value: Any) -> Any:
    """Byte strings as JSON has them."""
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, dict):
        return {key: encoded(entry) for key, entry in value.items()}
    return [encoded(entry) for entry in value] if isinstance(value, (list, tuple)) else value


def decoded(value: Any) -> Any:
    """What encoded() made; pairs of byte strings are tuples again."""
    if isinstance(value, dict):
        if value.keys() == {"hex"}:
            return bytes.fromhex(value["hex"])
        return {key: decoded(entry) for key, entry in value.items()}
    if isinstance(value, list):
        found = [decoded(entry) for entry in value]
        return tuple(found) if found and isinstance(found[0], bytes) else found
    return value
