"""Methods of adaptation beside one another: each learns on the same clips and is judged on the same unheard groups."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np

from training.adaptation.domains import Domains, scores
from training.adaptation.methods import find_method
from training.adaptation.stage import LABELS, Adaptation, Settings, outputs_of
from training.data.log_mel_frames import Frames
from training.runs.stage import DONE, Effort, run_stage

RESULT = "result.json"
SOURCE, AFTERWARDS, TARGET = "source", "source_afterwards", "target"


def adapt(domains: Domains, method: str, settings: Settings, folder: Path) -> dict[str, Any]:
    """Scores in the source and in the target of a method that learnt; what is done is read.

    A method that exchanges moments afterwards leaves the source its own: SOURCE is with these, AFTERWARDS with the
    target's. Raises UserError for an unknown method.
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
    result: dict[str, Any] = {"method": method, "settings": asdict(settings), "curves": curves}
    result[SOURCE] = judged(stage, domains.source, domains.judged_source)
    stage.finished()
    result[AFTERWARDS] = judged(stage, domains.source, domains.judged_source)
    result[TARGET] = judged(stage, domains.target, domains.judged_target)
    (folder / RESULT).write_text(json.dumps(result, indent=1) + "\n")
    return result


def judged(stage: Adaptation, frames: Frames, clips: np.ndarray) -> dict[str, float]:
    """Scores of clips by the stage's model as it is."""
    logits = outputs_of(stage.model, frames.take(frames.of(clips)))[LABELS]
    return scores(stage.domains, frames, clips, logits)


def as_table(results: list[dict[str, Any]]) -> str:
    """Macro-F1 and accuracy of each method, Markdown."""
    lines = [
        "| method | source macro-F1 | with target moments | target macro-F1 | source accuracy | target accuracy |",
        "|---|---|---|---|---|---|",
    ]
    for own in results:
        cells = [f"{own[d]['macro_f1']:.3f}" for d in (SOURCE, AFTERWARDS, TARGET)]
        cells += [f"{own[d]['accuracy']:.3f}" for d in (SOURCE, TARGET)]
        lines.append(f"| {own['method']} | {' | '.join(cells)} |")
    return "\n".join(lines)
