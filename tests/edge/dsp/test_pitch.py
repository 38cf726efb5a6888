"""Pitch promises: right within 50 cents in noise, as Praat hears it, and the method as McLeod wrote it down."""

import numpy as np
import pytest

from edge.dsp import pitch
from edge.synthesis import infant_cry


def harmonics(f0_hz, n_harmonics=7):
    """Harmonics at 1 / k of a pitch given per sample, RMS 1."""
    phase = 2.0 * np.pi * np.cumsum(f0_hz) / 16000.0
    sound = sum(np.sin(k * phase) / k for k in range(1, n_harmonics + 1) if k * np.max(f0_hz) < 8000.0)
    return sound / np.sqrt(np.mean(np.square(sound)))


def cents(f0_hz, true_hz):
    return 1200.0 * np.log2(f0_hz / true_hz)


def at_frames(values, n_frames):
    """Values per sample, read at the centres of the frames."""
    return values[pitch.FRAME_LENGTH // 2 + pitch.HOP_LENGTH * np.arange(n_frames)]


@pytest.mark.parametrize("snr_db, least", [(20.0, 1.0), (10.0, 1.0), (5.0, 1.0), (0.0, 0.99)])
def test_sweeps_in_noise_are_followed_within_50_cents(snr_db, least):
    rng = np.random.RandomState(0)
    f0_hz = np.linspace(250.0, 700.0, 160000)
    noise = 10.0 ** (-snr_db / 20.0) * rng.randn(len(f0_hz))
    found_hz, _ = pitch.track_pitch((0.1 * (harmonics(f0_hz) + noise)).astype(np.float32))
    assert np.mean(np.abs(cents(found_hz, at_frames(f0_hz, len(found_hz)))) < 50.0) >= least


@pytest.mark.parametrize(
    "true_hz, off_cents",
    [(151.0, 45.0), (233.3, 20.0), (350.0, 10.0), (440.0, 10.0), (987.6, 10.0), (1500.0, 10.0), (1990.0, 10.0)],
)
def test_a_steady_tone_is_right_but_for_the_weight_against_rumble(true_hz, off_cents):
    for n_harmonics in (1, 7):
        found_hz, clarity = pitch.track_pitch(harmonics(np.full(8000, true_hz), n_harmonics).astype(np.float32))
        assert np.abs(cents(found_hz, true_hz)).max() < off_cents
        assert clarity.min() > 0.75


@pytest.mark.once
def test_equals_praat_on_a_cry_without_noise():
    parselmouth = pytest.importorskip("parselmouth", reason="Praat is the independent implementation")
    cry = infant_cry(5.0, np.random.default_rng(3), hoarseness=0.0)
    found_hz, clarity = pitch.track_pitch(cry.samples)
    times_s = (pitch.FRAME_LENGTH / 2.0 + pitch.HOP_LENGTH * np.arange(len(found_hz))) / 16000.0
    praat = parselmouth.Sound(cry.samples.astype(np.float64), 16000.0).to_pitch_ac(
        time_step=0.015, pitch_floor=150.0, pitch_ceiling=2000.0
    )
    praat_hz = np.array([praat.get_value_at_time(time_s) for time_s in times_s])
    both = np.isfinite(praat_hz) & (clarity > 0.8)
    assert both.sum() > 100
    assert np.median(np.abs(cents(found_hz[both], praat_hz[both]))) < 5.0
    assert np.mean(np.abs(cents(found_hz[both], praat_hz[both])) < 50.0) > 0.97


def test_the_nsdf_is_its_formula():
    rng = np.random.RandomState(1)
    frame = rng.randn(pitch.FRAME_LENGTH)
    nsdf = pitch.PitchTracker().nsdf(frame.astype(np.float32), 1)[0]
    frame = frame - frame.mean()
    spectrum = np.fft.rfft(frame, pitch.N_FFT)
    f_hz = np.arange(len(spectrum)) * 16000.0 / pitch.N_FFT
    f_hz[0] = 1e-3
    weights = 1.0 / (1.0 + (300.0 / f_hz) ** 2) ** 2 / (1.0 + (f_hz / 2000.0) ** 2)
    r = [np.sum(np.abs(np.fft.irfft(spectrum * np.sqrt(weights), pitch.N_FFT)) ** 2)]
    for lag in range(1, pitch.N_LAGS):
        filtered = np.fft.irfft(spectrum * np.sqrt(weights), pitch.N_FFT)
        r.append(np.dot(filtered, np.roll(filtered, -lag)))
    m = [np.sum(frame[: len(frame) - lag] ** 2) + np.sum(frame[lag:] ** 2) for lag in range(pitch.N_LAGS)]
    np.testing.assert_allclose(nsdf, (np.array(r) / r[0]) * (m[0] / np.array(m)), atol=1e-5)


def key_maximum_by_loop(nsdf):
    """The lag that McLeod and Wyvill choose: of the highest points between crossings the first that is near the top."""
    highest_of_lobe, keys = None, []
    first_crossing = int(np.argmax(nsdf < 0.0))
    for lag in range(first_crossing, len(nsdf) - 1):
        if nsdf[lag] < 0.0 and highest_of_lobe is not None:
            keys.append(highest_of_lobe)
            highest_of_lobe = None
        is_peak = nsdf[lag] > 0.0 and nsdf[lag - 1] <= nsdf[lag] > nsdf[lag + 1] and lag >= 8
        if is_peak and (highest_of_lobe is None or nsdf[lag] > nsdf[highest_of_lobe]):
            highest_of_lobe = lag
    keys += [] if highest_of_lobe is None else [highest_of_lobe]
    top = max(nsdf[key] for key in keys)
    return next(key for key in keys if nsdf[key] >= 0.85 * top)


def test_peaks_are_those_of_mcleod_and_wyvill():
    cry = infant_cry(6.0, np.random.default_rng(5), hoarseness=0.0)
    noise = np.float32(0.01) * np.random.RandomState(0).randn(len(cry.samples)).astype(np.float32)
    tracker = pitch.PitchTracker()
    for first in range(0, 320, 64):
        nsdf = tracker.nsdf((cry.samples + noise)[first * pitch.HOP_LENGTH :], 64)
        lag = 16000.0 / pitch.pick_peaks(nsdf)[0]
        np.testing.assert_allclose(lag, [key_maximum_by_loop(row) for row in nsdf], atol=0.51)


def test_clarity_tells_a_cry_from_noise():
    rng = np.random.RandomState(0)
    _, of_noise = pitch.track_pitch(rng.randn(32000).astype(np.float32))
    _, of_tone = pitch.track_pitch(harmonics(np.full(32000, 430.0)).astype(np.float32))
    assert np.percentile(of_noise, 95) < 0.3 < 0.95 < of_tone.min()


def test_level_and_offset_do_not_matter():
    samples = harmonics(np.linspace(300.0, 500.0, 16000)).astype(np.float32)
    f0_hz, clarity = pitch.track_pitch(samples)
    for changed in (samples * np.float32(1e-3), samples + np.float32(0.5)):
        changed_hz, changed_clarity = pitch.track_pitch(changed)
        np.testing.assert_allclose(changed_hz, f0_hz, rtol=1e-3)
        np.testing.assert_allclose(changed_clarity, clarity, atol=1e-3)


@pytest.mark.parametrize("samples", [np.zeros(1024), np.ones(1024), np.linspace(-1.0, 1.0, 1024)])
def test_what_does_not_repeat_has_no_pitch(samples):
    f0_hz, clarity = pitch.track_pitch(samples.astype(np.float32))
    assert np.isnan(f0_hz).all()
    assert (clarity == 0.0).all()


def test_less_than_a_frame_makes_none():
    f0_hz, clarity = pitch.track_pitch(np.zeros(pitch.FRAME_LENGTH - 1, np.float32))
    assert len(f0_hz) == len(clarity) == 0


@pytest.mark.parametrize("lag, height", [(40.3, 0.9), (25.0, 0.6), (99.75, 0.45), (8.4, 0.99)])
def test_a_peak_between_two_lags_is_found_with_its_height(lag, height):
    """The clarity is that of the parabola through three points, not of the highest of them."""
    nsdf = np.full((1, pitch.N_LAGS), -0.1, np.float32)
    beside = int(round(lag)) + np.arange(-1, 2)
    nsdf[0, beside] = height - 0.02 * (beside - lag) ** 2
    f0_hz, clarity = pitch.pick_peaks(nsdf)
    assert 16000.0 / f0_hz[0] == pytest.approx(lag, abs=1e-3)
    assert clarity[0] == pytest.approx(height, abs=1e-5)


def test_a_clarity_is_never_above_one():
    nsdf = np.full((1, pitch.N_LAGS), -0.1, np.float32)
    nsdf[0, 39:42] = [0.99, 1.0, 0.995]
    assert pitch.pick_peaks(nsdf)[1][0] == 1.0


@pytest.mark.parametrize(
    "frequency_hz, weight",
    [(0, 0.0), (150, 0.0397772), (300, 0.244499), (600, 0.587156), (2000, 0.4782), (8000, 0.058658)],
)
def test_rumble_and_the_highest_harmonics_count_less(frequency_hz, weight):
    """(1 + (300 / f)^2)^-2 / (1 + (f / 2000)^2), worked out by hand."""
    (index,) = np.flatnonzero(np.arange(pitch.N_FFT // 2 + 1) * 16000 == frequency_hz * pitch.N_FFT)
    assert pitch._WEIGHTS[index] == pytest.approx(weight, rel=1e-4, abs=1e-9)
