"""One line of what each recorded result says, for the index of docs/results and for README; figures from its JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from benchmarks.lib.endurance_headlines import ENDURANCE
from benchmarks.lib.hearing_headlines import HEARING
from benchmarks.lib.learning_headlines import LEARNING
from benchmarks.lib.record import RESULTS

Figures = dict[str, Any]
LIBROSA, YAMNET = "librosa's hop / our hop", "our frame / YAMNet's window"


def headline(name: str) -> str:
    """The line of a recorded result. Raises KeyError when none is written for it here."""
    return HEADLINES[name](figures(name))


def figures(name: str) -> Figures:
    """The recorded JSON of a result."""
    return json.loads((RESULTS / f"{name}.json").read_text())


def _budgets(found: Figures) -> str:
    met = sum(row["figure"] <= row["budget"] for row in found["rows"])
    return f"{met} of {len(found['rows'])} budgets of the design are met"


def _boards(found: Figures) -> str:
    pi = found["estimates"]["Raspberry Pi 4"]["crying"]["likely_ms"]
    return f"a frame while a baby cries, every model running: an estimated {pi:.0f} ms on a Raspberry Pi 4, of 96 ms"


def _speed(found: Figures) -> str:
    ratios = found["ratios"]
    return (
        f"one frame costs {ratios[YAMNET]:.2f} of a YAMNet window; "
        f"librosa's features take {ratios[LIBROSA]:.0f} times as long as ours"
    )


def _engines_speed(found: Figures) -> str:
    return f"{len(found['rows_us'])} ways to run the detector, one frame each"


def _experts_speed(found: Figures) -> str:
    return f"two experts at once: {found['frame_ms']['cpu']['p50']:.1f} ms of CPU a frame here (median)"


def _bench_noise(found: Figures) -> str:
    share = min(shares["1.5"] for shares in found["found"].values())
    return (
        f"a stage 1.5 times slower is found in {share:.0%} of pairs of runs; "
        f"{found['false_comparisons']} of {found['pairs']} pairs of the same code call one slower"
    )


def _processes(found: Figures) -> str:
    figures = [float(unit["exposure"]) for unit in found["units"] if unit["exposure"] != "unknown"]
    return (
        f"hearing, bridge and page together {found['together_mb']:.0f} MB; exposure of their units at most "
        f"{max(figures, default=float('nan')):.1f} of 10"
    )


def _analyze_jobs(found: Figures) -> str:
    rows = found["hours_a_minute"]
    return "analyze hears " + ", ".join(
        f"{hours:.1f} hours of recordings a minute with {jobs} job{'s' if jobs != '1' else ''}"
        for jobs, hours in rows.items()
    )


def _package_sizes(found: Figures) -> str:
    device, host = found["wheels"]
    installed = max(sum(board["packages"].values()) for board in found["boards"])
    return (
        f"the device's wheel weighs {device['bytes'] / 1e6:.1f} MB, the host's {host['bytes'] / 1e6:.1f}; installed on "
        f"a Raspberry Pi {installed / 1e6:.0f} MB"
    )


def _profiles(found: Figures) -> str:
    judged = [abs(row["ratio"] - 1) for row in found["rows"] if row["judged"]]
    return (
        f"of {len(judged)} files the totals are within {max(judged):.0%} of litert-benchmark's and onnxruntime's own, "
        f"{sum(one <= 0.1 for one in judged)} within a tenth"
    )


def _zoo(found: Figures) -> str:
    counts = found["exported"].values()
    return (
        f"of {found['without_a_mistake']} models of the kinds that people train each of {len(counts)} targets takes "
        f"{min(counts)} or more; {found['models'] - found['without_a_mistake']} with a mistake are refused"
    )


def _quantisers(found: Figures) -> str:
    models = found["rows"].values()
    files = sum("failed" not in row for kinds in models for makers in kinds.values() for row in makers.values())
    return f"int8, dynamic and FP16 of {len(models)} trained models, {files} files of four tools on the same frames"


def _foreign_models(found: Figures) -> str:
    rows = found["rows"].values()
    errors = [row[kind]["error"] for row in rows if "refused" not in row for kind in ("onnx", "tflite")]
    refused = sum("refused" in row for row in rows)
    return (
        f"{len(rows)} models of keras.applications, PyTorch, silero-vad in two engines: {refused} refused, the others "
        f"within {max(errors):.0e} of the originals"
    )


def _converters(found: Figures) -> str:
    cells = [(by, cell) for row in found["rows"].values() for by, cell in row.items()]
    names = dict.fromkeys(by for by, _ in cells)
    ran = {name: [cell for by, cell in cells if by == name] for name in names}
    told = (f"{name} {sum(cell.get('error', 1) <= 1e-4 for cell in its)} of {len(its)}" for name, its in ran.items())
    return f"float TFLite within 1e-4 of {len(found['rows'])} models: {', '.join(told)}"


def _streamed_steps(found: Figures) -> str:
    cells = [cell for row in found["rows"].values() for cell in row.values()]
    written = [cell for cell in cells if "refused" not in cell]
    return (
        f"{len(written)} of {len(cells)} exports of {len(found['rows'])} recurrent detectors as steps keep their bounds"
    )


def _export_targets(found: Figures) -> str:
    written = sum(target["written"] for target in found["targets"].values())
    return f"{written} of {len(found['targets'])} targets keep their bounds, {len(found['models'])} models each"


def _engines_agree(found: Figures) -> str:
    worst = max(row["same_file_posterior_error"] for row in found["rows"])
    return f"one bundle under {len(found['rows'])} engines: p(cry) differs by {worst:.1g} at most"


def _causes_donateacry(found: Figures) -> str:
    experts = [row for row in found["rows"] if row["answers"].startswith("expert")]
    scores = " and ".join(f"{row['macro_f1'][0]:.3f} (chance {row['macro_f1_null_95']:.3f})" for row in experts)
    return f"causes of donateacry cannot be told: macro-F1 {scores}; none is ever named"


def _causes_learn(found: Figures) -> str:
    digits = [row for row in found["rows"] if row["task"] == "fsdd"]
    best, svm = max(digits, key=lambda row: row["macro_f1"]["mean"]), digits[0]
    return (
        f"digits of unheard speakers: {best['model']} macro-F1 {best['macro_f1']['mean']:.2f}, "
        f"{svm['model']} {svm['macro_f1']['mean']:.2f}"
    )


def _causes_cost(found: Figures) -> str:
    rows = found["rows"]
    share = 1 - rows["parallel_lmu"]["head_parameters"] / rows["lstm"]["head_parameters"]
    return f"a parallel Legendre memory has {share:.0%} fewer parameters than an LSTM"


def _causes_features(found: Figures) -> str:
    digits = [row for row in found["rows"] if row["task"] == "fsdd"]
    best = max(digits, key=lambda row: row["macro_f1"]["mean"])
    return f"of the features, {best['features']} tells most on digits: macro-F1 {best['macro_f1']['mean']:.2f}"


def _causes_fusion(found: Figures) -> str:
    rows = found["rows"]
    ours, merged = rows["shared, calibrated"]["both"][0], rows["merged training"]["both"][0]
    return f"fused experts of two domains: macro-F1 {ours:.2f}; one model trained on both {merged:.2f}"


def _pitch(found: Figures) -> str:
    row = next(row for row in found["rows"] if row["snr_db"] == found["bar"]["snr_db"])
    ours, times = row["accuracy"]["ours"][0], found["ms_per_s"]["pYIN (librosa)"] / found["ms_per_s"]["ours"]
    return (
        f"pitch within 50 cents in {ours:.1%} of voiced frames at {row['snr_db']} dB, {times:.0f} times as fast as pYIN"
    )


def _denoising(found: Figures) -> str:
    gained = found["rows"]["differences"]["taught over noise"]["0"]["cells"]
    return "a denoiser gains {:+.1f} points ({:+.1f} to {:+.1f}) at 0 dB over training on the same noise".format(
        *gained
    )


def _unknown_sounds(found: Figures) -> str:
    auroc = found["rows"]["all"]["scores"]["energy, after outliers"]["auroc"]
    return f"the energy score tells cries from other sounds: AUROC {auroc[0]:.3f}, bar {found['bar']}"


def _site_calibration(found: Figures) -> str:
    rows = [row for row in found["rows"] if row["task"] == "fsdd" and row["taught"] == row["judged"] == row["fitted"]]
    mean = sum(row["ece_after"][0] for row in rows) / len(rows)
    return f"calibration error in site {mean:.3f} after temperature, bar {found['bar']}"


def _transformer_cost(found: Figures) -> str:
    full, pi = (sum(found["presets"][name]["multiply_adds"].values()) / 1e6 for name in ("full", "pi"))
    return f"M multiply-adds a frame: `full` {full:.0f}, `pi`, which ships, {pi:.0f}"


def _federation(found: Figures) -> str:
    from benchmarks.studies.federation_arms import BASE
    from benchmarks.studies.federation_table import rounds_to_targets
    from training.runs.metrics import mean_interval

    both, fedavg = (rounds_to_targets(found["curves"], arm) for arm in (BASE, "FedAvg"))
    mean, low, high = mean_interval([a - b for a, b in zip(both, fedavg, strict=True)])
    largest = max(found["sizes"]["wire"], key=lambda size: size["homes"])
    return (
        f"control variates with a proximal term take {mean:+.0f} rounds ({low:+.0f} to {high:+.0f}) beside FedAvg's "
        f"{sum(fedavg) / len(fedavg):.0f}; a home of {largest['homes']} sends "
        f"{largest['up'] / 1e6:.2f} MB a round, masked"
    )


def _federation_scale(found: Figures) -> str:
    largest = found["rows"][-1]
    homes, seconds = largest["homes"], largest["server_s"]
    return f"a masked round of {homes} homes at a tenth of full size takes the server {seconds:.0f} s"


HEADLINES: dict[str, Callable[[Figures], str]] = {
    **HEARING,
    **LEARNING,
    "budgets": _budgets,
    "boards": _boards,
    "speed": _speed,
    "engines_speed": _engines_speed,
    "experts_speed": _experts_speed,
    "bench_noise": _bench_noise,
    "profiles": _profiles,
    "processes": _processes,
    "analyze_jobs": _analyze_jobs,
    "package_sizes": _package_sizes,
    "export_targets": _export_targets,
    "zoo": _zoo,
    "foreign_models": _foreign_models,
    "converters": _converters,
    "streamed_steps": _streamed_steps,
    "quantisers": _quantisers,
    "engines_agree": _engines_agree,
    "causes_donateacry": _causes_donateacry,
    "causes_learn": _causes_learn,
    "causes_cost": _causes_cost,
    "causes_features": _causes_features,
    "causes_fusion": _causes_fusion,
    "pitch": _pitch,
    "denoising": _denoising,
    "unknown_sounds": _unknown_sounds,
    "site_calibration": _site_calibration,
    "transformer_cost": _transformer_cost,
    "federation": _federation,
    "federation_scale": _federation_scale,
    **ENDURANCE,
}
