"""Flower's ClientApp: one home. It carries messages and has a network; a process that has none answers them.

node-config: federation, roster, identity (files), home (its name), folder (the home's state is written there), marked
(the folder of its marked.json, where that is another), data (where the task needs recordings), has-network (true: what
trains may see the network, where the kernel gives it none of its own).
"""

from __future__ import annotations

import sys

from flwr.app import ConfigRecord, Context, Error, Message, RecordDict
from flwr.clientapp import ClientApp

from edge.errors import UserError
from training.federated.apart import ERROR, answer_apart
from training.federated.strategy import CARRIED, CONTENT, NAME, RUN

app = ClientApp()
CANNOT_ANSWER = 1000  # Flower's own codes are below


@app.query()
def answer(message: Message, context: Context) -> Message:
    """The home's answer to what the server sent; to an empty message, its name."""
    node = dict(context.node_config)
    carried = message.content[CARRIED]
    reply = {NAME: str(node.get("home", "")), CONTENT: b""}
    try:
        if carried[CONTENT]:
            reply[CONTENT] = answer_apart(node, str(carried[RUN]), carried[CONTENT])
    except UserError as error:
        print(f"{ERROR}{error}", file=sys.stderr, flush=True)
        return Message(Error(CANNOT_ANSWER, "this home cannot answer; its own log says why"), reply_to=message)
    return Message(RecordDict({CARRIED: ConfigRecord(reply)}), reply_to=message)
