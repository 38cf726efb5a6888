"""The size and shape of a cause model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge.errors import UserError

ROWS = 273  # of the fused tensor: MFCC 13, log-power STFT 257, F0, its confidence, waveform
COLUMNS = 233  # 3.51 s on the 15-ms grid

ENCODERS = {"full": (128, 64, 32), "lite": (32, 32, 32)}  # filters of the three convolutions
NONE, LSTM, GRU, TRANSFORMER, LMU, PARALLEL_LMU = "none", "lstm", "gru", "transformer", "lmu", "parallel_lmu"
TT_LSTM, TT_GRU = "tt_lstm", "tt_gru"  # their matrices are tensor trains
HEADS = (NONE, LSTM, GRU, TRANSFORMER, LMU, PARALLEL_LMU, TT_LSTM, TT_GRU)
COUNTS = ("rows", "columns", "units", "channels", "order", "attention_heads", "feed_forward", "cores", "rank")
GATES = ("concatenated", "separate", "gate_core")


@dataclass(frozen=True)
class Architecture:
    """What build_model needs to know; the defaults are the CNN + LMU paper's, where it says them."""

    encoder: str | Sequence[int] = "lite"  # a name of ENCODERS, or the filters themselves
    head: str = LMU
    rows: int = ROWS
    columns: int = COLUMNS
    units: int = 128  # of the head
    channels: int = 4  # of the LMU
    order: int = 16  # of the LMU
    theta: float = 0.0  # columns the LMU remembers; 0: all of them
    attention_heads: int = 4
    feed_forward: int = 256
    cores: int = 3  # of a tensor train
    rank: int = 2  # between its cores
    gates: str = "concatenated"  # how the tensor trains hold the gates
    dropout: float = 0.3
    l2: float = 1e-4  # on the kernels of the convolutions

    def __post_init__(self) -> None:
        """Raise UserError for what cannot be built."""
        if self.head not in HEADS:
            raise UserError(f"head is {self.head!r}, it must be one of {', '.join(HEADS)}")
        if self.gates not in GATES:
            raise UserError(f"gates is {self.gates!r}, it must be one of {', '.join(GATES)}")
        if isinstance(self.encoder, str) and self.encoder not in ENCODERS:
            names = ", ".join(ENCODERS)
            raise UserError(f"encoder is {self.encoder!r}, it must be one of {names}, or a list of filters")
        if not all(isinstance(n, int) and n > 0 for n in self.filters):
            raise UserError(f"encoder is {self.encoder!r}: each convolution needs at least one filter")
        for name in COUNTS:
            if getattr(self, name) < 1:
                raise UserError(f"{name} is {getattr(self, name)}, it must be at least 1")
        if not 0 <= self.dropout < 1:
            raise UserError(f"dropout is {self.dropout}, it must be from 0 to below 1")

    @property
    def filters(self) -> tuple[int, ...]:
        """Of each convolution."""
        return ENCODERS[self.encoder] if isinstance(self.encoder, str) else tuple(self.encoder)

    @property
    def memory_columns(self) -> float:
        """theta of the LMU."""
        return self.theta or float(self.columns)
