"""The lines of what small, transferred, adapted and recognising models came to: see headlines.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Figures = dict[str, Any]


def _compression(found: Figures) -> str:
    rows = [row for row in found["tasks"]["fsdd 256 20"]["rows"] if row["cell"] == "lstm"]
    means = {row["name"]: float(np.mean([run["clean"] for run in row["runs"]])) for row in rows}
    best = max((row for row in rows if row["train"]), key=lambda row: means[row["name"]])
    score, base = means[best["name"]], means[rows[0]["name"]]
    fewer = rows[0]["parameters"] / best["parameters"]
    return (
        f"digits, an LSTM as tensor trains: macro-F1 {score:.2f} with {fewer:.0f} times fewer numbers, dense {base:.2f}"
    )


def _compression_cost(found: Figures) -> str:
    rows = {row["name"]: row for row in found["rows"]}
    dense, train = rows["LSTM 768"], rows["LSTM 768, d 3, r 2"]
    return (
        f"an LSTM of 768 units as tensor trains: {dense['parameters'] / train['parameters']:.0f} times fewer numbers, "
        f"a step takes {train['cpu_us']['train fp32'] / dense['cpu_us']['dense fp32']:.2f} of the time"
    )


def _compression_where(found: Figures) -> str:
    rows = [row for row in found["rows"] if row["model"] == "detector" and row["after"]]
    most = max(row["share"] for row in rows if row["way"].startswith("tensor"))
    ways = {row["way"].partition(",")[0]: row["after"]["rms_error"] for row in rows if abs(row["share"] - most) < 1}
    shown = ", ".join(f"{way} {error:.1f}" for way, error in sorted(ways.items(), key=lambda pair: pair[1]))
    return f"a CNN {most:.0f} times smaller, error of its logits: {shown}"


def _adaptation(found: Figures) -> str:
    task = found["rows"][0]["task"]
    rows = [row for row in found["rows"] if row["task"] == task]
    means = {
        m: np.mean([r["target"]["macro_f1"] for r in rows if r["method"] == m]) for m in {r["method"] for r in rows}
    }
    base = means.pop("source_only")
    best = max(means, key=lambda method: means[method])
    return f"{task}: macro-F1 {base:.2f} from the source alone, {means[best]:.2f} by {best}, the best of {len(means)}"


def _from_night(found: Figures) -> str:
    def told(share: float) -> tuple[float, float]:
        own = [row for row in found["rows"] if row["share"] == share and row["verifier"]]
        cries = [one for row in own for one in row["found"]]
        return sum(row["false_alarms"] for row in own) / max(1, len(own)), sum(cries) / max(1, len(cries))

    (before, found_before), (after, found_after) = told(0.0), told(0.1)
    return (
        f"a detector fitted to its home by a tenth: {after:.1f} false alarms an hour instead of {before:.1f}, "
        f"{found_after:.0%} of cries found instead of {found_before:.0%}"
    )


def _transfer(found: Figures) -> str:
    rows = [row for row in found["rows"] if row["share"] == 0.1]
    means = {
        s: np.mean([r["macro_f1"] for r in rows if r["start"] == s]) for s in dict.fromkeys(r["start"] for r in rows)
    }
    shown = ", ".join(f"{start} {score:.2f}" for start, score in means.items())
    return f"human sounds with a tenth of their labels, macro-F1: {shown}"


def _infant_id(found: Figures) -> str:
    own = found["rows"][0]["within a platform"]
    return f"one phone or two: equal error rate {own['eer']:.0%} ({own['low']:.0%} to {own['high']:.0%}), chance 50%"


def _kept_inversion(found: Figures) -> str:
    rows = found["rows"]["the same speakers"]
    kept = rows["the networks' answers as they are kept"]
    best, in_log_mel = max(np.mean(kept[key]) for key in ("directly", "inverted")), np.mean(rows["log-mel"]["directly"])
    return (
        f"of ten digits said alone {best:.0%} are recognised in what [learn] keeps, {in_log_mel:.0%} in log-mel, "
        f"10% by chance"
    )


def _federated_step(found: Figures) -> str:
    return (
        f"a home's round of {found['steps']} steps on the fusion takes "
        f"{found['steps'] * found['instructions'] / 1e6:.0f} M Cortex-A72 instructions"
    )


def _federation_fusion(found: Figures) -> str:
    from benchmarks.studies.federation_fusion_table import BASE, LOCAL_ONLY, SHIPPED, gain

    more = [gain(found["runs"], BASE, other, "macro_f1") for other in (SHIPPED, LOCAL_ONLY)]
    return f"homes that teach the fusion together gain {more[0]} points on what ships, {more[1]} on learning alone"


def _federation_privacy(found: Figures) -> str:
    from benchmarks.studies.federation_privacy_table import ARMS, SHIPPED, by_seed

    arm, shipped = list(ARMS.values())[-1], by_seed(found["runs"], SHIPPED).mean()
    spent = next(iter(found["runs"][0].values()))[arm]["epsilon"]
    return (
        f"{arm}: epsilon {spent:.1f} on the fusion at macro-F1 {by_seed(found['runs'], arm).mean():.1f} %, "
        f"what ships {shipped:.1f} %"
    )


def _federation_presets(found: Figures) -> str:
    row = next(row for row in found["rows"] if row["preset"] == "pi")
    return f"the `pi` Transformer's {row['numbers']:,} adapters: {row['up']['8'] / 1e6:.2f} MB a home and round, masked"


LEARNING: dict[str, Callable[[Figures], str]] = {
    "compression": _compression,
    "compression_cost": _compression_cost,
    "compression_where": _compression_where,
    "adaptation": _adaptation,
    "from_night": _from_night,
    "transfer": _transfer,
    "infant_id": _infant_id,
    "kept_inversion": _kept_inversion,
    "federated_step": _federated_step,
    "federation_fusion": _federation_fusion,
    "federation_presets": _federation_presets,
    "federation_privacy": _federation_privacy,
}
