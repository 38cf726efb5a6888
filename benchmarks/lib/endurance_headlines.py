"""One line of what each recorded result on endurance says, for benchmarks.lib.headlines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Figures = dict[str, Any]


def _long_day(found: Figures) -> str:
    return (
        f"{found['sent_frames']:,} frames in, {found['frames_processed']:,} processed; {found['events']} events kept; "
        f"memory {found['growth_mb']:+.1f} MB after the first hour"
    )


def _kill_minus_nine(found: Figures) -> str:
    most = max([one["lost_s"] for one in found["each"] if one["lost_s"] is not None], default=0.0)
    return f"killed {found['kills']} times: no reported event lost, of an open one {most:.1f} s at most"


def _card_writes(found: Figures) -> str:
    quiet = next(one for one in found["hours"] if one["kind"] == "quiet")
    return f"a quiet hour writes {quiet['written_bytes'] / 1e6:.2f} MB"


def _fuzz(found: Figures) -> str:
    targets = found["targets"].values()
    faults = sum(len(each["crashes"]) + len(each["hangs"]) + len(each["internal_errors"]) for each in targets)
    return f"{sum(each['cases'] for each in targets)} wrong inputs: {faults} crashes, hangs or internal errors"


def _camera_cycles(found: Figures) -> str:
    heard = [seconds for each in found["heard_again_s"].values() for seconds in each]
    return (
        f"{len(heard)} troubles of a camera: heard again after {max(heard):.1f} s at most, {found['events']} of "
        f"{found['bursts']} cries after them told"
    )


def _microphone_cycles(found: Figures) -> str:
    heard = [seconds for each in found["heard_again_s"].values() for seconds in each]
    return f"{len(heard)} losses of the microphone: heard again after {max(heard):.1f} s at most"


def _told_cycles(found: Figures) -> str:
    pushed = [row for name, row in found["channels"].items() if name != "mqtt"]
    latest = max(seconds for each in found["delays_s"].values() for seconds in each)
    fewest = min(row["received"] for row in pushed)
    return (
        f"{found['restarts']} restarts of those who are told: of {found['alerts']} alerts {fewest} or more reached "
        f"each of them, once; undisturbed, after {latest:.2f} s at most"
    )


def _faults(found: Figures) -> str:
    alerts_s = [row["alert_s"] for row in found["rows"] if row["alert_s"] is not None]
    most_s = max(alerts_s)
    return f"{len(found['rows'])} faults while it hears: the cry after each was alerted after {most_s:.1f} s at most"


def _year_of_nights(found: Figures) -> str:
    shown = [row for row in found["rows"] if "csv" not in row["what"] and "json" not in row["what"]]
    return (
        f"a year of nights opens in {max(row['seconds'] for row in shown):.2f} s and "
        f"{max(row['megabytes'] for row in shown):.0f} MB at most, as report and as page"
    )


def _mutants(found: Figures) -> str:
    drawn = sum(run["judged"] + run["equivalent"] for run in found["runs"])
    shares = " and ".join(f"{run['share']:.1%} (seed {run['seed']})" for run in found["runs"])
    return f"of {drawn} mistakes put into ten rooms of edge, their own tests notice {shares}"


ENDURANCE: dict[str, Callable[[Figures], str]] = {
    "long_day": _long_day,
    "kill_minus_nine": _kill_minus_nine,
    "card_writes": _card_writes,
    "fuzz": _fuzz,
    "microphone_cycles": _microphone_cycles,
    "camera_cycles": _camera_cycles,
    "told_cycles": _told_cycles,
    "faults": _faults,
    "year_of_nights": _year_of_nights,
    "mutants": _mutants,
}
