"""What the pipeline emits: frames, alerts and events. Times are seconds of audio since the source began."""

from typing import Dict, NamedTuple, Optional, Tuple


class Frame(NamedTuple):
    """One analysed 1-s frame."""

    t_s: float  # end of the frame
    level_dbfs: float  # RMS of the newest hop, without its offset
    cry_probability: float  # smoothed, of all that was asked; 0 when gated
    gated: bool  # too quiet for the detector to be asked
    detector_probability: float = 0.0  # the detector's alone, not smoothed; 0 when gated
    verified: bool = False  # an answer of the verifier counts in it


class Alert(NamedTuple):
    """Raised when an episode opens."""

    t_s: float  # end of the frame that opened it
    cry_probability: float  # smoothed, 0..1


class ExpertReading(NamedTuple):
    """What one cause expert made of an episode."""

    expert: str
    posterior: Dict[str, float]  # pooled over the episode
    temperature: float
    entropy_nats: float
    gate_weight: float  # its share in the fusion


class Event(NamedTuple):
    """One crying episode, emitted when it closes."""

    start_s: float  # where the cry begins
    end_s: float
    cry_probability: float  # largest smoothed value
    cause: Optional[str] = None  # None when uncertain or when no expert is installed
    cause_probability: Optional[float] = None
    posterior: Dict[str, float] = {}
    out_of_distribution: Optional[bool] = None
    readings: Tuple[ExpertReading, ...] = ()  # what the answer was fused from
    brief: bool = False  # shorter than decision.min_event_s; kept, as an alert was raised
    infant_score: Optional[float] = None  # how like the enrolled infant it sounds, -1..1; told, and not kept
