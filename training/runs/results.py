"""What a model directory takes over from the recorded results of benchmarks/: thresholds, and the figures it states."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edge.errors import UserError
from edge.untrusted import read_json

MAX_RESULT_BYTES = 16 << 20


def read_metrics(path: Path | None) -> dict[str, Any]:
    """The rows of a benchmark's JSON result, and which file they are from."""
    if path is None:
        return {}
    rows = read_result(path, "rows")
    return {"from": path.as_posix(), "split": "4 folds of eval_fold, no group divided", "rows": rows}


def read_result(path: Path, key: str) -> Any:
    """One entry of a benchmark's JSON result. Raises UserError."""
    try:
        return read_json(path, MAX_RESULT_BYTES, finite=False)[key]
    except (UserError, KeyError, TypeError) as error:
        raise UserError(f"cannot read {key} from {path} ({error}); name a JSON of benchmarks/results") from error
