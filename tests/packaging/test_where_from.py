"""What is installed comes from this folder or is pinned to the byte: nobody is sent to an index for our name."""

import re
import subprocess

import pytest
from interpreters import REPOSITORY
from packaging.requirements import Requirement

from edge import engines

OURS = re.compile(r"cry[-_.]monitor([-_.]host)?(\[.*\])?([=<>~!].*)?", re.IGNORECASE)
LOCKS = sorted((REPOSITORY / "systemd" / "locks").glob("*.txt"))
DEVICE_LOCKS = [lock for lock in LOCKS if lock.name.startswith("python")]


def texts():
    """(path, text) of every file that could tell somebody what to install."""
    listed = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True).stdout.split("\n")
    for name in listed or pytest.skip("this is no git repository"):
        path = REPOSITORY / name
        if path.suffix in (".md", ".py", ".toml", ".yml", ".html", ".txt", "") and path.is_file():
            yield name, path.read_text(encoding="utf-8", errors="replace")


def sent_to_an_index(text):
    """What follows "pip install" and is our name, not a file's."""
    commands = re.findall(r"pip3? install([^\n]*)", text)
    return [word for command in commands for word in re.split(r"[\s'\"`,;()]+", command) if OURS.fullmatch(word)]


def test_nobody_is_told_to_install_our_name_from_an_index():
    assert {name: sent_to_an_index(text) for name, text in texts() if sent_to_an_index(text)} == {}


@pytest.mark.parametrize(
    "text, found",
    [("pip " + "install 'cry-monitor[device]'", 1), ("pip install dist/cry_monitor-0.1.0-py3-none-any.whl", 0)],
)
def test_what_that_would_find(text, found):
    assert len(sent_to_an_index(text)) == found


def packages(lock):
    """{name: (version, number of hashes)} of a lock."""
    entries = re.split(r"\n(?=\S)", re.sub("^#.*\n", "", lock.read_text(), flags=re.MULTILINE).strip())
    split = [re.fullmatch(r"([\w.-]+)==([\w.]+)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)", entry) for entry in entries]
    assert all(split), [entry for entry, match in zip(entries, split) if not match]
    return {match[1]: (match[2], match[3].count("--hash")) for match in split}


def test_there_is_a_lock_for_every_python_of_a_device():
    assert [lock.stem for lock in DEVICE_LOCKS] == [
        "python" + version for version in ("3.10", "3.11", "3.12", "3.13", "3.6", "3.9")
    ]
    assert {lock.stem for lock in LOCKS} >= {"jetson3.6", "jetson3.10"}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_pins_everything_and_names_no_index(lock):
    assert packages(lock)
    assert not re.search(r"://|index|\.(org|com|net)\b", lock.read_text())


def described_by_setup():
    """What setup.py hands to setuptools, as its Distribution."""
    pytest.importorskip("setuptools")  # brings distutils, which newer Pythons have not
    from distutils.core import run_setup

    return run_setup(str(REPOSITORY / "setup.py"), stop_after="init")


def extra_of(described, name):
    """The requirements of an extra; older setuptools keep those with a marker apart, under "NAME:MARKER"."""
    found = []
    for key, texts in described.extras_require.items():
        extra, _, marker = key.partition(":")
        found += [text + (" ; " + marker if marker else "") for text in texts] if extra == name else []
    return found


@pytest.mark.parametrize("lock", DEVICE_LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_holds_what_the_device_asks_for(lock):
    described = described_by_setup()
    held, version = packages(lock), lock.stem[len("python") :]
    wanted = extra_of(described, "device") + extra_of(described, "bridge")
    assert len(wanted) > 5
    for requirement in map(Requirement, described.install_requires + wanted):
        if requirement.marker is None or requirement.marker.evaluate({"python_version": version}):
            assert requirement.specifier.contains(held[requirement.name][0])


def test_every_engine_has_an_extra():
    described = described_by_setup()
    for candidate in engines.CANDIDATES:
        extra = candidate.package.replace("ai-edge-", "")
        assert candidate.package in {Requirement(text).name for text in extra_of(described, extra)}
    assert [Requirement(text).name for text in extra_of(described, "jetson")] == ["pycuda"]
