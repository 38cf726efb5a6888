"""Two distributions from one tree: the device's holds edge alone, whatever Python builds it; both install and run."""

import hashlib
import re
import subprocess
import sys
import tarfile
import wave
import zipfile

import numpy as np
import pytest
from interpreters import PYTHONS, REPOSITORY, pip, site_packages

from edge.frames import SAMPLE_RATE
from edge.synthesis import infant_cry
from edge.synthesis.signals import to_level

pytestmark = pytest.mark.once

HERE = "{}.{}".format(*sys.version_info[:2])
NAMES_ITS_BUILDER = ("METADATA", "WHEEL", "RECORD")  # RECORD has the SHA-256 of the other two
MOST_BYTES = 14e6  # with a verifier; 8 MB without
MOST_BYTES_WITHOUT_VERIFIER = 8e6
MOST_BYTES_OF_A_FILE = 6e6


def contents(wheel):
    """{name: SHA-256} of the files in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}


def top_folders(wheel):
    return {name.split("/")[0] for name in contents(wheel) if ".dist-info/" not in name}


def metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return archive.read(name).decode()


@pytest.mark.parametrize("version", [version for version in PYTHONS if version != HERE])
def test_it_is_the_same_whatever_python_builds_it(wheel, version):
    ours, theirs = ({**contents(wheel(each))} for each in (HERE, version))
    differing = {name for name in set(ours) | set(theirs) if ours.get(name) != theirs.get(name)}
    assert {name.split("/")[-1] for name in differing} <= set(NAMES_ITS_BUILDER)
    assert "edge/default_bundle/manifest.json" in theirs


@pytest.mark.parametrize("which", ["device", "host"])
def test_built_twice_it_is_identical(wheel, which):
    assert wheel(HERE, which).read_bytes() == wheel(HERE, which, anew=1).read_bytes()


def test_the_device_s_holds_edge_alone_and_is_small(wheel):
    assert top_folders(wheel(HERE)) == {"edge"}
    assert {"edge/py.typed", "edge/LICENSE"} <= set(contents(wheel(HERE)))
    bundle = REPOSITORY / "edge" / "default_bundle"
    most = MOST_BYTES if "verifier" in (bundle / "manifest.json").read_text() else MOST_BYTES_WITHOUT_VERIFIER
    assert wheel(HERE).stat().st_size <= most
    with zipfile.ZipFile(wheel(HERE)) as archive:
        assert max(entry.file_size for entry in archive.infolist()) <= MOST_BYTES_OF_A_FILE


def test_the_host_s_brings_the_rest_for_the_same_version(wheel):
    assert top_folders(wheel(HERE, "host")) == {"export", "training", "calibration_data"}
    held = contents(wheel(HERE, "host"))
    assert {"export/py.typed", "training/py.typed", "training/LICENSE"} <= set(held)
    assert {name for name in held if name.startswith("training/models/") and name.endswith(".keras")}
    version = re.search("^Version: (.+)$", metadata(wheel(HERE)), re.MULTILINE)[1]
    assert "Requires-Dist: cry-monitor=={}\n".format(version) in metadata(wheel(HERE, "host"))


def test_a_file_that_was_removed_is_not_built_again(wheel, source):
    wheel(HERE)
    stray = source / "build" / "device" / "lib" / "edge" / "removed.py"
    stray.write_text("")
    assert "edge/removed.py" not in contents(wheel(HERE, anew=2))


@pytest.mark.parametrize("which", ["device", "host"])
def test_from_its_sdist_comes_the_same_wheel(environment, wheel, source, tmp_path, which):
    tree = source if which == "device" else source / "host"
    pytest.importorskip("setuptools")
    build = "from setuptools import build_meta; build_meta.build_sdist({!r})".format(str(tmp_path))
    subprocess.run([sys.executable, "-c", build], cwd=tree, check=True, stdout=subprocess.DEVNULL)
    (sdist,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        assert not [name for name in archive.getnames() if "/tests/" in name]
    pip(environment(HERE), "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, sdist)
    (rebuilt,) = tmp_path.glob("*.whl")
    ours, theirs = contents(wheel(HERE, which)), contents(rebuilt)
    assert {name for name in set(ours) | set(theirs) if ours.get(name) != theirs.get(name)} == set()


@pytest.fixture
def installed(environment, wheel):
    """installed(version, which...) -> run(program, *arguments) in an environment with those wheels and what they
    depend on."""

    def installed(version, *which):
        python = environment(version)
        dependencies = site_packages(version)
        pip(python, "install", "--no-deps", "--force-reinstall", *(wheel(HERE, each) for each in which))
        (own,) = (python.parent.parent / "lib").glob("python*/site-packages")
        (own / "dependencies.pth").write_text("\n".join(map(str, dependencies)) + "\n")

        def run(program, *arguments, cwd):
            return subprocess.run(
                [python.parent / program, *arguments], cwd=cwd, capture_output=True, text=True, env={"LC_ALL": "C"}
            )

        where = run("python", "-c", "import edge; print(edge.__file__)", cwd="/").stdout
        assert where.startswith(str(own))
        return run

    return installed


@pytest.mark.parametrize("version", PYTHONS)
def test_installed_it_runs(installed, version, tmp_path):
    with wave.open(str(tmp_path / "cry.wav"), "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        cry = to_level(infant_cry(6.0, np.random.default_rng(1)).samples, -25.0)
        file.writeframes(np.round(32767 * cry).astype("<i2").tobytes())
    run = installed(version, "device")
    done = run("cry-monitor", "analyze", "--json", "cry.wav", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert '"type": "event"' in done.stdout
    assert run("edge-bench", "--version", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("version", PYTHONS)
@pytest.mark.parametrize("program, extra", [("edge-export", "export"), ("cry-train", "train")])
def test_a_device_says_what_to_install_and_where(installed, version, program, extra, tmp_path):
    done = installed(version, "device")(program, "--help", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(program + ": error: ")
    assert "on a PC, in the folder of cry-monitor, run pip install . './host[{}]'".format(extra) in done.stderr
    assert done.stderr.count("\n") == 1


def test_on_a_pc_the_host_s_commands_run(installed, tmp_path):
    run = installed(HERE, "device", "host")
    assert "rpi-int8" in run("edge-export", "--list-targets", cwd=tmp_path).stdout
    assert "detector" in run("cry-train", "--help", cwd=tmp_path).stdout
    pip(run("python", "-c", "import sys; print(sys.executable)", cwd=tmp_path).stdout.strip(), *UNINSTALL)


UNINSTALL = ("uninstall", "--yes", "cry-monitor-host")  # for the tests of a device's environment
