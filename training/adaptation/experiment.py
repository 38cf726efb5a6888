"""Methods of adaptation beside one another: each learns on the same clips and is judged on the same unheard groups."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras

from training.adaptation.domains import Domains, scores
from training.adaptation.methods import find_method
from training.adaptation.stage import LABELS, Settings, outputs_of
from training.runs.stage import DONE, Effort, run_stage

RESULT = "result.json"


def adapt(domains: Domains, method: str, settings: Settings, folder: Path) -> dict[str, Any]:
    """Scores in the source and in the target of a method that learnt; what is done is read.

    Raises UserError for an unknown method.
    """
    made = find_method(method)
    if (folder / RESULT).is_file():
        return json.loads((folder / RESULT).read_text())
    if folder.is_dir() and not (folder / DONE).is_file():
        shutil.rmtree(folder)  # what sets in slowly cannot go on in the middle
    keras.utils.set_random_seed(settings.seed)
    stage = made(domains, settings)
    effort = Effort(
        settings.epochs, settings.epochs, settings.learning_rate, 1e-4, settings.batch_size // 2, (settings.seed,)
    )
    curves = run_stage(stage, effort, folder)
    stage.finished()
    result: dict[str, Any] = {"method": method, "settings": asdict(settings), "curves": curves}
    for name, frames, clips in (
        ("source", domains.source, domains.judged_source),
        ("target", domains.target, domains.judged_target),
    ):
        logits = outputs_of(stage.model, frames.take(frames.of(clips)))[LABELS]
        result[name] = scores(domains, frames, clips, logits)
    (folder / RESULT).write_text(json.dumps(result, indent=1) + "\n")
    return result


def as_table(results: list[dict[str, Any]]) -> str:
    """Macro-F1 and accuracy of each method, Markdown."""
    lines = [
        "| method | source macro-F1 | target macro-F1 | source accuracy | target accuracy |",
        "|---|---|---|---|---|",
    ]
    for own in results:
        cells = [f"{own[d][s]:.3f}" for s in ("macro_f1", "accuracy") for d in ("source", "target")]
        lines.append(f"| {own['method']} | {' | '.join(cells)} |")
    return "\n".join(lines)
