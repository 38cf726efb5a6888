"""The fusion table promises that no speaker is on two sides in either domain, and scores every way to answer."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("keras")
pytest.importorskip("sklearn")

from benchmarks.studies import causes_fusion as table  # noqa: E402
from training.causes.material import Material  # noqa: E402
from training.data.corpora import Clip  # noqa: E402

CLIP = Clip(Path("a.flac"), "fsdd", "digit_0", "noncry", "s0", 1, "CC BY-SA 4.0", "open")
SPEAKERS, EACH, COLUMNS = 4, 2, 39


@pytest.fixture(scope="module")
def materials():
    """Digits that are heard as a bump in a row of their own; the room is another channel, another offset."""
    made = {}
    for domain, (channel, labels) in table.DOMAINS.items():
        clips = [
            replace(CLIP, path=Path(f"{label}_{speaker}_{n}.flac"), label=label, group_id=f"s{speaker}")
            for speaker in range(SPEAKERS) for label in labels for n in range(EACH)
        ]  # fmt: skip
        rng = np.random.default_rng(len(channel))
        tensors = rng.normal(0, 0.3, (len(clips), COLUMNS, 273)).astype(np.float16)
        for clip, tensor in zip(clips, tensors, strict=True):
            row = 20 + 10 * table.DIGITS.index(clip.label)
            tensor[:, row : row + 4] += 3.0
        made[domain] = Material(clips, sorted(labels), {channel: tensors}, np.arange(len(clips)))
    return made


@pytest.fixture(scope="module")
def experiments():
    made = {}
    for name, domain in table.DOMAINS.items():
        experiment = table.experiment_for(*domain, epochs=1)
        model = replace(experiment.model, encoder=(4, 4, 4), head="none", dropout=0.0)
        augment = replace(experiment.augment, gain_db=0.0, time_mask=0, row_mask=0)
        fit = replace(experiment.fit, batch_size=8)
        made[name] = replace(experiment, model=model, augment=augment, fit=fit)
    return made


@pytest.fixture(scope="module")
def splits(materials, experiments):
    return {name: table.splits_by_fold(material, experiments[name])["s1"] for name, material in materials.items()}


def test_the_merged_split_keeps_the_held_out_speaker_out_of_both_domains(materials, splits):
    clips = table.merged(materials).clips
    split = table.merged_split(materials, splits)
    sides = [{clips[i].group_id for i in part} for part in split.parts.values()]
    assert sides[2] == {"s1"}
    assert sum(map(len, sides)) == len(set().union(*sides)) == SPEAKERS
    assert sum(len(part) for part in split.parts.values()) == len(clips)


@pytest.mark.usefixtures("without_graphs")
def test_every_way_to_answer_is_scored(materials, experiments, splits, tmp_path):
    answers = table.train_and_answer(materials, experiments, splits, 0, tmp_path / "cell.npz")
    stored = {("s1", 0): answers, ("s2", 0): answers}
    temperature = table.temperatures(stored, "s1", 0)
    assert set(temperature) == set(table.DOMAINS) and min(temperature.values()) > 0
    scores = table.score_methods(answers, temperature)
    assert len(scores) == 3 + 2 * len(table.METHODS)
    assert scores["line"]["room"] <= 2 / 6 + 1e-9  # an expert has no words for four of the other's six labels
    assert all(0 <= score <= 1 for row in scores.values() for score in row.values())
    cells = {("s1", 0): scores, ("s2", 0): scores}
    rows, gained = table.summarise(cells), table.gains(cells)
    assert rows["line"]["both"][0] == pytest.approx(np.mean(list(scores["line"].values())))
    for scope, others in gained.items():
        assert others[table.MERGED][0] == pytest.approx(rows[scope]["both"][0] - rows[table.MERGED]["both"][0])
    assert f"| {table.MERGED} |" in table.table(rows, gained, 2)


@pytest.mark.parametrize(
    "gained, verdict",
    [
        ([0.1, 0.05, 0.15], "wins"),
        ([-0.1, -0.15, -0.05], "loses"),
        ([0.1, -0.1, 0.3], "neither"),
        ([0.1, None, None], "neither"),
    ],
)
def test_the_table_says_where_fusion_wins_and_where_it_does_not(gained, verdict):
    assert f"`shared` {verdict} " in table.sentence("shared", {"poe": gained})
