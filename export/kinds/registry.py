"""Every kind of model that can be exported."""

from export.kinds.denoiser import Denoiser
from export.kinds.detector import Detector
from export.kinds.embedding import Embedding
from export.kinds.expert import FusedExpert
from export.kinds.frame_expert import FrameExpert
from export.kinds.kind import ModelKind
from export.kinds.streamed_detector import StreamedDetector
from export.kinds.verifier import Verifier

KINDS: tuple[ModelKind, ...] = (
    Detector(),
    StreamedDetector(),
    Verifier(),
    Denoiser(),
    FusedExpert(),
    FrameExpert(),
    Embedding(),
)
ROLES = tuple(dict.fromkeys(kind.role for kind in KINDS))  # in the order in which a bundle holds their models


def find_kind(role: str, feature: str | None, streamed: bool = False) -> ModelKind:
    """The kind of a role on a feature; the first of the role where the feature is none of theirs."""
    of_role = [kind for kind in KINDS if kind.role == role and kind.is_streamed == streamed]
    return next((kind for kind in of_role if feature in kind.features), of_role[0])
