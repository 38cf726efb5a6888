"""What the export of one model is judged on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.bundle import Bundle
from export.kinds.denoising import Mixtures
from export.parity.calibration import Source
from export.parity.comparison import EnergyTask, Task
from export.parity.feeds import Feed, Stream
from export.sources.source_model import SourceModel
from export.targets import Bounds


@dataclass(frozen=True)
class Evidence:
    """Inputs for the network that is converted, and what Keras says of them."""

    model: SourceModel  # with its temperature
    feeds: list[Feed]  # what int8 ranges are taken from
    streams: list[Stream]  # what parity is judged on
    reference: np.ndarray  # Keras's logits at every step of every stream, (N, labels); a denoiser's estimates
    sources: list[Source]  # of each of them, (N,)
    task: Task | EnergyTask | None  # what the answers are worth; None where that is not known
    about: dict[str, Any]  # for the report: calibration, temperature, open_threshold
    warnings: list[str]
    notes: list[str]
    check_on_device: Callable[[Bundle, Bounds], None]  # raises UserError unless a bundle says there what Keras says
    mixtures: Mixtures | None = None  # a denoiser's: what the last answers are of
