"""What the bridge says back to the monitors: who was told, and who could not be. live and the page show it."""

from typing import Callable, Dict

from edge.bridge.push_rules import Message
from edge.errors import UserError
from edge.log import log
from edge.sinks.client import Client

PATIENCE_S = 2.0
Report = Callable[[Message, str, str], None]


def reporter(sockets: Dict[str, str]) -> Report:
    """report(message, by, trouble) to the monitor that the message is of; one that does not answer is passed over."""

    def report(message, by, trouble):
        try:
            with Client(sockets[message.source], PATIENCE_S) as client:
                client.request("told", PATIENCE_S, by=by, what=message.title, trouble=trouble)
        except (UserError, KeyError) as error:
            log.debug("the monitor was not told who was: %s", error)

    return report
