"""Every system call of a whole run: no file is written but the database, no socket but those of systemd and sound."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from daemon_process import on_virtual_microphone, wait_for
from loud_bundle import noise_burst
from patience import PATIENCE_S
from verifier_bundle import quiet, tone, write_verifier_bundle
from virtual_microphone import REPOSITORY, write_wav

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "bridge"))
from receivers import Receiver, free_port, until  # noqa: E402

from edge.sinks.client import Client
from edge.store import Store

# Whatever makes, changes or names a file, and whatever opens a way out.
TRACED = (
    "open,openat,openat2,creat,truncate,rename,renameat,renameat2,link,linkat,symlink,symlinkat,mkdir,mkdirat,"
    "mknod,mknodat,unlink,unlinkat,rmdir,socket,connect,bind,sendto,sendmsg,memfd_create,ptrace,process_vm_readv"
)
WRITES = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND")
QUIET = ("/var/run/nscd/socket", "/run/nscd/socket")  # where the C library looks for users' names


@pytest.fixture
def traced_run(tmp_path, environment, loud_bundle):
    """traced_run(*arguments of run, until=a function, **environment) -> (calls that succeeded, the database)."""
    strace = shutil.which("strace") or pytest.skip("strace is not installed")
    trace, path = str(tmp_path / "trace"), str(tmp_path / "state" / "night.db")
    (tmp_path / "state").mkdir()
    processes = []

    def traced_run(*arguments, **changes):
        until = changes.pop("until", None)
        changes.update(PYTHONDONTWRITEBYTECODE="1", HOME="/proc/nowhere")  # as in the unit, whose user has no home
        command = [
            strace,
            "-f",
            "-qq",
            "-s",
            "4096",
            "-e",
            "trace=" + TRACED,
            "-o",
            trace,
            sys.executable,
            "-m",
            "edge.commands.main",
            "run",
            "--db",
            path,
            "--bundle",
            loud_bundle,
        ]
        process = subprocess.Popen(
            command + list(arguments),
            cwd=REPOSITORY,
            env=dict(environment, **changes),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        processes.append(process)
        if until:
            until(process)
            with open("/proc/{0}/task/{0}/children".format(process.pid)) as children:
                os.kill(int(children.read().split()[0]), signal.SIGTERM)
        _, err = process.communicate(timeout=PATIENCE_S)
        if b"ptrace" in err and process.returncode:
            pytest.skip("strace may not trace here: " + err.decode().splitlines()[0])
        assert process.returncode == 0, err.decode()
        with open(trace, errors="replace") as file:
            calls = whole_calls(file)
        return [call for call in calls if not re.search(r"= -1 E\w+", call)], path

    yield traced_run
    for process in processes:
        process.kill()


def whole_calls(lines):
    """The calls of a trace; those that were interrupted by another process's are joined again."""
    calls, begun = [], {}
    for line in lines:
        pid, call = line.split(None, 1)
        if call.startswith(("+++", "---")):  # an end, a signal
            continue
        resumed = re.match(r"<\.\.\. \w+ resumed>(.*)", call)
        if resumed:
            call = begun.pop(pid, "") + resumed.group(1)
        if call.endswith("<unfinished ...>\n"):
            begun[pid] = call[: -len("<unfinished ...>\n")]
        else:
            calls.append(call)
    return calls + list(begun.values())


def files_changed(calls):
    """Paths that calls wrote, made or removed; "how path" for those that are no openings."""
    changed = set()
    for call in calls:
        name, paths = call.split("(")[0], re.findall(r'"((?:[^"\\]|\\.)*)"', call)
        if name.startswith(("open", "creat")):
            if WRITES.search(call):
                changed.add(paths[0])
        elif name not in ("socket", "connect", "bind", "sendto", "sendmsg", "memfd_create"):
            changed.add(" ".join([name] + paths))
    return changed


def sockets_opened(calls):
    """Families of sockets that were made, and addresses that were connected or sent to."""
    made = [call for call in calls if call.startswith("socket(")]
    addresses = set()
    for call in calls:
        if call.startswith(("connect(", "bind(", "sendto(", "sendmsg(")):
            addresses.update(re.findall(r'sun_path=@?"([^"]*)"', call))
    return {re.match(r"socket\((\w+)", call).group(1) for call in made}, addresses


def is_of_the_database(change, path):
    """The database's files, its lock, its socket; and what whoever started the monitor gave it to write to."""
    words = change.split()
    name = words[-1]
    ours = [path + suffix for suffix in ("", "-wal", "-shm", "-journal", ".lock", ".socket")]
    return (name in ours and words[0] in (name, "unlink")) or name in ("/proc/self/fd/1", "/proc/self/fd/2")


def test_a_recording_leaves_nothing_but_the_database(traced_run, burst_wav):
    calls, path = traced_run("--source", "file:" + burst_wav, "--fast")
    changed = files_changed(calls)
    assert {change for change in changed if not is_of_the_database(change, path)} <= {"/dev/null"}
    assert path in changed
    assert sockets_opened(calls) == ({"AF_UNIX"}, {path + ".socket"})
    with Store(path, read_only=True) as store:
        assert len(store.events()) == 1


def test_what_waits_for_a_mark_is_in_no_file(traced_run, tmp_path):
    """[learn] makes its folder, and writes nothing into it before somebody says what an event was."""
    config, sound, bundle = tmp_path / "learn.toml", str(tmp_path / "cry.wav"), tmp_path / "bundle"
    pytest.importorskip("soundfile")
    pytest.importorskip("soxr")
    bundle.mkdir()
    write_verifier_bundle(bundle)
    config.write_text("[learn]\nenabled = true\n")
    write_wav(sound, np.concatenate([quiet(2), tone(6), quiet(9)]), 16000)
    calls, path = traced_run(
        "--source", "file:" + sound, "--fast", "--bundle", str(bundle), "--config", str(config)
    )  # fmt: skip
    strangers = {change for change in files_changed(calls) if not is_of_the_database(change, path)}
    assert strangers - {"/dev/null"} == {"mkdir " + path + ".learn"}
    assert os.listdir(path + ".learn") == []
    with Store(path, read_only=True) as store:
        assert len(store.events()) == 1


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.mark.once
def test_a_microphone_leaves_nothing_but_the_database(traced_run, start, virtual_microphone, tmp_path, receiver):
    """Bridge and page are told and ask meanwhile: the way out is theirs alone."""
    address, config = str(tmp_path / "notify"), tmp_path / "bridge.toml"
    its_socket = str(tmp_path / "state" / "night.db.socket")
    config.write_text('[socket]\npath = "{}"\n[push]\nwebhook = "{}"\n'.format(its_socket, receiver.url))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        systemd.settimeout(PATIENCE_S)

        def hears_a_burst(_process):
            while b"healthy" not in systemd.recv(4096):
                pass
            wait_for(start("bridge", "--config", config), "telling")
            wait_for(start("serve", "--config", config, "--port", free_port()), "READY")
            virtual_microphone.play(noise_burst(1, 2, 1))
            until(lambda: receiver.requests)
            with Client(its_socket) as client:
                client.request("mark", event="last", mark="cry")
                client.request("pause", seconds=60)
                client.request("resume")
            time.sleep(0.5)

        calls, path = traced_run(
            until=hears_a_burst, NOTIFY_SOCKET=address, **on_virtual_microphone(virtual_microphone)
        )
    server = os.path.join(virtual_microphone.directory, "native")
    strangers = {change for change in files_changed(calls) if not is_of_the_database(change, path)}
    # In memory: what libraries of sound share with their servers, looking for one of JACK's too.
    in_memory = re.compile("((unlink|mkdir) )?/dev/(null|shm/(pulse|jack))")
    assert [change for change in strangers if not in_memory.match(change)] == []
    families, addresses = sockets_opened(calls)
    assert families == {"AF_UNIX"}
    assert addresses - set(QUIET) == {address, server, path + ".socket"}
    with Store(path, read_only=True) as store:
        assert len(store.events()) == 1
