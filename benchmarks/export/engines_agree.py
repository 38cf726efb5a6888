"""One bundle, the same answers: every engine and processor that is here, on the parity frames of calibration_data.

    python -m benchmarks.export.engines_agree [--bundle DIR ...] [--python COMMAND ...]

Every model file is run by each engine that reads it, under this Python and under each COMMAND that starts another one:
a second environment's python (tflite-runtime 2.14 needs Python 3.11 or older and NumPy 1; a Jetson Nano's is 3.6 with
onnxruntime 1.10), or an emulated arm64 one, `run_aarch64 ROOT -cpu cortex-a72 --`, with ai-edge-litert 2.1.6 and
onnxruntime 1.20 (the newest ones crash in the emulator).
Exit status 1 when answers differ by more than the bounds of an export.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.lib.record import record
from edge.bundle import DEFAULT_BUNDLE_DIR, read_manifest, verify_files
from edge.bundle.files import RUNNABLE_KINDS
from edge.bundle.frame_network import normalise
from edge.bundle.manifest import Model
from edge.engines import CANDIDATES

FRAMES = Path(__file__).parents[2] / "calibration_data" / "detector_log_mel.npz"
CLEAR_MARGIN = 0.05  # |p - (1 - p)|: below it a changed label means nothing
EMULATED_TIMEOUT_S = 3600
FLOAT_LOGIT_BOUND = 1e-3  # between engines on one float file, over max(1, max |logit|)
# Engines round an int8 or dynamic file differently: its logits have no bound, its labels have, as in an export.
LABEL_BOUND = {"fp32": 1.0, "fp16": 1.0, "dynamic": 0.99, "int8": 0.99}  # of the clear frames, against the reference


class Answers(NamedTuple):
    """What one engine said to every frame."""

    bundle: str
    file: str
    precision: str
    engine: str
    machine: str
    python: str
    logits: np.ndarray  # (N,)


class Row(NamedTuple):
    """Answers beside those of the same file's first engine, and beside the reference."""

    bundle: str
    file: str
    engine: str
    machine: str
    python: str
    same_file_logit_error: float  # largest
    same_file_posterior_error: float  # largest
    label_agreement: float  # with the reference, of the clear frames
    broken: list[str]  # bounds, in words


def network_inputs(model: Model, frames: np.ndarray) -> np.ndarray:
    """(N, 98, 64) log-mel frames as the network takes them: (N, 98, 64, 1) float32."""
    inputs = np.zeros((*frames.shape, 1), np.float32)
    for frame, out in zip(frames.astype(np.float32), inputs):
        normalise(frame, model.normalisation.scale, out=out[:, :, 0])
    return inputs


def ask(command: list[str], package: str, model: Path, inputs: Path, out: Path) -> dict | str:
    """The arrays of engine_answers, or why there are none."""
    arguments = ["-m", "benchmarks.export.engine_answers", package, str(model), str(inputs), str(out)]
    done = subprocess.run(
        command + arguments,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=EMULATED_TIMEOUT_S,
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith(package)] or done.stderr.splitlines()
        return lines[-1] if lines else f"exit status {done.returncode}"
    with np.load(out) as stored:
        return {name: stored[name] for name in stored.files}


def name_of(command: list[str]) -> str:
    """A Python as the results name it: they hold no path of one machine."""
    code = "import platform; print('Python', platform.python_version(), 'on', platform.machine())"
    done = subprocess.run([*command, "-c", code], capture_output=True, text=True, timeout=EMULATED_TIMEOUT_S)
    return done.stdout.strip() or "a Python that does not start"


def all_answers(directory: Path, commands: list[list[str]], frames: np.ndarray) -> tuple[list[Answers], list[str]]:
    """Every engine's answers to a bundle's files, and one line for each engine that gave none."""
    manifest = read_manifest(str(directory))
    verify_files(manifest.models, str(directory))
    (model,) = [model for model in manifest.models if model.role == "detector"]
    answers, absent = [], []
    with tempfile.TemporaryDirectory(prefix="engines-agree-") as folder:
        inputs = Path(folder) / "inputs.npy"
        np.save(inputs, network_inputs(model, frames))
        for kind in (kind for kind in RUNNABLE_KINDS if kind in model.files):
            entry = model.files[kind]
            for package in (c.package for c in CANDIDATES if c.file_format == kind):
                for number, command in enumerate(commands):
                    path = (directory / entry.path).absolute()
                    said = ask(command, package, path, inputs, Path(folder) / f"{number}-{package}.npz")
                    if isinstance(said, str):
                        if not said.endswith("not installed"):
                            absent.append(f"{entry.path}: {said} ({name_of(command)})")
                        continue
                    answers.append(
                        Answers(
                            directory.name,
                            entry.path,
                            entry.precision,
                            str(said["engine"]),
                            str(said["machine"]),
                            str(said["python"]),
                            said["logits"][:, 0].astype(np.float64),
                        )
                    )
    return answers, absent


def compare(answers: list[Answers], temperature: float) -> list[Row]:
    """One row for each of a bundle's answers; the reference is the ONNX file where there is one, else the first."""
    reference = next((a for a in answers if a.file.endswith(".onnx")), answers[0])
    expected = posterior(reference.logits, temperature)
    clear = np.abs(2 * expected - 1) >= CLEAR_MARGIN
    rows = []
    for given in answers:
        first = next(a for a in answers if a.file == given.file)
        p = posterior(given.logits, temperature)
        logit_error = float(np.abs(given.logits - first.logits).max())
        posterior_error = float(np.abs(p - posterior(first.logits, temperature)).max())
        agreement = float(((p >= 0.5) == (expected >= 0.5))[clear].mean())
        limit = FLOAT_LOGIT_BOUND * max(1.0, float(np.abs(first.logits).max()))
        broken = [] if np.isfinite(given.logits).all() else ["logits are NaN or infinite"]
        # Written as "not kept", because every comparison with NaN is false.
        if given.precision in ("fp32", "fp16") and not logit_error <= limit:
            broken.append(f"logit error {logit_error:.2g} over {limit:.2g}")
        if not agreement >= LABEL_BOUND[given.precision]:
            broken.append(f"label agreement {agreement:.4f} under {LABEL_BOUND[given.precision]:g}")
        rows.append(
            Row(
                given.bundle,
                given.file,
                given.engine,
                given.machine,
                given.python,
                logit_error,
                posterior_error,
                agreement,
                broken,
            )
        )
    return rows


def posterior(logits: np.ndarray, temperature: float) -> np.ndarray:
    """p(cry) of logits."""
    return 0.5 * (1 + np.tanh(logits / (2 * temperature)))


def table(rows: list[Row], absent: list[str], frames: int) -> str:
    """For the documents."""
    lines = [
        "| bundle | file | engine | Python | processor | logit, largest difference | p(cry), largest difference | "
        "same label as ONNX | bounds |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = (
            row.bundle,
            row.file,
            row.engine,
            row.python,
            row.machine,
            f"{row.same_file_logit_error:.1e}",
            f"{row.same_file_posterior_error:.1e}",
            f"{row.label_agreement:.2%}",
            "; ".join(row.broken) or "kept",
        )
        lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        f"{frames} frames. Differences are from the first engine of the same file; labels are compared where the "
        f"reference is {CLEAR_MARGIN:g} or more from a tie. aarch64 is emulated.",
    ]
    return "\n".join(lines + ([f"Not run: {'; '.join(absent)}."] if absent else []))


def main() -> None:
    """Run and record; exit status 1 when a bound is broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--bundle", type=Path, nargs="+", default=[Path(DEFAULT_BUNDLE_DIR)], help="(default: the one that ships)"
    )
    parser.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="COMMAND",
        help="another Python, quoted as one argument; may be given again",
    )
    arguments = parser.parse_args()
    with np.load(FRAMES) as stored:
        frames = stored["parity"]
    commands = [[sys.executable]] + [shlex.split(command) for command in arguments.python]
    rows, absent = [], []
    for directory in arguments.bundle:
        answers, without = all_answers(directory, commands, frames)
        if not answers:
            sys.exit(f"{directory}: no engine here runs it: {'; '.join(without)}")
        temperature = read_manifest(str(directory)).models[0].temperature
        rows += compare(answers, temperature)
        absent += without
    run = {row.engine.split(" ")[0] for row in rows}
    absent += [f"{c.package}: not installed" for c in CANDIDATES if c.package not in run]
    figures = {"frames": len(frames), "rows": [row._asdict() for row in rows], "not_run": absent}
    record("engines_agree", figures, table(rows, absent, len(frames)))
    if any(row.broken for row in rows):
        sys.exit("the engines differ by more than the bounds")


if __name__ == "__main__":
    main()
