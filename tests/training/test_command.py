"""cry-train promises: every command explains itself, without loading what trains."""

import re
import subprocess
import sys

import pytest

from training.command import COMMANDS, main

HEAVY = ("keras", "tensorflow", "torch", "sklearn", "matplotlib")


def test_help_names_every_command_and_what_it_does(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    out = capsys.readouterr().out
    assert stopped.value.code == 0
    words = " ".join(out.partition("commands:")[2].split())
    summaries = re.split("|".join(rf"\b{name} (?=[A-Z])" for name in COMMANDS), words)[1:]
    assert len(summaries) == len(COMMANDS) and all(len(summary.split()) > 3 for summary in summaries)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_s_help_says_what_each_flag_is(name, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([name, "--help"])
    out = capsys.readouterr().out
    assert stopped.value.code == 0 and "--data" in out and f"usage: cry-train {name}" in out


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_s_help_says_how_to_resume_and_what_defaults_are(name, capsys):
    with pytest.raises(SystemExit):
        main([name, "--help"])
    words = " ".join(capsys.readouterr().out.split())
    assert "nterrupted, " in words and "give the same command again" in words
    for flag, default in re.findall(r"(--(?:seed|epochs|rounds|rank|cores)) [A-Z]+ (.*?)(?= --|$)", words):
        assert "default: " in default, flag


def test_an_interrupted_command_says_how_it_goes_on(capsys, monkeypatch):
    from training.detector import command

    def interrupted(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "run", interrupted)
    assert main(["detector", "--data", "nowhere", "--out", "nowhere"]) == 130
    assert "give the same command again: what was prepared and every finished round" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command, flag, smallest",
    [
        ("detector", "--rounds", 1),
        ("detector", "--seed", 0),
        ("calibration", "--seed", 0),
        ("infant-id", "--folds", 2),
        ("infant-id", "--epochs", 1),
        ("adapt", "--epochs", 1),
        ("pretrain", "--per-label", 0),
        ("compress", "--cores", 1),
    ],
)
def test_a_count_that_is_too_small_is_named_before_anything_is_read(command, flag, smallest, capsys, tmp_path):
    needed = {"compress": ["--model", "nowhere"], "pretrain": ["--corpus", "nowhere"]}.get(command, [])
    flags = ["--data", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out"), *needed]
    assert main([command, *flags, flag, str(smallest - 1)]) == 1
    err = capsys.readouterr().err
    assert err == f"cry-train: error: {flag} is {smallest - 1}, it must be at least {smallest}\n"
    assert not (tmp_path / "out").exists()


def test_without_a_command_it_is_wrong_usage(capsys):
    with pytest.raises(SystemExit) as stopped:
        main([])
    assert stopped.value.code == 2 and "COMMAND" in capsys.readouterr().err


def test_help_loads_nothing_heavy():
    code = (
        "import sys, training.command as c\ntry: c.main(['--help'])\nexcept SystemExit: pass\n"
        f"print([m for m in {HEAVY} if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "[]"


@pytest.mark.parametrize("content", ["", "[1]", "{}", None], ids=["empty", "a list", "no key", "no file"])
def test_a_result_that_holds_no_decision_is_named_before_anything_is_read(content, tmp_path, capsys):
    path = tmp_path / "result.json"
    if content is not None:
        path.write_text(content)
    flags = ["--data", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out"), "--decision", str(path)]
    assert main(["detector", *flags]) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"cry-train: error: cannot read decision from {path}") and err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_home_that_teaches_the_fusion_loads_little():
    heavy = (*HEAVY, "scipy.signal", "scipy.stats", "sklearn")
    code = f"import sys, training.verifier.federated\nprint([m for m in {heavy} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "[]"
