"""Made-up sounds for experts: the same each time, apart between the parts, as varied as rooms are."""

import numpy as np

from export.parity.synthetic_inputs import CLIPS, SOUNDS, synthetic_clips


def test_the_parts_are_the_same_each_time_and_share_no_sound():
    parts = {part: synthetic_clips(part) for part in CLIPS}
    again = synthetic_clips("quantise")
    for first, second in zip(parts["quantise"], again, strict=True):
        np.testing.assert_array_equal(first.samples, second.samples)
    assert not {c.samples.tobytes() for c in parts["quantise"]} & {c.samples.tobytes() for c in parts["parity"]}


def test_every_kind_of_sound_is_in_every_part():
    for part, count in CLIPS.items():
        clips = synthetic_clips(part)
        assert {clip.condition.split(",")[0] for clip in clips} >= {kind.split(",")[0] for kind in SOUNDS}
        assert len(clips) >= count and all(clip.samples.dtype == np.float32 for clip in clips)


def test_levels_and_bandwidths_differ():
    clips = synthetic_clips("parity")
    levels = [20 * np.log10(np.sqrt(np.mean(clip.samples**2))) for clip in clips]
    assert min(levels) < -40 and max(levels) > -25 and all(np.abs(clip.samples).max() <= 1 for clip in clips)
    above = [np.square(np.abs(np.fft.rfft(c.samples)))[int(len(c.samples) * 6000 / 16000) :].sum() for c in clips]
    assert min(above) < 1e-6 < max(above)
