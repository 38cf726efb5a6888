"""A real systemd as process 1 in namespaces of its own, over this machine's files and an installation beside them.

Nothing that it does outlives it: whatever is written goes to a layer in RAM. It has no network but its own loopback.
"""

import json
import os
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

BOOTS_WITHIN_S = 20
PATIENCE_S = 300
PATH = "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# Arguments: where `make install` was told to install; a folder for what is written; what was installed from.
# Device nodes are made, never bind-mounted: systemd changes the mode of its console.
BOOT = r"""
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs "$2"
mkdir "$2/upper" "$2/work" "$2/upper-opt" "$2/work-opt" "$2/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$2/upper,workdir=$2/work" "$2/root"
cd "$2/root"
cp -a "$1/etc" "$1/usr" .
mkdir -p opt
mount -t overlay overlay -o "lowerdir=$1/opt,upperdir=$2/upper-opt,workdir=$2/work-opt" opt
mkdir -p opt/source
mount --bind "$3" opt/source
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
node() { mknod -m 666 "dev/$1" c "$2" "$3"; }
node null 1 3; node zero 1 5; node full 1 7; node random 1 8; node urandom 1 9; node tty 5 0
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mount -t tmpfs tmpfs dev/shm
ln -s /proc/self/fd dev/fd; ln -s fd/0 dev/stdin; ln -s fd/1 dev/stdout; ln -s fd/2 dev/stderr
mknod -m 600 dev/console c 1 3
# Nothing of this machine's is started but what systemd itself needs.
rm -rf etc/systemd/system/*.wants
for unit in timers.target systemd-udevd.service systemd-udev-trigger.service systemd-timesyncd.service; do
  ln -sf /dev/null "etc/systemd/system/$unit"
done
echo monitor >etc/hostname
: >etc/machine-id
mkdir -p .old
pivot_root . .old
cd /
umount -l .old
rmdir .old
hostname monitor
# As systemd itself has it where it is told of no container: credentials come to units by it.
mount --make-rshared /
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --system --log-target=journal --unit=basic.target
"""


class BootedSystemd:
    """A running systemd; close() ends it and all that it started."""

    def __init__(self, folder: Path, installed: Path, source: Path):
        """folder: for what this class needs. installed: the DESTDIR of a `make install`. source: its folder,
        which is /opt/source in the booted system."""
        self._cgroup = _own_cgroup()
        written = folder / "written"
        written.mkdir()
        unshare = ["unshare", "--cgroup", "--mount", "--uts", "--ipc", "--net", "--pid", "--fork", "--kill-child"]
        boot = ["bash", "-c", BOOT, "boot", str(installed), str(written), str(source)]
        with open(folder / "boot.log", "wb") as log:
            self._outer = subprocess.Popen(
                ["bash", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', str(self._cgroup), *unshare, *boot],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._init = None
        try:
            self._wait_until_it_runs(folder / "boot.log")
        except BaseException:
            self.close()
            raise

    def run(self, *command, check=True):
        """Run a command beside the services, as root; what it printed."""
        entered = ["nsenter", "-t", str(self._init), "-a", "-r", "env", "-i", "PATH=" + PATH, "HOME=/root", *command]
        done = subprocess.run(entered, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE_S)
        if check and done.returncode:
            raise AssertionError("{}: {}\n{}".format(command, done.returncode, done.stdout))
        return done.stdout

    def succeeds(self, *command):
        """Whether a command ends with 0."""
        return self.run("sh", "-c", '"$@" >/dev/null 2>&1; echo $?', "sh", *command).strip() == "0"

    def property(self, unit, name):
        """One property of a unit, as `systemctl show` prints it."""
        return self.run("systemctl", "show", unit, "--property=" + name, "--value").strip()

    def journal(self, unit):
        """The unit's own lines in the journal: a list of (priority, text)."""
        self.run("journalctl", "--sync", check=False)
        lines = self.run("journalctl", "--unit=" + unit, "--no-pager", "--output=json", "--quiet").splitlines()
        entries = [json.loads(line) for line in lines]
        return [(int(entry["PRIORITY"]), entry["MESSAGE"]) for entry in entries if entry.get("_PID") != "1"]

    def write(self, path, text):
        """Write a file of the booted system; systemd reads its units again."""
        self.run("sh", "-c", 'mkdir -p "${1%/*}" && printf %s "$2" >"$1"', "sh", path, text)
        self.run("systemctl", "daemon-reload")

    def wait_until(self, what, patience_s=PATIENCE_S):
        """Wait until what() is true; its value."""
        ends = time.monotonic() + patience_s
        while time.monotonic() < ends:
            value = what()
            if value:
                return value
            time.sleep(0.1)
        raise AssertionError(
            "not within {} s; the journal ends:\n{}".format(
                patience_s, self.run("journalctl", "--no-pager", "--lines=15", check=False)
            )
        )

    def close(self):
        self._outer.kill()
        self._outer.wait()
        if self._init:  # the last of the namespace; its cgroups can go when it has
            self.wait_until(lambda: not os.path.exists("/proc/{}".format(self._init)))
        for _ in range(20):  # the kernel takes a moment to see that nobody is inside any more
            for path, _, _ in os.walk(str(self._cgroup), topdown=False):
                with suppress(OSError):
                    os.rmdir(path)
            if not self._cgroup.exists():
                return
            time.sleep(0.1)

    def _wait_until_it_runs(self, log):
        def process_1():
            if self._outer.poll() is not None:
                pytest.skip("no systemd can be booted here: " + log.read_text().strip())
            for child in _children(self._outer.pid):
                if Path("/proc/{}/comm".format(child)).read_text().strip() == "systemd":
                    return child
            return None

        self._init = self.wait_until(process_1, BOOTS_WITHIN_S)
        self.wait_until(
            lambda: self.run("systemctl", "is-active", "basic.target", check=False).strip() == "active", BOOTS_WITHIN_S
        )


def why_it_cannot_boot():
    """Why no systemd can be booted here, or an empty string."""
    if os.geteuid() != 0:
        return "only root can"
    for program in ("unshare", "nsenter", "systemctl", "pivot_root", "journalctl"):
        if shutil.which(program) is None:
            return "{} is not installed".format(program)
    if not os.path.exists("/lib/systemd/systemd"):
        return "systemd is not installed"
    if subprocess.call(
        ["unshare", "--mount", "--pid", "--fork", "--net", "--cgroup", "mount", "-t", "tmpfs", "none", "/mnt"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ):
        return "not allowed to make namespaces and mounts"
    return "" if _cgroup2() else "no cgroup2 is mounted"


def _cgroup2():
    for line in Path("/proc/mounts").read_text().splitlines():
        _, where, kind, options = line.split()[:4]
        if kind == "cgroup2" and options.split(",")[0] == "rw":
            return Path(where)
    return None


def _own_cgroup():
    cgroup = _cgroup2() / "cry-monitor-test-{}".format(os.getpid())
    try:
        cgroup.mkdir()
    except OSError as error:
        pytest.skip("no systemd can be booted here: {}".format(error))
    return cgroup


def _children(pid):
    path = Path("/proc/{0}/task/{0}/children".format(pid))
    return [int(child) for child in path.read_text().split()]
