"""Frames, corruption and splits promise: what is drawn is what was asked, and no group is divided."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tomllib")
pytest.importorskip("keras")
pytest.importorskip("sklearn")
soundfile = pytest.importorskip("soundfile")

from edge.dsp.log_mel import band_centres_hz, log_mel  # noqa: E402
from edge.errors import UserError  # noqa: E402
from edge.frames import FRAME_COLUMNS  # noqa: E402
from training.data.corpora import Clip  # noqa: E402
from training.runs.stage import round_robin  # noqa: E402
from training.transformer import sampling  # noqa: E402
from training.transformer.config import FeatureConfig, experiment_of  # noqa: E402
from training.transformer.material import frame_starts, load_frames, split_clips  # noqa: E402

TABLE = {
    "name": "x",
    "data": {"corpora": ["voices"], "folds": 3, "mixed_groups": True},
    "known": {"corpora": ["more"]},
    "outliers": {"corpora": ["sounds"], "except_labels": ["hiss"]},
    "noise": {"corpora": ["sounds"]},
    "fit": {"stages": [{"kind": "joint"}]},
}


def clip(corpus, label, group, number, folder=Path()):
    name = f"{corpus}_{label}_{group}_{number}.flac"
    return Clip(folder / name, corpus, label, "noncry", group, 1 + number % 4, "CC0-1.0", "open")


def table(**sections):
    return experiment_of({**TABLE, **sections}, "here")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_a_frame_over_noise_is_nearly_that_of_the_sum_and_as_loud_as_asked(rng):
    sound, noise = 0.3 * rng.standard_normal((2, 16000)).astype(np.float32) * np.hanning(16000)
    clean, other = (log_mel(samples)[None] for samples in (sound, noise))
    mixed = sampling.over_noise(clean, other, [6.0])
    gain = np.exp(clean).mean() / np.exp(other).mean() * 10**-0.6
    assert np.exp(mixed).mean() / np.exp(clean).mean() == pytest.approx(1 + 10**-0.6, rel=1e-4)
    expected = log_mel((sound + np.sqrt(gain) * noise).astype(np.float32))
    assert np.abs(mixed[0] - expected).mean() < 0.35
    far = sampling.over_noise(clean, other, [60.0])
    np.testing.assert_allclose(far, clean, atol=0.1)


def test_every_clip_has_its_turn(rng):
    turns = round_robin(np.array([3, 5, 9]), 7, rng)
    assert sorted(np.bincount(turns)[[3, 5, 9]]) == [2, 2, 3]


def test_frames_with_sound_in_them_are_kept_and_all_where_none_stands_out():
    config = FeatureConfig(hop_columns=20, active_share=0.5)
    is_active = np.zeros(400, bool)
    is_active[100:200] = True
    assert frame_starts(is_active, config).tolist() == [60, 80, 100, 120, 140]
    assert len(frame_starts(np.zeros(400, bool), config)) == 16


@pytest.fixture(scope="module")
def heard(tmp_path_factory):
    """Frames of a long, a short and a noisy clip; and the long one's samples."""
    folder = tmp_path_factory.mktemp("voices")
    rng = np.random.default_rng(1)
    clips = [clip("voices", "a", "g0", 0, folder), clip("voices", "b", "g1", 0, folder)]
    clips.append(clip("sounds", "hiss", "h0", 0, folder))
    samples = {"a": 0.1 * rng.standard_normal(40000), "b": 0.1 * rng.standard_normal(8000)}
    samples["hiss"] = 0.1 * rng.standard_normal(16000)
    for each in clips:
        soundfile.write(each.path, samples[each.label], 16000)
    experiment = table(augment={"cutoff_hz": [3000, 3000]}, features={"active_share": 0.0})
    frames = load_frames(clips, experiment, folder / "cache")
    again = load_frames(clips, experiment, folder / "cache")
    assert np.array_equal(again.variants["clean"].first, frames.variants["clean"].first)
    assert len(list((folder / "cache").iterdir())) == 2
    return frames, experiment, samples["a"].astype(np.float32)


def test_a_frame_is_a_second_of_its_clip(heard):
    frames, _, samples = heard
    recordings = frames.variants["clean"]
    numbers, owner = recordings.of_clips(np.array([0, 1]))
    assert owner.tolist() == [0] * 8 + [1]
    np.testing.assert_allclose(recordings.take(numbers[3:4])[0], log_mel(samples[9600:25600]), atol=0.01)
    assert recordings.of_clips(np.array([0]), 3)[0].tolist() == [0, 3, 7]


def test_roles_are_told_by_the_sections(heard):
    frames, _, _ = heard
    assert frames.labels == ["a", "b"] and frames.truth.tolist() == [0, 1, -1]
    assert {role: own.tolist() for role, own in frames.roles.items()} == {
        "data": [0, 1], "known": [], "outliers": [], "noise": [2]
    }  # fmt: skip


def test_all_that_is_heard_is_limited_alike_and_around_its_own_mean(heard, rng):
    frames, experiment, _ = heard
    batch = sampling.Sampler(frames, np.arange(3), experiment).draw(np.array([0, 1, 2, 2]), rng)
    assert batch.noisy.shape == batch.clean.shape == (4, FRAME_COLUMNS, 64, 1)
    np.testing.assert_allclose(batch.clean.mean(axis=(1, 2, 3)), 0, atol=1e-5)
    above = band_centres_hz() > 3000
    assert (batch.clean[:, :40, above].mean() < batch.clean[:, :40, ~above].mean(axis=(1, 2, 3)) - 1).all()


def test_a_part_without_noise_is_refused(heard):
    frames, experiment, _ = heard
    with pytest.raises(UserError, match="holds no noise"):
        sampling.Sampler(frames, np.array([0, 1]), experiment)


def test_no_label_is_refused(tmp_path):
    with pytest.raises(UserError, match="no clip has a label"):
        load_frames([clip("sounds", "hiss", "h0", 0)], table(), tmp_path)


def test_a_group_is_in_one_part_whatever_its_clips_are_for():
    clips = [clip("voices", label, f"g{group}", 0) for group in range(9) for label in "ab"]
    clips += [clip("more", "c", f"g{group}", 0) for group in range(9)]
    clips += [clip("sounds", label, f"s{group}", 0) for group in range(12) for label in ("hiss", "click")]
    splits = split_clips(clips, table(), 0)
    assert len(splits) == 3
    for split in splits:
        parts = {name: {clips[i].group_id for i in own} for name, own in split.parts.items()}
        assert sum(map(len, parts.values())) == len(set().union(*parts.values())) == 21
        assert sum(len(own) for own in split.parts.values()) == len(clips)
        assert all({"voices", "sounds"} <= {clips[i].corpus for i in own} for own in split.parts.values())
    assert sorted(i for split in splits for i in split.test) == list(range(len(clips)))
