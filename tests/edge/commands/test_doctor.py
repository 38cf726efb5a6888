"""`cry-monitor doctor` as a person runs it: each thing once, what to do, exit status 1 when something is wrong."""

import os
import shutil

import numpy as np
import pytest
from daemon_process import on_virtual_microphone, stop, wait_for
from expert_bundle import open_or_skip
from frame_bundle import write_frame_bundle

from edge.config import load_settings
from edge.doctor.models import model_findings

LOOKED_AT = [
    "configuration",
    "service",
    "microphone",
    "level",
    "group audio",
    "bundle",
    "engine",
    "sensitivity",
    "frame time",
    "disk",
    "database",
    "clock",
    "power",
]
EVIDENCE = ["processes", "files", "sockets", "network", "core dumps", "swap", "sandbox", "not seen"]
EVIDENCE += ["infant", "learning", "told"]


def by_name(finished):
    return {finding["name"]: finding for finding in finished.objects()}


@pytest.fixture
def no_microphone(tmp_path):
    """Changes to the environment of a machine without a microphone."""
    no_sound = tmp_path / "asound.conf"
    no_sound.write_text("pcm.!default { type none_that_there_is }\n")
    return {"ALSA_CONFIG_PATH": str(no_sound)}


def test_without_a_microphone_it_says_so(run, no_microphone, loud_bundle, validate):
    finished = run("doctor", "--json", "--bundle", loud_bundle, **no_microphone)
    assert finished.status == 1
    assert finished.err == ""
    validate(finished.objects(), "doctor")
    found = by_name(finished)
    assert list(found) == [name for name in LOOKED_AT if name != "level"]
    assert found["microphone"]["state"] == "wrong"
    assert found["microphone"]["do"]
    assert [found[name]["state"] for name in ("configuration", "bundle", "engine", "disk", "database")] == 5 * ["ok"]


def test_it_names_every_model_and_what_runs_it(tmp_path):
    bundle = open_or_skip(write_frame_bundle(str(tmp_path), ("narrow",), ()))
    settings = load_settings(None)
    settings = settings._replace(infant=settings.infant._replace(enabled=True))
    found = {finding.name: finding for finding in model_findings(bundle.directory, settings)}
    assert found["infant"].state == "wrong" and "holds no embedding model" in found["infant"].found
    assert "loud 1.0.0 in {}: detector, denoiser, expert narrow; ".format(tmp_path) in found["bundle"].found
    assert found["engine"].found == bundle.detector.engine_name + " runs detector, denoiser, expert narrow"
    assert "ms a frame" in found["frame time"].found


@pytest.mark.once
def test_with_a_microphone_it_listens(run, virtual_microphone, loud_bundle):
    environment = on_virtual_microphone(virtual_microphone)
    silent = by_name(run("doctor", "--json", "--bundle", loud_bundle, **environment))
    assert list(silent) == LOOKED_AT
    assert silent["microphone"]["state"] == "ok"
    assert (silent["level"]["state"], "digital silence" in silent["level"]["found"]) == ("wrong", True)
    ambiguous = by_name(run("doctor", "--json", "--source", "mic:no such", "--bundle", loud_bundle, **environment))
    assert ambiguous["microphone"]["state"] == "wrong"
    assert "no microphone is called 'no such'" in ambiguous["microphone"]["found"]


def test_text_is_a_line_each_and_what_to_do(run, no_microphone, tmp_path):
    shutil.copytree(os.path.join("edge", "default_bundle"), str(tmp_path / "bundle"))
    with open(str(tmp_path / "bundle" / "detector.int8.tflite"), "r+b") as model:
        model.write(b"damaged")
    (tmp_path / "wrong.toml").write_text("[decision]\nmin_evnt_s = 1\n")
    finished = run("doctor", "--config", tmp_path / "wrong.toml", "--bundle", tmp_path / "bundle", **no_microphone)
    assert finished.status == 1
    assert finished.out.endswith("3 wrong\n")
    lines = finished.out.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("wrong")] == ["configuration", "microphone", "bundle"]
    assert "did you mean min_event_s?" in finished.out
    assert sum(line.strip().startswith("-> ") for line in lines) >= 3


def test_privacy_of_a_running_monitor(run, start, loud_bundle, tmp_path, validate):
    path = str(tmp_path / "night.db")
    monitor = start("run", "--source", "-", "--bundle", loud_bundle, "--db", path)
    monitor.stdin.buffer.write(np.zeros(16000, "<i2").tobytes())
    monitor.stdin.flush()
    wait_for(monitor, "hearing")
    finished = run("doctor", "--privacy", "--pid", monitor.pid, "--db", path, "--json")
    stop(monitor)
    validate(finished.objects(), "doctor")
    found = by_name(finished)
    assert list(found) == EVIDENCE
    if os.geteuid() == 0:
        assert [found[name]["state"] for name in ("processes", "files", "sockets", "core dumps")] == 4 * ["ok"]
        assert any(path in line for line in found["files"]["evidence"])
        assert finished.status == 0
    else:
        assert found["files"]["state"] == "unknown"
    assert found["sandbox"]["state"] == "unknown"


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("--pid", "1"), "--pid 1 is for --privacy"),
        (("--privacy", "--pid", "4194304"), "there is no process 4194304"),
    ],
)
def test_what_cannot_be_looked_at(run, arguments, said):
    finished = run("doctor", *arguments)
    assert finished.status == 1
    assert said in finished.err


def test_the_database_is_not_made_by_looking(run, no_microphone, loud_bundle, tmp_path):
    run("doctor", "--bundle", loud_bundle, "--db", tmp_path / "not" / "yet.db", **no_microphone)
    assert not (tmp_path / "not").exists()
