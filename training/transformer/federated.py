"""Low-rank adapters and the head of a trained Transformer, taught by homes together; all else of it stays frozen.

What is frozen, the moments of its normalisations among it, was learnt on public recordings; a frame is normalised by
its own mean and a fixed unit. So nothing of a home's clips enters a statistic of normalisation. What comes before the
encoder is frozen too, so that it is computed once for every frame.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np

from edge.errors import UserError
from edge.files import write_whole
from training.data.effects import CLEAN
from training.data.selection import DataConfig
from training.data.spectra import LOG_MEL_SCALE, normalise
from training.federated.layout import Layout, as_vector
from training.federated.partition import Partition, deal
from training.federated.plan import Plan
from training.federated.task import identity_of
from training.runs import metrics
from training.runs.folds import SPLIT_SEED, chosen
from training.runs.toml_config import of_table
from training.transformer.config import AugmentConfig, Experiment, FeatureConfig, FitConfig, ModelConfig, StageConfig
from training.transformer.experiment import describe
from training.transformer.material import LABELLED, choose_clips, load_frames, split_clips
from training.transformer.model import CAUSE, merged, with_adapters
from training.transformer.trained import CLASSIFIER_FILE, Trained, calibrated, load_trained, outputs, save_trained

TOKENS = "positions"  # the layer after which the encoder begins
FRAMES_JUDGED = 6  # of each clip
HEAD = (CAUSE,)  # layers that are taught beside the adapters


@dataclass(frozen=True)
class AdapterSettings:
    """Which clips, and the trained Transformer that they adapt."""

    backbone: str  # folds/FOLD-seedN of cry-train transformer; its labels may be others: the head is new then
    data: DataConfig
    preset: str = "tiny"  # the backbone's
    rank: int = 0  # of the adapters; 0: the preset's
    features: FeatureConfig = FeatureConfig()
    frames_per_clip: int = 8  # that a home trains on
    seed: int = 0  # of the adapters' first values


class AdapterLearner:
    """A home that teaches adapters and head: tokens (frames, steps, units) of its clips and their labels."""

    def __init__(self, task: AdapterTask, tokens: np.ndarray, truth: np.ndarray):
        self.layout, self.fingerprint = task.layout, task.identity
        self.tokens, self.truth, self.batch_size = tokens, truth, task.plan.batch_size
        self._gradient_of = task.gradient_of

    def gradient(self, parameters: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Of the mean cross-entropy of some frames."""
        drawn = rng.integers(0, len(self.tokens), self.batch_size)
        tensors = self.layout.tensors(parameters.astype(np.float32))
        return as_vector(self._gradient_of(tensors, self.tokens[drawn], self.truth[drawn]))


class AdapterTask:
    """A backbone, and homes with clips."""

    def __init__(
        self, settings: AdapterSettings, partition: Partition, plan: Plan, data: Path, work: Path
    ):  # fmt: skip
        self.settings, self.plan, self.experiment = settings, plan, experiment_of(settings)
        backbone = load_trained(Path(settings.backbone))
        clips = choose_clips(data, self.experiment)
        self.split = chosen(split_clips(clips, self.experiment, SPLIT_SEED), settings.data.only_folds)[0]
        self.frames = load_frames(clips, self.experiment, work)
        self.denoiser = backbone.denoiser
        self.classifier = adapted(backbone, self.experiment, self.frames.labels, settings)
        self.front, self.back = halves(self.classifier)
        names = [v.path for v in self.back.trainable_variables]
        self.layout = Layout(tuple(names), tuple(tuple(v.shape) for v in self.back.trainable_variables))
        self.start = as_vector([keras.ops.convert_to_numpy(v) for v in self.back.trainable_variables])
        frozen = [*self.classifier.non_trainable_variables, *(self.denoiser.variables if self.denoiser else [])]
        fixed = [keras.ops.convert_to_numpy(v) for v in frozen]
        features = dataclasses.asdict(settings.features)
        about = {"task": "adapters", "labels": self.frames.labels, "scale": LOG_MEL_SCALE, "features": features}
        self.identity = identity_of(self.layout, plan, fixed, about)
        self.gradient_of = gradient_function(self.back)
        self.parts = self.dealt(partition)

    def dealt(self, partition: Partition) -> dict[str, np.ndarray]:
        """The clips of each home: those of the training part."""
        own = self.frames.among(self.split.training, LABELLED)
        dealt = deal([self.frames.clips[i] for i in own], partition, self.plan.seed)
        digits = len(str(len(dealt) - 1))
        return {f"home-{number:0{digits}}": own[part] for number, part in enumerate(dealt)}

    @property
    def learners(self) -> dict[str, AdapterLearner]:
        """Every home's."""
        return {name: self.learner(clips) for name, clips in self.parts.items()}

    def learner(self, clips: np.ndarray) -> AdapterLearner:
        """A home that has these clips."""
        tokens, owner = self.tokens_of(clips, self.settings.frames_per_clip)
        return AdapterLearner(self, tokens, self.frames.truth[clips][owner].astype(np.int32))

    def tokens_of(self, clips: np.ndarray, at_most: int) -> tuple[np.ndarray, np.ndarray]:
        """What the encoder is given of so many frames of some clips, and of each the place of its clip."""
        recordings = self.frames.variants[CLEAN]
        numbers, owner = recordings.of_clips(clips, at_most)
        x = normalise(recordings.take(numbers))[..., None]
        if self.denoiser is not None:
            x = outputs(self.denoiser, x)
        return outputs(self.front, x), owner

    @cached_property
    def judged(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Tokens, owner and truth of the test part."""
        clips = self.frames.among(self.split.test, LABELLED)
        tokens, owner = self.tokens_of(clips, FRAMES_JUDGED)
        return tokens, owner, self.frames.truth[clips]

    def evaluate(self, parameters: np.ndarray) -> dict[str, float]:
        """macro_f1 and nll on the test part, which is no home's and chooses nothing."""
        self.assign(parameters)
        tokens, owner, truth = self.judged
        logits = keras.ops.convert_to_numpy(self.back(tokens, training=False))
        return metrics.validation_scores(truth, metrics.pooled(logits, owner, len(truth)))

    def assign(self, parameters: np.ndarray) -> None:
        """Put parameters into the model."""
        tensors = self.layout.tensors(np.asarray(parameters, np.float32))
        for variable, value in zip(self.back.trainable_variables, tensors, strict=True):
            variable.assign(value)

    def write(self, parameters: np.ndarray, out: Path, story: dict[str, Any]) -> None:
        """The Transformer with the adapters in its kernels, calibrated on the validation part, which is no home's."""
        self.assign(parameters)
        trained = Trained(self.denoiser, merged(self.classifier), self.frames.labels, self.experiment.model.n_mels)
        trained = calibrated(trained, self.frames, self.split, self.experiment, self.settings.seed)
        save_trained(trained, out)
        description = describe(trained, self.frames, self.split, self.experiment, self.settings.seed)
        description["training"]["federated"] = story
        (out / CLASSIFIER_FILE).rename(out / "model.keras")
        write_whole(out / "model.json", [json.dumps(description, indent=1).encode(), b"\n"])


def make_task(settings: dict[str, Any], partition: Partition, plan: Plan, data: Path | None, work: Path) -> AdapterTask:
    """The task of its settings. Raises UserError."""
    if data is None:
        raise UserError("this task learns from recordings: name the folder that holds metadata.csv with --data")
    return AdapterTask(of_table(AdapterSettings, settings, "task."), partition, plan, data, work)


def experiment_of(settings: AdapterSettings) -> Experiment:
    """What the rest of this room calls it."""
    fit = FitConfig((StageConfig("classifier"),))
    model = ModelConfig(settings.preset, denoised=False)
    return Experiment("federated", settings.data, fit, features=settings.features, augment=PLAIN, model=model)


PLAIN = AugmentConfig(noisy_share=0.0, time_mask=0, frequency_mask=0)


def adapted(backbone: Trained, experiment: Experiment, labels: list[str], settings: AdapterSettings) -> keras.Model:
    """The backbone with new adapters, and a new head where its labels are others; those alone are trained."""
    keras.utils.set_random_seed(settings.seed)
    preset = experiment.model.of_preset()
    classifier = backbone.classifier
    if backbone.labels != labels:
        before = classifier.get_layer(CAUSE).input
        head = keras.layers.Dense(len(labels), dtype="float32", name=CAUSE)
        classifier = keras.Model(classifier.input, head(before), name=classifier.name)
    classifier = with_adapters(classifier, settings.rank or preset.lora_rank)
    for name in HEAD:
        classifier.get_layer(name).trainable = True
    return classifier


def halves(classifier: keras.Model) -> tuple[keras.Model, keras.Model]:
    """frame -> tokens, which is frozen, and tokens -> logits, which holds all that is trained."""
    names = [layer.name for layer in classifier.layers]
    after = classifier.layers[names.index(TOKENS) + 1 :]
    front = keras.Model(classifier.input, classifier.get_layer(TOKENS).output)
    tokens = keras.Input(front.output.shape[1:])
    x = tokens
    for layer in after:
        x = layer(x)
    return front, keras.Model(tokens, x)


Gradient = Callable[[list[np.ndarray], np.ndarray, np.ndarray], list[np.ndarray]]


def gradient_function(model: keras.Model) -> Gradient:
    """gradient(tensors, tokens, truth) of the mean cross-entropy by each trained tensor, in the order of the model's.

    Dropout is off: with control variates, what a home's gradient is must depend on its clips alone.
    Raises UserError for a Keras backend that it is not written for.
    """
    backends = {"tensorflow": tensorflow_gradient, "torch": torch_gradient}
    if keras.backend.backend() not in backends:
        raise UserError(f"KERAS_BACKEND is {keras.backend.backend()}, it must be one of {', '.join(backends)}")
    return backends[keras.backend.backend()](model)


def tensorflow_gradient(model: keras.Model) -> Gradient:
    """By TensorFlow."""
    import tensorflow as tf

    fixed = model.non_trainable_variables

    @tf.function(reduce_retracing=True)
    def run(tensors: Any, tokens: Any, truth: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            logits, _ = model.stateless_call(tensors, fixed, tokens, training=False)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(truth, logits))
        return tape.gradient(loss, tensors)

    def gradient(tensors: list[np.ndarray], tokens: np.ndarray, truth: np.ndarray) -> list[np.ndarray]:
        found = run([tf.constant(t) for t in tensors], tf.constant(tokens), tf.constant(truth))
        return [value.numpy() for value in found]

    return gradient


def torch_gradient(model: keras.Model) -> Gradient:
    """By PyTorch."""
    import torch

    fixed = model.non_trainable_variables

    def gradient(tensors: list[np.ndarray], tokens: np.ndarray, truth: np.ndarray) -> list[np.ndarray]:
        leaves = [torch.from_numpy(np.array(t)).requires_grad_() for t in tensors]
        logits, _ = model.stateless_call(leaves, fixed, torch.from_numpy(tokens), training=False)
        loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(truth.astype(np.int64)))
        return [value.numpy() for value in torch.autograd.grad(loss, leaves)]

    return gradient
