"""A stage that became slower is found; chance, and a machine that became slower, is not."""

import json

import numpy as np
import pytest

from edge.bench.baseline import compare, differences, machine_ratios, read_baseline
from edge.errors import UserError

USUAL_MS = {
    "crying/detector": 0.3,
    "crying/log_mel": 0.1,
    "crying/fused": 0.2,
    "quiet/log_mel": 0.1,
    "quiet/episodes": 0.02,
    "quiet/gate": 0.01,
}


def result(scale=1.0, machine=1.0, noise=0.02, seed=0, **stages_ms):
    """A result of five rounds with noisy stages; scale: of the stage "crying/detector"."""
    rng = np.random.RandomState(seed)
    stages_ms = dict(USUAL_MS, **dict({"crying/detector": 0.3 * scale}, **stages_ms))
    return {
        "per_round": [
            {
                "yardstick_ms": 0.3 * machine,
                "seconds": 1.0,
                "p10_ms": {
                    stage: ms * machine * (1 + noise * rng.standard_normal()) for stage, ms in stages_ms.items()
                },
            }
            for _ in range(5)
        ]
    }


def slower(before, after):
    return [change.stage for change in compare(before, after) if change.is_regression]


def test_a_slower_stage_is_found_and_only_that():
    assert slower(result(), result(scale=1.5, seed=1)) == ["crying/detector"]


def test_the_same_code_on_another_day_is_no_regression():
    assert [slower(result(seed=seed), result(seed=seed + 100)) for seed in range(50)] == 50 * [[]]


def test_a_machine_that_is_slower_altogether_is_no_regression():
    assert slower(result(), result(machine=3.0, seed=1)) == []


def test_a_stage_is_found_on_a_machine_that_became_slower_or_faster():
    assert slower(result(), result(scale=1.5, machine=2.0, seed=1)) == ["crying/detector"]
    assert slower(result(), result(scale=1.5, machine=0.5, seed=1)) == ["crying/detector"]


def test_one_round_that_was_interrupted_is_no_regression():
    after = result(seed=1)
    after["per_round"][2]["p10_ms"]["crying/detector"] *= 20
    assert slower(result(), after) == []


def test_a_path_that_is_slower_altogether_is_no_regression():
    others = {"crying/log_mel": 0.2, "crying/denoiser": 0.4}
    slow = dict({stage: 1.6 * ms for stage, ms in others.items()}, **{"crying/detector": 1.6 * 0.3})
    assert slower(result(**others), result(seed=1, **slow)) == []
    assert slower(result(**others), result(seed=1, **dict(slow, **{"crying/denoiser": 1.0}))) == ["crying/denoiser"]


def test_sums_and_disks_are_not_compared():
    sums = {"crying/hop": 2.0, "crying/frame": 1.9, "crying/hop, CPU": 1.9, "crying/store": 0.1}
    before, after = result(**sums), result(seed=1, **{stage: 3 * ms for stage, ms in sums.items()})
    assert machine_ratios(before, after)["crying"] == pytest.approx(1.0, abs=0.05)
    assert slower(before, after) == []


def test_what_was_noisy_must_differ_by_more():
    noise = {change.stage: change.noise for change in compare(result(noise=0.3), result(noise=0.3, seed=1))}
    assert noise["crying/detector"] > 0.3
    assert slower(result(noise=0.3), result(scale=1.25, noise=0.3, seed=1)) == []


def test_a_faster_stage_is_no_regression():
    assert slower(result(scale=3.0), result()) == []


def test_less_than_a_twentieth_of_the_yardstick_is_nothing():
    assert slower(result(**{"quiet/gate": 0.010}), result(**{"quiet/gate": 0.020})) == []
    assert slower(result(**{"quiet/gate": 0.010}), result(**{"quiet/gate": 0.030})) == ["quiet/gate"]


def test_a_stage_that_only_one_of_them_has_is_not_compared():
    changes = compare(result(), result(**{"crying/expert new": 1.0}))
    assert {change.stage for change in changes} == set(USUAL_MS)


def test_another_machine_or_bundle_is_said():
    one = {"engine": "a", "bundle_sha256": "1", "threads": 1, "input": "x", "audio_s": 10, "board": {"cpu": "old"}}
    assert differences(one, dict(one, threads=2, board={"cpu": "new"})) == ["threads 1 -> 2", "cpu old -> new"]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"per_round": []}', json.dumps({"per_round": [{}] * 5})])
def test_a_file_that_is_no_result_is_refused(tmp_path, content):
    path = tmp_path / "baseline.json"
    path.write_text(content)
    with pytest.raises(UserError, match="no result of edge-bench --json"):
        read_baseline(str(path))


def test_a_missing_file_is_refused():
    with pytest.raises(UserError, match="no such file"):
        read_baseline("/nowhere.json")
