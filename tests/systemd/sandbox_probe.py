"""What runs in the sandbox of the monitor's unit, and what lies outside for it to reach."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent.parent
UNIT = "cry-monitor.service"
# Run in the same sandbox as the monitor; prints what it was let do.
PROBE = r"""
import json, mmap, os, socket, subprocess, sys
found = {}
SOCKETS = SOCKETS_OF_OTHERS
def attempt(name, what):
    try:
        found[name] = what() or "done"
    except OSError as error:
        found[name] = os.strerror(error.errno)
attempt("inet", lambda: socket.create_connection(("127.0.0.1", 8731), 1).close())
attempt("inet6", lambda: socket.socket(socket.AF_INET6).close())
attempt("packet", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close())
attempt("unix", lambda: socket.socket(socket.AF_UNIX).close())
attempt("abstract", lambda: socket.socket(socket.AF_UNIX).connect("\0outside"))
attempt("interfaces", lambda: " ".join(line.split(":")[0].strip() for line in open("/proc/net/dev") if ":" in line))
attempt("home", lambda: str(os.listdir("/root")))
attempt("etc", lambda: open("/etc/written", "w").close())
attempt("opt", lambda: open("/opt/cry-monitor/written", "w").close())
attempt("tmp", lambda: " ".join(os.listdir("/tmp")))
for place in ("/tmp", "/var/tmp", "/dev/shm"):
    attempt("file in " + place, lambda: open(place + "/written", "w").close())
    attempt("disk of " + place, lambda: subprocess.check_output(["stat", "-f", "-c", "%T", place]).decode().strip())
    attempt("others in " + place, lambda: " ".join(set(os.listdir(place)) - {"written"}))
for place in ("/run/lock", "/run", "/var/log"):
    attempt("file in " + place, lambda: open(place + "/written", "w").close())
for path in SOCKETS:
    attempt("socket " + path, lambda: socket.socket(socket.AF_UNIX).connect(path))
telling = lambda path: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).connect(path)
attempt("socket of the journal", lambda: telling("/run/systemd/journal/socket"))
attempt("socket of systemd", lambda: telling("/run/systemd/notify"))
attempt("socket of sound", lambda: socket.socket(socket.AF_UNIX).connect("/run/microphone/native"))
group = "/sys/fs/cgroup" + open("/proc/self/cgroup").read().strip().split("::")[1] + "/"
for name in ("memory.max", "memory.swap.max", "pids.max"):
    attempt(name, lambda: open(group + name).read().strip())
import resource
attempt("large file", lambda: open(os.environ["STATE_DIRECTORY"] + "/large", "w").truncate(2 << 30))
found["locks"] = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY
from edge.runtime.private_memory import lock_memory
found["locked"] = lock_memory()
attempt("state", lambda: open(os.environ["STATE_DIRECTORY"] + "/probe", "w").close())
attempt("sound device", lambda: os.close(os.open("/dev/snd/pcmC9D9c", os.O_RDWR)))
attempt("sound device of others", lambda: os.close(os.open("/dev/snd/pcmC8D8c", os.O_RDWR)))
attempt("other device", lambda: os.close(os.open("/dev/other", os.O_RDWR)))
attempt("write and run memory", lambda: mmap.mmap(-1, 4096, prot=7).close())
attempt("cpuinfo", lambda: open("/proc/cpuinfo").close())
attempt("other processes", lambda: " ".join(name for name in os.listdir("/proc") if name == "1"))
attempt("become root", lambda: os.setuid(0))
attempt("new namespace", lambda: subprocess.run(["unshare", "--user", "true"], stderr=subprocess.DEVNULL).returncode)
attempt("mount", lambda: subprocess.run(["mount", "-t", "tmpfs", "x", "/tmp"], stderr=subprocess.DEVNULL).returncode)
found["uid"] = os.getuid()
print("PROBE" + json.dumps(found))
"""
# World-writable, as the daemons make them; whoever listens there could send on what it is told.
SOCKETS_OF_OTHERS = [
    "/run/dbus/system_bus_socket",
    "/run/avahi-daemon/socket",
    "/run/systemd/resolve/io.systemd.Resolve",
    "/run/systemd/userdb/io.systemd.DynamicUser",
    "/run/docker.sock",
    "/run/user/1000/bus",
]
CAP_SYS_RESOURCE = 24


def may_raise_limits():
    """Whether a process 1 that is started here may give a service more than the limits it got itself."""
    status = Path("/proc/self/status").read_text()
    return bool(int(re.search("^CapEff:\\s*(\\w+)", status, re.MULTILINE)[1], 16) & 1 << CAP_SYS_RESOURCE)


def outside(system):
    """What a monitor without a sandbox could reach: a server, a socket, a file, devices."""
    listener = (
        "import socket, time; a = socket.socket(); a.bind(('127.0.0.1', 8731)); a.listen(1); "
        "b = socket.socket(socket.AF_UNIX); b.bind(chr(0) + 'outside'); b.listen(1)\n"
        "import os\n"
        "for path in {}:\n"
        "  os.makedirs(os.path.dirname(path), exist_ok=True)\n"
        "  if not os.path.exists(path):\n"
        "    c = socket.socket(socket.AF_UNIX); c.bind(path); c.listen(1); os.chmod(path, 0o777)\n"
        "    globals().setdefault('held', []).append(c)\n"
        "time.sleep(60)"
    ).format(SOCKETS_OF_OTHERS)
    system.run("systemd-run", "--quiet", "--unit=listener", "python3", "-c", listener)
    system.run(
        "sh",
        "-c",
        "touch /tmp/somebodys; mkdir -p /dev/snd; cd /dev/snd; mknod -m 660 pcmC9D9c c {0} 254;"
        " mknod -m 600 pcmC8D8c c {0} 253; chgrp audio pcmC9D9c; mknod -m 666 /dev/other c 4 64".format(
            kind_of_device()[1]
        ),
    )
    reach = "import socket; socket.create_connection(('127.0.0.1', 8731), 1)"
    system.wait_until(lambda: system.succeeds("python3", "-c", reach))


def kind_of_device():
    """(name, number) of the kernel's sound devices; another kind stands for them where it has no sound."""
    kinds = dict(re.findall(r"^ *(\d+) (alsa|misc)$", Path("/proc/devices").read_text(), re.MULTILINE))
    names = {name: number for number, name in kinds.items()}
    return next((name, names[name]) for name in ("alsa", "misc") if name in names)
