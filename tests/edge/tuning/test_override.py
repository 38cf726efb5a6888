"""The file that run reads: for this bundle alone, whole or refused, and said where it is in force."""

import pytest
from homes import SHA

from edge.bundle import load_bundle
from edge.bundle.model import Thresholds
from edge.config import default_settings
from edge.decision.rules import differences, episode_rules
from edge.errors import UserError
from edge.tuning.override import path_beside, read_override, remove_override, with_override, write_override
from edge.tuning.trade import Choice

CHOICE = Choice(Thresholds(0.7, 0.25, 1.0), False, 4, 2, 1, 12, 11, [0.5])


@pytest.fixture(scope="module")
def bundle():
    return load_bundle()


@pytest.fixture
def database(tmp_path):
    return str(tmp_path / "night.db")


def test_what_is_written_is_in_force(bundle, database):
    assert with_override(bundle, database) is bundle
    write_override(database, CHOICE, bundle)
    tuned = with_override(bundle, database)
    rules = episode_rules(tuned.decision, default_settings().decision)
    assert (rules.open_threshold, rules.close_threshold, rules.lasting_threshold) == (0.7, 0.25, 1.0)
    assert tuned.own_decision == bundle.decision and tuned.detector.decision == bundle.detector.decision
    (line,) = differences(tuned.decision, default_settings().decision)
    assert "11 of 12 cries found" in line and path_beside(database) in line
    assert remove_override(database) and not remove_override(database)
    assert with_override(bundle, database) is bundle


def test_what_the_configuration_names_wins(bundle, database):
    write_override(database, CHOICE, bundle)
    tuned = with_override(bundle, database)
    settings = default_settings().decision._replace(open_threshold=0.9)
    assert episode_rules(tuned.decision, settings).open_threshold == 0.9
    assert "this home's is 0.7" in differences(tuned.decision, settings)[-1]


def test_it_is_for_one_bundle_alone(bundle, database):
    write_override(database, CHOICE, bundle._replace(sha256=SHA))
    with pytest.raises(UserError, match="another bundle"):
        with_override(bundle, database)
    write_override(database, CHOICE, bundle._replace(verifier=None))
    with pytest.raises(UserError, match="the verifier decides"):
        with_override(bundle, database)


@pytest.mark.parametrize(
    "old, new",
    [
        ("open_threshold = 0.7", "open_threshold = 0.1"),
        ("open_threshold = 0.7", "open_threshold = nan"),
        ("open_threshold = 0.7", "open_threshold = 2.0"),
        ("open_threshold = 0.7", 'open_threshold = "0.7"'),
        ("close_threshold = 0.25", "close_threshold = 0.0"),
        ("close_threshold = 0.25", ""),
        ("lasting_threshold = 1.0", "lasting_threshold = 0.0"),
        ("schema = 1", "schema = 2"),
        ("schema = 1", "schema = 1\nweights = [1.0]"),
        ("schema", "schema ]["),
    ],
)
def test_a_file_that_cannot_be_is_refused_in_one_line(bundle, database, old, new):
    path = write_override(database, CHOICE, bundle)
    with open(path) as file:
        text = file.read()
    assert old in text
    with open(path, "w") as file:
        file.write(text.replace(old, new, 1))
    with pytest.raises(UserError) as raised:
        read_override(database)
    assert path in str(raised.value) and "\n" not in str(raised.value)


def test_a_place_that_cannot_be_written_is_said(bundle, tmp_path):
    with pytest.raises(UserError, match="cannot be written"):
        write_override(str(tmp_path / "no" / "night.db"), CHOICE, bundle)
