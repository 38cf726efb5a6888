"""What is no number never passes the source, whatever the block it comes in; what is one passes untouched."""

import numpy as np
import pytest

from edge.audio.intake import NOT_NUMBERS, Intake
from edge.audio.numbers import LOUDEST, NumberGuard

hypothesis = pytest.importorskip("hypothesis", reason="hypothesis thinks of the values")
st = hypothesis.strategies

BAD = [np.nan, np.inf, -np.inf, 1e20, -3e38, 16.5]


@hypothesis.settings(max_examples=100, deadline=None)
@hypothesis.given(
    st.lists(st.one_of(st.floats(-1, 1, width=32), st.sampled_from(BAD)), min_size=1, max_size=60),
    st.integers(1, 3),
    st.integers(1, 20),
)
def test_every_value_is_itself_or_the_number_before_it(values, channels, block):
    samples = np.resize(np.float32(values), (len(values), channels))
    guard, passed = NumberGuard(channels), []
    for at in range(0, len(samples), block):
        passed.append(guard.push(samples[at : at + block]))
    expected = samples.copy()
    for channel in range(channels):
        before = np.float32(0.0)
        for row in range(len(samples)):
            if not abs(expected[row, channel]) <= LOUDEST:
                expected[row, channel] = before
            before = expected[row, channel]
    np.testing.assert_array_equal(np.concatenate(passed), expected)
    broken = ~(np.abs(samples) <= LOUDEST)
    assert guard.replaced == broken.sum()
    assert guard.first_at == (np.argwhere(broken)[0][0] if broken.any() else None)


@pytest.mark.parametrize("value", [0.0, 1.0, -1.0, 1.5, 15.9, 1e-41, -1e-45])
def test_a_number_passes_untouched(value):
    block = np.full((100, 2), value, np.float32)
    assert NumberGuard(2).push(block) is block


@pytest.mark.parametrize("rate_hz", [16000, 48000])
def test_one_value_is_heard_as_one_sample_and_said_once_with_its_count(rate_hz):
    clean = (0.1 * np.sin(2 * np.pi * 440 * np.arange(rate_hz) / rate_hz)).astype(np.float32)[:, None]
    broken = clean.copy()
    broken[rate_hz // 2] = np.nan
    broken[rate_hz // 2 + 5] = 1e20
    intake, whole = Intake(rate_hz, 1), Intake(rate_hz, 1)
    heard = np.concatenate([intake.push(part) for part in np.array_split(broken, 7)])
    ((what, text),) = intake.remarks()
    assert what == NOT_NUMBERS and text.startswith("2 samples were NaN, infinite or more than 16 times full scale")
    assert intake.remarks() == []
    expected = np.concatenate([whole.push(part) for part in np.array_split(clean, 7)])
    assert np.abs(heard - expected).max() < 0.1
