"""What the doctor says of a microphone by what it sent, or by what the service wrote of it."""

import os
import time

import numpy as np
import pytest

from edge.config import default_settings
from edge.doctor.sound import findings_of_service, level_finding, remark_finding, sound_findings
from edge.store import Minute

RNG = np.random.RandomState(1)


def audio(source):
    """[audio] settings."""
    return default_settings().audio._replace(source=source)


NOISE = RNG.standard_normal(32000).astype(np.float32)
TONE_50_HZ = (0.1 * np.sin(2 * np.pi * 50 * np.arange(32000) / 16000)).astype(np.float32)


@pytest.mark.parametrize(
    "samples, state, said",
    [
        (np.zeros(32000, np.float32), "wrong", "digital silence"),
        (np.zeros(0, np.float32), "wrong", "no samples"),
        (1e-5 * NOISE, "warning", "very faint"),
        (1e-2 * NOISE, "ok", "-40 dBFS mean"),
        (np.clip(1.5 * NOISE, -1, 1), "wrong", "it clips"),
        (np.clip(0.3 * NOISE, -1, 1), "ok", "0 dBFS peak"),  # a bang now and then does
        (np.full(32000, 0.1, np.float32), "wrong", "every sample is 0.1"),
        (np.minimum(0.3 * NOISE, 0.4), "wrong", "cut off on one side"),
        (1e-3 * NOISE + np.float32(0.03), "warning", "a constant offset of 0.030 (-30 dBFS)"),
        (1e-3 * NOISE - np.float32(0.03), "warning", "a constant offset of -0.030"),
        (1e-5 * NOISE + np.float32(0.03), "warning", "-100 dBFS mean"),  # the level is that of the sound
        (1e-3 * NOISE + TONE_50_HZ, "warning", "hum at 50 Hz, -23 dBFS"),
        ((1e-3 * NOISE * 32768).astype(np.int16).byteswap() / np.float32(32768), "wrong", "bytes of each sample"),
    ],
)
def test_level(samples, state, said):
    finding = level_finding(samples)
    assert (finding.state, said in finding.found) == (state, True), finding
    assert bool(finding.do) == (state != "ok")


def minute(seconds_ago=60.0, max_dbfs=-40.0, frames=300):
    """A minute that ended so long before now, which is 0."""
    return Minute(-60 - seconds_ago, 60.0, 0.0, max_dbfs - 10, max_dbfs, frames, 0, 0)


@pytest.mark.parametrize(
    "minutes, status, states",
    [
        ([minute()], "healthy: hearing USB", ["ok", "ok"]),
        ([minute(max_dbfs=-120.0)], "healthy: hearing USB", ["ok", "wrong"]),
        ([minute(max_dbfs=-90.0)], "healthy: hearing USB", ["ok", "warning"]),
        ([minute(max_dbfs=-120.0), minute()], "healthy: hearing USB", ["ok", "ok"]),
        ([], "healthy: hearing USB", ["ok", "unknown"]),
        ([minute()], "lost: no microphone found", ["wrong"]),
        ([minute()], "recovering: opening it again", ["wrong"]),
        ([minute(1000.0)], "listening, but the disk is full", ["wrong"]),
        ([], "", ["wrong"]),
    ],
)
def test_what_the_service_hears(minutes, status, states):
    now = time.time()
    findings = findings_of_service([each._replace(start_utc=now + each.start_utc) for each in minutes], status)
    assert [finding.state for finding in findings] == states
    assert status in findings[0].found


def test_what_the_service_has_noticed_is_a_finding_of_its_own_with_what_to_do():
    status = (
        "healthy: hearing USB (48000 Hz, 2 channels); but offset: a constant offset of 0.030; but not_writing: full"
    )
    *_, noticed = findings_of_service([minute()._replace(start_utc=time.time() - 120)], status)
    assert (noticed.name, noticed.state) == ("offset", "warning")
    assert noticed.found == "a constant offset of 0.030" and "high-pass filter" in noticed.do


@pytest.mark.parametrize("what", ["channels", "not numbers"])
def test_what_the_source_remarks_is_a_finding_with_what_to_do(what):
    finding = remark_finding((what, "something"))
    assert (finding.name, finding.state, finding.found) == (
        what,
        "warning",
        "something",
    ) and "hearing goes on" in finding.do


def test_a_source_that_is_no_microphone_is_said():
    (finding,) = sound_findings(audio("-"))
    assert (finding.name, finding.state) == ("microphone", "unknown")
    (finding,) = sound_findings(audio("file:/nowhere.wav"))
    assert (finding.name, finding.state) == ("microphone", "wrong")
    assert "/nowhere.wav" in finding.found


def test_nothing_is_read_from_a_named_pipe(tmp_path):
    path = str(tmp_path / "pipe")
    os.mkfifo(path)
    keeps_it_open = os.open(path, os.O_RDWR)
    os.write(keeps_it_open, b"RIFF")
    (finding,) = sound_findings(audio("file:" + path))
    assert (finding.state, path in finding.found) == ("unknown", True)
    assert os.read(keeps_it_open, 9) == b"RIFF"
    os.close(keeps_it_open)
