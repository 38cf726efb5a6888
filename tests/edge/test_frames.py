"""The numbers of the path are what the design says, however they are derived."""

from edge import frames


def test_the_numbers_of_the_path():
    assert (frames.SAMPLE_RATE, frames.FRAME_LENGTH, frames.FRAME_HOP) == (16000, 16000, 3200)
    assert (frames.FRAME_S, frames.FRAME_HOP_S, frames.FRAMES_PER_S, frames.FRAME_HOPS) == (1.0, 0.2, 5, 5)
    assert (frames.COLUMN_LENGTH, frames.COLUMN_HOP) == (400, 160)
    assert (frames.FRAME_COLUMNS, frames.FRAME_HOP_COLUMNS) == (98, 20)
