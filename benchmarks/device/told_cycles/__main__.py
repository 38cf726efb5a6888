"""Is everybody told, at once, once, and said where not; and is hearing none the slower for it?

    python -m benchmarks.device.told_cycles [--cycles 100] [--rounds 8] [--seed 1]

Cries are played to a real monitor on a virtual microphone; its bridge tells a real broker, an ntfy-like server, a web
hook and a command. First nobody is disturbed, and the time from the alert is taken; then in every cycle one or all of
them are killed at a random moment and come back some seconds later. Then the time of a frame is taken with nobody told
and with everybody hanging. About ten seconds a cycle.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.device.told_cycles.frame_times import frame_times
from benchmarks.device.told_cycles.house import House
from benchmarks.lib.record import record
from tests.edge.virtual_microphone import what_is_not_installed

UNDISTURBED = 10  # cries
LONGEST_AWAY_S = 4.0
LATEST_KILL_S = 6.0  # after a cry begins
SETTLE_S = 45.0  # after the last try of what could not be told
TOLD_WITHIN_S = 1.0
TOGETHER_MB = 200.0


def main() -> None:
    """Run and record; exits 1 when something was not told and not said."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cycles", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=8, help="of frame times")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    missing = what_is_not_installed()
    if missing:
        raise SystemExit("no virtual microphone: " + missing)
    print(f"about {(args.cycles + UNDISTURBED) * 10 // 60 + args.rounds // 2 + 2} minutes", flush=True)
    with tempfile.TemporaryDirectory(prefix="told") as name:
        folder = Path(name)
        house = House(folder, args.seed)
        delays_s = undisturbed(house)
        resident_mb = house.resident_mb()
        restarts = disturbed(house, args.cycles, random.Random(args.seed))
        found = outcome(house)
        house.close()
        p99_ms = frame_times(folder, args.rounds, args.seed)
    figures = {
        "cycles": args.cycles,
        "seed": args.seed,
        "restarts": restarts,
        "delays_s": delays_s,
        "channels": found,
        "broker_told_again_s": house.broker.back_s[1:],
        "broker_began": house.broker.began,
        "alerts": len(house.alerts),
        "resident_mb": resident_mb,
        "frame_p99_ms": p99_ms,
    }
    record("told_cycles", figures, table(figures))
    if not kept(figures):
        raise SystemExit("NOT KEPT")


def undisturbed(house: House) -> dict[str, list[float]]:
    """{channel: seconds from each alert to its arrival}."""
    for number in range(UNDISTURBED):
        house.play(number)
    time.sleep(2.0)
    return {
        name: [arrived - alert for alert, (arrived, _) in zip(house.alerts, receiver.arrivals, strict=True)]
        for name, receiver in house.receivers.items()
    }


def disturbed(house: House, cycles: int, rng: random.Random) -> int:
    """Kill one or all of them in every cycle; returns how many restarts there were."""
    restarts = 0
    everybody = [house.broker, *house.receivers.values()]
    for number in range(cycles):
        victims = everybody if rng.random() < 0.25 else [rng.choice(everybody)]
        restarts += len(victims)
        breaker = threading.Thread(
            target=kill_and_start, args=(victims, rng.uniform(0, LATEST_KILL_S), rng.uniform(0.2, LONGEST_AWAY_S))
        )
        breaker.start()
        heard = house.play(number)
        breaker.join()
        house.broker.wait()
        print(f"{number + 1}: {len(victims)} killed, {'alert' if heard else 'no alert'}", flush=True)
    time.sleep(SETTLE_S)
    return restarts


def kill_and_start(victims, after_s: float, away_s: float) -> None:
    """Kill them, and start them again."""
    time.sleep(after_s)
    for victim in victims:
        victim.kill()
    time.sleep(away_s)
    for victim in victims:
        victim.start()


def outcome(house: House) -> dict[str, dict[str, int]]:
    """What came of every alert, by channel."""
    said = house.said()
    return {
        name: {"received": len(receiver.arrivals), "said_lost": said[name]}
        for name, receiver in house.receivers.items()
    } | {"mqtt": {"received": house.broker.began, "said_lost": said["mqtt"]}}


def kept(figures: dict) -> bool:
    """Whether every promise was."""
    pushed = {name: row for name, row in figures["channels"].items() if name != "mqtt"}
    all_told = all(row["received"] + row["said_lost"] == figures["alerts"] for row in pushed.values())
    soon = max(max(delays) for delays in figures["delays_s"].values()) <= TOLD_WITHIN_S
    return all_told and soon and together_mb(figures) <= TOGETHER_MB


def together_mb(figures: dict) -> float:
    """All processes, what they share counted for each."""
    return sum(figures["resident_mb"].values())


def table(figures: dict) -> str:
    """For a person."""
    rows = ["| told | alerts | received | said to be lost | after the alert, median / most |", "|---|---|---|---|---|"]
    for name, row in figures["channels"].items():
        delays = figures["delays_s"].get(name)
        words = f"{statistics.median(delays):.2f} s / {max(delays):.2f} s" if delays else ""
        rows.append(f"| {name} | {figures['alerts']} | {row['received']} | {row['said_lost']} | {words} |")
    back, p99, memory = figures["broker_told_again_s"], figures["frame_p99_ms"], figures["resident_mb"]
    back_words = f"{statistics.median(back):.1f} s / {max(back):.1f} s" if back else "never restarted"
    each = ", ".join(f"{name} {mb:.0f} MB" for name, mb in memory.items())
    rows += [
        "",
        f"{figures['cycles']} cries with {figures['restarts']} restarts. MQTT's events pass: one that is told to a "
        "broker to which nobody else has come back yet is not to be had any more; the states are told again, here "
        f"{back_words} (median / most) after its start.",
        "",
        "| | |",
        "|---|---|",
        f"| resident memory | {each} |",
        f"| together, what they share counted for each | {together_mb(figures):.0f} MB |",
    ]
    for key, words in (("alone", "nobody is told"), ("all hang", "everybody who is told hangs")):
        clock, used = (statistics.median(column) for column in zip(*p99[key], strict=True))
        rows.append(f"| p99 of a crying frame, {words}: by the clock, processor time | {clock:.2f} ms, {used:.2f} ms |")
    rows += ["", "Kept: all." if kept(figures) else "NOT KEPT."]
    return "\n".join(rows)


if __name__ == "__main__":
    main()
