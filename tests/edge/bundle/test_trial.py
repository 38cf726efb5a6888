"""A model that ends the process is found out in another one; root loads no bundle that others could have changed."""

import os
import subprocess
import sys

import pytest
from loud_bundle import loud_bundle, write_loud_bundle  # noqa: F401

from edge.bundle import DEFAULT_BUNDLE_DIR, trial
from edge.errors import UserError

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away, and only root is careful")


@pytest.fixture
def bundle(loud_bundle, tmp_path):  # noqa: F811
    """A bundle of one's own that an engine here opens."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    write_loud_bundle(str(folder))
    return str(folder)


@pytest.fixture
def ends_by(monkeypatch, tmp_path):
    """ends_by(code): whatever process is started next runs this as it opens the engine's model."""

    def ends_by(code):
        (tmp_path / "sitecustomize.py").write_text(
            "import os, signal, sys, time\n"
            "import edge.engines as engines\n"
            "def open_engine(*arguments):\n    {}\n"
            "import edge.bundle.files as files\n"
            "files.open_engine = open_engine\n".format(code)
        )
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    return ends_by


def test_a_bundle_that_runs_is_loaded(bundle):
    assert trial.load_tried(bundle).name == "loud"


@pytest.mark.parametrize(
    "code, ended",
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "signal 11 SIGSEGV"),
        ("os.kill(os.getpid(), signal.SIGILL)", "signal 4 SIGILL"),
        ("os._exit(3)", "exit status 3"),
    ],
)
def test_a_model_that_ends_the_process_is_refused_by_name(bundle, ends_by, code, ended):
    ends_by(code)
    with pytest.raises(UserError) as refused:
        trial.load_tried(bundle)
    assert str(refused.value).startswith(os.path.join(bundle, "loud.fp32."))
    assert "ended the process in which it was tried ({})".format(ended) in str(refused.value)


def test_a_model_that_never_comes_to_an_end(bundle, ends_by, monkeypatch):
    ends_by("time.sleep(600)")
    monkeypatch.setattr(trial, "PATIENCE_S", 1.0)
    with pytest.raises(UserError, match="it took longer than 1 s"):
        trial.load_tried(bundle)


def test_what_ships_is_not_tried_at_every_start(ends_by):
    ends_by("os._exit(3)")
    trial.check_and_try(DEFAULT_BUNDLE_DIR)
    with pytest.raises(UserError, match="exit status 3"):
        trial.try_bundle(DEFAULT_BUNDLE_DIR)


def test_what_else_is_wrong_is_left_to_whoever_loads(bundle):
    os.remove(os.path.join(bundle, "loud.fp32.onnx"))
    trial.try_bundle(bundle)
    with pytest.raises(UserError, match="loud.fp32.onnx cannot be read|loud.fp32.onnx: no such file"):
        trial.load_tried(bundle)


def test_by_hand_it_says_what_is_wrong(bundle):
    command = [sys.executable, "-m", "edge.bundle.trial", bundle]
    assert b"every model runs" in subprocess.check_output(command)
    with open(os.path.join(bundle, "manifest.json"), "w") as file:
        file.write("{}")
    done = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert b"manifest.json" in done.communicate()[0]
    assert done.returncode == 1


@root_only
@pytest.mark.parametrize("name", ["", "manifest.json", "loud.fp32.onnx"])
def test_root_loads_nothing_that_belongs_to_somebody(bundle, name):
    trial.check_owner(bundle)
    os.chown(os.path.join(bundle, name), 1234, -1)
    with pytest.raises(UserError, match="is not loaded by root: .* belongs to user 1234.*chown -R root"):
        trial.load_tried(bundle)


@root_only
def test_root_loads_nothing_that_others_may_write(bundle):
    os.chmod(os.path.join(bundle, "manifest.json"), 0o646)
    with pytest.raises(UserError, match="manifest.json can be changed by everybody"):
        trial.load_tried(bundle)


def test_where_no_process_can_be_had_hearing_comes_first(bundle, monkeypatch, caplog):
    monkeypatch.setattr(sys, "executable", os.path.join(bundle, "no-python"))
    assert trial.load_tried(bundle).name == "loud"
    assert "is loaded without having been tried in another process (No such file or directory" in caplog.text
