"""In the steady state a hop leaves no memory behind, and makes no more than is explained here."""

import gc
import tracemalloc

import numpy as np
import pytest

from edge.bundle import load_bundle
from edge.dsp.log_mel import N_FFT
from edge.errors import UserError
from edge.frames import FRAME_HOP, FRAME_HOP_COLUMNS
from edge.pipeline import Pipeline

SETTLED_HOPS = 200  # the gate's history is full
HOPS = 100
BLOCKS_A_HOP = 4
SPECTRUM = FRAME_HOP_COLUMNS * (N_FFT // 2 + 1) * 8  # bytes, complex64: SciPy's FFT takes no array to write to
ITERATOR = 3 * 8192 * 4  # bytes: NumPy reserves buffers for the product of the windows, and leaves them unused
JOINED_BLOCKS = 2 * 4 * FRAME_HOP  # bytes: what waits and the block after it
SMALL = 4096  # bytes: views, floats, the Frame
LEFT_BEHIND = 8192  # bytes: the gate's levels and other numbers, kept instead of those from before
GROWTH = 12 * HOPS  # bytes: of what is left behind by twice as many hops; one number kept of each would be twice that


@pytest.fixture(scope="module")
def bundle():
    try:
        bundle = load_bundle()
    except UserError as error:
        pytest.skip("no inference engine here: {}".format(error))
    bundle.warm_up()
    return bundle


def blocks_of_noise(n_hops, first_level, last_level):
    """Noise that grows louder, in the blocks of a microphone: (n, samples) float32."""
    blocks = np.random.RandomState(0).standard_normal((n_hops * BLOCKS_A_HOP, FRAME_HOP // BLOCKS_A_HOP))
    return (blocks * np.geomspace(first_level, last_level, len(blocks))[:, None]).astype(np.float32)


def traced(pipeline, blocks):
    """(bytes left behind, most bytes at once) of what is allocated while the blocks are pushed."""
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        for block in blocks:
            pipeline.push(block)
        return tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()


# Ever louder, the gate stays open, and the detector is asked at every hop; as loud as ever, it closes.
@pytest.mark.parametrize("last_level, is_gated", [(1e-3, True), (0.3, False)])
def test_a_hop_leaves_nothing_behind_and_makes_little(bundle, last_level, is_gated):
    pipeline = Pipeline(bundle)
    frames = []
    for block in blocks_of_noise(SETTLED_HOPS, 1e-3, 1e-3):
        frames = pipeline.push(block) or frames
    assert frames[0].gated
    blocks = blocks_of_noise(4 * HOPS, 1e-3, last_level)
    for block in blocks[: HOPS * BLOCKS_A_HOP]:  # whatever is made once
        pipeline.push(block)
    left_behind, most = traced(pipeline, blocks[HOPS * BLOCKS_A_HOP : 2 * HOPS * BLOCKS_A_HOP])
    left_by_twice_as_many, _ = traced(pipeline, blocks[2 * HOPS * BLOCKS_A_HOP :])
    assert [frame.gated for block in blocks[-BLOCKS_A_HOP:] for frame in pipeline.push(block)] == [is_gated]
    assert left_behind < LEFT_BEHIND
    assert left_by_twice_as_many < left_behind + GROWTH
    assert most < max(SPECTRUM, ITERATOR) + JOINED_BLOCKS + SMALL
