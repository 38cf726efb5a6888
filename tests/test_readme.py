"""README.md is kept: its commands run, its links lead somewhere, its tables are the recorded results."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path

import numpy as np
import pytest

from benchmarks.lib.docs import SECTION, with_results
from benchmarks.lib.record import RESULTS
from edge.bundle import load_bundle
from edge.frames import SAMPLE_RATE
from edge.records import Event
from edge.store import Store
from edge.synthesis import infant_cry
from edge.synthesis.signals import to_level

REPOSITORY = Path(__file__).parent.parent
PATIENCE_S = 600  # with a command on a machine that has much else to do
README = (REPOSITORY / "README.md").read_text()
SETUP = (REPOSITORY / "setup.py").read_text()
PROGRAMS = {name: (module, function) for name, module, function in re.findall(r'"([\w-]+)=([\w.]+):(\w+)"', SETUP)}


def commands_of(readme):
    """The lines of the code blocks that a shell would run, each with the flags that its comment names."""
    commands = {}
    for block in re.findall(r"^```\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            command, _, comment = (part.strip() for part in line.partition("#"))
            if command.split(" ")[0] in {"make", *PROGRAMS}:
                commands[command] = re.findall(r"--[\w-]+", comment)
    return commands


COMMANDS = commands_of(README)
# These listen until they are stopped, look for a microphone, train for an hour, or are whole environments.
LISTENING = [command for command in COMMANDS if command.startswith("cry-monitor run")]
TRAINING = [command for command in COMMANDS if command.startswith("cry-train")]
LOOKING = [command for command in COMMANDS if command.startswith("cry-monitor doctor")]
MAKING = [command for command in COMMANDS if command.startswith("make ")]
RUNNING = [
    " ".join([command, flag]).strip()
    for command in COMMANDS
    if command not in LISTENING + LOOKING + TRAINING + MAKING
    for flag in ["", *COMMANDS[command]]
]


@pytest.fixture
def start(tmp_path):
    """start(command line) -> Popen in a folder with a recording night.wav, by a user with one event in the database."""
    environment = dict(
        os.environ,
        HOME=str(tmp_path),
        XDG_STATE_HOME=str(tmp_path / "state"),
        PYTHONPATH=str(REPOSITORY),
        ALSA_CONFIG_PATH=str(tmp_path / "no-microphone.conf"),
    )
    for name in ("STATE_DIRECTORY", "NOTIFY_SOCKET", "JOURNAL_STREAM"):
        environment.pop(name, None)
    (tmp_path / "no-microphone.conf").write_text("pcm.!default { type none_that_there_is }\n")
    (tmp_path / "state" / "cry-monitor").mkdir(parents=True)
    with Store(str(tmp_path / "state" / "cry-monitor" / "events.db")) as store:
        store.add_event(Event(1.0, 9.0, 0.9), time.time() - 3600, "test")
    with wave.open(str(tmp_path / "night.wav"), "wb") as night:
        night.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        cry = to_level(infant_cry(8.0, np.random.default_rng(1)).samples, -25.0)
        night.writeframes(np.round(32767 * cry).astype("<i2").tobytes())
    (tmp_path / "my_model").mkdir()
    shutil.copy(REPOSITORY / "training" / "models" / "detector" / "detector.keras", tmp_path / "my_model")
    (description,) = re.findall(r"`({\"labels\".*?})`", README)
    (tmp_path / "my_model" / "model.json").write_text(description)

    def start(line):
        name, *arguments = shlex.split(line)
        module, function = PROGRAMS[name]
        code = "import sys; sys.argv[0] = {!r}; from {} import {} as main; sys.exit(main())".format(
            name, module, function
        )
        return subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            cwd=tmp_path,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    return start


def test_the_readme_shows_every_program():
    assert set(PROGRAMS) | {"make"} == {command.split(" ")[0] for command in COMMANDS}


@pytest.mark.parametrize("command", RUNNING)
def test_a_command_runs(start, command, tmp_path):
    if command.startswith("edge-export"):
        pytest.importorskip("tf2onnx", reason="the export extra is not installed")
    process = start(command)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, err
    assert out or err  # some say what they did on stderr
    for bundle in re.findall("^edge-export: wrote (.+)$", err, re.MULTILINE):
        load_bundle(tmp_path / bundle)


@pytest.mark.parametrize("command", LISTENING)
def test_a_daemon_listens_until_it_is_stopped(start, command):
    process = start(command)
    for line in process.stderr:
        if "READY" in line:
            break
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert "stopped" in err


@pytest.mark.parametrize(
    "command", [" ".join([command, flag]).strip() for command in LOOKING for flag in ["", *COMMANDS[command]]]
)
def test_a_doctor_finds_that_there_is_no_microphone(start, command):
    process = start(command)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1, err
    assert "there is none" in out
    assert err == ""


@pytest.mark.parametrize("command", TRAINING)
def test_a_training_command_has_the_flags_that_are_shown(start, command):
    words = shlex.split(command)
    out, err = start(" ".join(words[:2] + ["--help"])).communicate(timeout=60)
    for flag in (word for word in words if word.startswith("--")):
        assert re.search(re.escape(flag) + r"\b", out), err


@pytest.mark.parametrize("command", MAKING)
def test_continuous_integration_makes_it(command):
    assert command in (REPOSITORY / ".ci" / "run").read_text().splitlines()


def test_the_make_targets_exist():
    make = shutil.which("make") or pytest.skip("make is not installed")
    for command in MAKING:
        subprocess.run([make, "--dry-run", *command.split()[1:]], cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)


def test_the_extras_that_are_named_exist():
    extras = " ".join(re.findall(r"\"extras_require\": \{(.*?)\}", SETUP, re.DOTALL))
    named = re.findall(r"`[^`\n]*\[([\w-]+)\]'?`", README)
    assert named
    assert set(named) <= set(re.findall(r'"([\w-]+)":', extras))


def test_links_lead_to_files():
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", README)
    assert [target for target in targets if not (REPOSITORY / target).exists()] == []


@pytest.mark.parametrize("name", [match[2] for match in SECTION.finditer(README)])
def test_a_table_is_the_recorded_result(name):
    if not (RESULTS / f"{name}.md").exists():
        pytest.skip(f"benchmarks/results/{name}.md is not recorded yet")
    (section,) = [match[0] for match in SECTION.finditer(README) if match[2] == name]
    assert with_results(section) == section
