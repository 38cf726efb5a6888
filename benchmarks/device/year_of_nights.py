"""A year of nights, 500,000 minutes and 10,000 cries: how soon the report and the page are there, and what they take.

    python -m benchmarks.device.year_of_nights

The database is made by a seed; each command is a process of its own, as a person starts it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.lib.record import record
from edge.records import Event, ExpertReading
from edge.store import Minute, Store

MINUTES, EVENTS, SEED = 500_000, 10_000, 15
LONGEST_S, MOST_MB = 1.0, 100.0
EXPORTS = (".json", ".csv")
TIMES = 5  # each; the median counts, the first of the page apart
LABELS = ("hungry", "tired", "discomfort", "belly pain", "burping")
PORT = re.compile(r"http://127\.0\.0\.1:(\d+)/")
COMMAND = (sys.executable, "-m", "edge.commands.main")


class Figure(NamedTuple):
    """One way to look at the year. Medians: seconds until the last byte, of CPU. megabytes: at most."""

    what: str
    seconds: float
    cpu_seconds: float
    megabytes: float
    kilobytes: float


def main() -> None:
    """Make the year, look at it, record."""
    with tempfile.TemporaryDirectory(prefix="year-") as folder:
        path = Path(folder) / "events.db"
        fill(path)
        figures = [reported(path, name) for name in ("night.html", "night.json", "night.csv")] + served(path)
    lines = [
        f"A database of {MINUTES:,} minutes and {EVENTS:,} cries, each with what two experts made of it; at most "
        f"{LONGEST_S:g} s and {MOST_MB:g} MB; for a table or JSON of all of it the memory counts.",
        "",
        "| what | s, median | of CPU | MB resident at most | kB | met |",
        "|---|---|---|---|---|---|",
    ]
    for one in figures:
        is_quick = one.seconds < LONGEST_S or any(ending in one.what for ending in EXPORTS)
        met = "yes" if is_quick and one.megabytes < MOST_MB else "**no**"
        seconds = f"{one.seconds:.2f} | {one.cpu_seconds:.2f}"
        lines.append(f"| {one.what} | {seconds} | {one.megabytes:.0f} | {one.kilobytes:.0f} | {met} |")
    if os.getloadavg()[0] > (os.cpu_count() or 1):
        lines += ["", "The run was disturbed by other work: believe the seconds of CPU."]
    record("year_of_nights", {"rows": [one._asdict() for one in figures]}, "\n".join(lines))


def fill(path: Path) -> None:
    """Write the year that ends now: a gap a night, a cry an hour or so."""
    random = np.random.default_rng(SEED)
    begin_utc = time.time() - 60.0 * MINUTES
    gaps = set(random.integers(0, MINUTES, 365).tolist())
    with Store(str(path)) as store:
        connection = store._connection
        store.add_minute(Minute(begin_utc - 60.0, 60.0, 0.0, -60.0, -50.0, 300, 0, 0))
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO minutes (session, monotonic_s, start_utc, duration_s, cry_s, mean_dbfs, max_dbfs, frames, "
            "missed_deadlines, dropped_samples) VALUES (1, ?, ?, 60.0, 0.0, ?, ?, 300, 0, 0)",
            (
                (60.0 * n, begin_utc + 60.0 * n, level, level + 12.0)
                for n, level in enumerate(random.uniform(-70.0, -40.0, MINUTES).tolist())
                if n not in gaps
            ),
        )
        connection.execute("COMMIT")
        at_s = np.sort(random.uniform(0.0, 60.0 * MINUTES - 900.0, EVENTS))
        for start_s, length_s in zip(at_s, random.exponential(120.0, EVENTS) + 1.0, strict=True):
            shares = random.dirichlet(np.ones(len(LABELS)), 3)
            posteriors = [dict(zip(LABELS, row.tolist(), strict=True)) for row in shares]
            readings = tuple(ExpertReading(n, posteriors[k], 1.1, 1.0, 0.5) for k, n in enumerate(("one", "other"), 1))
            event = Event(0.0, float(length_s), 0.95, posterior=posteriors[0], readings=readings)
            store.add_event(event, begin_utc + float(start_s), "mic")


def reported(path: Path, name: str) -> Figure:
    """`cry-monitor report` of all of it: its time from start to end, imports included."""
    out = path.parent / name
    seconds, cpu, megabytes = [], [], []
    for _ in range(TIMES):
        began = time.perf_counter()
        process = subprocess.Popen(
            [*COMMAND, "report", "--db", str(path), "--since", "400d", "--out", str(out)], stdout=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = status
        if status:
            raise SystemExit(f"report ended with {status}")
        seconds.append(time.perf_counter() - began)
        cpu.append(usage.ru_utime + usage.ru_stime)
        megabytes.append(usage.ru_maxrss / 1024)
    command = f"`cry-monitor report --since 400d --out {name}`"
    return Figure(command, median(seconds), median(cpu), max(megabytes), size_kb(out))


def served(path: Path) -> list[Figure]:
    """The page's report of all of it and of a day, and the live page, asked of one server."""
    config = path.parent / "cry-monitor.toml"
    config.write_text(f'[store]\npath = "{path}"\n[socket]\npath = "{path.parent}/none"\n')
    process = subprocess.Popen(
        [*COMMAND, "serve", "--config", str(config), "--port", "0"], stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        port = next(match[1] for match in map(PORT.search, process.stderr) if match)
        figures = []
        for route in ("", "report", "report?days=400"):
            before_s = cpu_s(process.pid)
            seconds, content = asked(f"http://127.0.0.1:{port}/{route}")
            cpu = (cpu_s(process.pid) - before_s) / TIMES
            figures.append(Figure(f"page, `/{route}`", seconds, cpu, peak_mb(process.pid), len(content) / 1e3))
        return figures
    finally:
        process.terminate()
        process.wait()


def asked(url: str) -> tuple[float, bytes]:
    """Median seconds until the last byte, and what came."""
    seconds, content = [], b""
    for _ in range(TIMES):
        began = time.perf_counter()
        with urllib.request.urlopen(url, timeout=60) as answer:
            content = answer.read()
        seconds.append(time.perf_counter() - began)
    return median(seconds), content


def peak_mb(pid: int) -> float:
    """The most that a process has had resident."""
    return float(re.findall(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[0]) / 1024


def cpu_s(pid: int) -> float:
    """Seconds of CPU that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def size_kb(path: Path) -> float:
    """Of a file."""
    return path.stat().st_size / 1e3


def median(values: list[float]) -> float:
    """Of a list that is not empty."""
    return float(np.median(values))


if __name__ == "__main__":
    main()
