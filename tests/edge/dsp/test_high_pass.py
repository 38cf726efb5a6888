"""An offset and its drift are taken out of a stream, what a cry is made of passes untouched, and NaN ends nothing."""

import numpy as np
import pytest

from edge.dsp.high_pass import LARGEST, HighPass, high_passed, hold_numbers
from edge.frames import FRAME_HOP, SAMPLE_RATE

T_S = np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE
SETTLED = slice(SAMPLE_RATE, 3 * SAMPLE_RATE)


def tone(frequency_hz, amplitude=0.5):
    return (amplitude * np.sin(2 * np.pi * frequency_hz * T_S + 0.7)).astype(np.float32)


def gain_db(frequency_hz):
    passed = high_passed(tone(frequency_hz))[SETTLED]
    return 20 * np.log10(np.std(passed) / np.std(tone(frequency_hz)[SETTLED]))


@pytest.mark.parametrize("offset", [0.03, -0.5, 1.0])
def test_a_constant_offset_is_gone_from_the_first_sample_on(offset):
    assert np.abs(high_passed(np.full(2 * SAMPLE_RATE, offset, np.float32))).max() < 1e-6


def test_a_step_of_the_offset_is_gone_after_a_tenth_of_a_second():
    filtered = high_passed(np.repeat(np.float32([0.0, 0.5]), SAMPLE_RATE))
    assert np.abs(filtered[:SAMPLE_RATE]).max() == 0
    assert np.abs(filtered[SAMPLE_RATE + SAMPLE_RATE // 10 :]).max() < 0.001


@pytest.mark.parametrize("frequency_hz", [100, 150, 300, 1000, 3000, 7900])
def test_what_a_cry_is_made_of_passes(frequency_hz):
    assert abs(gain_db(frequency_hz)) < 0.1


def test_what_is_slower_than_sound_does_not():
    assert gain_db(1) < -15
    assert gain_db(5) < -5
    assert all(abs(gain_db(frequency_hz)) < 1.6 for frequency_hz in (10, 30, 50, 60, 80))


@pytest.mark.parametrize("frequency_hz, most_db", [(50, -66), (60, -65), (100, -90), (120, -70)])
def test_hum_adds_next_to_nothing_where_cries_are(frequency_hz, most_db):
    spectrum = np.abs(np.fft.rfft(high_passed(tone(frequency_hz))[SETTLED] * np.hanning(2 * SAMPLE_RATE)))
    frequencies_hz = np.fft.rfftfreq(2 * SAMPLE_RATE, 1 / SAMPLE_RATE)
    share = np.square(spectrum[frequencies_hz > 290]).sum() / np.square(spectrum).sum()
    assert 10 * np.log10(share) < most_db


def test_hops_join_without_a_seam():
    """A hop's first sample is as far from the one before it as in the sound itself."""
    filtered = high_passed(tone(300) + np.float32(0.2))
    jumps = np.abs(np.diff(filtered))
    assert jumps[FRAME_HOP - 1 :: FRAME_HOP].max() <= np.abs(np.diff(tone(300))).max() * 1.01


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e20, -3e38])
@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid")
def test_a_value_that_is_no_number_is_one_sample_and_no_more(value):
    clean = tone(440)
    for at in (0, 5 * FRAME_HOP, 5 * FRAME_HOP + 1234, 6 * FRAME_HOP - 1):
        broken = clean.copy()
        broken[at] = value
        held = clean.copy()
        held[at] = clean[at - 1] if at else 0.0
        np.testing.assert_allclose(high_passed(broken), high_passed(held), atol=1e-6)


def test_a_stream_of_nothing_but_nan_is_silence():
    assert np.abs(high_passed(np.full(SAMPLE_RATE, np.nan, np.float32))).max() == 0


def test_power_is_the_mean_square_of_the_hop():
    stream = HighPass()
    for hop in tone(440).reshape(-1, FRAME_HOP):
        filtered = stream.push(hop)
        assert stream.power == pytest.approx(np.mean(np.square(filtered, dtype=np.float64)), rel=1e-5)


def test_the_offset_is_known():
    stream = HighPass()
    for hop in (tone(440) + np.float32(0.25)).reshape(-1, FRAME_HOP):
        stream.push(hop)
    assert stream.offset == pytest.approx(0.25, abs=0.02)


def test_a_number_is_held_until_the_next_in_each_channel_alone():
    samples = np.array([[np.nan, 1.0], [2.0, np.inf], [np.nan, -LARGEST * 2], [3.0, 4.0]], np.float32)
    held = hold_numbers(samples, np.array([7.0, 8.0]), LARGEST)
    np.testing.assert_array_equal(held, [[7.0, 1.0], [2.0, 1.0], [2.0, 1.0], [3.0, 4.0]])
    assert held.dtype == np.float32
