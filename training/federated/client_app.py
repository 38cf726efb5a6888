"""Flower's ClientApp: one home. Each message starts a process that has no network; the SuperNode carries its answer.

node-config: federation, roster, identity (files), home (its name), folder (the home's state is written there), marked
(the folder of its marked.json, where that is another), data (where the task needs recordings).
"""

from __future__ import annotations

from pathlib import Path

from flwr.app import ConfigRecord, Context, Message, RecordDict
from flwr.clientapp import ClientApp

from training.federated.config import read_federation
from training.federated.home import Home
from training.federated.home_state import keep_home, take_home
from training.federated.roster import read_identity, read_roster
from training.federated.strategy import CARRIED, CONTENT, NAME, RUN
from training.federated.task import make_task

app = ClientApp()
STATE = "federation-state.npz"


@app.query()
def answer(message: Message, context: Context) -> Message:
    """The home's answer to what the server sent; to an empty message, its name."""
    node = context.node_config
    carried = message.content[CARRIED]
    reply = {NAME: str(node["home"]), CONTENT: b""}
    if carried[CONTENT]:
        home = make_home(node, str(carried[RUN]))
        file = Path(str(node["folder"])) / STATE
        take_home(home, file)
        reply[CONTENT] = home.answer(carried[CONTENT])
        keep_home(home, file)
    return Message(RecordDict({CARRIED: ConfigRecord(reply)}), reply_to=message)


def make_home(node: dict, run: str) -> Home:
    """The home that a SuperNode's node-config describes."""
    federation = read_federation(Path(str(node["federation"])))
    settings, data = dict(federation.task), node.get("data")
    if data is None:
        settings["marked"] = [str(node.get("marked", node["folder"]))]
    work = Path(str(node["folder"]))
    task = make_task(settings, federation.partition, federation.plan, Path(str(data)) if data else None, work)
    name = str(node["home"])
    learner = task.learners[name] if data else next(iter(task.learners.values()))
    identity, roster = read_identity(Path(str(node["identity"]))), read_roster(Path(str(node["roster"])))
    return Home(name, identity, roster, learner, federation.plan, run)
