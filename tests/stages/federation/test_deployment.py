"""Homes over Flower, on loopback: the same model as in one process, strangers left outside, and no call home."""

import datetime
import ipaddress
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from training.command import main
from training.federated.apart import STATE
from training.federated.deployment import QUIET
from training.federated.roster import new_identity
from training.verifier.federated import INPUTS, write_marked

REPOSITORY = Path(__file__).parents[3]
FLOWER = Path(os.environ["FLOWER"]) / "bin"
HOMES, ROUNDS, EXCHANGES = 2, 1, 5  # each exchange of a round starts processes in each home
MEMORY_MB = 400
START_LIMIT_S, RUN_LIMIT_S = 60, 160
FLOWER_GOES_ON_S = 55
UNKNOWN_NODE, UNKNOWN_AUTHORITY = "Failed to activate SuperNode", "CERTIFICATE_VERIFY_FAILED"  # as Flower says it
LEAVE = [sys.executable, "-c", "from training.federated.no_network import leave_network; leave_network()"]
MUST_KEEP_NETWORK = subprocess.run(LEAVE, cwd=REPOSITORY, capture_output=True).returncode != 0
UNSEALED = serialization.NoEncryption()


def free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def private_pem(key, kind=serialization.PrivateFormat.PKCS8):
    return key.private_bytes(serialization.Encoding.PEM, kind, UNSEALED)


def write_certificates(folder):
    """An authority and the SuperLink's certificate: ca.crt, server.crt, server.key."""
    authority, server = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "authority")])
    now = datetime.datetime.now(datetime.timezone.utc)

    def certificate(subject, key, is_authority):
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(name).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
        builder = builder.not_valid_after(now + datetime.timedelta(days=1))
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        return builder.sign(authority, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    folder.mkdir()
    (folder / "ca.crt").write_bytes(certificate(name, authority, True))
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    (folder / "server.crt").write_bytes(certificate(subject, server, False))
    (folder / "server.key").write_bytes(private_pem(server))


def write_node_key(folder):
    """What a SuperNode authenticates with: supernode, supernode.pub."""
    key = ec.generate_private_key(ec.SECP384R1())
    (folder / "supernode").write_bytes(private_pem(key, serialization.PrivateFormat.OpenSSH))
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    (folder / "supernode.pub").write_bytes(public + b"\n")


def wait_until(is_so, otherwise, limit_s=START_LIMIT_S):
    deadline = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(0.2)


class Site:
    """A folder with homes, their keys and one federation; what is started in it is stopped with it."""

    def __init__(self, folder):
        self.folder, self.port, self.started = folder, free_port(), []
        roster, rng = {}, np.random.default_rng(1)
        for number in range(HOMES):
            home = folder / f"home-{number}"
            logits = [rng.normal([1, -4, -3, -5], 3, (5, INPUTS)) for _ in range(30)]
            write_marked(home, logits, [bool(own[:, 0].mean() > 1 + number) for own in logits])
            roster[home.name] = new_identity(home / "identity").public.hex()
            write_node_key(home)
        (folder / "roster.json").write_text(json.dumps(roster))
        plan = f"[plan]\nrounds = {ROUNDS}\nhomes_per_round = {HOMES}\nfewest_homes = {HOMES}\n"
        plan += "[plan.local]\nsteps = 5\nrate = 0.2\n"
        (folder / "federation.toml").write_text(f'name = "homes"\n[task]\nkind = "fusion"\n{plan}')
        marked = json.dumps([str(folder / name) for name in roster])
        (folder / "simulated.toml").write_text(f'name = "homes"\n[task]\nkind = "fusion"\nmarked = {marked}\n{plan}')
        write_certificates(folder / "right")
        write_certificates(folder / "wrong")
        self.environment = {**os.environ, **QUIET, "PYTHONPATH": str(REPOSITORY), "FLWR_HOME": str(folder / "flower")}
        self.environment["PATH"] = f"{FLOWER}:{os.environ['PATH']}"

    def start(self, log, *command):
        with (self.folder / log).open("w") as stream:
            process = subprocess.Popen(
                [str(part) for part in command], cwd=self.folder, env=self.environment, stdout=stream,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        self.started.append(process)
        return process

    def superlink(self):
        files = {"certfile": "server.crt", "keyfile": "server.key", "ca-certfile": "ca.crt"}
        tls = [part for flag, file in files.items() for part in (f"--ssl-{flag}", f"right/{file}")]
        process = self.start(
            "superlink.log", FLOWER / "flower-superlink", *tls, "--enable-supernode-auth", "--database", "flower.db",
            "--host", "127.0.0.1", "--port", self.port, "--disable-runtime-dependency-installation",
        )  # fmt: skip
        self.wait_for("superlink.log", "Uvicorn running")
        return process

    def register(self, home):
        connection = f'[superlink]\ndefault = "here"\n[superlink.here]\naddress = "127.0.0.1:{self.port}"\n'
        (self.folder / "flower").mkdir(exist_ok=True)
        (self.folder / "flower" / "config.toml").write_text(
            connection + f'root-certificates = "{self.folder}/right/ca.crt"\n'
        )
        command = [FLOWER / "flwr", "supernode", "register", f"{home}/supernode.pub"]
        subprocess.run(command, cwd=self.folder, env=self.environment, check=True, timeout=START_LIMIT_S)

    def node(self, home, log, authority="right", traced=False):
        config = {"federation": "federation.toml", "roster": "roster.json"}
        config |= {"identity": f"{home}/identity", "folder": home}
        values = {key: str(self.folder / value) for key, value in config.items()}
        node_config = " ".join(f'{key}="{value}"' for key, value in {**values, "home": home}.items())
        node_config += " has-network=true" if MUST_KEEP_NETWORK else ""
        trace = ("strace", "-f", "-qq", "-e", "trace=connect,unshare", "-o", "connects") if traced else ()
        self.start(
            log, *trace, FLOWER / "flower-supernode", "--root-certificates", f"{authority}/ca.crt", "--superlink",
            f"127.0.0.1:{self.port}", "--auth-supernode-private-key", f"{home}/supernode", "--port", free_port(),
            "--ssl-certfile", "right/server.crt", "--ssl-keyfile", "right/server.key", "--ssl-ca-certfile",
            "right/ca.crt", "--node-config", node_config,
        )  # fmt: skip

    def wait_for(self, log, text):
        wait_until(lambda: text in self.said(log), lambda: f"{text!r} is not in {log}:\n{self.said(log)[-2000:]}")

    def said(self, log):
        return (self.folder / log).read_text(errors="replace")

    def federate(self, *more, authority="right", until=None):
        """What the command came to; until: where it goes on meanwhile, and what happens there."""
        command = [FLOWER / "python", "-m", "training.command", "federate", "--engine", "deployment", *more]
        command += ["--out", "deployed", "--config", "federation.toml", "--roster", "roster.json"]
        command += ["--certificate", f"{authority}/ca.crt", "--superlink", f"127.0.0.1:{self.port}"]
        running = subprocess.Popen(
            command, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        if until is not None:
            until()
        said, errors = running.communicate(timeout=RUN_LIMIT_S)
        return subprocess.CompletedProcess(command, running.returncode, said, errors)

    def stop(self):
        for process in self.started:
            for sent in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.killpg(process.pid, sent)
                    process.wait(timeout=5)
                except (ProcessLookupError, subprocess.TimeoutExpired):
                    continue


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path)
    yield made
    made.stop()


def test_over_a_network_as_in_one_process(site):
    """Also where the SuperLink is killed in the middle of a round, and started again."""
    is_traced = shutil.which("strace") is not None
    superlink = site.superlink()
    for number in range(HOMES):
        site.register(f"home-{number}")
    site.node("home-0", "home-0.log", traced=is_traced)
    for number in range(1, HOMES):
        site.node(f"home-{number}", f"home-{number}.log")
    resident = Resident(site.started[-1])
    shutil.copytree(site.folder / "home-1", site.folder / "stranger")
    write_node_key(site.folder / "stranger")
    site.node("stranger", "stranger.log")
    site.node("home-1", "deceived.log", authority="wrong")
    for number in range(HOMES):
        site.wait_for(f"home-{number}.log", "SuperNode ID")

    def kill_superlink():
        wait_until((site.folder / "home-1" / STATE).exists, lambda: "home-1 has answered nothing", RUN_LIMIT_S)
        os.killpg(superlink.pid, signal.SIGKILL)

    cut = site.federate("--wait-s", "100", until=kill_superlink)
    assert cut.returncode == 1 and len(cut.stderr.splitlines()) == 1 and "no model came of it" in cut.stderr
    site.superlink()
    model = site.folder / "deployed" / "model"
    wait_until(model.exists, lambda: site.said("superlink.log")[-3000:] + site.said("home-0.log")[-3000:], RUN_LIMIT_S)
    wait_until(lambda: site.federate("--wait-s", "100").returncode == 0, lambda: "the command does not see it")
    assert (
        main(["federate", "--config", str(site.folder / "simulated.toml"), "--out", str(site.folder / "simulated")])
        == 0
    )
    deployed, simulated = (np.load(site.folder / name / "kept.npz") for name in ("deployed", "simulated"))
    for name in ("parameters", "control", "ranges"):
        assert np.abs(deployed[name] - simulated[name]).max() < 1e-6
    assert not np.array_equal(deployed["control"], np.zeros(1 + INPUTS))
    (entry,) = json.loads(str(deployed["known"]))["history"]
    assert entry["counted"] == HOMES and entry["rejected"] == []

    for log, reason in (("stranger.log", UNKNOWN_NODE), ("deceived.log", UNKNOWN_AUTHORITY)):
        assert reason in site.said(log) and "SuperNode ID" not in site.said(log)
    if is_traced:
        called = re.findall(r"connect\(\d+, \{sa_family=AF_INET6?, .*?\}", site.said("connects"))
        assert called
        assert [one for one in called if "127.0.0.1" not in one and "::1" not in one] == []
        if not MUST_KEEP_NETWORK:
            left = set(re.findall(r"^(\d+) +unshare\([^)]*CLONE_NEWNET", site.said("connects"), re.MULTILINE))
            assert len(left) >= ROUNDS * EXCHANGES
            callers = set(re.findall(r"^(\d+) +connect\(\d+, \{sa_family=AF_INET", site.said("connects"), re.MULTILINE))
            assert callers and not callers & left
    assert 0 < resident.end() <= MEMORY_MB


def test_what_cannot_go_on_is_said_in_one_line(site):
    def refused(*more, **which):
        done = site.federate(*more, **which)
        (line,) = done.stderr.splitlines()
        assert done.returncode == 1 and line.startswith("cry-train: error: ")
        return line

    assert "no SuperLink answers at 127.0.0.1:" in refused()
    site.superlink()
    assert "is not known to wrong/ca.crt" in refused(authority="wrong")
    began_s = time.monotonic()
    too_few = refused("--wait-s", "1")
    assert f"0 homes are connected, {HOMES} are needed; start their SuperNodes" in too_few
    assert time.monotonic() - began_s < FLOWER_GOES_ON_S  # after the server's part has ended


class Resident:
    """The most that a SuperNode and all that it starts hold at one time, in MB; read while they run."""

    def __init__(self, process):
        self.pid, self.most_mb, self.ended = process.pid, 0.0, threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        while not self.ended.wait(0.3):
            self.most_mb = max(self.most_mb, resident_mb(tree_of(self.pid)))

    def end(self):
        self.ended.set()
        self.thread.join()
        return self.most_mb


def resident_mb(pids):
    """What processes hold: memory of their own, and each file they map counted once."""
    own_kb, files_kb = 0, Counter()
    for pid in pids:
        try:
            mapped = Path(f"/proc/{pid}/smaps").read_text()
        except OSError:
            continue  # it has ended
        for header, body in re.findall(r"^([0-9a-f]+-[0-9a-f]+ .*)\n((?:[A-Z]\w+:.*\n)+)", mapped, re.MULTILINE):
            resident, anonymous = (int(re.search(rf"^{key}:\s+(\d+)", body, re.M)[1]) for key in ("Rss", "Anonymous"))
            own_kb += anonymous
            place = tuple(header.split(None, 5)[2:])  # offset, device, inode, path
            files_kb[place] = max(files_kb[place], resident - anonymous)
    return (own_kb + sum(files_kb.values())) / 1024


def tree_of(pid):
    """A process and all its descendants."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(below for child in children for below in tree_of(int(child)))]
