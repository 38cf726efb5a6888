"""Tries cases of targets, one after the other, and says what came of each; whoever started it watches it.

    python -m benchmarks.lib.fuzz.worker SEED FIRST TARGET...

One JSON line a case: {"case": [target, number]} before it, {"came": "read" | "refused"} or {"fault": text} after it.
Cases are taken in turn from the target that has had the least time. FIRST: {target: number of its first case}.
"""

from __future__ import annotations

import faulthandler
import json
import logging
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

from benchmarks.lib.fuzz.targets import TARGETS, Case
from edge.errors import UserError
from edge.text import printable

LONGEST_TEXT = 2000  # characters of an error


def try_case(target: str, case: Case, number: int, seed: int, folder: Path) -> dict[str, str]:
    """What came of one case."""
    path = folder / "case"
    try:
        case(random.Random(f"{seed} {target} {number}"), path)
        return {"came": "read"}
    except UserError as error:
        text = str(error)
        if len(printable(text)) > LONGEST_TEXT:
            return {"fault": f"an error of {len(text)} characters: {text[:100]!r}"}
        return {"came": "refused"}
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        return {"fault": f"{type(error).__name__}: {str(error)[:200]!r} at {Path(where.filename).name}:{where.lineno}"}
    finally:
        for left in folder.iterdir():
            shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()


def main() -> None:
    """Until whoever reads goes away."""
    faulthandler.register(signal.SIGUSR1)
    logging.getLogger("cry-monitor").addHandler(logging.NullHandler())
    logging.getLogger("cry-monitor").propagate = False
    seed, first, names = int(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3:]
    with tempfile.TemporaryDirectory() as kept, tempfile.TemporaryDirectory() as folder:
        cases = {}
        for name in names:
            (Path(kept) / name.replace(" ", "-")).mkdir()
            cases[name] = TARGETS[name](Path(kept) / name.replace(" ", "-"))
        numbers, taken_s = {name: first.get(name, 0) for name in names}, dict.fromkeys(names, 0.0)
        while True:
            name = min(names, key=lambda each: taken_s[each])
            print(json.dumps({"case": [name, numbers[name]]}), flush=True)
            began = time.monotonic()
            print(json.dumps(try_case(name, cases[name], numbers[name], seed, Path(folder))), flush=True)
            taken_s[name] += time.monotonic() - began
            numbers[name] += 1


if __name__ == "__main__":
    try:
        main()
    except (BrokenPipeError, KeyboardInterrupt):
        sys.stderr.close()
