"""Ten lines that are all that is asked of a PyTorch model: save it, and say what it looks at.

python my_network.py DIR     writes DIR/net.pt2 and DIR/model.json
"""

import json
import sys
from pathlib import Path

import torch
from train import DEVIATION, MEAN, MFCC, trained_network

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
network, example = trained_network()  # any nn.Module, and what it takes: (1, 1, coefficients, columns)
torch.export.save(torch.export.export(network.eval(), (example,)), folder / "net.pt2")
description = {
    "labels": ["other", "cry"],
    "cry_labels": ["cry"],
    "activation": "softmax",
    "feature": {"name": "mfcc", "parameters": MFCC},
    "normalisation": {"kind": "row_z_score", "rows": list(range(len(MEAN))), "mean": MEAN, "deviation": DEVIATION},
}
(folder / "model.json").write_text(json.dumps(description))
