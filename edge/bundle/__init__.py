"""What runs from a bundle: a directory with manifest.json and model files, verified before use.

    manifest.py, model.py, fields.py  what a manifest says, read strictly
    files.py                          model files: verified, opened in an engine
    answers.py                        whether what a model answers can be worked with
    frame_network.py                  a network that takes one picture of sound, a log-mel frame for most
    detector.py, denoiser.py          two such
    verifier.py                       the second opinion, on a picture of its own
    expert.py, frame_expert.py        experts on causes: of fused columns, and of such frames
    embedding.py                      what a cry is like, for whoever asks whose it is

Depends on edge.dsp (the feature parameters it must agree with), edge.decision.fusion (whether its experts can be
fused) and edge.engines.
"""

import os
from typing import Any, List, NamedTuple, Optional, Union

from edge.bundle.answers import check_answers
from edge.bundle.denoiser import Denoiser
from edge.bundle.detector import Detector
from edge.bundle.embedding import Embedding
from edge.bundle.expert import Expert
from edge.bundle.files import verify_files
from edge.bundle.frame_expert import FrameExpert
from edge.bundle.manifest import LEFT_OUT, FusionSettings, read_manifest
from edge.bundle.model import DENOISER, DETECTOR, EMBEDDING, EXPERT, LOG_MEL, VERIFIER, Decision
from edge.bundle.streamed_detector import StreamedDetector
from edge.bundle.verifier import Verifier, check_speed
from edge.errors import UserError

__all__ = [
    "DEFAULT_BUNDLE_DIR",
    "Bundle",
    "Denoiser",
    "Detector",
    "Embedding",
    "Expert",
    "FrameExpert",
    "Verifier",
    "load_bundle",
    "open_embedding",
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
    verifier: Optional[Verifier] = None
    left_out: List[str] = []  # why a model that the manifest names is not used, one line each
    tuned: Optional[Decision] = None  # thresholds of this home, in place of the bundle's own
    infant: Any = None  # edge.infant.own_infant.OwnInfant, where somebody asked whether a cry is theirs

    @property
    def decision(self):
        """The thresholds for the probability that hysteresis sees: the verifier's where there is one."""
        return self.tuned or self.own_decision

    @property
    def own_decision(self):
        """The same as the bundle itself says, whatever was tuned."""
        return (self.verifier or self.detector).decision

    @property
    def deciding_role(self):
        """Whose probability that is."""
        return VERIFIER if self.verifier else DETECTOR

    def runners(self):
        """[(title, what runs it)] of every model, in the order in which a frame meets them."""
        return (
            [(DETECTOR, self.detector)]
            + ([(VERIFIER, self.verifier)] if self.verifier else [])
            + ([(DENOISER, self.denoiser)] if self.denoiser else [])
            + [(EXPERT + " " + expert.name, expert) for expert in self.experts]
            + ([(EMBEDDING, self.infant.network)] if self.infant else [])
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

    A verifier that cannot be used is left out, and Bundle.left_out says why: the detector decides alone. An embedding
    is not opened: see open_embedding().

    Raises UserError when it is missing, damaged, of a newer schema, made for other features, when no installed
    engine can run it, or when what a model answers is no number or always the same.
    """
    directory = str(directory)
    manifest = read_manifest(directory)
    verifiers = [model for model in manifest.models if model.role == VERIFIER]
    models = [model for model in manifest.models if model.role not in (VERIFIER, EMBEDDING)]
    verify_files(models, directory)
    of_role = {DETECTOR: [], DENOISER: [], EXPERT: []}
    for model in models:
        runner = open_runner(model, directory, threads)
        check_answers(model.title, runner)
        of_role[model.role].append(runner)
    (detector,), denoiser = of_role[DETECTOR], next(iter(of_role[DENOISER]), None)
    verifier, left_out = None, list(manifest.left_out)
    for model in verifiers:
        try:
            verifier = _usable_verifier(model, directory, threads)
        except UserError as error:
            left_out.append(LEFT_OUT.format(error))
    return Bundle(
        manifest.name,
        manifest.version,
        manifest.sha256,
        directory,
        detector,
        of_role[EXPERT],
        manifest.fusion,
        denoiser,
        verifier,
        left_out,
    )


def _usable_verifier(model, directory, threads):
    """Raises UserError when its files are not what the manifest says, no engine runs it, or it is too slow here."""
    verify_files([model], directory)
    verifier = open_runner(model, directory, threads)
    check_answers(model.title, verifier)
    check_speed(verifier)
    return verifier


def open_embedding(directory, threads=1):
    """The embedding model of the bundle in a directory, verified and open. Raises UserError, also where it has none."""
    models = [model for model in read_manifest(str(directory)).models if model.role == EMBEDDING]
    if not models:
        raise UserError("the bundle in {} holds no embedding model: export one into it".format(directory))
    verify_files(models, str(directory))
    embedding = open_runner(models[0], str(directory), threads)
    check_answers(models[0].title, embedding)
    return embedding


def open_runner(model, directory, threads=1):
    """What runs a model of a manifest: a Detector, Verifier, Denoiser, Embedding, Expert or FrameExpert.

    Raises UserError when no engine fits or the tensors do not.
    """
    if model.role == EXPERT:
        runner = FrameExpert if model.feature.name == LOG_MEL else Expert
    elif model.role == DETECTOR and model.step:
        runner = StreamedDetector
    else:
        runner = {DETECTOR: Detector, VERIFIER: Verifier, DENOISER: Denoiser, EMBEDDING: Embedding}[model.role]
    return runner(model, directory, threads)
