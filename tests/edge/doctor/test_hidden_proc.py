"""An engine that cannot see which processor it runs on is slow, and that is said."""

import os
import subprocess
import sys

import pytest
from expert_bundle import open_or_skip
from virtual_microphone import REPOSITORY

from edge.bundle import DEFAULT_BUNDLE_DIR, load_bundle
from edge.commands.notes import bundle_notes
from edge.config import default_settings
from edge.doctor.models import speed_finding
from edge.engines import base

HIDDEN = "mount -t proc -o subset=pid proc /proc && exec "


@pytest.fixture
def shipped():
    open_or_skip(DEFAULT_BUNDLE_DIR)
    return load_bundle(DEFAULT_BUNDLE_DIR)


def test_nothing_is_said_where_it_can_be_seen(shipped):
    assert base.slow_because() == ""
    assert not any("hidden" in line for line in bundle_notes(shipped, default_settings()))


def test_where_it_is_hidden_doctor_and_every_start_say_so(shipped, monkeypatch):
    monkeypatch.setattr(base, "CPUINFO", "/nowhere/cpuinfo")
    assert any("/nowhere/cpuinfo is hidden" in line for line in bundle_notes(shipped, default_settings()))
    finding = speed_finding(shipped, default_settings())
    assert finding.state in ("warning", "wrong")
    assert "without their quick kernels" in finding.found and "ProcSubset" in finding.do


def test_a_real_subset_of_proc_is_noticed():
    command = HIDDEN + "{} -c 'from edge.engines.base import slow_because; print(slow_because())'".format(
        sys.executable
    )
    tried = subprocess.Popen(
        ["unshare", "-m", "-p", "-f", "bash", "-c", command],
        cwd=REPOSITORY,
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = tried.communicate(timeout=120)
    if tried.returncode:
        pytest.skip("no /proc of its own here: {}".format(err.decode("utf-8", "replace").strip()[-200:]))
    assert b"/proc/cpuinfo is hidden" in out
