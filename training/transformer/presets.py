"""The sizes in which the denoiser and the Transformer come."""

from __future__ import annotations

from dataclasses import dataclass

from edge.dsp.log_mel import N_MELS
from edge.errors import UserError
from edge.frames import FRAME_COLUMNS

POSITIONS = 26  # tokens: two seconds, as `full` counts them
BANDS = (64, 128)  # n_mels that edge/dsp computes


@dataclass(frozen=True)
class Preset:
    """What build_denoiser and build_classifier need to know."""

    denoiser: tuple[int, int, int]  # filters of the U-Net's levels, from the frame downwards
    tokenizer: tuple[int, ...]  # filters of its convolutions, each of which halves time and frequency
    units: int  # of a token
    heads: int
    layers: int
    feed_forward: int
    lora_rank: int  # of the adapters that adapt it to a site
    n_mels: int = N_MELS
    causal: bool = False  # a token sees itself and those before it only
    dropout: float = 0.1

    def __post_init__(self) -> None:
        """Raise UserError for what cannot be built."""
        if self.n_mels not in BANDS:
            raise UserError(f"n_mels is {self.n_mels}, it must be one of {', '.join(map(str, BANDS))}")
        for name in ("units", "heads", "layers", "feed_forward", "lora_rank"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} is {getattr(self, name)}, it must be at least 1")
        if self.units % self.heads:
            raise UserError(f"units is {self.units}, it must be a multiple of heads, {self.heads}")
        if len(self.denoiser) != 3 or min(self.denoiser) < 1:
            raise UserError(f"denoiser is {self.denoiser}, it must be the filters of three levels")
        if not self.tokenizer or min(self.tokenizer) < 1 or self.tokens > POSITIONS:
            raise UserError(f"tokenizer is {self.tokenizer}, it must be the filters of two convolutions or more")
        if not 0 <= self.dropout < 1:
            raise UserError(f"dropout is {self.dropout}, it must be from 0 to below 1")

    @property
    def tokens(self) -> int:
        """In one frame: 13 of three convolutions."""
        return -(-FRAME_COLUMNS // 2 ** len(self.tokenizer))


PRESETS = {
    "full": Preset(
        denoiser=(32, 64, 128), tokenizer=(32, 64, 128), units=512, heads=8, layers=6, feed_forward=1536, lora_rank=38
    ),
    "pi": Preset(
        denoiser=(8, 16, 32), tokenizer=(16, 32, 64), units=192, heads=6, layers=6, feed_forward=512, lora_rank=8
    ),
    "tiny": Preset(denoiser=(4, 8, 8), tokenizer=(4, 8, 8), units=64, heads=4, layers=2, feed_forward=128, lora_rank=4),
}


def find_preset(name: str) -> Preset:
    """The preset of that name. Raises UserError listing all when unknown."""
    if name not in PRESETS:
        raise UserError(f"unknown preset {name!r}: choose one of {', '.join(PRESETS)}")
    return PRESETS[name]
