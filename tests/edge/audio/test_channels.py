"""The channel that hears is heard: not the dead one, not the noisy one, and never an average in which a cry is lost."""

import numpy as np
import pytest

from edge.audio.channels import ChannelChooser
from edge.synthesis import infant_cry

RATE = 16000
T_S = np.arange(20 * RATE) / RATE
CRY_BEGIN, CRY_END = 8 * RATE, 14 * RATE


def noise(level_dbfs, seed):
    return np.random.RandomState(seed).standard_normal(len(T_S)) * 10 ** (level_dbfs / 20)


def room(cry_dbfs, noise_dbfs=-68.0):
    samples = noise(noise_dbfs, 1)
    cry = np.asarray(infant_cry(6, np.random.default_rng(12)).samples, float)[: CRY_END - CRY_BEGIN]
    samples[CRY_BEGIN:][: len(cry)] += cry * 10 ** (cry_dbfs / 20) / np.sqrt(np.mean(cry**2))
    return samples


def hum(frequency_hz, level_dbfs):
    return 10 ** (level_dbfs / 20) * np.sqrt(2) * np.sin(2 * np.pi * frequency_hz * T_S)


def crackle(seed):
    return noise(-70, seed) + 0.3 * (np.random.RandomState(seed).rand(len(T_S)) < 5e-4)


CRY = room(-42)
OTHERS = {  # what the other channel sends, and what is said of it
    "nothing": (np.zeros(len(T_S)), "is dead"),
    "the noise of its converter": (noise(-93, 2), ""),
    "much noise": (noise(-25, 2), "far more noise or hum"),
    "noise that begins in the night": (noise(-25, 2) * (T_S > 2) + noise(-72, 3), "far more noise or hum"),
    "hum that begins in the night": (
        (hum(100, -15) + noise(-30, 2)) * (T_S > 2) + noise(-72, 3),
        "far more noise or hum",
    ),
    "hum": (hum(100, -15) + noise(-80, 2), "far more noise or hum"),
    "a buzz": (0.05 * np.sign(hum(50, -10)), "far more noise or hum"),
    "crackle": (crackle(3), ""),
    "the same": (CRY, ""),
    "its negative": (-CRY, "is its negative"),
    "its negative, fainter": (-0.3 * CRY, "is its negative"),
    "the same later": (np.roll(CRY, 8), ""),
    "the same, far away": (0.05 * CRY + noise(-70, 4), ""),
    "the same with hum": (CRY + hum(100, -15), "far more noise or hum"),
    "the same with noise": (CRY + noise(-25, 5), "far more noise or hum"),
}


def chosen(channels, block=1600, rate_hz=RATE):
    """What is heard of channels (n, channels), and every remark."""
    chooser = ChannelChooser(channels.shape[1], rate_hz)
    heard, remarks = [], []
    for first in range(0, len(channels), block):
        heard.append(chooser.push(channels[first : first + block].astype(np.float32)))
        remarks.append(chooser.remark())
    return np.concatenate(heard), [remark for remark in remarks if remark]


def correlation_in_the_cry(heard):
    heard, cry = heard[CRY_BEGIN + RATE // 2 : CRY_END], CRY[CRY_BEGIN + RATE // 2 : CRY_END]
    return np.corrcoef(heard, cry)[0, 1]


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("other", sorted(OTHERS))
def test_the_cry_is_heard_whatever_the_other_channel_sends(other, first):
    sent, said = OTHERS[other]
    heard, remarks = chosen(np.stack((CRY, sent) if first else (sent, CRY), 1))
    if other == "the same later" and not first:
        heard = np.roll(heard, -8)
    assert abs(correlation_in_the_cry(heard)) > 0.97
    assert all(said in remark for remark in remarks) if said else not remarks
    assert bool(remarks) == bool(said)


def test_two_dead_channels_of_four():
    heard, remarks = chosen(np.stack((0 * CRY, noise(-94, 7), 0 * CRY, CRY), 1))
    assert correlation_in_the_cry(heard) > 0.97
    assert "channel 4 of 4 is heard" in remarks[-1] and "channel 1 is dead, channel 3 is dead" in remarks[-1]


def test_a_channel_that_dies_at_night_is_left_for_the_other():
    heard, remarks = chosen(np.stack((np.where(T_S < 6, CRY, 0.0), CRY), 1))
    np.testing.assert_array_equal(heard[RATE * 13 // 2 :], CRY[RATE * 13 // 2 :].astype(np.float32))
    assert remarks == ["channel 2 of 2 is heard, the others are left out: channel 1 is dead"]


def test_of_two_that_hear_alike_one_is_kept():
    """No more than the noise differs: the other is never better by enough to change."""
    left, right = CRY + noise(-75, 8), CRY + noise(-75, 9)
    heard, remarks = chosen(np.stack((left, right), 1))
    np.testing.assert_array_equal(heard, left.astype(np.float32))
    assert remarks == []


def test_silence_of_minutes_and_then_sound():
    silent = T_S < 7.5
    heard, _ = chosen(np.stack((0 * CRY, np.where(silent, 0.0, CRY)), 1))
    assert correlation_in_the_cry(heard) > 0.97


@pytest.mark.parametrize("rate_hz", [4000, 8000, 44100, 48000, 192000])
def test_any_rate(rate_hz):
    noises = np.random.RandomState(0).standard_normal((3 * rate_hz, 2)).astype(np.float32)
    heard, _ = chosen(noises * np.float32([1e-1, 1e-3]), rate_hz // 10, rate_hz)
    np.testing.assert_array_equal(heard[rate_hz // 5 :], noises[rate_hz // 5 :, 1] * np.float32(1e-3))


def test_one_channel_passes_untouched():
    heard, remarks = chosen(CRY[:, None])
    np.testing.assert_array_equal(heard, CRY.astype(np.float32))
    assert remarks == []


@pytest.mark.parametrize("seed", range(10))
def test_the_same_is_heard_whatever_the_block_sizes(seed):
    rng = np.random.RandomState(seed)
    sizes = rng.randint(1, rng.choice([50, 2000, 20000]), 40)
    channels = (rng.standard_normal((sum(sizes), 2)) * 10 ** rng.uniform(-4, -1, (1, 2))).astype(np.float32)
    channels[len(channels) // 2 :] *= np.float32(10) ** rng.uniform(-2, 1, (1, 2)).astype(np.float32)
    whole = ChannelChooser(2, RATE).push(channels)
    chooser, parts, at = ChannelChooser(2, RATE), [], 0
    for size in sizes:
        parts.append(chooser.push(channels[at : at + size]))
        at += size
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_a_dead_channel_beside_one_that_was_silent_before_is_said():
    heard, remarks = chosen(np.stack((0 * CRY, np.where(T_S < 5, 0.0, CRY)), 1))
    assert correlation_in_the_cry(heard) > 0.97
    assert remarks == ["channel 2 of 2 is heard, the others are left out: channel 1 is dead"]


def test_silence_of_all_channels_is_said_of_none():
    assert chosen(np.zeros((3 * RATE, 2)))[1] == []


@pytest.mark.parametrize("block", [1, 3, 100, 399, 401, 1599])
def test_what_is_measured_of_a_window_is_its_beginning_whatever_the_blocks(block):
    """Each window is as loud at its beginning as no other part of it is."""
    levels = np.where(np.arange(1600) < 500, 1e-1, 1e-4)
    channels = np.stack((noise(0, 1), noise(-20, 2)), 1)[: 10 * 1600] * np.tile(levels, 10)[:, None]
    whole, parts = ChannelChooser(2, RATE), ChannelChooser(2, RATE)
    whole.push(channels.astype(np.float32))
    for at in range(0, len(channels), block):
        parts.push(channels[at : at + block].astype(np.float32))
    np.testing.assert_allclose(parts._floors_dbfs, whole._floors_dbfs, rtol=1e-6)
    assert whole._floors_dbfs[0] == pytest.approx(-20.0, abs=3.0)
