"""`make mutants` promises: the same mutants for a seed, each judged by its room's tests, in a copy of the tree."""

import subprocess
import time

import pytest

pytest.importorskip("cosmic_ray")

from benchmarks.suite import mutants  # noqa: E402

SOURCE = "def is_large(x):\n    return x > 10\n\n\ndef unlooked_at(x):\n    return x + 1\n"
TEST = "from edge.tiny.size import is_large\n\n\ndef test_size():\n    assert is_large(11) and not is_large(10)\n"
OTHERS = "def test_nothing():\n    pass\n"


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository with one room of one file."""
    files = {
        "edge/__init__.py": "", "edge/tiny/__init__.py": "", "edge/tiny/size.py": SOURCE,
        "tests/edge/tiny/test_size.py": TEST, "tests/edge/tiny/test_others.py": OTHERS,
    }  # fmt: skip
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    monkeypatch.setattr(mutants, "REPOSITORY", tmp_path)
    return tmp_path


def mutants_of(repository):
    return [mutant for here in mutants.mutants_in("tiny", repository / "edge/tiny/size.py").values() for mutant in here]


def test_a_seed_draws_the_same_mutants_no_two_in_one_place():
    drawn = mutants.draw("dsp", 14, 3)
    assert drawn == mutants.draw("dsp", 14, 3) != mutants.draw("dsp", 14, 4)
    assert len(drawn) == 14 and {mutant.room for mutant in drawn} == {"dsp"}


def test_a_mutant_that_cannot_be_made_is_none(repository):
    """Cosmic Ray fails on an exception with a dotted name."""
    source = "import csv\n\n\ndef f():\n    try:\n        return 1\n    except csv.Error:\n        return 2\n"
    (repository / "edge/tiny/size.py").write_text(source)
    assert any("ExceptionReplacer" in mutant.operator for mutant in mutants_of(repository))
    drawn = mutants.draw("tiny", 100, 0)
    assert drawn and all(mutants.diff_of(mutant) for mutant in drawn)


def test_a_change_elsewhere_draws_no_others(repository):
    def drawn():
        return {(mutant.operator, mutants.diff_of(mutant).splitlines()[-1]) for mutant in mutants.draw("tiny", 3, 0)}

    before = drawn()
    (repository / "edge/tiny/size.py").write_text("# more is said of it\n\n\n" + SOURCE)
    assert drawn() == before


def test_every_room_has_source_and_tests_to_judge_it():
    assert len(mutants.ROOMS) == 10
    for room in mutants.ROOMS:
        assert mutants.files_of(room) and mutants.tests_of(room, mutants.REPOSITORY), room


def test_what_the_tests_notice_is_killed_and_the_source_stays_as_it_was(repository):
    every = mutants_of(repository)
    compared = next(mutant for mutant in every if mutant.operator.endswith("Gt_GtE"))
    unseen = next(mutant for mutant in every if mutant.line == 6 and mutant.operator.endswith("Add_Sub"))
    verdicts = mutants.judge(
        [compared, unseen], 1, time.monotonic() + 600, mutants.Killed(repository / "work", repository)
    )
    assert [verdict.outcome for verdict in verdicts] == [mutants.KILLED, mutants.SURVIVED]
    assert [verdict.by for verdict in verdicts] == ["tests/edge/tiny/test_size.py::test_size", ""]
    assert (repository / "edge/tiny/size.py").read_text() == SOURCE
    killed = mutants.Killed(repository / "work", repository)
    assert killed.get(compared) == pytest.approx(verdicts[0].seconds, abs=0.1) and killed.get(unseen) is None
    figures = mutants.figures_of(verdicts, 0)
    assert (figures["killed"], figures["judged"], figures["share"]) == (1, 2, 0.5)
    assert "edge/tiny/size.py:6" in mutants.table(figures) and "+    return x - 1" in mutants.table(figures)


def test_when_time_is_over_it_says_so(repository):
    (mutant, *_) = mutants.draw("tiny", 1, 0)
    (verdict,) = mutants.judge([mutant], 1, time.monotonic() - 1, mutants.Killed(repository / "work", repository))
    assert verdict.outcome == mutants.NO_TIME and mutants.figures_of([verdict], 0)["judged"] == 0


def test_a_room_whose_tests_fail_anyway_judges_nothing(repository):
    (repository / "tests/edge/tiny/test_others.py").write_text("def test_no():\n    assert False\n")
    with pytest.raises(SystemExit, match="the tests of tiny fail without a mutant"):
        mutants.judge(
            mutants.draw("tiny", 1, 0), 1, time.monotonic() + 600, mutants.Killed(repository / "work", repository)
        )


def test_of_what_changes_nothing_no_test_is_asked(repository, monkeypatch):
    every = mutants_of(repository)
    unseen = next(mutant for mutant in every if mutant.line == 6 and mutant.operator.endswith("Add_Sub"))
    monkeypatch.setitem(mutants.EQUIVALENT, ("edge/tiny/size.py", "return x - 1"), "nobody looks")
    (verdict,) = mutants.judge([unseen], 1, time.monotonic() + 600, mutants.Killed(repository / "work", repository))
    figures = mutants.figures_of([verdict], 0)
    assert (verdict.outcome, figures["judged"], figures["equivalent"]) == (mutants.EQUIVALENT_TO, 0, 1)
