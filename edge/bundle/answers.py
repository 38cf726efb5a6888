"""Whether what a model answers can be worked with, when it is loaded; edge.decision.left_out is for while it runs."""

import numpy as np

from edge.errors import UserError

LARGEST = 1e6  # beyond any logit or normalised level
SILENCE_LN, LOUDEST_LN = -13.8, 6.0  # of log-mel frames
N_NOISES = 3


def made_up_frames(shape):
    """Yield frames (columns, bands), float32 ln levels, as different as sounds are: silence, noises, a rising tone."""
    random = np.random.RandomState(0)
    yield np.full(shape, SILENCE_LN, np.float32)
    for loudest in np.linspace(SILENCE_LN / 2.0, LOUDEST_LN, N_NOISES):
        yield random.uniform(SILENCE_LN, loudest, shape).astype(np.float32)
    columns, bands = np.indices(shape)
    distance = bands - shape[1] * (0.2 + 0.6 * columns / shape[0])
    yield np.maximum(SILENCE_LN, LOUDEST_LN - distance**2).astype(np.float32)


def check_answers(title, runner):
    """Run a model on a few made-up sounds: what it takes and what it answers must be numbers of a sensible size, and
    its answers not always the same.

    title: e.g. "detector". runner: of edge.bundle, with path and answers(). Raises UserError naming the file.
    """
    answers = []
    with np.errstate(all="ignore"):  # what comes of it is looked at
        for given, answer in runner.answers():
            for what, values in (("is given", given), ("answers", answer)):
                wrong = values[~(np.abs(values) <= LARGEST)]
                if len(wrong):
                    raise _refused(title, runner, "{} {:g}".format(what, float(wrong[0])))
            answers.append(np.array(answer))
    if all(np.array_equal(answer, answers[0]) for answer in answers):
        raise _refused(title, runner, "gives every sound the same answer")


def _refused(title, runner, found):
    return UserError(
        "{}: the {} {}, with the normalisation and temperature of the manifest.json beside it: export the bundle "
        "again".format(runner.path, title, found)
    )
