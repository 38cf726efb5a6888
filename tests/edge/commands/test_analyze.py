"""`cry-monitor analyze`: every record of every recording, and a clear word for each that is none."""

import os

import numpy as np
import pytest
from loud_bundle import noise_burst
from virtual_microphone import write_wav

from edge.store import Store


def analysing(run, bundle):
    """run("analyze", ...) with that bundle."""
    pytest.importorskip("soundfile")
    pytest.importorskip("soxr")
    return lambda *arguments: run("analyze", "--bundle", bundle, *arguments)


@pytest.fixture
def analyze(run_here, loud_bundle):
    return analysing(run_here, loud_bundle)


@pytest.fixture
def analyze_apart(run, loud_bundle):
    """In a process of its own, for what its arguments and its output are made of."""
    return analysing(run, loud_bundle)


def test_the_records_of_a_recording(analyze_apart, burst_wav, validate, environment):
    finished = analyze_apart("--json", burst_wav)
    assert (finished.status, finished.err) == (0, "")
    alert, event, summary = finished.objects()
    validate(finished.objects(), "analyze")

    assert [fields["type"] for fields in (alert, event, summary)] == ["alert", "event", "summary"]
    assert {fields["file"] for fields in finished.objects()} == {burst_wav}
    assert event["start_s"] == pytest.approx(8.0, abs=0.5)
    assert 8.0 < alert["t_s"] < 9.0
    assert event["posterior"] == {} and event["cause"] is None
    assert summary["duration_s"] == 22.0
    assert summary["frames"] == 22 * 5 - 4
    assert summary["events"] == 1
    assert summary["cry_seconds"] == pytest.approx(event["end_s"] - event["start_s"])
    assert not os.path.exists(environment["XDG_STATE_HOME"])


def test_every_frame_when_asked(analyze, burst_wav, validate):
    objects = analyze("--json", "--frames", burst_wav).objects()
    validate(objects, "analyze")
    frames = [fields for fields in objects if fields["type"] == "frame"]
    assert len(frames) == objects[-1]["frames"]
    assert [frame["t_s"] for frame in frames] == pytest.approx([1 + 0.2 * n for n in range(len(frames))])
    assert all(frame["cry_probability"] == 0 for frame in frames if frame["gated"])
    assert frames[0]["gated"] and not frames[45]["gated"]


def test_a_recording_is_judged_by_the_configuration(analyze, burst_wav, tmp_path):
    deaf = tmp_path / "deaf.toml"
    deaf.write_text("[gate]\nfloor_dbfs = 0.0\n")
    assert [fields["type"] for fields in analyze("--json", "--config", deaf, burst_wav).objects()] == ["summary"]
    broken = analyze("--config", tmp_path / "nowhere.toml", burst_wav)
    assert (broken.status, broken.out) == (1, "")
    assert broken.err.startswith("cry-monitor: error: cannot read the configuration")


def test_the_configuration_names_the_bundle(run_here, loud_bundle, burst_wav, tmp_path):
    config = tmp_path / "bundle.toml"
    config.write_text('[detector]\nbundle = "{}"\n'.format(loud_bundle))
    assert run_here("analyze", "--json", "--config", config, burst_wav).objects()[-1]["events"] == 1


def test_how_much_faster_than_real_time_stands_under_its_old_name_too(analyze, burst_wav):
    summary = analyze("--json", burst_wav).objects()[-1]
    assert summary["speedup"] == summary["realtime_factor"] > 1


def test_lines_for_a_person(analyze, burst_wav):
    finished = analyze("--frames", burst_wav)
    assert finished.status == 0
    assert "too quiet" in finished.out
    assert "crying, p 0." in finished.out
    assert "cried until" in finished.out
    assert "22.0 s, 106 frames, 1 events" in finished.out.splitlines()[-1]


def test_events_are_written_only_when_asked(analyze, burst_wav, tmp_path):
    path = str(tmp_path / "events.db")
    analyze("--db", path, burst_wav, burst_wav)
    with Store(path, read_only=True) as store:
        assert [event.source for event in store.events()] == [burst_wav, burst_wav]


def test_a_recording_shorter_than_a_frame_is_one_frame(analyze, tmp_path):
    path = str(tmp_path / "short.wav")
    write_wav(path, noise_burst(0, 0.3, 0), 16000)
    (summary,) = [fields for fields in analyze("--json", path).objects() if fields["type"] == "summary"]
    assert summary["frames"] == 1
    assert summary["duration_s"] == pytest.approx(0.3)


def test_any_rate_and_any_number_of_channels(analyze, tmp_path):
    paths = []
    for rate_hz, channels in ((8000, 1), (96000, 1), (44100, 2), (16000, 8)):
        paths.append(str(tmp_path / "{}-{}.wav".format(rate_hz, channels)))
        loud = 0.1 * np.random.RandomState(0).standard_normal((4 * rate_hz, channels))
        write_wav(paths[-1], np.concatenate([np.zeros((4 * rate_hz, channels)), loud]), rate_hz)
    finished = analyze("--json", *paths)
    assert (finished.status, finished.err) == (0, "")
    events = [fields for fields in finished.objects() if fields["type"] == "event"]
    assert [event["file"] for event in events] == paths
    assert [event["start_s"] for event in events] == pytest.approx([4.0] * 4, abs=0.5)


def bad_recordings(tmp_path):
    """Name and bytes of files that are no recordings; None for a file that is not there."""
    import soundfile

    whole = str(tmp_path / "whole.wav")
    write_wav(whole, noise_burst(1, 2, 1), 16000)
    with open(whole, "rb") as file:
        content = file.read()
    nan = str(tmp_path / "nan.wav")
    soundfile.write(nan, np.full(16000, np.nan, np.float32), 16000, subtype="FLOAT")
    with open(nan, "rb") as file:
        nan_content = file.read()
    empty = str(tmp_path / "zero.wav")
    write_wav(empty, np.zeros(0), 16000)
    with open(empty, "rb") as file:
        zero_length = file.read()
    return {
        "missing.wav": None,
        "empty.wav": b"",
        "truncated.wav": content[: len(content) // 2],
        "text.wav": b"once upon a time " * 100,
        "nan.wav": nan_content,
        "zero.wav": zero_length,
    }


def test_each_bad_file_is_named_and_the_rest_analysed(analyze, burst_wav, tmp_path):
    names = bad_recordings(tmp_path)
    folder = tmp_path / "bad"
    folder.mkdir()
    for name, content in names.items():
        if content is not None:
            (folder / name).write_bytes(content)
    paths = [str(folder / name) for name in names]

    finished = analyze("--json", *(paths + [burst_wav]))

    assert finished.status == 1
    lines = finished.err.splitlines()
    assert len(lines) == len(paths)
    for line, path in zip(lines, paths):
        assert line.startswith("cry-monitor: error: {}".format(path))
    assert finished.objects()[-1]["file"] == burst_wav
    assert finished.objects()[-1]["events"] == 1


def test_what_came_before_a_break_is_still_said(analyze, burst_wav, tmp_path):
    path = str(tmp_path / "cut.wav")
    with open(burst_wav, "rb") as file, open(path, "wb") as cut:
        cut.write(file.read()[: 16000 * 2 * 12])
    finished = analyze("--json", path)
    assert finished.status == 1
    assert [fields["type"] for fields in finished.objects()] == ["alert", "event", "summary"]


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("--bundle", "/nowhere"), "/nowhere"),
        (("--db", "/proc/nowhere/events.db"), "cannot open the database /proc/nowhere/events.db"),
    ],
)
def test_a_wrong_flag_is_said_at_once(analyze, burst_wav, arguments, said):
    finished = analyze(*(arguments + (burst_wav,)))
    assert (finished.status, finished.out) == (1, "")
    assert finished.err.startswith("cry-monitor: error: ") and said in finished.err
    assert finished.err.count("\n") == 1


@pytest.fixture
def no_text(tmp_path):
    """A path whose bytes are not UTF-8."""
    return os.fsdecode(os.path.join(os.fsencode(str(tmp_path)), b"caf\xe9.wav"))


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_file_name_that_is_no_text_is_analysed(analyze_apart, burst_wav, no_text, tmp_path, form):
    os.rename(burst_wav, no_text)
    finished = analyze_apart("--db", tmp_path / "night.db", *(form + (no_text,)))
    assert (finished.status, finished.err) == (0, "")
    with Store(str(tmp_path / "night.db"), read_only=True) as store:
        assert [event.source for event in store.events()] == [str(tmp_path / "caf\\xe9.wav")]


def test_a_file_name_that_is_no_text_is_named_in_one_line(analyze_apart, no_text, tmp_path):
    finished = analyze_apart(no_text)
    assert finished.status == 1
    assert finished.err == "cry-monitor: error: {}: no such file: check the path\n".format(tmp_path / "caf\\xe9.wav")


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_file_name_sends_nothing_to_the_terminal(analyze_apart, burst_wav, tmp_path, form):
    evil = str(tmp_path / "evil\x1b[2J\x1b]0;PWNED\x07\nzwei.wav")
    os.rename(burst_wav, evil)
    finished = analyze_apart(evil, str(tmp_path / "no\x1b[2J.wav"), *form)
    assert "\x1b" not in finished.out + finished.err
    assert finished.err.endswith("no\\x1b[2J.wav: no such file: check the path\n")
    if form:
        assert {fields["file"] for fields in finished.objects()} == {evil}
    else:
        assert all("evil\\x1b[2J" in line for line in finished.out.splitlines())


def test_an_output_that_has_no_such_letter_gets_it_written_out(run, burst_wav, loud_bundle, tmp_path):
    path, database = str(tmp_path / "Näch☂.wav"), tmp_path / "night.db"
    os.rename(burst_wav, path)
    heard = run("analyze", path, "--bundle", loud_bundle, "--db", database, PYTHONIOENCODING="ascii")
    listed = run("events", "--csv", "--db", database, PYTHONIOENCODING="ascii")
    for finished in (heard, listed):
        assert (finished.status, finished.err) == (0, "")
        assert "N\\xe4ch\\u2602.wav" in finished.out


@pytest.mark.once
@pytest.mark.parametrize("jobs", [1, 2])
def test_channels_that_are_each_others_negative_are_heard_and_said(analyze_apart, burst_wav, tmp_path, jobs):
    soundfile = pytest.importorskip("soundfile", reason="soundfile is not installed")
    samples, rate_hz = soundfile.read(str(burst_wav))
    path = str(tmp_path / "stereo.wav")
    soundfile.write(path, np.stack((samples, -samples), 1), rate_hz)
    finished = analyze_apart("--json", "--jobs", jobs, path, burst_wav)
    assert finished.status == 0
    assert [fields["events"] for fields in finished.objects() if fields["type"] == "summary"] == [1, 1]
    (note,) = finished.err.splitlines()
    assert "note: {}: channel 1 of 2 is heard".format(path) in note and "channel 2 is its negative" in note
