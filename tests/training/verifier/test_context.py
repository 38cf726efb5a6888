"""A context promises to learn rhythm on nights, and to be stepped as Keras steps it."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")
pytest.importorskip("sklearn")

from training.data.nights import AS_RECORDED, Cry  # noqa: E402
from training.verifier.config import cascade  # noqa: E402
from training.verifier.context import (  # noqa: E402
    FRAMES,
    REST_STEPS,
    build,
    fit_context,
    given,
    in_context,
    joined,
    pieces_of,
    weights_of,
)
from training.verifier.hearing import Heard  # noqa: E402
from training.verifier.nights import HeardNight  # noqa: E402

CASCADE = cascade(0.0, 1.0)
LOUD_DBFS, QUIET_DBFS = -30.0, -70.0


def night(bursts, source=None, cries=()):
    """Frames of a quiet room; in bursts, (first, end), both networks are as sure as they ever are."""
    length = 600
    detector, verifier = np.full(length, -6.0), np.full((length, 3), -8.0, np.float32)
    levels = np.full(length + 4, QUIET_DBFS)
    for first, end in bursts:
        detector[first:end], verifier[first:end, 0], levels[first : end + 4] = 3.0, 2.0, LOUD_DBFS
    kind = None if source else AS_RECORDED
    return HeardNight(1, source, kind, None, list(cries), Heard(detector, verifier, levels))


def rhythm(first):
    """Bursts of 1.2 s with breaths of 0.8 s between: a cry of 6 s."""
    return [(first + 10 * k, first + 10 * k + 6) for k in range(3)]


@pytest.fixture(scope="module")
def taught():
    """Of cries a burst comes again and again, of cats it comes once."""
    cries = [night(rhythm(at), cries=[Cry(1.0 + 0.2 * at, 7.0 + 0.2 * at, "baby")]) for at in range(100, 140, 5)]
    cats = [night([(at, at + 6), (at + 200, at + 206)], "cats") for at in range(60, 200, 10)]
    nights = [*cries, *cats]
    return fit_context(*joined(nights, [pieces_of(one, CASCADE) for one in nights]), steps=150)


def largest(weights, one):
    [found] = in_context([given(one.heard, CASCADE)], weights)
    return np.log(found.max() / (1 - found.max()))


def test_what_comes_again_is_a_cry_and_what_comes_once_is_none(taught):
    assert largest(taught, night(rhythm(311))) > largest(taught, night([(311, 317)])) + 1.0


def test_what_it_is_given_is_what_the_device_gives_it():
    one = night([(100, 106)])
    rows = given(one.heard, CASCADE)
    assert rows[50].tolist() == [-12.0, 0.0, 0.0, 0.0, 0.0]  # too quiet to be listened to
    assert rows[103].tolist() == pytest.approx([3.0, 1.0, 2.0, -8.0, -8.0])


def test_a_recording_is_heard_alike_alone_and_beside_others_and_after_a_long_silence(taught):
    rows = [given(night(rhythm(at)).heard, CASCADE) for at in (311, 120)]
    together = in_context(rows, taught)
    for row, found in zip(rows, together, strict=True):
        np.testing.assert_allclose(in_context([row], taught)[0], found, atol=1e-12)
    [twice] = in_context([np.concatenate([rows[0], rows[0]])], taught)
    assert REST_STEPS < 600 - 345 and twice[:600].max() > 0.0
    np.testing.assert_array_equal(twice[:600], twice[600:])


def test_pieces_of_other_sound_are_those_in_which_something_is_suspicious():
    pieces = pieces_of(night([(100, 106)], "cats"), CASCADE)
    assert len(pieces.inputs) == 1 and not pieces.counts.any()
    cry = pieces_of(night(rhythm(100), cries=[Cry(21.0, 27.0, "baby")]), CASCADE)
    assert cry.inputs.shape == (1, FRAMES, 5)
    assert cry.inputs[0][cry.counts[0, :, 1] > 0][:, 1].any() and cry.counts.any(axis=1).all()


def test_it_is_stepped_as_keras_was_taught():
    keras.utils.set_random_seed(1)
    model = build(5, units=4)
    recurrence = model.get_layer("recurrence")
    recurrence.set_weights([np.random.default_rng(0).normal(size=w.shape) for w in recurrence.get_weights()])
    rows = np.random.default_rng(2).normal(size=(300, 5)) * [4, 0, 4, 4, 4]
    rows[:, 1], rows[:, 0] = 1.0, np.clip(rows[:, 0], -12, 12)
    silence = np.tile([-12.0, 0.0, 0.0, 0.0, 0.0], (200, 1))
    scaled = np.concatenate([silence, rows]) / [4, 1, 4, 4, 4]
    logits = 1.5 * model.predict(scaled[None].astype(np.float32), verbose=0)[0, 200:, 0] - 0.3
    [found] = in_context([rows], weights_of(model, 1.5, -0.3))
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-logits)), atol=1e-4)
