"""Verification promises the equal error rate of independent computations, and intervals that know what an infant is."""

import numpy as np
import pytest

from edge.errors import UserError
from training.data.corpora import Clip
from training.infant_id.protocol import infants_of, read_pairs
from training.infant_id.verification import Trials, cosine, equal_error_rate


def by_counting(targets, others):
    """The EER by counting at every midpoint, between the two thresholds where the rates cross."""
    scores = np.sort(np.r_[targets, others])
    thresholds = np.r_[scores[0] - 1, (scores[1:] + scores[:-1]) / 2, scores[-1] + 1]
    rejected = np.array([(targets < t).mean() for t in thresholds])
    accepted = np.array([(others >= t).mean() for t in thresholds])
    i = int(np.flatnonzero(accepted >= rejected)[-1])
    a, b = accepted[i] - rejected[i], accepted[i + 1] - rejected[i + 1]
    return rejected[i] + (rejected[i + 1] - rejected[i]) * a / (a - b)


@pytest.mark.parametrize(
    "targets, others, expected",
    [
        ([3, 4], [1, 2], 0.0),
        ([1, 2], [3, 4], 1.0),
        ([1, 3], [2, 4], 0.5),
        ([1, 5, 6, 7], [0, 2, 3, 4], 0.25),
        ([5, 5], [5, 5], 0.5),
    ],
)
def test_the_equal_error_rate_of_a_few_pairs(targets, others, expected):
    assert equal_error_rate(np.array(targets, float), np.array(others, float)) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(5))
def test_the_equal_error_rate_is_what_counting_and_sklearn_say(seed):
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(seed)
    targets, others = rng.normal(1, 1, 83), rng.normal(0, 1, 411)
    found = equal_error_rate(targets, others)
    assert found == pytest.approx(by_counting(targets, others), abs=1e-12)
    truth = np.r_[np.ones(83), np.zeros(411)]
    accepted, kept, _ = metrics.roc_curve(truth, np.r_[targets, others], drop_intermediate=False)
    nearest = np.argmin(np.abs(accepted - (1 - kept)))
    assert found == pytest.approx((accepted[nearest] + 1 - kept[nearest]) / 2, abs=1 / 83)


def test_the_cosine_is_scipy_s():
    distance = pytest.importorskip("scipy.spatial.distance")
    a, b = np.random.default_rng(0).normal(size=(2, 4, 7))
    np.testing.assert_allclose(cosine(a, b), 1 - distance.cdist(a, b, "cosine"), atol=1e-12)
    assert cosine(np.zeros((1, 3)), np.ones((1, 3))) == 0


def trials(seed, n=24, apart=2.0):
    rng = np.random.default_rng(seed)
    names = [f"i{k}" for k in range(n)]
    return Trials(rng.normal(size=(n, n)) + apart * np.eye(n), names, names)


def test_an_interval_is_over_infants_and_chance_is_half():
    found = trials(0).summary(0)
    assert found["same"] == 24 and found["different"] == 24 * 23
    assert found["low"] <= found["eer"] <= found["high"] and found["high"] - found["low"] > 0.05
    assert found["chance"][0] < 0.5 < found["chance"][2] and abs(found["chance"][1] - 0.5) < 0.05
    assert found["high"] < found["chance"][1]


def test_an_infant_drawn_twice_is_two_of_himself_and_no_stranger():
    own = trials(1, n=3)
    drawn = own.error_rate(np.array([0, 0, 2]))
    same = own.scores[[0, 0, 2], [0, 0, 2]]
    others = np.array([own.scores[a, b] for a, b in ((0, 2), (0, 2), (2, 0), (2, 0))])
    assert drawn == pytest.approx(equal_error_rate(same, others))
    assert np.isnan(own.error_rate(np.array([1, 1, 1])))


def test_only_pairs_that_count_are_counted():
    own = trials(2, n=4)
    compared = np.eye(4, dtype=bool)
    compared[0, 1] = True
    found = Trials(own.scores, own.enrolled, own.tested, compared).error_rate()
    assert found == pytest.approx(equal_error_rate(np.diag(own.scores), own.scores[:1, 1]))


def clip(name, group, tmp_path):
    return Clip(tmp_path / name, "cryceleb", "unlabelled", "cry", group, 1, "CC0-1.0", "open")


def test_periods_are_the_folders_or_the_halves(tmp_path):
    named = [clip(f"{i}/{p}/{i}_{p}_{k}.wav", i, tmp_path) for i in ("x", "y") for p in ("D", "B") for k in (1, 2)]
    found = infants_of(named, False)
    assert [({named[i].path.parent.name for i in own.enrolled}, {named[i].path.parent.name for i in own.tested})
            for own in found] == [({"B"}, {"D"})] * 2  # fmt: skip
    plain = [clip(f"{i}{k}.wav", i, tmp_path) for i in ("x", "y") for k in (3, 1, 2)]
    x = infants_of(plain, False)[0]
    assert [plain[i].path.name for i in (*x.enrolled, *x.tested)] == ["x1.wav", "x2.wav", "x3.wav"]
    assert len(x.enrolled) == 2


def test_an_infant_with_one_clip_is_named(tmp_path):
    clips = [clip(f"{i}{k}.wav", i, tmp_path) for i in ("x", "y") for k in (1, 2)] + [clip("z1.wav", "z", tmp_path)]
    with pytest.raises(UserError, match=r"1 infants have one clip, or one period only, as z: .*--leave-out-single"):
        infants_of(clips, False)
    assert [infant.name for infant in infants_of(clips, True)] == ["x", "y"]
    with pytest.raises(UserError, match="1 infants have clips of two periods, at least 2"):
        infants_of([*clips[:2], clips[4]], True)


def test_a_list_of_pairs_is_cryceleb_s(tmp_path):
    file = tmp_path / "dev_pairs.csv"
    file.write_text("baby_id_B,baby_id_D,label\nspk1,spk1,1\nspk1,spk2,0\n")
    pairs = read_pairs(file)
    assert (pairs.birth, pairs.discharge, pairs.label.tolist()) == (["spk1", "spk1"], ["spk1", "spk2"], [1, 0])
    file.write_text("baby_id_B,baby_id_D\nspk1,spk1\n")
    assert read_pairs(file).label is None
    file.write_text("baby_id_B,baby_id_D,label\nspk1,spk1,yes\n")
    with pytest.raises(UserError, match="label is 'yes', it must be 0 or 1"):
        read_pairs(file)
