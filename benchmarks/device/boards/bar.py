"""The bar on instructions per hop: what is recorded, and what exceeds it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.device.boards.bytecodes import bytecodes_per_hop

RECORDED = Path(__file__).parent / "recorded.json"
ALLOWED = 0.02
BAR_PROCESSOR = "cortex-a72"


def recorded() -> dict[str, Any]:
    """The figures of the bar."""
    return json.loads(RECORDED.read_text())


def exceeded(counted: dict[str, Any], bar: dict[str, Any]) -> list[str]:
    """One text for each path whose hop needs more than ALLOWED above the bar."""
    found = []
    for path, row in bar["paths"].items():
        now = counted["paths"][path]["hop"] if path in counted["paths"] else 0
        if now > row["hop"] * (1 + ALLOWED):
            stages = counted["paths"][path]["stages"]
            grown = {s: n - row["stages"].get(s, 0) for s, n in stages.items() if n - row["stages"].get(s, 0) > 1000}
            found.append(f"{path}: {now:,} instructions a hop, {now / row['hop'] - 1:+.1%} of {row['hop']:,} ({grown})")
    return found


def set_bytecodes() -> None:
    """Record new bytecodes only: that needs no emulator."""
    RECORDED.write_text(json.dumps({**recorded(), "bytecodes": bytecodes_per_hop()}, indent=1) + "\n")


def set_bar(counted: dict[str, Any], bundle_sha256: str) -> None:
    """Record new figures, on purpose."""
    figures = {"bundle_sha256": bundle_sha256, **counted, "bytecodes": bytecodes_per_hop()}
    RECORDED.write_text(json.dumps(figures, indent=1) + "\n")
