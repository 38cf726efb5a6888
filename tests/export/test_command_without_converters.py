"""Where the export extra or a new enough Python is absent, edge-export says what to install."""

import os
import shutil
import subprocess
import sys

import pytest


def test_without_tensorflow_it_names_the_extra(tmp_path):
    program = (
        "import sys\n"
        "import importlib.util\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *a: None if name == 'tensorflow' else find(name, *a)\n"
        "from export.command import main\n"
        f"sys.exit(main(['--target', 'rpi-int8', '--out', {str(tmp_path / 'out')!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("edge-export: error: tensorflow not installed")
    assert "pip install cry-monitor[export]" in done.stderr


def test_under_python_3_6_it_names_the_python_it_needs():
    python = shutil.which("python3.6")
    found = (
        subprocess.run(
            ["pyenv", "which", "python"],
            capture_output=True,
            text=True,
            env={**os.environ, "PYENV_VERSION": "3.6.15"},
        )
        if shutil.which("pyenv")
        else None
    )
    if found and found.returncode == 0:
        python = found.stdout.strip()
    if python is None:
        pytest.skip("Python 3.6 is not installed")
    done = subprocess.run(
        [python, "-m", "export.command", "--target", "rpi-int8"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "needs Python 3.11, found 3.6" in done.stderr and "cry-monitor[export]" in done.stderr
