"""The second opinion on p(cry): a larger network, asked only while the detector is suspicious."""

from time import perf_counter

from edge.bundle.detector import sigmoid
from edge.bundle.frame_network import FrameNetwork
from edge.dsp.yamnet_patch import PATCH_LENGTH, yamnet_patch
from edge.errors import UserError

LONGEST_S = 0.048  # an answer: half of what a frame may take


class Verifier(FrameNetwork):
    """The verifier of a bundle: patch, logits, and with the detector's logit one probability.

    engine_name: text. labels: what its logits speak for. cascade: edge.bundle.model.Cascade. decision:
    edge.bundle.model.Decision, for p(cry) of both. window_length: samples that it looks at.
    """

    window_length = PATCH_LENGTH

    def __init__(self, model, directory, threads=1):
        """model: edge.bundle.model.Model. Raises UserError when no engine fits or the tensors do not."""
        FrameNetwork.__init__(self, model, directory, threads, (1, len(model.labels)))
        self.labels, self.cascade, self.decision = model.labels, model.cascade, model.decision

    def logits(self, samples):
        """The network's logits, (labels,) float32, of the newest 15,600 float32 samples; they hold until the next."""
        self.look_at(yamnet_patch(samples))
        return self.output[0]

    def look_at(self, patch):
        """Run on a (96, 64) float32 patch. Raises ValueError for any other shape."""
        self.check_shape(patch)
        self.frame[...] = patch
        self.infer()

    def probability(self, detector_logit, logits=None):
        """p(cry) in 0..1 of the detector's logit and the verifier's logits (labels,), None where it has no answer."""
        cascade = self.cascade
        logits = cascade.unasked if logits is None else logits
        evidence = sum(weight * float(logit) for weight, logit in zip(cascade.weights, logits))
        return sigmoid(cascade.bias + cascade.detector_weight * detector_logit + evidence)


def check_speed(verifier):
    """Raise UserError when an answer takes longer than this board can spare.

    The quickest of three counts: the first one allocates, and any may be interrupted.
    """
    seconds = []
    for _ in range(3):
        started = perf_counter()
        verifier.warm_up()
        seconds.append(perf_counter() - started)
    if min(seconds) > LONGEST_S:
        raise UserError(
            "the verifier takes {:.0f} ms an answer on this board, at most {:.0f} ms can be spared".format(
                1e3 * min(seconds), 1e3 * LONGEST_S
            )
        )
