"""What is called a fault of the sound, and what only looks like one: each bound, on either side."""

import numpy as np
import pytest

from edge.audio.sound_faults import hum_of, hum_text, means_of, offset_of, offset_text, slowed, wrong_format
from edge.frames import FRAME_HOP

RATE = 16000
T_S = np.arange(2 * RATE) / RATE


def tone(frequency_hz, rms=0.1):
    return (rms * np.sqrt(2) * np.sin(2 * np.pi * frequency_hz * T_S + 0.4)).astype(np.float32)


def noise(rms, seed=0):
    return (rms * np.random.RandomState(seed).standard_normal(len(T_S))).astype(np.float32)


@pytest.mark.parametrize(
    "offset, is_one", [(0.0029, False), (0.0031, True), (-0.0031, True), (0.5, True), (0.0, False)]
)
def test_an_offset_is_at_least_three_thousandths(offset, is_one):
    assert offset_of(np.full(50, offset)) == (offset if is_one else 0.0)


@pytest.mark.parametrize("differ, is_one", [(0.019, True), (0.021, False)])
def test_an_offset_is_five_times_what_the_means_differ_by(differ, is_one):
    means = 0.1 + np.resize([-differ, differ, 0.0, -differ, differ], 50)
    assert bool(offset_of(means)) == is_one


def test_of_nothing_there_is_no_offset_and_one_loud_hop_makes_none():
    assert offset_of(np.zeros(0)) == 0.0
    assert offset_of(np.array([0.9] + [0.0] * 49)) == 0.0


def test_means_are_of_whole_hops():
    samples = np.repeat(np.float32([0.25, -0.5]), FRAME_HOP)
    assert means_of(np.concatenate((samples, np.ones(FRAME_HOP - 1, np.float32)))).tolist() == [0.25, -0.5]


def test_slowed_samples_are_means_of_sixteen():
    assert slowed(np.concatenate((np.arange(32), np.ones(15)))).tolist() == [7.5, 23.5]


def hum_in(samples):
    return hum_of(slowed(samples))


@pytest.mark.parametrize("frequency_hz", [50, 60, 100, 120, 200, 240, 300, 420])
def test_hum_has_the_frequency_of_the_loudest_harmonic_and_the_level_of_all(frequency_hz):
    hum = hum_in(tone(frequency_hz, 0.1) + tone(50 if frequency_hz % 50 == 0 else 60, 0.01))
    assert hum.frequency_hz == frequency_hz
    if frequency_hz <= 240:  # the mean of 16 takes some of those above
        assert hum.level_dbfs == pytest.approx(-20.0, abs=0.9)


@pytest.mark.parametrize("level_dbfs, is_hum", [(-54.5, True), (-55.5, False)])
def test_hum_below_minus_55_db_is_none(level_dbfs, is_hum):
    assert bool(hum_in(tone(50, 10 ** (level_dbfs / 20)))) == is_hum


@pytest.mark.parametrize("share, is_hum", [(0.83, True), (0.77, False)])
def test_hum_is_most_of_what_is_so_low(share, is_hum):
    samples = tone(50, 0.1 * np.sqrt(share)) + tone(223, 0.1 * np.sqrt(1 - share))
    assert bool(hum_in(samples)) == is_hum


@pytest.mark.parametrize("frequency_hz", [15, 25, 70, 90, 130, 222, 478])
def test_another_low_tone_is_no_hum(frequency_hz):
    assert hum_in(tone(frequency_hz)) is None


def test_what_lies_outside_the_range_of_hum_neither_makes_nor_hides_it():
    assert hum_in(tone(50, 0.1) + tone(8, 0.5) + np.float32(0.3)).frequency_hz == 50
    assert hum_in(tone(500, 0.1)) is None  # a multiple of 50, but too high


def test_hum_is_looked_for_in_a_second_and_not_in_less():
    assert hum_of(slowed(tone(50))[:1000]).frequency_hz == 50
    assert hum_of(slowed(tone(50))[:999]) is None


def test_faults_are_told_with_their_size():
    assert offset_text(-0.1) == "a constant offset of -0.100 (-20 dBFS)"
    assert hum_text(hum_in(tone(50, 0.01))) == "hum at 50 Hz, -40 dBFS"


@pytest.mark.parametrize("frequency_hz", [440, 3000, 4500, 5300, 6000])
def test_a_tone_is_no_other_format(frequency_hz):
    """A kettle, a bird, a whistle: above 4 kHz each sample tends to have the other sign, but it is no hiss."""
    assert wrong_format(tone(frequency_hz)) == ""


@pytest.mark.parametrize("hiss_share, is_wrong", [(0.2, False), (0.3, True)])
def test_other_signs_are_told_by_a_quarter_of_the_power_being_hiss(hiss_share, is_wrong):
    samples = tone(7500, 0.1 * np.sqrt(hiss_share)) + tone(6000, 0.1 * np.sqrt(1 - hiss_share))
    assert ("the other sign" in wrong_format(samples)) == is_wrong


@pytest.mark.parametrize("share, is_wrong", [(0.33, False), (0.38, True)])
def test_other_signs_are_told_by_each_sample_being_against_the_one_before(share, is_wrong):
    """White noise has no such tendency; so much of its power is a tone near half of the rate."""
    hiss = noise(0.1 * np.sqrt(1 - share))
    samples = hiss - np.float32(hiss.mean()) + tone(7900, 0.1 * np.sqrt(share))
    assert ("the other sign" in wrong_format(samples)) == is_wrong


@pytest.mark.parametrize("alike, is_wrong", [(0.25, False), (0.35, True)])
def test_two_channels_are_told_by_each_sample_being_like_the_one_after_the_next(alike, is_wrong):
    """Two sounds by turns, each of which resembles itself a sample later by so much."""
    rng = np.random.RandomState(0)
    samples = np.zeros((len(T_S) // 2, 2))
    for now in range(1, len(samples)):
        samples[now] = alike * samples[now - 1] + 0.1 * rng.standard_normal(2)
    assert ("two channels" in wrong_format(samples.reshape(-1).astype(np.float32))) == is_wrong


def test_every_sample_twice_is_told():
    assert "comes twice" in wrong_format(np.repeat(noise(0.1)[:RATE], 2))
    almost = np.repeat(noise(0.1)[:RATE], 2)
    almost[77] += np.float32(0.01)
    assert "comes twice" not in wrong_format(almost)


def test_bytes_that_lie_the_other_way_round_are_told():
    swapped = (np.round(32767 * tone(440, 0.05)).astype("<i2").byteswap() / 32768.0).astype(np.float32)
    assert wrong_format(swapped) == "the bytes of each sample lie the other way round"
    assert wrong_format(noise(0.3)) == ""


@pytest.mark.parametrize("n_samples, is_judged", [(499, False), (500, True), (501, True)])
def test_fewer_than_five_hundred_samples_are_not_judged(n_samples, is_judged):
    assert bool(wrong_format(np.repeat(noise(0.1), 2)[:n_samples])) == is_judged


@pytest.mark.parametrize("rms, is_judged", [(0.9e-4, False), (1.2e-4, True)])
def test_what_is_next_to_nothing_is_not_judged(rms, is_judged):
    samples = np.repeat(noise(1.0)[:RATE], 2)
    samples *= np.float32(rms) / samples.std()
    assert bool(wrong_format(samples)) == is_judged
