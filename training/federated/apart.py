"""The process that trains: it has the home's numbers and no network, and says nothing but the home's signed answers.

    python -m training.federated.apart       a question on stdin, the answer on stdout

The process that carries messages asks it, and never sees what it trains on.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.errors import UserError
from training.federated.no_network import leave_network

if TYPE_CHECKING:
    from training.federated.home import Home

STATE = "federation-state.npz"
HAS_NETWORK = "has-network"
ERROR = "cry-train: error: "
MODULE = "training.federated.apart"


def answer_apart(node: dict[str, Any], run: str, content: bytes) -> bytes:
    """A home's answer to a server's message, from a process without a network.

    node: of a SuperNode's node-config. Raises UserError with what that process says.
    """
    question = json.dumps({"node": node, "run": run}).encode() + b"\n" + content
    asked = subprocess.run([sys.executable, "-m", MODULE], input=question, capture_output=True)
    if asked.returncode:
        said = asked.stderr.decode(errors="replace").strip().splitlines() or ["nothing was said"]
        raise UserError(said[-1].removeprefix(ERROR))
    return asked.stdout


def main() -> int:
    """Answer one question; errors are one line."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints is no answer
    header, _, content = sys.stdin.buffer.read().partition(b"\n")
    question = json.loads(header)
    try:
        if not question["node"].get(HAS_NETWORK):
            leave_network()
        answers.write(answer(question["node"], question["run"], content))
        answers.close()
    except (UserError, OSError) as error:
        print(f"{ERROR}{error}", file=sys.stderr)
        return 1
    return 0


def answer(node: dict[str, Any], run: str, content: bytes) -> bytes:
    """The home's answer; what it keeps for the next one is written before."""
    from training.federated.home_state import keep_home, take_home

    home = make_home(node, run)
    file = Path(str(node["folder"])) / STATE
    take_home(home, file)
    said = home.answer(content)
    keep_home(home, file)
    return said


def make_home(node: dict[str, Any], run: str) -> Home:
    """The home that a SuperNode's node-config describes. Raises UserError."""
    from training.federated.config import read_federation
    from training.federated.home import Home
    from training.federated.roster import read_identity, read_roster
    from training.federated.task import make_task

    missing = [key for key in ("home", "folder", "federation", "identity", "roster") if key not in node]
    if missing:
        raise UserError(f"--node-config has no {', '.join(missing)}; see docs/researcher/federation.md")
    federation = read_federation(Path(str(node["federation"])))
    settings, data, work = dict(federation.task), node.get("data"), Path(str(node["folder"]))
    if data is None:
        settings["marked"] = [str(node.get("marked", work))]
    task = make_task(settings, federation.partition, federation.plan, Path(str(data)) if data else None, work)
    name = str(node["home"])
    learner = task.learners[name] if data else next(iter(task.learners.values()))
    identity, roster = read_identity(Path(str(node["identity"]))), read_roster(Path(str(node["roster"])))
    if roster.get(name) != identity.public:
        raise UserError(f"{node['roster']} has another key for {name} than {node['identity']}: see --new-identity")
    return Home(name, identity, roster, learner, federation.plan, run)


if __name__ == "__main__":
    sys.exit(main())
