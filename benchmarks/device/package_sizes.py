"""What the two distributions weigh and hold, and what an installation takes on a Raspberry Pi.

    python -m benchmarks.device.package_sizes

Both wheels are built from this tree. What is installed beside the device's is downloaded for aarch64, as systemd/locks
names it, and counted unpacked.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from pathlib import Path

from benchmarks.lib.record import record

TREE = Path(__file__).resolve().parents[2]
PI_PYTHONS = ("3.11", "3.13")  # Raspberry Pi OS bookworm and trixie
GLIBC = 36
MOST_BYTES, MOST_WITHOUT_VERIFIER, MOST_BYTES_OF_A_FILE = 14e6, 8e6, 6e6
HEAVY_BYTES = 3e6


def pip(*arguments: str) -> None:
    """Run pip quietly. Raises CalledProcessError."""
    environment = dict(os.environ, SOURCE_DATE_EPOCH="1767225600", PIP_CONFIG_FILE=os.devnull, PIP_FIND_LINKS="")
    subprocess.run([sys.executable, "-m", "pip", "--quiet", *arguments], check=True, env=environment)


def unpacked(wheel: Path) -> dict[str, int]:
    """{name: bytes} of the files in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {entry.filename: entry.file_size for entry in archive.infolist()}


def described(wheel: Path) -> dict:
    """Weight and contents of one of our wheels."""
    files = unpacked(wheel)
    holds: Counter[str] = Counter()
    for name, n_bytes in files.items():
        folder = name.split("/")[0]
        holds["metadata" if folder.endswith(".dist-info") else folder] += n_bytes
    largest = max(files, key=files.__getitem__)
    return {
        "wheel": wheel.name,
        "bytes": wheel.stat().st_size,
        "files": len(files),
        "unpacked_bytes": sum(files.values()),
        "holds": dict(holds.most_common()),
        "models_bytes": sum(n for name, n in files.items() if "/default_bundle/" in name or "/models/" in name),
        "largest": largest,
        "largest_bytes": files[largest],
    }


def on_a_pi(version: str, own: Path) -> dict:
    """What an installation of the device's wheel takes there, unpacked, by package."""
    lock = TREE / "systemd" / "locks" / f"python{version}.txt"
    platforms = [f"manylinux_2_{minor}_aarch64" for minor in range(GLIBC, 16, -1)] + ["manylinux2014_aarch64"]
    with tempfile.TemporaryDirectory() as folder:
        there = [word for platform in platforms for word in ("--platform", platform)]
        options = ["--no-deps", "--only-binary=:all:", "--python-version", version, "--implementation", "cp", *there]
        pip("download", "--require-hashes", "--dest", folder, *options, "-r", str(lock))
        sizes = {path.name.split("-")[0]: sum(unpacked(path).values()) for path in Path(folder).glob("*.whl")}
    sizes["cry-monitor"] = sum(unpacked(own).values())
    return {"python": version, "packages": dict(sorted(sizes.items(), key=lambda pair: -pair[1]))}


def table(wheels: list[dict], boards: list[dict]) -> str:
    """Both, for docs/results."""
    lines = ["| wheel | MB | unpacked, MB | files | holds, MB | the largest file |", "|---|---|---|---|---|---|"]
    for wheel in wheels:
        holds = ", ".join(f"{name} {n_bytes / 1e6:.1f}" for name, n_bytes in wheel["holds"].items())
        name = wheel["wheel"].split("-")[0].replace("_", "-")
        lines.append(
            f"| `{name}` | {wheel['bytes'] / 1e6:.2f} | {wheel['unpacked_bytes'] / 1e6:.1f} | {wheel['files']} | "
            f"{holds}; of it models {wheel['models_bytes'] / 1e6:.1f} | "
            f"{wheel['largest'].split('/')[-1]}, {wheel['largest_bytes'] / 1e6:.1f} |"
        )
    lines += ["", "| installed on a Raspberry Pi (aarch64) | MB | most of it |", "|---|---|---|"]
    for board in boards:
        packages = board["packages"]
        heavy = ", ".join(f"{name} {n / 1e6:.0f}" for name, n in packages.items() if n >= HEAVY_BYTES)
        lines.append(f"| Python {board['python']} | {sum(packages.values()) / 1e6:.0f} | {heavy} |")
    return "\n".join(lines) + "\n\nPackages as systemd/locks pins them, unpacked, without Python and pip themselves."


def main() -> int:
    """Build, download, and record; 1 when the device's wheel is too heavy."""
    with tempfile.TemporaryDirectory() as folder:
        pip("wheel", "--no-deps", "--wheel-dir", folder, str(TREE), str(TREE / "host"))
        paths = sorted(Path(folder).glob("*.whl"))
        wheels = [described(path) for path in paths]
        boards = [on_a_pi(version, paths[0]) for version in PI_PYTHONS]
    record("package_sizes", {"wheels": wheels, "boards": boards}, table(wheels, boards))
    device = wheels[0]
    has_verifier = "verifier" in (TREE / "edge" / "default_bundle" / "manifest.json").read_text()
    most = MOST_BYTES if has_verifier else MOST_WITHOUT_VERIFIER
    return 1 if device["bytes"] > most or device["largest_bytes"] > MOST_BYTES_OF_A_FILE else 0


if __name__ == "__main__":
    sys.exit(main())
