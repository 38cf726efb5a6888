"""The tables of benchmarks.studies.federation."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.studies.federation_arms import (
    BACKBONES,
    BASE,
    CENTRAL,
    DENOISER,
    HARMED,
    HOMES,
    IN_THE_CLEAR,
    LOCAL_ONLY,
    OVER_NOISE,
    PER_ROUND,
    PRIVATE,
    ROUNDS,
    TAKEN_AWAY,
    TRADED,
    UNCOMPRESSED,
    WAYS,
)
from training.runs.metrics import FEWEST, mean_interval

LAST = 3  # evaluations that a final score is the mean of
REACHED = 0.9  # of what all clips in one place reach in the end
Curves = dict[str, list[dict[str, Any]]]
Sizes = dict[str, Any]


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


def up_mb(sizes: Sizes, arm: str) -> float:
    """MB that a home of full size sends in a round that it is asked in."""
    return sizes["arms"][arm]["up"] / 1e6


def asked_share(arm: str) -> float:
    """Of the rounds, those that a home is asked in."""
    return TRADED.get(arm, {}).get("homes_per_round", PER_ROUND) / HOMES


def interval(values: list[float]) -> str:
    """Mean, and its interval where there are seeds enough for one."""
    mean, low, high = mean_interval(values)
    return f"{mean:.1f} ({low:.1f} to {high:.1f})" if len(values) >= FEWEST else f"{mean:.1f}"


def scores(found: list[dict[str, Any]], against: list[dict[str, Any]] | None) -> list[str]:
    """Cells: macro-F1, and how much more than another arm, paired by seeds."""
    both = [(final(a), final(b)) for a, b in zip(found, against, strict=False)] if against else []
    return [interval([final(run) for run in found]), interval([a - b for a, b in both]) if both else ""]


def named(arm: str, curves: Curves) -> str:
    """An arm, with its seeds where they are not as many as the base's."""
    seeds = len(curves[arm])
    return arm if seeds == len(curves[BASE]) else f"{arm} ({seeds} of the seeds)"


def rows_of(columns: list[str], rows: list[list[str]]) -> list[str]:
    """A table."""
    return ["| " + " | ".join(cells) + " |" for cells in (columns, ["---"] * len(columns), *rows)]


def table(curves: Curves, sizes: Sizes) -> str:
    """All of it as Markdown."""
    seeds = len(curves[BASE])
    lines = [
        f"Macro-F1 (%) on sounds that are no home's: {seeds} seeds, 95 % intervals, paired by seeds. {ROUNDS} rounds. "
        f"A mean of {LAST} evaluations is at the target when it is {100 * REACHED:.0f} % of what all clips in one "
        f"place reach; a seed that never gets there counts as {ROUNDS + 1} rounds. MB are those that one home sends, "
        "at full size.",
    ]
    sections = [
        ("Ways of learning", f"{PER_ROUND} of {HOMES} homes a round; paired against FedAvg.", way_rows(curves, sizes)),
        (
            "Macro-F1 against bytes",
            f"{BASE} with one thing changed, paired against it. The base: 8 bits masked, rank 4 (38 at full size), 10 "
            f"local steps, {PER_ROUND} of {HOMES} homes a round. Masks change no bit of the model.",
            traded_rows(curves, sizes),
        ),
        (
            "What each part is worth",
            f"Taken away from {BASE}, or put before it; paired against it, the denoiser against the {OVER_NOISE}.",
            part_rows(curves),
        ),
        (
            "One home that does harm",
            f"Of {HOMES} homes that learn by {BASE}, paired against it. A round is spoilt, and changes nothing, when "
            "the sum is larger than honest updates can be.",
            harm_rows(curves),
        ),
        (
            "Noise that hides a home",
            f"Delta 1e-5; noise in lengths of the longest update, under masks; paired against {BASE}.",
            private_rows(curves),
        ),
        (
            "Bytes of a home in a round",
            "1,867,776 adapter parameters, real messages: keys, shares, signatures and all.",
            wire_rows(sizes),
        ),
    ]
    for heading, about, rows in sections:
        lines += ["", f"### {heading}", "", about, "", *rows]
    return "\n".join(lines)


def way_rows(curves: Curves, sizes: Sizes) -> list[str]:
    """FedAvg and the others."""
    rows, of_fedavg = [], rounds_to_targets(curves, "FedAvg")
    for arm in (*WAYS, CENTRAL, LOCAL_ONLY):
        cells = [arm, *scores(curves[arm], None if arm == "FedAvg" else curves["FedAvg"])]
        if arm in WAYS:
            rounds = rounds_to_targets(curves, arm)
            paired = [a - b for a, b in zip(rounds, of_fedavg, strict=True)]
            cells += [interval(rounds), "" if arm == "FedAvg" else interval(paired)]
            asked = float(np.mean(rounds)) * asked_share(arm)
            cells += [f"{asked * up_mb(sizes, size):.0f}" for size in (BASE, UNCOMPRESSED)]
        rows.append([*cells, *[""] * (7 - len(cells))])
    columns = ["arm", "macro-F1", "paired", "rounds to the target", "paired", "MB until then, 8 bits masked", "32 bits"]
    return rows_of(columns, rows)


def traded_rows(curves: Curves, sizes: Sizes) -> list[str]:
    """The trade-off sheet: what a home sends, and what it is worth."""
    rows = []
    for arm in (BASE, IN_THE_CLEAR, *TRADED):
        same = BASE if arm == IN_THE_CLEAR else arm  # masks change no bit of the model
        rounds, up, share = rounds_to_targets(curves, same), up_mb(sizes, arm), asked_share(arm)
        cells = ["the base" if arm == BASE else arm, *scores(curves[same], None if arm == BASE else curves[BASE])]
        cells += [f"{up:.3f}", f"{up * share * ROUNDS:.0f}", interval(rounds)]
        rows.append([*cells, f"{up * share * float(np.mean(rounds)):.0f}"])
    columns = ["changed", "macro-F1", "paired", "MB a round", "MB in all rounds"]
    compressed = {"8 bits": BASE, "6 bits": "6 bits", "4 bits": "4 bits"}
    against = [f"{bits} {scores(curves[arm], curves[UNCOMPRESSED])[1]}" for bits, arm in compressed.items()]
    sheet = rows_of([*columns, "rounds to the target", "MB until then"], rows)
    return [*sheet, "", f"Points of macro-F1 against {UNCOMPRESSED}: {', '.join(against)}."]


def part_rows(curves: Curves) -> list[str]:
    """Each part taken away."""
    rows = [[taken, *scores(curves[arm], curves[BASE])] for taken, arm in TAKEN_AWAY.items()]
    rows.append(["no 8 bits: 32", *scores(curves[UNCOMPRESSED], curves[BASE])])
    for arm in BACKBONES:
        rows.append([named(arm, curves), *scores(curves[arm], curves[OVER_NOISE if arm == DENOISER else BASE])])
    return rows_of(["taken away, or put before it", "macro-F1", "paired"], rows)


def harm_rows(curves: Curves) -> list[str]:
    """A home that does harm."""
    rows = []
    for arm in HARMED:
        spoilt = np.mean([run["spoilt"] for run in curves[arm]])
        rows.append([named(arm, curves), *scores(curves[arm], curves[BASE]), f"{spoilt:.1f} of {ROUNDS}"])
    return rows_of(["what it sends", "macro-F1", "paired", "rounds spoilt"], rows)


def private_rows(curves: Curves) -> list[str]:
    """Noise, and the epsilon that it gives."""
    rows = [
        [named(arm, curves), *scores(curves[arm], curves[BASE]), f"{curves[arm][0]['epsilon']:.1f}"] for arm in PRIVATE
    ]
    return rows_of(["homes and noise", "macro-F1", "paired", "epsilon"], rows)


def wire_rows(sizes: Sizes) -> list[str]:
    """What messages weigh at full size."""
    rows = []
    for size in (sizes["arms"][BASE], sizes["arms"][IN_THE_CLEAR], sizes["arms"][UNCOMPRESSED], *sizes["wire"]):
        what = [str(size["bits"]), "yes" if size["masking"] else "no", str(size["homes"] or "whole model, 16-bit")]
        weights = [f"{size[way] / 1e6:.3f}" for way in ("up", "down", "down_whole")]
        rows.append([*what, str(size["ring_bits"]), *weights])
    columns = ["bits", "masked", "homes a round", "bits on the wire", "MB up", "MB down", "MB down to a new home"]
    return rows_of(columns, rows)
