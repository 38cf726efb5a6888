"""`edge-bench`: the table of stages, and an exit status that says whether the budget was kept."""

import pytest


@pytest.fixture
def bench(run, loud_bundle):
    def bench(*arguments):
        return run("--bundle", loud_bundle, "--seconds", "10", *arguments, program="edge-bench")

    return bench


def test_the_table_of_a_synthesised_night(bench):
    finished = bench()
    assert (finished.status, finished.err) == (0, "")
    lines = finished.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[-2].startswith("frame ")
    assert lines[-1] == "missed deadlines: 0"


def test_json(bench, validate):
    (fields,) = bench("--json", "--threads", "2").objects()
    validate([fields], "bench")
    assert fields["audio_s"] == 10
    assert fields["threads"] == 2
    assert [stage["n"] for stage in fields["stages"] if stage["stage"] == "frame"] == [46]


def test_over_the_budget_exits_1(bench):
    finished = bench("--json", "--budget-ms", "0.001")
    assert finished.status == 1
    assert finished.objects()[0]["missed_deadlines"] == 46


def test_a_recording(bench, burst_wav):
    assert bench("--json", "--input", burst_wav).objects()[0]["audio_s"] == 10


@pytest.mark.parametrize("arguments, said", [
    (("--seconds", "1"), "--seconds is 1: use 10 to 3600"),
    (("--threads", "0"), "--threads is 0: use 1 to 16"),
    (("--budget-ms", "-1"), "--budget-ms is -1: use more than 0"),
    (("--input", "/nowhere.wav"), "/nowhere.wav: no such file"),
    (("--bundle", "/nowhere"), "/nowhere"),
])
def test_what_cannot_work_is_said(bench, arguments, said):
    pytest.importorskip("soundfile")
    finished = bench(*arguments)
    assert (finished.status, finished.out) == (1, "")
    assert finished.err.startswith("edge-bench: error: ") and said in finished.err
    assert finished.err.count("\n") == 1
