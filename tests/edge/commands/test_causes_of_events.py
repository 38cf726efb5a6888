"""What commands say of causes, with a bundle that holds experts."""

import csv

import pytest
from expert_bundle import NEVER, open_or_skip, write_expert_bundle
from frame_bundle import write_frame_bundle

from edge.records import Event, ExpertReading
from edge.sinks.words import cause_text, readings_text, record_object
from edge.store import Store

EVENT = Event(start_s=1.0, end_s=4.0, cry_probability=0.9)
READINGS = (
    ExpertReading("android", {"hungry": 0.7, "tired": 0.3}, 0.8, 0.611, 0.49),
    ExpertReading("ios", {"hungry": 0.4, "pain": 0.6}, 1.7, 0.673, 0.51),
)
LABELS = ["belly_pain", "discomfort", "hungry", "tired"]


@pytest.fixture
def folder(tmp_path):
    """folder(**settings of write_expert_bundle) -> directory of a bundle with two experts."""
    pytest.importorskip("soundfile")
    pytest.importorskip("soxr")
    (tmp_path / "bundle").mkdir()

    def folder(**settings):
        directory = write_expert_bundle(str(tmp_path / "bundle"), **settings)
        open_or_skip(directory)
        return directory

    return folder


def test_analyze_prints_cause_and_posterior(run_here, folder, burst_wav, validate):
    finished = run_here("analyze", "--bundle", folder(), "--json", burst_wav)
    assert (finished.status, finished.err) == (0, "")
    validate(finished.objects(), "analyze")
    (event,) = [fields for fields in finished.objects() if fields["type"] == "event"]
    assert sorted(event) == sorted(
        [
            "type",
            "file",
            "start_s",
            "end_s",
            "cry_probability",
            "cause",
            "cause_probability",
            "posterior",
            "out_of_distribution",
        ]
    )
    assert sorted(event["posterior"]) == LABELS
    assert sum(event["posterior"].values()) == pytest.approx(1.0)
    assert event["cause"] in LABELS
    assert event["cause_probability"] == event["posterior"][event["cause"]]
    assert event["out_of_distribution"] is None


def test_analyze_prints_no_cause_where_the_experts_are_never_sure_enough(run_here, folder, burst_wav, validate):
    directory = folder(uncertain=NEVER)
    finished = run_here("analyze", "--bundle", directory, "--json", burst_wav)
    validate(finished.objects(), "analyze")
    (event,) = [fields for fields in finished.objects() if fields["type"] == "event"]
    assert event["cause"] is None and event["cause_probability"] is None
    assert sorted(event["posterior"]) == LABELS
    assert "cause uncertain" in run_here("analyze", "--bundle", directory, burst_wav).out


def test_the_daemon_names_experts_temperatures_and_gates(run, folder, burst_wav, tmp_path):
    path = str(tmp_path / "night.db")
    finished = run("run", "--bundle", folder(), "--db", path, "--source", "file:" + burst_wav, "--fast")
    assert finished.status == 0
    (line,) = [line for line in finished.err.splitlines() if "event: cried for" in line]
    assert "; experts: android (T 0.80, entropy " in line and "; ios (T 1.70, entropy " in line
    assert line.count("gate 0.") == 2
    with Store(path, read_only=True) as store:
        (event,) = store.events()
    assert [reading.expert for reading in event.readings] == ["android", "ios"]
    assert sum(reading.gate_weight for reading in event.readings) == pytest.approx(1.0)


UNLIKE = "unlike the cries that the experts know"


@pytest.fixture
def strange_bundle(tmp_path):
    """Directory of a bundle whose expert behind the denoiser knows no sound."""
    (tmp_path / "strange").mkdir()
    directory = write_frame_bundle(str(tmp_path / "strange"), ("narrow",), ("ios",), energy_threshold=-1e6)
    open_or_skip(directory)
    return directory


def test_analyze_says_that_a_sound_is_unknown(run_here, strange_bundle, burst_wav, validate):
    finished = run_here("analyze", "--bundle", strange_bundle, "--json", burst_wav)
    validate(finished.objects(), "analyze")
    (event,) = [fields for fields in finished.objects() if fields["type"] == "event"]
    assert event["out_of_distribution"] is True
    assert event["cause"] is None and event["cause_probability"] is None
    assert sorted(event["posterior"]) == ["discomfort", "hungry", "tired"]
    (line,) = [
        line
        for line in run_here("analyze", "--bundle", strange_bundle, burst_wav).out.splitlines()
        if "cried until" in line
    ]
    assert line.endswith(", " + UNLIKE)


def test_the_daemon_and_the_list_of_events_say_that_a_sound_was_unknown(
    run, run_here, strange_bundle, burst_wav, tmp_path, validate
):
    path = str(tmp_path / "night.db")
    finished = run("run", "--bundle", strange_bundle, "--db", path, "--source", "file:" + burst_wav, "--fast", "--json")
    validate(finished.objects(), "run")
    assert [fields["out_of_distribution"] for fields in finished.objects() if fields["type"] == "event"] == [True]
    (line,) = [line for line in finished.err.splitlines() if "event: cried for" in line]
    assert UNLIKE + "; experts: narrow (T 1.30, " in line
    assert run_here("events", "--db", path).out.splitlines()[1].endswith("  " + UNLIKE)
    (event,) = run_here("events", "--db", path, "--json").objects()
    validate([event], "events")
    assert event["out_of_distribution"] is True and event["cause"] is None
    assert [reading["expert"] for reading in event["readings"]] == ["narrow", "ios"]
    (row,) = csv.DictReader(run_here("events", "--db", path, "--csv").out.splitlines())
    assert (row["out_of_distribution"], row["cause"]) == ("True", "")


def test_readings_as_text():
    assert readings_text(EVENT._replace(readings=READINGS)) == (
        "; experts: android (T 0.80, entropy 0.61, gate 0.49) hungry 0.70; "
        "ios (T 1.70, entropy 0.67, gate 0.51) pain 0.60"
    )
    assert readings_text(EVENT) == ""


@pytest.mark.parametrize(
    "known, text",
    [
        ({}, ""),
        ({"cause": "hungry", "cause_probability": 0.62, "posterior": {"hungry": 0.62}}, ", hungry 62 %"),
        ({"posterior": {"hungry": 0.62}}, ", cause uncertain"),
        ({"posterior": {"hungry": 0.62}, "out_of_distribution": False}, ", cause uncertain"),
        ({"posterior": {"hungry": 0.62}, "out_of_distribution": True}, ", unlike the cries that the experts know"),
    ],
)
def test_cause_as_text(known, text):
    assert cause_text(EVENT._replace(**known)) == text


def test_json_lines_leave_the_readings_to_the_database():
    assert "readings" not in record_object(EVENT._replace(readings=READINGS))
