"""Writes systemd/locks: what `make install` installs under each Python, to the byte. `make locks` calls it.

python3.txt files name every package with its version and the SHA-256 of its file for each kind of board. The versions
are the newest that fit together under that Python (uv resolves for a Python that need not be here); the files are what
pip would choose there. No index is named: pip asks whichever it is told to.
"""

import argparse
import functools
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import tomllib

HERE = Path(__file__).resolve().parent
TREE = HERE.parent
DEVICE_PYTHONS = ("3.6", "3.9", "3.10", "3.11", "3.12", "3.13")
JETSON_PYTHONS = ("3.6", "3.10")  # JetPack 4.6 and 6
MACHINES = ("aarch64", "x86_64")
# The oldest and the newest C library in use: a package may have a wheel for each. Ubuntu 18.04 has 2.27.
GLIBCS = (27, 41)
OLDEST_GLIBC = 5
# uv does not look at the newest Python that a release is for.
LIMITS = ['backports-strenum<1.3; python_version >= "3.11"']
BOOTSTRAP = {"3.6": ["pip==21.3.1"]}  # pip 18, which comes with it, cannot read today's wheels


def main() -> None:
    """Write the locks that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", metavar="NAME", nargs="*", help="e.g. python3.11 or jetson3.10 (default: all)")
    names = parser.parse_args().names
    (HERE / "locks").mkdir(exist_ok=True)
    for version in DEVICE_PYTHONS:
        write(
            names, "python" + version, version, ["--extra", "device", "--extra", "bridge"], build_requirements(version)
        )
    for version in JETSON_PYTHONS:
        write(names, "jetson" + version, version, ["--extra", "jetson"], [])


def write(names: list[str], name: str, version: str, extra: list[str], besides: list[str]) -> None:
    """Write one lock, unless others are asked for. besides: requirements that no extra names."""
    if names and name not in names:
        return
    pins = resolve(version, extra, besides)
    if extra[-1] == "jetson":  # what the device's own lock has installed already stays as it is
        pins = [pin for pin in pins if pin not in resolve(version, ["--extra", "device"], [])]
    hashes = file_hashes(pins, version)
    lines = ["# Under Python {}: made by `make locks`, not to be edited.".format(version)]
    for pin in pins:
        lines.append(" \\\n".join([pin] + ["    --hash=sha256:" + each for each in sorted(hashes[pin])]))
    (HERE / "locks" / (name + ".txt")).write_text("\n".join(lines) + "\n")
    print("systemd/locks/{}.txt: {} packages".format(name, len(pins)), flush=True)


def build_requirements(version: str) -> list[str]:
    """What builds the device's wheel, as pyproject.toml pins it, and what installs it."""
    pinned = tomllib.loads((TREE / "pyproject.toml").read_text())["build-system"]["requires"]
    return pinned + LIMITS + BOOTSTRAP.get(version, [])


def resolve(version: str, extra: list[str], besides: list[str]) -> list[str]:
    """Every "name==version" that is installed under a Python, sorted."""
    with tempfile.NamedTemporaryFile("w", suffix=".in") as more:
        more.write("\n".join(besides) + "\n")
        more.flush()
        command = ["uv", "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--python-version", version]
        command += ["--python-platform", "aarch64-unknown-linux-gnu", *extra, str(TREE / "setup.py"), more.name]
        done = run([sys.executable, "-m", *command])
    return sorted(line.partition(";")[0].strip() for line in done.splitlines() if "==" in line)


def file_hashes(pins: list[str], version: str) -> dict[str, set[str]]:
    """{pin: SHA-256 of each file that pip would take, over machines and C libraries}."""
    found: dict[str, set[str]] = {pin: set() for pin in pins}
    for machine in MACHINES:
        for glibc in GLIBCS:
            try:
                chosen = wheels(pins, version, machine, glibc)
            except subprocess.CalledProcessError:  # one has no wheel there
                chosen = {pin: wheel_or_source(pin, version, machine, glibc) for pin in pins}
            for pin, sha256 in chosen.items():
                found[pin].add(sha256)
    return found


def wheels(pins: list[str], version: str, machine: str, glibc: int) -> dict[str, str]:
    """{pin: SHA-256 of the wheel that pip takes there}. Raises CalledProcessError where one has none."""
    platforms = ["manylinux_2_{}_{}".format(minor, machine) for minor in range(glibc, OLDEST_GLIBC - 1, -1)]
    platforms += [old + machine for old in ("manylinux2014_", "manylinux2010_", "manylinux1_", "linux_")]
    command = ["pip", "install", "--dry-run", "--quiet", "--no-deps", "--ignore-installed", "--only-binary=:all:"]
    command += ["--target", tempfile.gettempdir(), "--report", "-"]
    command += ["--python-version", version, "--implementation", "cp"]
    command += [word for platform in platforms for word in ("--platform", platform)]
    report = json.loads(run([sys.executable, "-m", *command, *pins]))["install"]
    sha256 = {plain(entry["metadata"]["name"]): entry["download_info"]["archive_info"] for entry in report}
    return {pin: sha256[plain(pin.partition("==")[0])]["hashes"]["sha256"] for pin in pins}


def wheel_or_source(pin: str, version: str, machine: str, glibc: int) -> str:
    """SHA-256 of the file that pip takes there: a wheel, else the source, which is built there."""
    try:
        return wheels([pin], version, machine, glibc)[pin]
    except subprocess.CalledProcessError:
        return source_hash(pin)


def plain(name: str) -> str:
    """A package's name as pip compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


@functools.lru_cache(maxsize=None)
def source_hash(pin: str) -> str:
    """SHA-256 of a package's source."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["pip", "download", "--quiet", "--no-deps", "--no-binary=:all:", "--no-build-isolation"]
        run([sys.executable, "-m", *command, "--ignore-requires-python", "--dest", folder, pin])
        (file,) = Path(folder).iterdir()
        return hashlib.sha256(file.read_bytes()).hexdigest()


def run(command: list[str]) -> str:
    """What a command prints. Raises CalledProcessError when it fails."""
    environment = dict(os.environ, PIP_CONFIG_FILE=os.devnull, PIP_FIND_LINKS="")
    return subprocess.run(command, check=True, text=True, capture_output=True, env=environment).stdout


if __name__ == "__main__":
    main()
