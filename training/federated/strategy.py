"""Rounds over Flower's grid: one exchange is one batch of messages to the SuperNodes of the homes that are asked."""

from __future__ import annotations

import time
from collections.abc import Iterable

from flwr.app import ConfigRecord, Message, MessageType, RecordDict
from flwr.serverapp import Grid

CARRIED, CONTENT, NAME, RUN = "carried", "content", "name", "run"
REPLY_S = 600.0
POLL_S = 0.5


class OverFlower:
    """Carries messages to homes by way of their SuperNodes."""

    def __init__(self, grid: Grid, run: str, reply_s: float = REPLY_S):
        self.grid, self.run, self.reply_s = grid, run, reply_s
        self.nodes: dict[str, int] = {}  # by the home's name

    def find_homes(self, names: Iterable[str], wait_s: float) -> list[str]:
        """Homes of the roster whose SuperNodes are connected; all, or those that came within wait_s."""
        wanted, deadline = set(names), time.monotonic() + wait_s
        while True:
            new = set(self.grid.get_node_ids()) - set(self.nodes.values())
            for node, (name, _) in self.ask(dict.fromkeys(new, b"")).items():
                if name in wanted:
                    self.nodes[name] = node
            if wanted <= self.nodes.keys() or time.monotonic() > deadline:
                return sorted(self.nodes)
            time.sleep(POLL_S)

    def __call__(self, kind: str, messages: dict[str, bytes]) -> dict[str, bytes]:
        """The answers that came."""
        by_node = {self.nodes[name]: data for name, data in messages.items() if name in self.nodes}
        names = {node: name for name, node in self.nodes.items()}
        return {names[node]: data for node, (_, data) in self.ask(by_node).items()}

    def ask(self, contents: dict[int, bytes]) -> dict[int, tuple[str, bytes]]:
        """(name, answer) of each node that answered."""
        if not contents:
            return {}
        asked = [
            Message(RecordDict({CARRIED: ConfigRecord({CONTENT: data, RUN: self.run})}), node, MessageType.QUERY)
            for node, data in contents.items()
        ]
        found = {}
        for reply in self.grid.send_and_receive(asked, timeout=self.reply_s):
            if not reply.has_error():
                carried = reply.content[CARRIED]
                found[reply.metadata.src_node_id] = str(carried[NAME]), bytes(carried[CONTENT])
        return found
