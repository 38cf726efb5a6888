"""What each target of edge-export costs the models that ship, the detector and the experts, against Keras.

python -m benchmarks.export.export_targets [--model DIR]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.lib.record import record
from edge.bundle.model import DENOISER
from edge.errors import UserError
from export.exporter import export_bundle
from export.parity.calibration import DEFAULT_CALIBRATION_DIR
from export.sources.model_set import DEFAULT_MODEL_DIR
from export.targets import TARGETS, Target

HEADER = (
    "| target | file | bytes | posterior error, max | logit error, max | labels agree | AUC change, points (95 %) "
    "| ms here | in |\n|---|---|---|---|---|---|---|---|---|"
)


def main() -> int:
    """Export every target into a temporary folder and record what it cost; 1 when one is outside its bounds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL_DIR)
    parser.add_argument("--calibration", type=Path, default=DEFAULT_CALIBRATION_DIR)
    arguments = parser.parse_args()
    reports = {}
    try:
        with tempfile.TemporaryDirectory() as folder:
            for target in TARGETS.values():
                out = Path(folder) / target.name
                reports[target.name] = export_bundle(target, arguments.model, arguments.calibration, out, progress)
    except UserError as error:
        print(f"export_targets: error: {error}", file=sys.stderr)
        return 1
    files = {name: [file_figures(file) for file in report["files"]] for name, report in reports.items()}
    models = next(iter(reports.values()))["models"]
    figures = {
        "models": models,
        "targets": {
            name: {"written": reports[name]["written"], "files": rows, **extra(reports[name])}
            for name, rows in files.items()
        },
    }
    record("export_targets", figures, table(files, models))
    failed = [name for name, report in reports.items() if not report["written"]]
    if failed:
        print(f"export_targets: error: outside the bounds: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def progress(line: str) -> None:
    """On stderr, as the command does."""
    print(line, file=sys.stderr)


def file_figures(file: dict[str, Any]) -> dict[str, Any]:
    """A file of a report without what only its own page shows."""
    return {key: value for key, value in file.items() if key not in ("errors", "worst", "sha256")}


def extra(report: dict[str, Any]) -> dict[str, Any]:
    """How int8 ranges were chosen, where they were."""
    model = report["models"][0]
    return {"int8_ranges": model["int8_ranges"]} if "int8_ranges" in model else {}


def table(files: dict[str, list[dict[str, Any]]], models: list[dict[str, Any]]) -> str:
    """One row per file, the fp32 ONNX of the rpi targets only once."""
    lines = [HEADER]
    for name, rows in files.items():
        for row in rows:
            if not repeats(TARGETS[name], row):
                lines.append(line(name, row))
    parity, temperature = models[0]["calibration"]["parity"], models[0]["temperature"]
    origin = "fitted" if temperature["fitted"] else "the model's own"
    lines.append(
        f"\nThe detector is compared with Keras on {parity['frames']} frames of {parity['groups']} groups, which "
        f"neither int8 ranges nor temperature were fitted on. Every other rpi target holds the same fp32 ONNX too. The "
        f"error of the file with FP16 types is that with every tensor rounded to half precision. Temperature "
        f"{temperature['value']:g} ({origin}): calibration error {temperature['ece_before']:.3f} at 1, "
        f"{temperature['ece_after']:.3f} at it. No TensorRT engine was built."
    )
    if len(models) > 1:
        lines[-1] += (
            " Experts on fused columns are compared over streams of made-up sounds, which have no cause and so no AUC: "
            "no tensor of a recording from which it could be heard again is kept."
        )
    if any(model["role"] == DENOISER for model in models):
        lines[-1] += (
            " The denoiser's error is the log-spectral distance between its frames and Keras's, and of a normalised "
            "band; it denoises by how much nearer it brings cries with other sounds under them to the cries alone. AUC "
            "of an expert on frames: whether its energy score finds cries more known than other sounds."
        )
    return "\n".join(lines)


def repeats(target: Target, row: dict[str, Any]) -> bool:
    """Whether a row has been shown with another target."""
    return target.tensorrt is None and target.precision != "fp32" and row["kind"] == "onnx"


def line(target: str, row: dict[str, Any]) -> str:
    """One row of the table."""
    if "parity" not in row:
        return f"| {target} | {row['path']} | {row['bytes']:,} | | | | | | |"
    parity, ends = row["parity"], f"{row['latency_ms']:.3f} | {row['engine']} |"
    if "distance_db" in parity:
        gains = f"{parity['gain_db']:.2f} of {parity['keras_gain_db']:.2f} dB"
        return (
            f"| {target} | {row['path']} | {row['bytes']:,} | {parity['distance_db']:.3f} dB "
            f"| {parity['max_error']:.1e} | | denoises by {gains} | {ends}"
        )
    auc = parity["energy_auc"] or parity["auc"]
    change = f"{auc['points']:+.2f} ({auc['low']:+.2f} - {auc['high']:+.2f})" if auc else ""
    agreement = "-" if parity["label_agreement"] is None else f"{parity['label_agreement']:.2%} of {parity['n_clear']}"
    return (
        f"| {target} | {row['path']} | {row['bytes']:,} | {parity['max_posterior_error']:.1e} "
        f"| {parity['max_logit_error']:.1e} | {agreement}{behind_denoiser(row)} | {change} | {ends}"
    )


def behind_denoiser(row: dict[str, Any]) -> str:
    """How often an expert answers as Keras does when the exported denoiser stands before it, as on the device."""
    chain = row.get("behind_denoiser")
    if chain is None or chain["label_agreement"] is None:
        return ""
    return f", behind the exported denoiser {chain['label_agreement']:.2%}"


if __name__ == "__main__":
    sys.exit(main())
