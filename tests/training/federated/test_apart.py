"""What trains answers from a process that has no network, as it would in this one."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edge.errors import UserError
from training.federated.apart import STATE, answer, answer_apart
from training.federated.home import BEGIN
from training.federated.messages import Message, decode, encode
from training.federated.no_network import leave_network
from training.federated.roster import new_identity
from training.verifier.federated import INPUTS, write_marked

REPOSITORY = Path(__file__).parents[3]
OPEN = "import os, socket, sys\nfolder = os.open(sys.argv[2], os.O_RDONLY)\n"
LEAVE = "from training.federated.no_network import leave_network\nleave_network()\n"
CALL = """
for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        try:
            socket.socket(family, kind).connect((host, int(sys.argv[1])))
        except OSError as error:
            print(error.strerror)
        else:
            print("reached")
os.close(os.open("made", os.O_WRONLY | os.O_CREAT, dir_fd=folder))
"""
NOBODY, SIGNATURE_BYTES = 65534, 64
BE_NOBODY = f"""
import ctypes
from training.federated import no_network
os.setgroups([])
os.setgid({NOBODY})
os.setuid({NOBODY})
ctypes.CDLL(None).prctl(4, 1)  # PR_SET_DUMPABLE: as of any process that was started by that user
"""


def python(code, *arguments):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)


@pytest.fixture(scope="module")
def may_leave():
    done = python(LEAVE)
    if done.returncode:
        pytest.skip(done.stderr.strip().splitlines()[-1])


@pytest.fixture
def listening():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


@pytest.fixture
def node(tmp_path):
    """A home's node-config, two homes on its roster."""
    rng = np.random.default_rng(1)
    logits = [rng.normal(0, 3, (5, INPUTS)) for _ in range(4)]
    write_marked(tmp_path / "home-a", logits, [True, False, True, False])
    roster = {name: new_identity(tmp_path / name / "identity").public.hex() for name in ("home-a",)}
    roster["home-b"] = new_identity(tmp_path / "other").public.hex()
    (tmp_path / "roster.json").write_text(json.dumps(roster))
    plan = "[plan]\nrounds = 1\nhomes_per_round = 2\nfewest_homes = 2\n[plan.local]\nsteps = 1\nrate = 0.1\n"
    (tmp_path / "federation.toml").write_text(f'name = "homes"\n[task]\nkind = "fusion"\n{plan}')
    files = {"identity": "home-a/identity", "folder": "home-a", "roster": "roster.json"}
    files["federation"] = "federation.toml"
    return {"home": "home-a", **{key: str(tmp_path / value) for key, value in files.items()}}


def question():
    return encode(Message(BEGIN, "f00d", 0, "server", {"fingerprint": "another", "completed": []}, {}))


def test_nothing_can_be_called_once_the_network_is_left(may_leave, listening, tmp_path):
    assert python(OPEN + CALL, listening, tmp_path).stdout.splitlines()[0] == "reached"
    done = python(OPEN + LEAVE + CALL, listening, tmp_path)
    assert done.stderr == "" and "reached" not in done.stdout
    assert (tmp_path / "made").exists()


def test_nor_by_a_user_who_is_not_root(listening, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("the test before is of such a user")
    tmp_path.chmod(0o777)
    done = python(OPEN + BE_NOBODY + LEAVE + CALL, listening, tmp_path)
    if "cannot leave the network" in done.stderr:
        pytest.skip(done.stderr.strip().splitlines()[-1])
    assert done.stderr == "" and "reached" not in done.stdout
    assert (tmp_path / "made").stat().st_uid == NOBODY


def test_a_home_answers_from_there_as_it_would_here(may_leave, node):
    from_there = answer_apart(node, "f00d", question())
    assert (Path(node["folder"]) / STATE).exists()
    assert from_there == answer(node, "f00d", question())
    assert "another model" in str(decode(from_there[:-SIGNATURE_BYTES], 1 << 20).values)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"folder": "/nowhere"}, "marked.json"),
        ({"marked": "/nowhere"}, "/nowhere/marked.json is not there"),
        ({"home": "home-b"}, "another key for home-b"),
        ({"home": "home-c"}, "another key for home-c"),
        ({"federation": "/nowhere.toml"}, "/nowhere.toml"),
        ({"roster": "/nowhere.json"}, "/nowhere.json"),
        ({"identity": "/nowhere.key"}, "/nowhere.key"),
    ],
)
def test_what_a_home_cannot_use_is_one_line(node, change, said):
    with pytest.raises(UserError) as raised:
        answer({**node, **change}, "f00d", question())
    assert said in str(raised.value) and "\n" not in str(raised.value)


def test_what_is_wrong_there_is_said_here(may_leave, node):
    with pytest.raises(UserError, match=r"^/nowhere/marked\.json is not there; mark events.*folder$"):
        answer_apart({**node, "marked": "/nowhere"}, "f00d", question())
    del node["roster"]
    with pytest.raises(UserError, match="has no roster"):
        answer_apart(node, "f00d", question())


SEEN = "from training.federated.no_network import interfaces_up\nprint(interfaces_up())\n"


def test_only_interfaces_that_are_up_count(may_leave):
    assert "lo" in python(SEEN).stdout
    assert python(LEAVE + SEEN).stdout == "[]\n"


def test_where_the_kernel_gives_no_namespace_nothing_is_trained(monkeypatch):
    monkeypatch.setattr("training.federated.no_network.unshare", lambda flags: "Operation not permitted")
    with pytest.raises(UserError, match=r"cannot leave the network.*has-network=true"):
        leave_network()
