"""Whole hops, the newest of them, and none uncounted."""

import threading
import time

import numpy as np

from edge.audio.hops import HopQueue
from edge.frames import FRAME_HOP


def counts(queue):
    return queue.arrived, queue.taken, queue.skipped, queue.waiting


def ramp(hops, start=0):
    """Samples that say where they are."""
    return np.arange(start * FRAME_HOP, (start + hops) * FRAME_HOP, dtype=np.float32)


def test_blocks_of_any_length_become_hops_that_join_without_a_seam():
    queue = HopQueue()
    samples = ramp(10)
    for start in range(0, len(samples), 777):
        queue.push(samples[start : start + 777], 0.0)
    taken = [queue.take(0).samples for _ in range(10)]
    assert {len(hop) for hop in taken} == {FRAME_HOP}
    np.testing.assert_array_equal(np.concatenate(taken), samples)
    assert queue.take(0) is None


def test_a_hop_is_dated_by_its_last_sample():
    queue = HopQueue()
    queue.push(ramp(2)[:-800], 100.0)
    queue.push(ramp(2)[-800:], 100.05)
    assert queue.take(0).captured_s == 100.0 - (FRAME_HOP - 800) / 16000
    assert queue.take(0).captured_s == 100.05


def test_the_newest_are_kept_and_the_others_counted():
    queue = HopQueue(most_waiting=8, kept=3)
    for hop in range(8):
        queue.push(ramp(1, hop), 0.0)
    assert counts(queue) == (8, 0, 0, 8)
    queue.push(ramp(1, 8), 0.0)
    assert counts(queue) == (9, 0, 6, 3)
    hop = queue.take(0)
    assert hop.samples[0] == 6 * FRAME_HOP and hop.skipped == 6
    assert queue.take(0).skipped == 0


def test_what_nobody_took_before_the_end_is_counted_as_skipped():
    queue = HopQueue()
    queue.push(ramp(3), 0.0)
    queue.take(0)
    queue.end()
    queue.give_up()
    assert counts(queue) == (3, 1, 2, 0)


def test_every_hop_is_counted_once_while_one_thread_pushes_and_another_is_too_slow():
    queue = HopQueue(most_waiting=5, kept=2)
    random = np.random.RandomState(0)
    samples = ramp(400)

    def push():
        start = 0
        while start < len(samples):
            length = random.randint(1, 3 * FRAME_HOP)
            queue.push(samples[start : start + length], 0.0)
            start += length
        queue.end()

    pushing = threading.Thread(target=push)
    pushing.start()
    expected, taken = 0, 0
    for hop in iter(lambda: queue.take(5.0), None):
        expected += hop.skipped
        assert hop.samples[0] == expected * FRAME_HOP  # `skipped` says exactly what is missing, where it is
        expected += 1
        taken += 1
        if taken % 7 == 0:
            time.sleep(0.001)
    pushing.join()
    assert counts(queue) == (400, taken, 400 - taken, 0)


def test_waiting_ends_with_the_audio():
    queue = HopQueue()
    threading.Timer(0.1, queue.end).start()
    started = time.monotonic()
    assert queue.take(10.0) is None
    assert time.monotonic() - started < 5.0
