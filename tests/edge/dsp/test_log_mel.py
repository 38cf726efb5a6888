"""The log-mel promises: the same numbers as an independent implementation, and streaming equal to batch."""

import numpy as np
import pytest

from edge.dsp import log_mel as lm
from edge.frames import FRAME_COLUMNS, FRAME_HOP, FRAME_HOP_COLUMNS, FRAME_LENGTH, SAMPLE_RATE


def noise_and_tone(n_samples, seed=0):
    rng = np.random.RandomState(seed)
    tone = 0.3 * np.sin(2 * np.pi * 440.0 * np.arange(n_samples) / SAMPLE_RATE)
    return (tone + 0.05 * rng.randn(n_samples)).astype(np.float32)


@pytest.mark.once
@pytest.mark.parametrize("n_mels", [64, 128])
@pytest.mark.filterwarnings("ignore:Empty filters")  # 128 bands lie closer than the spectrum's bins, at the low end
def test_equals_librosa(n_mels):
    librosa = pytest.importorskip("librosa", reason="librosa is the independent implementation")
    samples = noise_and_tone(3 * SAMPLE_RATE)
    # librosa centres a short window inside n_fft; shifting the signal by that margin lines the two up.
    margin = (lm.N_FFT - lm.WINDOW_LENGTH) // 2
    spectrum = librosa.stft(
        np.pad(samples, (margin, margin)),
        n_fft=lm.N_FFT,
        hop_length=lm.HOP_LENGTH,
        win_length=lm.WINDOW_LENGTH,
        window="hann",
        center=False,
    )
    filters = librosa.filters.mel(
        sr=SAMPLE_RATE,
        n_fft=lm.N_FFT,
        n_mels=n_mels,
        fmin=lm.MEL_LOW_HZ,
        fmax=lm.MEL_HIGH_HZ,
        htk=True,
        norm=None,
    )
    expected = np.log(filters.dot(np.abs(spectrum) ** 2) + lm.LOG_OFFSET).T
    ours = lm.log_mel(samples, n_mels)
    assert ours.shape == expected.shape
    np.testing.assert_allclose(ours, expected, atol=2e-4)


@pytest.mark.parametrize("seed", range(5))
def test_streaming_equals_batch_for_any_block_sizes(seed):
    rng = np.random.RandomState(seed)
    samples = noise_and_tone(rng.randint(1, 40000), seed)
    n_mels = rng.choice([64, 128])
    stream, columns, position = lm.LogMelStream(n_mels), [], 0
    while position < len(samples):
        size = rng.choice([1, 7, 159, 160, 161, 400, 3200, 5000])
        columns.append(stream.push(samples[position : position + size]))
        position += size
    streamed = np.concatenate(columns)
    batch = lm.log_mel(samples, n_mels)
    assert streamed.shape == batch.shape
    np.testing.assert_allclose(streamed, batch, atol=1e-5)


def test_after_reset_a_stream_begins_anew():
    stream, samples = lm.LogMelStream(128), noise_and_tone(8000)
    stream.push(noise_and_tone(777, 1))
    stream.reset()
    np.testing.assert_array_equal(stream.push(samples), lm.log_mel(samples, 128))


def test_a_hop_costs_only_its_new_columns():
    stream = lm.LogMelStream()
    stream.push(noise_and_tone(FRAME_LENGTH))
    assert len(stream.push(noise_and_tone(FRAME_HOP))) == FRAME_HOP_COLUMNS


def test_one_second_is_98_columns():
    assert lm.log_mel(np.zeros(FRAME_LENGTH, np.float32)).shape == (98, 64)


def test_silence_is_the_logarithm_of_the_offset():
    np.testing.assert_allclose(lm.log_mel(np.zeros(1600, np.float32)), np.log(1e-6), rtol=1e-6)


def test_too_few_samples_make_no_column():
    assert lm.log_mel(np.zeros(399, np.float32)).shape == (0, 64)


def test_gain_shifts_every_band_alike_above_the_offset():
    samples = noise_and_tone(SAMPLE_RATE)
    shift = lm.log_mel(samples) - lm.log_mel(samples * np.float32(0.1))
    assert abs(np.median(shift) - np.log(100.0)) < 0.01


@pytest.mark.parametrize("frequency_hz", [300.0, 1000.0, 4000.0])
def test_a_tone_lights_the_band_at_its_frequency(frequency_hz):
    tone = np.sin(2 * np.pi * frequency_hz * np.arange(16000) / 16000.0).astype(np.float32)
    loudest = lm.log_mel(tone).mean(axis=0).argmax()
    assert abs(lm.band_centres_hz()[loudest] - frequency_hz) < 0.06 * frequency_hz + 20.0


@pytest.mark.parametrize("seed", range(3))
def test_a_frame_that_is_moved_on_holds_the_latest_columns(seed):
    rng = np.random.RandomState(seed)
    samples = noise_and_tone(60000, seed)
    n_mels = rng.choice([64, 128])
    stream, frame, position = lm.LogMelStream(n_mels), np.zeros((FRAME_COLUMNS, n_mels), np.float32), 0
    while position < len(samples):
        size = rng.choice([1, 160, 400, 3200, 20000])
        stream.push_into(frame, samples[position : position + size])
        position += size
    np.testing.assert_allclose(frame, lm.log_mel(samples, n_mels)[-FRAME_COLUMNS:], atol=1e-5)


@pytest.mark.parametrize("n_mels", [64, 128])
def test_band_centres_are_where_the_triangles_peak(n_mels):
    fine = 2**16
    peaks_hz = lm.mel_filterbank(n_mels, n_fft=fine).argmax(axis=0) * SAMPLE_RATE / fine
    np.testing.assert_allclose(lm.band_centres_hz(n_mels), peaks_hz, atol=SAMPLE_RATE / fine)
    steps = np.diff(2595 * np.log10(1 + lm.band_centres_hz(n_mels) / 700))
    np.testing.assert_allclose(steps, (2786.4 - 92.3) / (n_mels + 1), rtol=1e-3)  # mel of 7600 and 60 Hz


def cry_power(samples, n_mels=64):
    stream = lm.LogMelStream(n_mels)
    stream.push_into(np.zeros((FRAME_COLUMNS, n_mels), np.float32), samples.astype(np.float32))
    return stream.cry_power


@pytest.mark.parametrize("n_mels", [64, 128])
@pytest.mark.parametrize("frequency_hz", [500.0, 1000.0, 3000.0, 5000.0])
def test_the_power_of_a_tone_in_the_band_of_cries_is_its_mean_square(frequency_hz, n_mels):
    tone = 0.2 * np.sin(2 * np.pi * frequency_hz * np.arange(SAMPLE_RATE) / SAMPLE_RATE)
    assert 10 * np.log10(cry_power(tone, n_mels) / np.mean(tone**2)) == pytest.approx(0.0, abs=0.1)


@pytest.mark.parametrize("frequency_hz, most_db", [(50.0, -50), (100.0, -40), (120.0, -40), (7000.0, -40)])
def test_hum_and_hiss_have_next_to_no_power_in_it(frequency_hz, most_db):
    tone = 0.2 * np.sin(2 * np.pi * frequency_hz * np.arange(SAMPLE_RATE) / SAMPLE_RATE)
    assert 10 * np.log10(cry_power(tone) / np.mean(tone**2)) < most_db


def test_the_power_is_that_of_the_newest_columns_alone():
    stream, frame = lm.LogMelStream(), np.zeros((FRAME_COLUMNS, 64), np.float32)
    noise = noise_and_tone(2 * SAMPLE_RATE)
    stream.push_into(frame, noise)
    stream.push_into(frame, np.zeros(FRAME_HOP, np.float32))
    stream.push_into(frame, np.zeros(FRAME_HOP, np.float32))
    assert stream.cry_power == 0.0
