"""Where results go: benchmarks/results/NAME.json and .md, with the machine, the date and the versions."""

from __future__ import annotations

import datetime
import json
import platform
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edge.versions import installed_versions

HERE = Path(__file__).parents[1]
RESULTS = HERE / "results"
FOLD_BUNDLES = HERE / "detection" / "detector_folds"
PACKAGES = ("numpy", "scipy", "ai-edge-litert", "onnxruntime", "tensorflow-cpu", "keras")


def record(name: str, figures: dict, table: str) -> None:
    """Print the table, and write it and the figures."""
    RESULTS.mkdir(exist_ok=True)
    versions = installed_versions(PACKAGES)
    figures = {"date": datetime.date.today().isoformat(), "machine": machine(), "versions": versions, **figures}
    (RESULTS / f"{name}.json").write_text(json.dumps(figures, indent=1) + "\n")
    heading = f"{figures['date']}, {figures['machine']}, `{command(name)}`"
    (RESULTS / f"{name}.md").write_text(f"{heading}\n\n{table}\n")
    print(table)


def draw(name: str, picture: str) -> None:
    """Write an SVG of results beside them."""
    (RESULTS / f"{name}.svg").write_text(picture)


def recorded(name: str) -> dict:
    """The figures that were last recorded under a name, {} for none: a study may add to them."""
    file = RESULTS / f"{name}.json"
    return json.loads(file.read_text()) if file.is_file() else {}


def rows_under(settings: dict[str, Any], found: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of recorded figures, none if these were made under other settings: a study adds its own to them.

    So seeds and folds add up from one day to the next; whoever wants them anew deletes the record.
    """
    return list(found["rows"]) if found.get("settings") == settings else []


def add_row(rows: list[dict[str, Any]], which: dict[str, Any], run: Callable[[], dict[str, Any]]) -> None:
    """Run what a row tells and add it, unless the rows have it: which are the values that tell it from the others."""
    if not any(all(row[key] == value for key, value in which.items()) for row in rows):
        rows.append({**which, **run()})


def without_seed(settings: Any) -> dict[str, Any]:
    """Settings, a dataclass, as all seeds of a record share them."""
    return {key: value for key, value in asdict(settings).items() if key != "seed"}


def command(name: str) -> str:
    """What prints the result of that name: the module of benchmarks/ that bears it."""
    places = sorted(HERE.glob(f"*/{name}.py")) + sorted(HERE.glob(f"*/{name}/__main__.py"))
    return "python -m benchmarks." + ".".join(places[0].relative_to(HERE).with_suffix("").parts).removesuffix(
        ".__main__"
    )


def machine() -> str:
    """The processor, as the system names it."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = f"{names[0]} ({len(names)} cores)" if names else model
    return model
