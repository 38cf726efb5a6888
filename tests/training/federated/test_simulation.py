"""`cry-train federate` on homes with marked nights: learns, resumes, and writes a model that export takes."""

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edge.bundle.fields import Fields
from edge.bundle.model import read_cascade
from edge.errors import UserError
from training.command import main
from training.federated.config import federation_of, read_federation
from training.federated.loop import KEPT, only_one
from training.federated.simulation import simulate
from training.federated.task import make_task
from training.verifier.federated import INPUTS, LAYOUT, UNIT, Episodes, FusionLearner, read_marked, write_marked

REPOSITORY = Path(__file__).parents[3]
HOMES = 5
TRUE = np.array([-1.5, 0.8, 0.5, -0.4, -0.6])  # how these homes' sounds are truly told apart


def episodes(seed, n=30):
    """Logits of made-up sounds, and marks that follow from them."""
    rng = np.random.default_rng(seed)
    logits = [rng.normal([1, -4, -3, -5], 3, (rng.integers(2, 9), INPUTS)) for _ in range(n)]
    return logits, [bool(TRUE[0] + own.mean(axis=0) @ TRUE[1:] > rng.logistic(0, 0.3)) for own in logits]


@pytest.fixture
def config(tmp_path):
    """A federation of homes with marked nights, as TOML."""
    for number in range(HOMES):
        write_marked(tmp_path / f"home-{number}", *episodes(number))
    write_marked(tmp_path / "judge", *episodes(99, 200))

    def write(rounds=12, **plan):
        marked = [str(tmp_path / f"home-{number}") for number in range(HOMES)]
        table = {"rounds": rounds, "homes_per_round": HOMES, "batch_size": 16, **plan}
        lines = ['name = "homes"', f"silent_share = {0.2 if rounds > 1 else 0.0}", "[task]", 'kind = "fusion"']
        lines += [f"marked = {json.dumps(marked)}", f"judged_by = {json.dumps(str(tmp_path / 'judge'))}", "[plan]"]
        lines += [f"{key} = {json.dumps(value)}" for key, value in table.items()]
        lines += ["[plan.local]", "steps = 10", "rate = 0.2", "clip_norm = 1.0"]
        (tmp_path / "federation.toml").write_text("\n".join(lines) + "\n")
        return tmp_path / "federation.toml"

    return write


def run(path, out):
    federation = read_federation(path)
    task = make_task(federation.task, federation.partition, federation.plan, None, out)
    return task, simulate(federation, task, out, lambda line: None)


def test_homes_teach_the_fusion_and_export_can_read_it(config, tmp_path, capsys):
    path, out = config(), tmp_path / "out"
    assert main(["federate", "--config", str(path), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "round 12/12: " in said and "MB up and" in said and "macro-F1" in said
    description = json.loads((out / "model" / "model.json").read_text())
    assert description["training"]["federated"]["homes"] == HOMES
    cascade = read_cascade(Fields(description["cascade"], "cascade"), 3)
    assert (out / "model" / "verifier.keras").is_file()
    task, (state, history) = run(path, out)  # done: nothing is run again
    assert task.evaluate(state.parameters)["nll"] < 0.9 * task.evaluate(task.start)["nll"]
    assert cascade.bias == pytest.approx(state.parameters[0], abs=1e-4)
    assert cascade.weights == pytest.approx(state.parameters[2:] / UNIT, abs=1e-4)
    assert len(history) == 12
    assert any(entry["counted"] < entry["asked"] for entry in history)  # some homes fell silent


def test_an_interrupted_federation_ends_as_one_that_was_not(config, tmp_path, monkeypatch):
    path = config()
    _, (whole, _) = run(path, tmp_path / "whole")

    class Cut(Exception):
        pass

    def cut(line):
        if line.startswith("round 5/"):
            raise Cut

    federation = read_federation(path)
    task = make_task(federation.task, federation.partition, federation.plan, None, tmp_path)
    with pytest.raises(Cut):
        simulate(federation, task, tmp_path / "cut", cut)
    assert not (tmp_path / "cut" / "model").exists()
    _, (resumed, history) = run(path, tmp_path / "cut")
    assert np.array_equal(resumed.parameters, whole.parameters)
    assert [entry["round"] for entry in history] == list(range(12))


def test_killed_in_the_middle_of_a_round_it_ends_as_one_that_was_not(config, tmp_path):
    """kill -9 of the command itself; the model is the same to the last bit."""
    path = config(rounds=20)

    def command(out):
        return [sys.executable, "-u", "-m", "training.command", "federate", "--config", str(path), "--out", str(out)]

    subprocess.run(command(tmp_path / "whole"), cwd=REPOSITORY, check=True, capture_output=True)
    with subprocess.Popen(command(tmp_path / "cut"), cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as running:
        while not running.stdout.readline().startswith("round 3/20"):
            assert running.poll() is None
        running.kill()
    assert running.returncode == -signal.SIGKILL
    assert (tmp_path / "cut" / KEPT).is_file() and not (tmp_path / "cut" / "model").exists()
    done = subprocess.run(command(tmp_path / "cut"), cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "round 3/20" not in done.stdout and "round 20/20" in done.stdout
    whole, cut = (np.load(tmp_path / name / KEPT) for name in ("whole", "cut"))
    assert all(np.array_equal(whole[name], cut[name]) for name in ("parameters", "control", "ranges"))


def test_a_federation_of_which_no_round_counts_writes_no_model(config, tmp_path, capsys):
    path = config(rounds=2)
    path.write_text(path.read_text().replace("silent_share = 0.2", "silent_share = 1.0"))
    assert main(["federate", "--config", str(path), "--out", str(tmp_path / "out")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("cry-train: error: nothing was learnt, for nothing came of any of 2 rounds: ")
    assert "homes came, 3 are needed" in line or "homes are left after" in line
    assert not (tmp_path / "out" / "model").exists()


def test_what_it_goes_on_from_is_looked_at(config, tmp_path, capsys):
    path, out = config(rounds=1), tmp_path / "out"
    run(path, out)
    (out / KEPT).write_bytes((out / KEPT).read_bytes()[:200])
    assert main(["federate", "--config", str(path), "--out", str(out)]) == 1
    assert "is not an archive of arrays" in capsys.readouterr().err
    assert main(["federate", "--config", str(config(rounds=2)), "--out", str(out)]) == 1
    assert "holds results of another experiment" in capsys.readouterr().err


def test_a_disk_that_is_full_is_one_line_leaves_no_half_a_model_and_goes_on(config, tmp_path, capsys):
    command = ["federate", "--config", str(config(rounds=2)), "--out", str(tmp_path / "out")]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))  # less than the model has
    try:
        assert main(command) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("verifier.keras cannot be written (File too large): free some space")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["experiment.json", KEPT]
    assert main(command) == 0
    assert (tmp_path / "out" / "model" / "model.json").is_file()


def test_a_disk_without_room_for_the_first_file_is_one_line(config, tmp_path):
    """A tmpfs that is full, as a user's disk is."""
    out = tmp_path / "full"
    out.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", str(out)], capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        command = [sys.executable, "-m", "training.command", "federate", "--out", ".", "--config"]
        command.append(str(config(rounds=1)))
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        with (out / "filler").open("wb", buffering=0) as filler, pytest.raises(OSError, match="No space"):
            while True:
                filler.write(bytes(4096))
        full = subprocess.run(command, cwd=out, env=environment, capture_output=True, text=True)
        (out / "filler").unlink()
        partly = subprocess.run(command, cwd=out, env=environment, capture_output=True, text=True)
    finally:
        subprocess.run(["umount", str(out)], check=True)
    for done, file in ((full, "experiment.json"), (partly, "verifier.keras")):
        (line,) = done.stderr.splitlines()
        assert f"{file} cannot be written (No space left on device): free some space" in line


def test_one_folder_is_one_federations(config, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    with only_one(tmp_path / "out"):
        assert main(["federate", "--config", str(config(rounds=1)), "--out", str(tmp_path / "out")]) == 1
    assert "a federation is running in" in capsys.readouterr().err
    assert main(["federate", "--config", str(config(rounds=1)), "--out", str(tmp_path / "out")]) == 0


def test_privacy_prints_epsilon_and_learns_less(config, tmp_path):
    path = config(fewest_homes=3)
    text = path.read_text()
    path.write_text(text + "[plan.privacy]\nnoise_multiplier = 1.0\nupdate_norm = 0.5\n")
    _, (_, history) = run(path, tmp_path / "private")
    spent = [entry["epsilon"] for entry in history if not entry["failed"]]
    assert spent == sorted(spent) and 1 < spent[0] < spent[-1] < 100


def test_gradients_are_those_of_the_loss():
    logits, marks = episodes(7, 4)
    own = Episodes.of(logits, marks)
    learner = FusionLearner(own, "", 200)
    at = np.array([0.3, 1.0, -0.5, 0.2, 0.1])

    def loss(parameters, drawn):
        each = [np.logaddexp(0, (1 - 2 * m) * (parameters[0] + x / UNIT @ parameters[1:])).mean() for x, m in
                zip(logits, marks, strict=True)]  # fmt: skip
        return np.mean([each[i] for i in drawn])

    drawn = np.random.default_rng(5).integers(0, 4, 200)
    numeric = [(loss(at + e, drawn) - loss(at - e, drawn)) / 2e-5 for e in np.eye(LAYOUT.size) * 1e-5]
    assert learner.gradient(at, np.random.default_rng(5)) == pytest.approx(numeric, abs=1e-4)


def test_a_homes_own_recordings_enter_no_statistic(config, tmp_path):
    """Clips of one home are made ten times louder: no other home's inputs, and nothing that all share, changes."""
    federation = read_federation(config())
    before = make_task(federation.task, federation.partition, federation.plan, None, tmp_path)
    logits, marks = episodes(0)
    write_marked(tmp_path / "home-0", [own * 10 for own in logits], marks)
    after = make_task(federation.task, federation.partition, federation.plan, None, tmp_path)
    assert before.identity == after.identity
    assert np.array_equal(before.homes["home-1"].rows, after.homes["home-1"].rows)
    assert after.homes["home-0"].rows == pytest.approx(before.homes["home-0"].rows * 10, abs=2e-3)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{}", "has no episodes"),
        ('{"episodes": [{"mark": "loud", "logits": [[1, 2, 3, 4]]}]}', "episode 1 has no mark of other or cry"),
        ('{"episodes": [{"mark": "cry", "logits": [[1, 2]]}]}', "logits of shape (1, 2), it must be (frames, 4)"),
        ('{"episodes": [{"mark": "cry", "logits": []}]}', "episode 1 has logits of shape (0,)"),
    ],
)
def test_marks_that_cannot_be_read(tmp_path, content, says):
    (tmp_path / "marked.json").write_text(content)
    with pytest.raises(UserError) as error:
        read_marked(tmp_path)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"task": {"kind": "poetry"}}, "task.kind is 'poetry', it must be one of adapters, fusion"),
        ({"task": {"kind": "fusion", "colour": 1}}, "unknown key task.colour"),
    ],
)
def test_tasks_that_cannot_be(tmp_path, changes, says):
    table = {"name": "x", "plan": {"local": {"steps": 1, "rate": 0.1}}, **changes}
    federation = federation_of(table, "x.toml")
    with pytest.raises(UserError) as error:
        make_task(federation.task, federation.partition, federation.plan, None, tmp_path)
    assert says in str(error.value)


def test_homes_are_needed(tmp_path):
    federation = federation_of(
        {"name": "x", "task": {"kind": "fusion"}, "plan": {"local": {"steps": 1, "rate": 0.1}}}, "x"
    )
    task = make_task(federation.task, federation.partition, federation.plan, None, tmp_path)
    with pytest.raises(UserError, match="there are 0 homes, 3 are needed: name them, or recordings with --data"):
        simulate(federation, task, tmp_path)


def test_an_error_names_the_file_and_the_key():
    with pytest.raises(UserError, match=r"x.toml: plan.local.steps is missing"):
        federation_of({"name": "x", "task": {}, "plan": {"local": {"rate": 0.1}}}, "x.toml")
