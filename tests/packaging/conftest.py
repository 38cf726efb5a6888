"""Environments of every Python that is here, and the wheels that each has built."""

import subprocess

import pytest
from interpreters import BUILT_FROM, BUILT_WITH, find_python, pip


@pytest.fixture(scope="session")
def source(copy_of):
    """A copy of the tree as far as it is built: building leaves nothing in the repository."""
    return copy_of(BUILT_FROM)


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    """environment(version) -> the python of an environment that holds nothing but pip and what builds wheels."""
    made = {}

    def environment(version):
        if version not in made:
            made[version] = None
            python = find_python(version)
            if python:
                folder = tmp_path_factory.mktemp("python" + version)
                subprocess.run([python, "-m", "venv", folder], check=True)
                made[version] = folder / "bin" / "python"
                if version == "3.6":  # pip 18, which it brings, builds no wheel as pyproject.toml says
                    pip(made[version], "install", "pip==21.3.1")
                pip(made[version], "install", *BUILT_WITH)
        return made[version] or pytest.skip("no Python {} here".format(version))

    return environment


@pytest.fixture(scope="session")
def wheel(environment, source, tmp_path_factory):
    """wheel(version, which) -> a wheel that this Python has built of "device" or "host"."""
    built = {}

    def wheel(version, which="device", anew=0):
        if (version, which, anew) not in built:
            folder = tmp_path_factory.mktemp("wheel")
            tree = source if which == "device" else source / "host"
            pip(environment(version), "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, tree)
            (built[version, which, anew],) = folder.iterdir()
        return built[version, which, anew]

    return wheel
