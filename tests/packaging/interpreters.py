"""Interpreters that are here, and what is built and installed with them."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent.parent
PYTHONS = ("3.6", "3.11", "3.13")
BUILT_FROM = ["LICENSE", "MANIFEST.in", "README.md", "pyproject.toml", "setup.py", "host"]
BUILT_FROM += ["edge", "export", "training", "calibration_data"]
# As pip would in an environment of its own for each build; here it is one for all builds of a Python.
BUILT_WITH = re.findall(r'^  "(.+)",$', (REPOSITORY / "pyproject.toml").read_text(), re.MULTILINE)


def find_python(version):
    """A Python of that version: by name, then as pyenv knows it. None where there is none."""
    by_name = shutil.which("python" + version)
    if by_name and not subprocess.call([by_name, "-c", "import ensurepip, venv"], stderr=subprocess.DEVNULL):
        return by_name
    if shutil.which("pyenv") is None:
        return None
    known = subprocess.run(["pyenv", "versions", "--bare"], capture_output=True, text=True).stdout.split()
    full = [name for name in known if name.startswith(version + ".")]
    if not full:
        return None
    environment = dict(os.environ, PYENV_VERSION=full[-1])
    return subprocess.run(["pyenv", "which", "python"], env=environment, capture_output=True, text=True).stdout.strip()


def pip(python, *arguments):
    """Run pip quietly; skip where there is no index to ask, fail for anything else."""
    environment = dict(os.environ, SOURCE_DATE_EPOCH="1767225600", PIP_DISABLE_PIP_VERSION_CHECK="1")
    done = subprocess.run(
        [python, "-m", "pip", "--quiet", *map(str, arguments)], capture_output=True, text=True, env=environment
    )
    if done.returncode and "No matching distribution found for setuptools" in done.stderr:
        pytest.skip("what builds a wheel cannot be fetched here")
    assert done.returncode == 0, done.stderr


def site_packages(version):
    """Folders with what cry-monitor depends on, under that Python; skips where they were not made."""
    if version == "{}.{}".format(*sys.version_info[:2]):
        return [path for path in sys.path if path.endswith("site-packages")]
    folders = list((REPOSITORY / (".venv-edge-" + version)).glob("lib/python*/site-packages"))
    return folders or pytest.skip("tests/other_pythons {0} has made no environment for Python {0}".format(version))
