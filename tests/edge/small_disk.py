"""A real small disk for tests: it can be filled, emptied again and made read-only."""

import os
import subprocess

import pytest

DISK_KB = 8192
FILLER_KB = 4


class SmallDisk(object):
    """A filesystem of 8 MB in memory, mounted at `path`."""

    def __init__(self, path):
        self.path = path
        self._filler = os.path.join(path, "filler")

    def fill(self):
        """Leave no room for a single page."""
        with open(self._filler, "ab", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(1024 * FILLER_KB))
            except OSError:
                pass

    def empty(self):
        """Give the room back."""
        os.remove(self._filler)

    def remount(self, mode):
        """mode: "ro" or "rw". No file may be open for writing."""
        subprocess.check_call(["mount", "-o", "remount," + mode, self.path])


@pytest.fixture
def small_disk(tmp_path):
    """A SmallDisk; the test is skipped where nothing can be mounted."""
    path = str(tmp_path / "disk")
    os.mkdir(path)
    command = ["mount", "-t", "tmpfs", "-o", "size={}k,mode=700".format(DISK_KB), "tmpfs", path]
    try:
        mounted = subprocess.Popen(command, stderr=subprocess.PIPE, universal_newlines=True)
        error = mounted.communicate()[1]
    except OSError as missing:
        pytest.skip("no small disk: {}".format(missing))
    if mounted.returncode:
        pytest.skip("no small disk: {}".format(error.strip()))
    yield SmallDisk(path)
    subprocess.check_call(["umount", "--lazy", path])
