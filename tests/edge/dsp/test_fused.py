"""The fused features promise: the stated rows, streaming equal to batch, and the paper's stretching to 233 columns."""

import numpy as np
import pytest

from edge.dsp import fused, mfcc, pitch, stft
from edge.dsp.stretch import average, interpolate, stretch
from edge.synthesis import infant_cry


def cry_in_noise(n_samples, seed=0):
    rng = np.random.default_rng(seed)
    cry = infant_cry(max(1.0, n_samples / 16000.0), rng).samples[:n_samples]
    return (cry + 1e-3 * rng.standard_normal(n_samples)).astype(np.float32)


def streamed(samples, sizes, rng):
    """Columns of samples pushed in blocks of random sizes."""
    stream, columns, position = fused.FusedStream(), [], 0
    while position < len(samples):
        size = rng.choice(sizes)
        columns.append(stream.push(samples[position : position + size]))
        position += size
    return np.concatenate(columns + [stream.finish()])


@pytest.mark.parametrize("seed", range(6))
def test_streaming_equals_batch_for_any_block_sizes(seed):
    rng = np.random.RandomState(seed)
    samples = cry_in_noise(rng.randint(1, 60000), seed)
    sizes = [[1, 7, 79, 80], [239, 240, 241], [3200], [160, 480, 5000], [12345], [1, 3200, 20000]][seed]
    batch = fused.fused_columns(samples)
    parts = streamed(samples, sizes, rng)
    assert parts.shape == batch.shape == (max(0, 1 + (len(samples) - 480) // 240), 273)
    np.testing.assert_allclose(parts, batch, atol=1e-5)


def test_streaming_equals_batch_on_a_cry_without_any_noise():
    samples = infant_cry(3.0, np.random.default_rng(1)).samples
    parts = streamed(samples, [3200], np.random.RandomState(0))
    np.testing.assert_allclose(parts, fused.fused_columns(samples), atol=1e-5)


def test_a_hop_costs_only_its_new_columns_and_no_column_is_late():
    stream = fused.FusedStream()
    samples = cry_in_noise(3 * 16000)
    counts = [len(stream.push(samples[first : first + 3200])) for first in range(0, len(samples), 3200)]
    assert set(counts[1:]) == {13, 14}
    assert sum(counts) == 1 + (len(samples) - 480 - fused.MARGIN) // 240


def test_after_a_reset_nothing_of_the_past_is_left():
    stream = fused.FusedStream()
    stream.push(cry_in_noise(10001, seed=1))
    stream.reset()
    samples = cry_in_noise(20000)
    again = np.concatenate((stream.push(samples), stream.finish()))
    np.testing.assert_array_equal(again, fused.fused_columns(samples))
    np.testing.assert_array_equal(np.concatenate((stream.push(samples), stream.finish())), again)


def test_every_row_is_what_it_is_said_to_be():
    samples = cry_in_noise(32000)
    columns = fused.fused_columns(samples)
    assert (fused.N_ROWS, fused.WAVE_ROW) == (273, 272)
    np.testing.assert_allclose(columns[:, 13:270], stft.log_stft(samples), atol=1e-6)
    cepstra = mfcc.mfcc(samples)
    np.testing.assert_allclose(columns[0:-1:2, :13], cepstra[0::3][: len(columns[0:-1:2])], atol=1e-4)
    between = (cepstra[1::3] + cepstra[2::3]) / 2.0
    n_between = min(len(between), len(columns[1::2]))
    np.testing.assert_allclose(columns[1::2, :13][:n_between], between[:n_between], atol=1e-4)
    f0_hz, clarity = pitch.track_pitch(np.pad(samples, (16, 16), mode="constant"))
    np.testing.assert_allclose(columns[:, 271], clarity, atol=1e-6)
    np.testing.assert_allclose(columns[:, 270], np.nan_to_num(clarity * np.log2(f0_hz / 440.0)), atol=1e-5)
    np.testing.assert_array_equal(columns[:, 272], samples[240::240][: len(columns)])


def test_silence_is_finite():
    assert np.isfinite(fused.fused_columns(np.zeros(16000, np.float32))).all()
    assert np.isfinite(fused.fused_clip(np.zeros(16000, np.float32))).all()


def test_a_clip_of_the_papers_length_needs_no_stretching():
    samples = cry_in_noise(fused.CLIP_LENGTH)
    assert fused.CLIP_LENGTH == 56160
    clip, columns = fused.fused_clip(samples), fused.fused_columns(samples)
    assert clip.shape == columns.shape == (233, 273)
    np.testing.assert_allclose(clip[:, :272], columns[:, :272], atol=1e-4)


@pytest.mark.parametrize("n_samples", [0, 1, 479, 480, 8000, 56159, 200001])
def test_clips_of_any_length_come_out_as_233_columns(n_samples):
    clip = fused.fused_clip(cry_in_noise(n_samples))
    assert clip.shape == (233, 273)
    assert clip.dtype == np.float32
    assert np.isfinite(clip).all()


def test_the_waveform_of_a_long_clip_is_not_averaged_away():
    samples = np.random.RandomState(0).randn(30 * 16000).astype(np.float32)
    position = np.arange(233) * (len(samples) - 1) / 232.0
    expected = np.interp(position, np.arange(len(samples)), samples)
    np.testing.assert_allclose(fused.fused_clip(samples)[:, 272], expected, atol=1e-6)


def test_interpolation_keeps_both_ends():
    np.testing.assert_allclose(interpolate(np.array([0, 10, 20, 30]), 7), [0, 5, 10, 15, 20, 25, 30], atol=1e-6)


@pytest.mark.parametrize("n_columns, length", [(349, 233), (1, 5), (2, 3), (466, 233), (100, 233)])
def test_stretching_up_to_twice_is_linear_interpolation(n_columns, length):
    columns = np.random.RandomState(0).randn(n_columns, 3)
    position = np.linspace(0.0, n_columns - 1.0, length)
    expected = np.stack([np.interp(position, np.arange(n_columns), row) for row in columns.T], axis=1)
    np.testing.assert_allclose(stretch(columns, length), expected, atol=1e-5)


@pytest.mark.parametrize("n_columns, length", [(600, 200), (467, 233), (1000, 233), (10, 10)])
def test_averaging_gives_each_stretch_of_time_its_share(n_columns, length):
    columns = np.random.RandomState(0).randn(n_columns, 3)
    expected = np.repeat(columns, length, axis=0).reshape(length, n_columns, 3).mean(axis=1)
    np.testing.assert_allclose(average(columns, length), expected, atol=1e-5)
    if n_columns > 2 * length:
        np.testing.assert_array_equal(stretch(columns, length), average(columns, length))


def test_row_statistics_make_every_row_zero_mean_and_unit_deviation():
    recordings = [fused.fused_columns(cry_in_noise(16000 + 5000 * seed, seed)) for seed in range(3)]
    recordings = [
        np.concatenate((columns[:, :272], np.full((len(columns), 1), 3.0)), axis=1).astype(np.float32)
        for columns in recordings
    ]
    statistics = fused.RowStatistics()
    for columns in recordings:
        statistics.add(columns)
    mean, deviation = statistics.mean(), statistics.deviation()
    whole = np.concatenate(recordings).astype(np.float64)
    np.testing.assert_allclose(mean, whole.mean(axis=0), atol=1e-4)
    np.testing.assert_allclose(deviation[:272], whole.std(axis=0)[:272], rtol=1e-4)
    assert deviation[272] == 1.0
    scaled = fused.standardise(whole.astype(np.float32), mean, deviation)
    np.testing.assert_allclose(scaled.std(axis=0)[:272], 1.0, atol=1e-3)
    in_place = recordings[0].copy()
    assert fused.standardise(in_place, mean, deviation, out=in_place) is in_place
    np.testing.assert_allclose(in_place, scaled[: len(in_place)], atol=1e-5)


def test_power_above_the_band_counts_as_none():
    samples = cry_in_noise(16000)
    columns = fused.fused_columns(samples, band_hz=4000.0)
    hiss = (0.01 * np.sin(2 * np.pi * 6000 * np.arange(16000) / 16000.0)).astype(np.float32)
    with_hiss = fused.fused_columns(samples + hiss, band_hz=4000.0)
    below = fused.STFT_ROWS.start + stft.bins_within(4000.0)
    np.testing.assert_allclose(columns[:, below : fused.STFT_ROWS.stop], np.log(1e-10), rtol=1e-6)
    leakage = 0.2  # of the hiss through the window, on the scale of the first coefficient: some hundred
    np.testing.assert_allclose(with_hiss[:, fused.MFCC_ROWS], columns[:, fused.MFCC_ROWS], atol=leakage)
    np.testing.assert_array_equal(
        columns[:, fused.STFT_ROWS.start : below], fused.fused_columns(samples)[:, fused.STFT_ROWS.start : below]
    )
    assert not np.allclose(fused.fused_columns(samples + hiss)[:, fused.MFCC_ROWS], columns[:, fused.MFCC_ROWS], atol=1)
