"""README.md and docs/ are kept: commands run, links lead somewhere, tables are the recorded results."""

import functools
import json
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

from benchmarks.lib.docs import SECTION, documents, filled
from benchmarks.lib.headlines import HEADLINES
from benchmarks.lib.record import RESULTS
from edge.bridge.home_assistant import Device
from edge.bundle import DEFAULT_BUNDLE_DIR, load_bundle
from edge.config import load_settings
from edge.frames import SAMPLE_RATE
from edge.records import Event
from edge.store import Store
from edge.synthesis import infant_cry
from edge.synthesis.signals import to_level

REPOSITORY = Path(__file__).parent.parent
PATIENCE_S = 600  # with a command on a machine that has much else to do
TEXTS = {path.relative_to(REPOSITORY): path.read_text() for path in documents()}
# What was true of earlier versions is not true of this one.
TODAY = {path: text for path, text in TEXTS.items() if path.name != "CHANGELOG.md"}
SETUP = (REPOSITORY / "setup.py").read_text()
PROGRAMS = {name: (module, function) for name, module, function in re.findall(r'"([\w-]+)=([\w.]+):(\w+)"', SETUP)}


def commands_of(text):
    """The lines of the code blocks that a shell would run, each with the flags that its comment names."""
    commands = {}
    for block in re.findall(r"^```\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            command, _, comment = (part.strip() for part in line.partition("#"))
            if command.split(" ")[0] in {"make", *PROGRAMS}:
                commands[command] = re.findall(r"--[\w-]+", comment)
    return commands


def in_short(text):
    """The commands in code blocks and between backticks, with and without sudo."""
    quoted = re.findall(r"`([^`\n]+)`", text) + text.splitlines()
    lines = [line.partition("#")[0].strip().removeprefix("sudo ") for line in quoted]
    return [line for line in lines if line.split(" ")[0] in {"make", *PROGRAMS}]


COMMANDS = {}
for one in TODAY.values():
    for shown, flags in commands_of(one).items():
        COMMANDS[shown] = sorted({*COMMANDS.get(shown, []), *flags})
LOOK = ("cry-monitor doctor", "cry-monitor devices", "cry-monitor live")
# These listen until they are stopped, look for a microphone, train for an hour, or are whole environments.
LISTENING = [command for command in COMMANDS if command.startswith(("cry-monitor run", "cry-monitor serve"))]
TELLING = [command for command in COMMANDS if command.startswith("cry-monitor bridge")]
TRAINING = [command for command in COMMANDS if command.startswith("cry-train") and command != "cry-train corpora"]
LOOKING = [command for command in COMMANDS if command.startswith(LOOK)]
MAKING = [command for command in COMMANDS if command.startswith("make ")]


def with_flags(commands):
    """Each command, and again with each flag that its comment names."""
    return sorted({" ".join([command, flag]).strip() for command in commands for flag in ["", *COMMANDS[command]]})


EXPORTING = [command for command in COMMANDS if command.startswith("edge-export")]
RUNNING = with_flags(set(COMMANDS) - {*LISTENING, *TELLING, *LOOKING, *TRAINING, *MAKING, *EXPORTING})


def run_program(words):
    """Code that runs a program with its arguments as its entry point does."""
    module, function = PROGRAMS[words[0]]
    return f"import sys; sys.argv = {words!r}; from {module} import {function} as main; sys.exit(main())"


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
    (description,) = re.findall(r"`({\"labels\".*?})`", TEXTS[Path("docs/engineer/model.md")])
    (tmp_path / "my_model" / "model.json").write_text(description)
    (tmp_path / "bundle").symlink_to(DEFAULT_BUNDLE_DIR)
    (tmp_path / "ADAPTED").symlink_to("my_model")  # what cry-train adapt would have left
    shutil.copy(Path(DEFAULT_BUNDLE_DIR) / "detector.fp32.onnx", tmp_path / "net.onnx")
    (tmp_path / "net.json").write_text(description)

    def start(line):
        return subprocess.Popen(
            [sys.executable, "-c", run_program(shlex.split(line))],
            cwd=tmp_path,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    return start


def test_the_readme_is_short_and_shows_every_program():
    readme = TEXTS[Path("README.md")]
    assert len(readme.encode()) <= 7000
    assert set(PROGRAMS) | {"make"} == {command.split(" ")[0] for command in commands_of(readme)}


@pytest.mark.parametrize("command", RUNNING)
def test_a_command_runs(start, command):
    if command.startswith("edge-bench"):
        command += " --budget-ms 1000000"  # the machine of the tests may have much else to do
    process = start(command)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, err
    assert out or err  # some say what they did on stderr


# One export after the other: TensorFlow takes longer to load than most of them.
EXPORTS = """
import contextlib, json, os, sys
from export.command import main
answers = sys.stdout
for line in sys.stdin:
    folder, arguments = json.loads(line)
    os.chdir(folder)
    with open("said", "w") as said, contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            status = main(arguments)
        except SystemExit as ended:
            status = ended.code
    print(json.dumps(status), file=answers, flush=True)
"""


@pytest.fixture(scope="module")
def exports():
    """exports(folder, command line) -> (exit status, what it said); all in one process of their own."""
    pytest.importorskip("tf2onnx", reason="the export extra is not installed")
    process = subprocess.Popen(
        [sys.executable, "-c", EXPORTS], cwd=REPOSITORY, env=dict(os.environ, PYTHONPATH=str(REPOSITORY)),
        text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip

    def export(folder, line):
        process.stdin.write(json.dumps([str(folder), shlex.split(line)[1:]]) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline()), (folder / "said").read_text()

    yield export
    process.stdin.close()
    process.wait(timeout=PATIENCE_S)


@pytest.mark.parametrize("command", with_flags(EXPORTING))
def test_a_model_is_exported(start, exports, command, tmp_path):
    status, said = exports(tmp_path, command)
    assert status == 0, said
    assert said
    for bundle in re.findall("^edge-export: wrote (.+)$", said, re.MULTILINE):
        load_bundle(tmp_path / bundle)


@pytest.mark.parametrize("command", with_flags(LISTENING))
def test_a_daemon_listens_until_it_is_stopped(start, command):
    process = start(command)
    for line in process.stderr:
        if "READY" in line:
            break
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, err
    assert "stopped" in err or not command.startswith("cry-monitor run")


@pytest.mark.parametrize("command", with_flags(LOOKING))
def test_who_looks_for_a_microphone_finds_that_there_is_none(start, command):
    process = start(command)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1, err
    assert re.search("there is none|no running service|no microphone|DOES NOT HEAR", out + err)


@pytest.mark.parametrize("command", TELLING)
def test_who_tells_others_tells_nobody_without_a_configuration(start, command):
    process = start(command)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert "nobody is to be told" in err


@functools.lru_cache(maxsize=None)
def help_of(program, subcommand):
    """What --help says of a program, or of its subcommand."""
    words = [word for word in (program, subcommand, "--help") if word]
    return subprocess.run(
        [sys.executable, "-c", run_program(words)], cwd=REPOSITORY, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


@pytest.mark.parametrize("path", TODAY, ids=str)
def test_the_flags_that_are_named_exist(path):
    for line in in_short(TODAY[path]):
        words = shlex.split(line)
        flags = [word.partition("=")[0] for word in words[1:] if word.startswith("-") and word != "-"]
        if words[0] != "make" and flags:
            subcommand = words[1] if re.fullmatch("[a-z][a-z-]+", words[1]) else ""
            text = help_of(words[0], subcommand)
            assert [flag for flag in flags if not re.search(re.escape(flag) + r"\b", text)] == [], line


@pytest.mark.parametrize("path", TODAY, ids=str)
def test_the_modules_that_are_named_exist(path):
    modules = re.findall(r"python3? -m ((?:benchmarks|training|edge|export)[\w.]*)", TODAY[path])
    places = [REPOSITORY / module.replace(".", "/") for module in modules]
    assert [place for place in places if not place.with_suffix(".py").exists() and not place.is_dir()] == []


@pytest.mark.parametrize("command", MAKING)
def test_continuous_integration_makes_it(command):
    assert command in (REPOSITORY / ".ci" / "run").read_text().splitlines()


def test_the_make_targets_exist():
    make = shutil.which("make") or pytest.skip("make is not installed")
    named = {line for text in TODAY.values() for line in in_short(text) if line.startswith("make ")}
    for command in named:
        subprocess.run([make, "--dry-run", *command.split()[1:]], cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)


def test_what_home_assistant_is_to_show_and_do_names_entities_that_it_finds():
    yaml = pytest.importorskip("yaml")
    shown = re.findall(r"^```yaml\n(.*?)^```$", TEXTS[Path("docs/parent/notifications.md")], re.DOTALL | re.MULTILINE)
    card, automation = [yaml.safe_load(text) for text in shown]
    found = json.loads(Device(load_settings(None).bridge.name, "cry-monitor", "homeassistant").discovery("").payload)
    ids = {entity["default_entity_id"] for entity in found["components"].values()}
    assert ids.issuperset(row["entity"] for row in card["entities"])
    assert {trigger["to"] for trigger in automation["triggers"]} == {"on", "unavailable"}
    assert ids.issuperset(trigger["entity_id"] for trigger in automation["triggers"])
    assert [action["action"].partition(".")[0] for action in automation["actions"]] == ["notify"]


def test_the_extras_that_are_named_exist():
    extras = set(re.findall(r'"([\w-]+)":', " ".join(re.findall(r'"extras_require": \{(.*?)\}', SETUP, re.DOTALL))))
    named = {extra for text in TODAY.values() for extra in re.findall(r"\[([\w-]+)\]'?`", text)}
    sections = set(re.findall(r"^\[(\w+)\]$", (REPOSITORY / "systemd" / "cry-monitor.toml").read_text(), re.MULTILINE))
    assert named - sections
    assert named - sections <= extras


def test_nobody_is_sent_to_an_index_for_it():
    """The name on package indexes is nobody's: installing is from this folder or a built wheel."""
    everywhere = [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md"), *(REPOSITORY / "examples").rglob("*")]
    texts = {path: path.read_text() for path in everywhere if path.is_file()}
    assert [str(path) for path, text in texts.items() if re.search(r"pip3? install [\w' -]*cry-monitor", text)] == []


def anchors(text):
    """The headings of a document as links name them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", TEXTS, ids=str)
def test_links_lead_somewhere(path):
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", TEXTS[path]):
        leads_to = (REPOSITORY / path).parent / target if target else REPOSITORY / path
        assert leads_to.exists(), target
        assert not anchor or anchor in anchors(leads_to.read_text()), f"{target}#{anchor}"


@pytest.mark.parametrize("path", TEXTS, ids=str)
def test_pictures_are_there_small_and_said_in_words(path):
    pictures = re.findall(r'<img src="([^"]+)"[^>]* alt="([^"]+)"', TEXTS[path])
    assert len(pictures) == TEXTS[path].count("<img ")
    pictures += [(target, words) for words, target in re.findall(r"!\[([^\]]*)\]\((?!https?:)([^)]+)\)", TEXTS[path])]
    for target, words in pictures:
        assert words and (REPOSITORY / path).parent.joinpath(target).stat().st_size < 150_000, target


@pytest.mark.parametrize("path", [path for path, text in TEXTS.items() if SECTION.search(text)], ids=str)
def test_figures_are_those_of_the_recorded_results(path):
    assert filled(TEXTS[path], REPOSITORY / path) == TEXTS[path], "run python -m benchmarks.lib.docs"


def test_every_recorded_result_is_on_one_page_and_has_its_line():
    pages = [text for path, text in TEXTS.items() if path.parent == Path("docs/results")]
    shown = [mark[3] for text in pages for mark in SECTION.finditer(text) if mark[2] == "results"]
    recorded = [path.stem for path in RESULTS.glob("*.md")]
    assert sorted(shown) == sorted(recorded)
    assert set(recorded) <= set(HEADLINES)
