"""What runs from a bundle: a directory with manifest.json and model files, verified before use.

    manifest.py, model.py, fields.py  what a manifest says, read strictly
    files.py                          model files: verified, opened in an engine
    frame_network.py                  a network that takes one log-mel frame
    detector.py, denoiser.py          two such
    expert.py, frame_expert.py        experts on causes: of fused columns, and of such frames

Depends on edge.dsp (the feature parameters it must agree with), edge.decision.fusion (whether its experts can be
fused) and edge.engines.
"""

import os
from typing import List, NamedTuple, Optional, Union

from edge.bundle.denoiser import Denoiser
from edge.bundle.detector import Detector
from edge.bundle.expert import Expert
from edge.bundle.files import verify_files
from edge.bundle.frame_expert import FrameExpert
from edge.bundle.manifest import FusionSettings, read_manifest
from edge.bundle.model import DENOISER, DETECTOR, EXPERT, LOG_MEL

__all__ = [
    "DEFAULT_BUNDLE_DIR",
    "Bundle",
    "Denoiser",
    "Detector",
    "Expert",
    "FrameExpert",
    "load_bundle",
    "open_runner",
    "read_manifest",
    "verify_files",
]

_EDGE_DIR = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DEFAULT_BUNDLE_DIR = os.path.join(_EDGE_DIR, "default_bundle")


class Bundle(NamedTuple):
    """A verified bundle with its engines open."""

    name: str
    version: str
    sha256: str  # of manifest.json, which itself holds the SHA-256 of every model file
    directory: str
    detector: Detector
    experts: List[Union[Expert, FrameExpert]] = []
    fusion: Optional[FusionSettings] = None  # None without experts
    denoiser: Optional[Denoiser] = None

    def runners(self):
        """[(title, what runs it)] of every model, in the order in which a frame meets them."""
        return (
            [(DETECTOR, self.detector)]
            + ([(DENOISER, self.denoiser)] if self.denoiser else [])
            + [(EXPERT + " " + expert.name, expert) for expert in self.experts]
        )

    def engines(self):
        """{engine's name: [titles of the models that it runs]}."""
        titles = {}
        for title, runner in self.runners():
            titles.setdefault(runner.engine_name, []).append(title)
        return titles

    def warm_up(self):
        """Run every model once, so that the first frame is not the slow one."""
        for _, runner in self.runners():
            runner.warm_up()


def load_bundle(directory=DEFAULT_BUNDLE_DIR, threads=1):
    """Read, verify and open the bundle in a directory; threads: of each inference engine.

    Raises UserError when it is missing, damaged, of a newer schema, made for other features, or when no
    installed engine can run it.
    """
    directory = str(directory)
    manifest = read_manifest(directory)
    verify_files(manifest, directory)
    of_role = {DETECTOR: [], DENOISER: [], EXPERT: []}
    for model in manifest.models:
        of_role[model.role].append(open_runner(model, directory, threads))
    (detector,), denoiser = of_role[DETECTOR], next(iter(of_role[DENOISER]), None)
    return Bundle(
        manifest.name,
        manifest.version,
        manifest.sha256,
        directory,
        detector,
        of_role[EXPERT],
        manifest.fusion,
        denoiser,
    )


def open_runner(model, directory, threads=1):
    """What runs a model of a manifest: a Detector, Denoiser, Expert or FrameExpert.

    Raises UserError when no engine fits or the tensors do not.
    """
    if model.role == EXPERT:
        runner = FrameExpert if model.feature.name == LOG_MEL else Expert
    else:
        runner = Detector if model.role == DETECTOR else Denoiser
    return runner(model, directory, threads)
