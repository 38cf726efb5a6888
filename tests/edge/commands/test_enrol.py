"""`cry-monitor enrol`: from marked cries of the running monitor; what an infant is told by never leaves it."""

import json
import os
import stat
import threading

import numpy as np
import pytest
from daemon_process import stop, wait_for
from embedding_bundle import night_of, write_embedding_bundle
from patience import PATIENCE_S

from edge.bundle import load_bundle, open_embedding
from edge.infant.enrolment import path_beside, read_enrolment
from edge.infant.own_infant import OwnInfant
from edge.pipeline import Pipeline
from edge.sinks.client import Client

CONFIG = """[audio]
source = "-"
[detector]
bundle = "{bundle}"
[store]
path = "{folder}/night.db"
[socket]
path = "{folder}/s"
[infant]
enabled = {enabled}
"""


@pytest.fixture
def configured(tmp_path, loud_bundle):
    """configured(enabled) -> path of a configuration."""
    (tmp_path / "bundle").mkdir()
    bundle = write_embedding_bundle(tmp_path / "bundle")

    def configured(enabled=True, bundle=bundle):
        config = tmp_path / "cry-monitor.toml"
        config.write_text(CONFIG.format(bundle=bundle, folder=tmp_path, enabled=str(enabled).lower()))
        return config

    return configured


def pcm(samples):
    return (32767 * samples).astype("<i2").tobytes()


def feed(monitor, samples, events):
    """What the monitor prints until so many events are over."""
    monitor.stdin.buffer.write(pcm(samples))
    monitor.stdin.flush()
    lines = []
    while sum('"event"' in line for line in lines) < events:
        lines.append(monitor.stdout.readline())
    return lines


def means_of(bundle, samples):
    """What each event is like, by the pipeline here."""
    infant = OwnInfant(open_embedding(bundle))
    pipeline = Pipeline(load_bundle(bundle)._replace(infant=infant), utc=lambda t_s: t_s)
    pipeline.push(np.frombuffer(pcm(samples), "<i2").astype(np.float32) / 32768)
    pipeline.finish()
    return [cry.mean for cry in infant.waiting.all()]


def holds(content, vectors):
    """Whether bytes hold a vector: most of its components in one line of text, or three in a row as floats."""
    for vector in vectors:
        texts = ["{:.6f}".format(abs(value))[:-1].encode() for value in vector]
        if any(sum(text in line for text in texts) > len(texts) // 2 for line in content.splitlines()):
            return True
        if any(vector[:3].astype(kind).tobytes() in content for kind in ("<f4", ">f4", "<f8", ">f8")):
            return True
    return False


@pytest.mark.once
def test_an_infant_is_enrolled_from_marked_cries_and_nothing_else_holds_it(
    start, run_here, configured, validate, tmp_path
):
    config, database = configured(), str(tmp_path / "night.db")
    monitor = start("run", "--config", config, "--json")
    wait_for(monitor, "READY")
    heard, told = [], []
    with Client(str(tmp_path / "s"), silent_s=60.0) as client:
        reader = threading.Thread(target=lambda: told.extend(lines_of(client, 5)), daemon=True)
        reader.start()
        heard += feed(monitor, night_of(0, 0, 0), 3)
        too_early = run_here("enrol", "--config", config)
        assert too_early.status == 1 and "0 marked cries" in too_early.err
        for number in (1, 2, 3):
            assert run_here("mark", number, "cry", "--config", config).status == 0
        enrolled = run_here("enrol", "--config", config)
        assert (enrolled.status, enrolled.err) == (0, "")
        assert enrolled.out.startswith("the infant is enrolled from 3 cries, ")
        heard += feed(monitor, night_of(0, 1), 2)
        reader.join(PATIENCE_S)
    events = [event for event in map(json.loads, heard) if event["type"] == "event"]
    assert not any("infant_score" in event for event in events[:3])
    own, other = [event["infant_score"] for event in events[3:]]
    assert own > 0.9 and other < own - 0.3
    validate(events, "run")
    validate(map(json.loads, told), "socket")

    enrolment = path_beside(database)
    assert stat.S_IMODE(os.stat(enrolment).st_mode) == 0o600
    vectors = means_of(str(tmp_path / "bundle"), night_of(0, 0, 0, 0, 1)) + [read_enrolment(database).mean]
    assert len(vectors) == 6
    with open(enrolment, "rb") as file:
        assert holds(file.read(), vectors)  # the search finds what it looks for
    reports = [tmp_path / name for name in ("night.html", "night.json", "night.csv")]
    for out in reports:
        assert run_here("report", "--since", "1d", "--db", database, "--out", out).status == 0
    shown = run_here("events", "--db", database, "--json").out + run_here("events", "--db", database, "--csv").out
    status, rest, err, _ = stop(monitor)
    assert status == 0 and "infant score " in err
    everything = ["".join(heard) + rest, "\n".join(told), err, shown, enrolled.out]
    for path in [database + suffix for suffix in ("", "-wal")] + reports:
        if os.path.exists(str(path)):
            with open(str(path), "rb") as file:
                assert not holds(file.read(), vectors), path
    assert not holds("\n".join(everything).encode(), vectors)
    assert sorted(name for name in os.listdir(str(tmp_path)) if "infant" in name) == [os.path.basename(enrolment)]


def lines_of(client, events):
    """Every message until so many events have come, as text."""
    for message in client.messages():
        yield json.dumps(message)
        events -= message["type"] == "event"
        if not events:
            return


@pytest.mark.once
def test_off_the_monitor_says_so_and_computes_nothing(start, run_here, configured, tmp_path):
    monitor = start("run", "--config", configured(enabled=False), "--json")
    wait_for(monitor, "READY")
    lines = feed(monitor, night_of(0), 1)
    assert not any("infant_score" in line for line in lines)
    finished = run_here("enrol", "--config", str(tmp_path / "cry-monitor.toml"))
    assert finished.status == 1 and "[infant] enabled is false" in finished.err
    assert not os.path.exists(path_beside(str(tmp_path / "night.db")))


@pytest.mark.once
def test_without_a_model_it_hears_on(start, configured, loud_bundle):
    monitor = start("run", "--config", configured(bundle=loud_bundle), "--json")
    line = wait_for(monitor, "infant not known")
    assert "holds no embedding model" in line and "events have no score" in line
    assert len([line for line in feed(monitor, night_of(0), 1) if '"event"' in line]) == 1


def test_where_none_runs_it_is_forgotten_all_the_same(run_here, configured, tmp_path):
    config, enrolment = configured(), path_beside(str(tmp_path / "night.db"))
    for more in ((), ("--db", tmp_path / "night.db")):
        with open(enrolment, "w") as file:
            file.write("damaged")
        forgotten = run_here("enrol", "--forget", "--config", config, *more)
        assert (forgotten.status, forgotten.out) == (0, "the infant is forgotten\n")
        assert not os.path.exists(enrolment)
    assert run_here("enrol", "--forget", "--config", config).out == "no infant was enrolled\n"


@pytest.mark.parametrize(
    "arguments, status, said",
    [
        ((), 1, "no monitor answers"),
        (("1",), 1, "no monitor answers"),
        (("first",), 2, "is no event"),
        (("1", "--forget"), 1, "--forget takes no events"),
        (("--db", "night.db"), 1, "--db night.db is for --forget"),
        (("--source", "attic"), 1, "attic is no monitor"),
    ],
)
def test_what_cannot_be_is_said(run_here, configured, arguments, status, said):
    finished = run_here("enrol", *(arguments + ("--config", configured())))
    assert (finished.status, finished.out) == (status, "") and said in finished.err
