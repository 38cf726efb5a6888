"""`cry-monitor bridge --test`: every channel rung once, and what each answered."""

import time
from functools import partial

from edge.bridge.push_rules import NORMAL, TEST, Message
from edge.errors import UserError
from edge.text import printable

BROKER_PATIENCE_S = 10.0


def try_everything(parts) -> int:
    """Print a line for each destination; 1 when one did not answer. parts: edge.bridge.setup.Parts."""
    message = Message(TEST, "Test", "cry-monitor can reach you", NORMAL, "test", time.time())
    results = [said(channel.name, channel.destination, partial(channel.send, message)) for channel in parts.channels]
    if parts.broker:
        results.append(said("mqtt", parts.broker.destination, partial(connect, parts.broker)))
    if parts.heartbeat:
        results.append(said("heartbeat", parts.heartbeat.destination, parts.heartbeat.beat))
    return 0 if all(results) else 1


def said(name, destination, ring) -> bool:
    """Ring one, and print how it went."""
    try:
        answer = ring()
    except UserError as error:
        print(printable("{:16} {}: FAILED: {}".format(name, destination, error)), flush=True)
        return False
    print(printable("{:16} {}: {}".format(name, destination, answer)), flush=True)
    return True


def connect(broker) -> str:
    """Connect and say goodbye. Raises UserError with the reason when that takes too long."""
    broker.start()
    until_s = time.monotonic() + BROKER_PATIENCE_S
    while not broker.is_connected and time.monotonic() < until_s:
        if broker.trouble and "not connected yet" not in broker.trouble:
            break
        time.sleep(0.05)
    connected, trouble = broker.is_connected, broker.trouble
    broker.close()
    if not connected:
        raise UserError(trouble if "not connected yet" not in trouble else "no answer within 10 s")
    return "connected"
