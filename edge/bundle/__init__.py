"""What runs from a bundle: a directory with manifest.json and model files, verified before use.

Depends on edge.dsp (the feature parameters it must agree with), edge.decision.fusion (whether its experts can be
fused) and edge.engines.
"""

import os
from typing import List, NamedTuple, Optional

from edge.bundle.detector import Detector
from edge.bundle.expert import Expert
from edge.bundle.files import verify_files
from edge.bundle.manifest import DETECTOR, FusionSettings, experts_of, read_manifest

__all__ = ["DEFAULT_BUNDLE_DIR", "Bundle", "Detector", "Expert", "load_bundle", "read_manifest", "verify_files"]

_EDGE_DIR = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DEFAULT_BUNDLE_DIR = os.path.join(_EDGE_DIR, "default_bundle")


class Bundle(NamedTuple):
    """A verified bundle with its engines open."""

    name: str
    version: str
    sha256: str  # of manifest.json, which itself holds the SHA-256 of every model file
    directory: str
    detector: Detector
    experts: List[Expert] = []
    fusion: Optional[FusionSettings] = None  # None without experts

    def warm_up(self):
        """Run every model once, so that the first frame is not the slow one."""
        self.detector.warm_up()
        for expert in self.experts:
            expert.warm_up()


def load_bundle(directory=DEFAULT_BUNDLE_DIR, threads=1):
    """Read, verify and open the bundle in a directory; threads: of each inference engine.

    Raises UserError when it is missing, damaged, of a newer schema, made for other features, or when no
    installed engine can run it.
    """
    directory = str(directory)
    manifest = read_manifest(directory)
    verify_files(manifest, directory)
    detector = next(model for model in manifest.models if model.role == DETECTOR)
    return Bundle(manifest.name, manifest.version, manifest.sha256, directory, Detector(detector, directory, threads),
                  [Expert(model, directory, threads) for model in experts_of(manifest.models)], manifest.fusion)
