"""The tables of benchmarks.studies.federation."""

from __future__ import annotations

from typing import Any

import numpy as np

from training.runs.metrics import FEWEST, mean_interval

LAST = 3  # evaluations that a final score is the mean of
REACHED = 0.9  # of what all clips in one place reach in the end
CENTRAL, LOCAL_ONLY, BASE = "central", "local only", "SCAFFOLD + proximal"
TAKEN_AWAY = {"no control variates": "FedProx", "no proximal term": "SCAFFOLD", "neither": "FedAvg"}
Curves = dict[str, list[dict[str, Any]]]
OVER_NOISE, DENOISER = "backbone taught over noise", "backbone taught over noise, behind a denoiser"


def final(run: dict[str, Any]) -> float:
    """Macro-F1 in the end, %: the mean of the last evaluations."""
    return 100 * float(np.mean([entry["macro_f1"] for entry in run["curve"][-LAST:]]))


def rounds_to(run: dict[str, Any], target: float) -> float:
    """The first round at which the mean of LAST evaluations is at the target, %; one more than there are, if none."""
    scores = [100 * entry["macro_f1"] for entry in run["curve"]]
    for place in range(LAST - 1, len(scores)):
        if np.mean(scores[place - LAST + 1 : place + 1]) >= target:
            return run["curve"][place]["round"]
    return run["curve"][-1]["round"] + 1


def rounds_to_targets(curves: Curves, arm: str) -> list[float]:
    """rounds_to() of each seed, each to what all clips in one place reach there."""
    targets = [REACHED * final(run) for run in curves[CENTRAL]]
    return [rounds_to(run, target) for run, target in zip(curves[arm], targets, strict=False)]


def full_size_up(sizes: list[dict[str, Any]], bits: int, homes: int) -> int:
    """Bytes that a home sends in a masked round, or in the clear where they are not compressed."""
    return next(s["up"] for s in sizes if s["bits"] == bits and s["homes"] == homes and s["masking"] == (bits < 16))


def interval(values: list[float]) -> str:
    """Mean, and its interval where there are seeds enough for one."""
    mean, low, high = mean_interval(values)
    return f"{mean:.1f} ({low:.1f} to {high:.1f})" if len(values) >= FEWEST else f"{mean:.1f}"


def table(curves: Curves, sizes: list[dict[str, Any]], arms: tuple[str, ...]) -> str:
    """All of it as Markdown."""
    up, plain = full_size_up(sizes, 8, 10), full_size_up(sizes, 32, 10)
    never = curves["FedAvg"][0]["curve"][-1]["round"] + 1
    lines = [
        f"Macro-F1 (%) on sounds that are no home's; rounds and bytes of a home until the mean of {LAST} "
        f"evaluations is {100 * REACHED:.0f} % of what all clips in one place reach. "
        f"Paired: by seed, against FedAvg. 95 % intervals. A seed that never gets there counts as {never} rounds.",
        "",
        "| arm | seeds | macro-F1 | paired | rounds | paired | MB up a home, 8 bits masked | not compressed |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for arm in (*arms, CENTRAL, LOCAL_ONLY):
        lines.append(arm_row(arm, curves, up, plain))
    bits = {arm: found for arm, found in curves.items() if arm not in (*arms, CENTRAL, LOCAL_ONLY)}
    lines += [
        "",
        "One thing changed or taken away, of SCAFFOLD + proximal with 8 bits; paired by seeds against it.",
        "",
    ]
    lines += change_rows({**{taken: curves[arm] for taken, arm in TAKEN_AWAY.items()}, **bits}, curves[BASE])
    return "\n".join(lines + ["", *size_rows(sizes)])


def arm_row(arm: str, curves: Curves, up: int, plain: int) -> str:
    """One way of learning."""
    found, against = curves[arm], curves["FedAvg"]
    cells = [arm, str(len(found)), interval([final(run) for run in found])]
    cells.append(
        interval([final(a) - final(b) for a, b in zip(found, against, strict=False)]) if arm != "FedAvg" else ""
    )
    if arm in (LOCAL_ONLY, CENTRAL):
        return "| " + " | ".join([*cells, "", "", "", ""]) + " |"
    rounds, of_fedavg = rounds_to_targets(curves, arm), rounds_to_targets(curves, "FedAvg")
    cells.append(interval(rounds))
    cells.append(interval([a - b for a, b in zip(rounds, of_fedavg, strict=False)]) if arm != "FedAvg" else "")
    cells += [f"{np.mean(rounds) * size / 1e6:.0f}" for size in (up, plain)]
    return "| " + " | ".join(cells) + " |"


def change_rows(changed: Curves, base: list[dict[str, Any]], against: Curves | None = None) -> list[str]:
    """Changes one at a time, each paired with the base, or with what it is to be compared `against`."""
    lines = ["| changed | seeds | macro-F1 | paired | epsilon at delta 1e-5 |", "| --- | --- | --- | --- | --- |"]
    for arm, found in changed.items():
        other = (against or {}).get(arm, base)
        differences = [final(a) - final(b) for a, b in zip(found, other, strict=False)]
        spent = f"{found[0]['epsilon']:.1f}" if "epsilon" in found[0] else ""
        cells = [arm, str(len(found)), interval([final(run) for run in found]), interval(differences), spent]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def size_rows(sizes: list[dict[str, Any]]) -> list[str]:
    """What messages weigh at full size."""
    lines = [
        "Bytes of a home in a round, 1,867,776 adapter parameters, real messages: keys, shares, signatures and all.",
        "",
        "| bits | masked | homes a round | bits on the wire | MB up | MB down | MB down to a new home |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for size in sizes:
        what = [str(size["bits"]), "yes" if size["masking"] else "no", str(size["homes"] or "whole model, 16-bit")]
        weights = [f"{size[way] / 1e6:.3f}" for way in ("up", "down", "down_whole")]
        lines.append("| " + " | ".join([*what, str(size["ring_bits"]), *weights]) + " |")
    return lines
