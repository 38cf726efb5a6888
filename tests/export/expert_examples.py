"""Experts that no one has trained: weights at random, moments and statistics those of synthetic sounds."""

import json

import numpy as np

from edge.dsp import fused
from export.kinds.expert import fused_clips
from training.causes.architecture import COLUMNS, Architecture
from training.causes.model import LOGITS, build_model

FUSION = {
    "method": "all",
    "tau": 1.0,
    "uncertain": {"threshold": 0.6, "risk": 0.2, "coverage": 0.3, "measured_risk": 0.2, "n_validation": 40},
}


def write_expert(folder, name, labels, encoder=(4, 4, 4), rows=range(0, fused.N_ROWS, 13), band_hz=4000.0, **changes):
    """A model directory; changes: of the architecture. Returns what model.json says."""
    import keras

    rows = list(rows)
    columns = [clip[: changes.get("columns", COLUMNS), rows] for clip in fused_clips("quantise", band_hz)]
    mean, deviation = np.mean(columns, axis=(0, 1)), np.std(columns, axis=(0, 1))
    deviation[deviation < 0.01] = 1.0  # rows above the band never change
    x = ((np.array(columns) - mean) / deviation).astype(np.float32)[..., None]
    keras.utils.set_random_seed(len(name))
    size = {"encoder": encoder, "head": "parallel_lmu", "rows": len(rows), **changes}
    model = build_model(Architecture(**size), len(labels))
    for _ in range(20):
        model(x[:8], training=True)  # batch norms learn the moments
    logits = np.asarray(model(x, training=False))
    kernel, bias = model.get_layer(LOGITS).get_weights()
    gain = 1 / logits.std(axis=0)
    model.get_layer(LOGITS).set_weights([kernel * gain, gain * (bias - logits.mean(axis=0))])
    description = {
        "role": "expert",
        "name": name,
        "version": "0.0.1",
        "labels": labels,
        "layers": ["training.layers.lmu"],
        "graph": "training.causes.streaming:export_graph",
        "feature": {"name": "fused", "parameters": fused.PARAMETERS, "band_hz": band_hz},
        "normalisation": {
            "kind": "row_z_score",
            "rows": rows,
            "mean": [round(float(v), 6) for v in mean],
            "deviation": [round(float(v), 6) for v in deviation],
        },
        "step": {"columns": 14, "window_columns": x.shape[1]},
        "temperature": 1.7,
        "energy_threshold": None,
        "metrics": {"split": "none"},
        "training": {"corpora": [{"name": "numbers", "licence": "CC0-1.0"}]},
    }
    folder.mkdir(parents=True, exist_ok=True)
    model.save(folder / "model.keras")
    (folder / "model.json").write_text(json.dumps(description))
    return description
