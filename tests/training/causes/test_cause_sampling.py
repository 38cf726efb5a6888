"""Tensors of causes promise: windows as a device sees them, rows as chosen, microphones as filters would be."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.signal

pytest.importorskip("keras")
pytest.importorskip("tomllib")

from edge.dsp import fused  # noqa: E402
from edge.dsp.stft import bins_within  # noqa: E402
from edge.errors import UserError  # noqa: E402
from training.causes import sampling  # noqa: E402
from training.causes.config import (  # noqa: E402
    AugmentConfig,
    Experiment,
    FeatureConfig,
    experiment_of,
)
from training.causes.material import chosen_rows, tensors_of  # noqa: E402
from training.data.selection import DataConfig  # noqa: E402


def test_a_long_recording_gives_windows_that_are_cut_from_its_columns():
    samples = np.random.default_rng(0).normal(0, 0.1, 2 * fused.CLIP_LENGTH).astype(np.float32)
    windows = tensors_of(samples, len(samples), FeatureConfig())
    columns = fused.fused_columns(samples)
    assert windows.shape == (3, 233, 273)
    np.testing.assert_allclose(windows[1][:-1], columns[116:348], atol=1e-5)
    assert tensors_of(samples[:100], 100, FeatureConfig()).shape == (1, 233, 273)


@pytest.mark.parametrize("band_hz", [8000.0, 4000.0])
def test_a_louder_tensor_is_that_of_a_louder_recording(band_hz):
    samples = np.random.default_rng(1).normal(0, 0.05, fused.CLIP_LENGTH).astype(np.float32)
    gain_db = 7.0
    expected = fused.fused_columns(samples * 10 ** (gain_db / 20), band_hz)
    nats = np.full((1, bins_within(band_hz)), gain_db / 10 * np.log(10))
    louder = sampling.apply_eq(fused.fused_columns(samples, band_hz)[None], nats)[0]
    np.testing.assert_allclose(louder, expected, atol=0.02)


def test_a_coloured_tensor_is_that_of_a_filtered_recording():
    samples = np.random.default_rng(1).normal(0, 0.05, fused.CLIP_LENGTH).astype(np.float32)
    rng = np.random.default_rng(2)
    experiment = Experiment("x", DataConfig(("x",), "group"), augment=AugmentConfig(colour_db=6.0))
    nats = sampling.draw_eq(experiment, 3, rng)[2:]
    taps = scipy.signal.firwin2(1023, np.linspace(0, 1, nats.shape[1]), np.exp(nats[0] / 2))
    filtered = scipy.signal.fftconvolve(samples, taps, mode="same").astype(np.float32)
    expected, found = fused.fused_columns(filtered), sampling.apply_eq(fused.fused_columns(samples)[None], nats)[0]
    rows = [fused.MFCC_ROWS, fused.STFT_ROWS]
    for row in rows:
        np.testing.assert_allclose(found[2:-2, row].mean(axis=0), expected[2:-2, row].mean(axis=0), atol=0.6)


def test_neighbouring_bins_of_a_whole_clip_are_averaged():
    samples = np.random.default_rng(3).normal(0, 0.1, 8000).astype(np.float32)
    config = FeatureConfig(unit="clip", columns=20, bins_together=8, band_hz=4000.0)
    rows = chosen_rows(config)
    spectrum = rows[(rows >= fused.STFT_ROWS.start) & (rows < fused.STFT_ROWS.stop)]
    plain = tensors_of(samples, 8000, replace(config, bins_together=1))[0]
    found = tensors_of(samples, 8000, config)[0]
    assert len(spectrum) == -(-bins_within(4000.0) // 8)
    for row in spectrum[:-1]:
        np.testing.assert_allclose(found[:, row], plain[:, row : row + 8].mean(axis=1), atol=1e-5)
    np.testing.assert_array_equal(found[:, fused.MFCC_ROWS], plain[:, fused.MFCC_ROWS])


def test_windows_are_what_a_device_sees():
    for change in ({"sounding": True}, {"bins_together": 2}):
        with pytest.raises(UserError, match="a window is what a device sees"):
            Experiment("x", DataConfig(("x",), "group"), FeatureConfig(**change))


def test_rows_are_chosen_by_block_and_band():
    assert len(chosen_rows(FeatureConfig())) == 273
    assert len(chosen_rows(FeatureConfig(band_hz=4000.0))) == 273 - 128
    assert chosen_rows(FeatureConfig(blocks=("pitch",))).tolist() == [270, 271]


def test_a_table_is_an_experiment():
    with pytest.raises(Exception, match="here: name is missing"):
        experiment_of({}, "here")
