"""Nights promise what they say of their cries, and the choice of thresholds an allowed rate."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")
soundfile = pytest.importorskip("soundfile")

from benchmarks.lib import night_choices  # noqa: E402
from benchmarks.lib.night_choices import (  # noqa: E402
    CryNight,
    OthersNight,
    choose,
    follow,
    per_hour,
    rules_of,
    spans,
)
from edge.frames import SAMPLE_RATE  # noqa: E402
from edge.records import Alert, Event  # noqa: E402
from training.data.corpora import CRY, NONCRY, Clip, read_samples  # noqa: E402
from training.data.nights import LONG, SINGLE, Cry, around_cries, loud_rms, mix_night, mix_others, recorded_cries  # noqa: E402

PAIRS = [(0.5, 0.48), (0.8, 0.48), (0.95, 0.48)]


@pytest.fixture
def clips(tmp_path):
    rng = np.random.default_rng(0)
    made = []
    for label, count, seconds in ((CRY, 6, 7), (NONCRY, 4, 5)):
        for number in range(count):
            path = tmp_path / f"{label}{number}.wav"
            soundfile.write(path, 0.1 * rng.standard_normal(seconds * SAMPLE_RATE), SAMPLE_RATE)
            made.append(Clip(Path(path), "made", label, label, f"{label}{number // 2}", 1, "", "open"))
    return made


def rule_of(kind):
    return kind.least_s, kind.longest_s


@pytest.mark.parametrize("kind", [SINGLE, LONG], ids=lambda kind: kind.name)
def test_cries_have_their_length_and_their_level(clips, kind):
    night = mix_night(clips, 600.0, 40.0, 1, kind)
    least_s, longest_s = rule_of(kind)
    assert len(night.cries) == {SINGLE: 10, LONG: 3}[kind]  # of three groups each long cry is another
    for cry in night.cries:
        assert least_s - 0.1 <= cry.end_s - cry.start_s <= longest_s
        samples = night.samples[int(cry.start_s * SAMPLE_RATE) : int(cry.end_s * SAMPLE_RATE)]
        assert 20 * np.log10(loud_rms(samples)) == pytest.approx(5.0, abs=8.0)  # 40 dB above -35, clipped at 0
    gaps = [after.start_s - before.end_s for before, after in zip(night.cries, night.cries[1:])]
    assert min(gaps) >= 20.0


def test_around_the_cries_nothing_is_moved_within(clips):
    night = mix_night(clips, 600.0, 30.0, 1, SINGLE)
    cut = around_cries(night)
    assert len(cut.samples) < len(night.samples) / 2 and len(cut.cries) == len(night.cries)
    for before, after in zip(night.cries, cut.cries):
        length = int((before.end_s - before.start_s) * SAMPLE_RATE)
        first, moved = int(round(before.start_s * SAMPLE_RATE)), int(round(after.start_s * SAMPLE_RATE))
        np.testing.assert_array_equal(night.samples[first : first + length], cut.samples[moved : moved + length])


def test_a_night_of_others_holds_each_sound_once_and_no_cry(clips):
    night = mix_others([clip for clip in clips if clip.detector_label == NONCRY], 1)
    assert night.cries == [] and night.hours * 3600 == pytest.approx(4 * 5 / 0.6, abs=0.1)


def test_recordings_of_crying_are_played_as_they_are_in_a_quiet_room(clips):
    cries = [clip for clip in clips if clip.detector_label == CRY]
    night = recorded_cries(cries, 1)
    assert [cry.group_id for cry in night.cries] == [clip.group_id for clip in cries]
    for clip, cry in zip(cries, night.cries):
        sounding = night.samples[int(cry.start_s * SAMPLE_RATE) : int(cry.end_s * SAMPLE_RATE)]
        assert loud_rms(sounding) == pytest.approx(loud_rms(read_samples(clip)), rel=0.05)
        before = night.samples[int((cry.start_s - 3) * SAMPLE_RATE) : int((cry.start_s - 0.1) * SAMPLE_RATE)]
        assert loud_rms(before) < 0.05 * loud_rms(sounding)


def test_what_is_passed_over_changes_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    probability = np.clip(rng.normal(0.05, 0.05, 3000), 0, 1)
    for first, length, level in ((50, 20, 0.9), (400, 60, 0.6), (455, 5, 0.99), (900, 4, 0.5), (1500, 40, 0.6)):
        probability[first : first + length] = level
    pair = (0.8, 0.3)
    assert len(spans(probability, rules_of(pair))) == 3 and spans(np.zeros(9), rules_of(pair)) == []
    in_parts = follow(probability, pair)
    assert [type(record) for record in in_parts] == [Alert, Event] * 3
    monkeypatch.setattr(night_choices, "spans", lambda probability, rules: [(0, len(probability))])
    assert follow(probability, pair) == in_parts


def burst(level, length=20):
    probability = np.zeros(3600 * 5)
    probability[1000 : 1000 + length] = level
    return probability


def test_the_choice_keeps_the_rate_and_then_waits_least():
    others = [OthersNight("cats", 1, burst(0.7)), OthersNight("speech", 1, burst(0.0))]
    truth = [Cry(200.0, 206.0, "a")]
    nights = [CryNight(1, SINGLE, 10, truth, burst(0.9))]
    assert choose(PAIRS, others, nights, allowed_per_hour=0.1) == (0.8, 0.48)
    assert choose(PAIRS, others, nights, allowed_per_hour=1.0) == (0.5, 0.48)
    assert per_hour(others, (0.5, 0.48)) == (1, pytest.approx(2.0))
    [heard] = nights[0].cries((0.8, 0.48))
    assert heard.found and 0 < heard.delay_s < 2
    [missed] = nights[0].cries((0.95, 0.48))
    assert not missed.found and missed.delay_s is None
