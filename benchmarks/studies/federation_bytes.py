"""Bytes of real rounds at the paper's size: a home's messages up and down, masked or not, in each number of bits."""

from __future__ import annotations

from typing import Any

import numpy as np

from training.federated.home import Home
from training.federated.keys import Identity
from training.federated.layout import Layout
from training.federated.messages import Message, encode
from training.federated.optimisation import LocalSteps
from training.federated.plan import UNCOMPRESSED, Plan
from training.federated.rounds import DOWN, UP, Round, State

ADAPTERS, WHOLE = 1_867_776, 18_694_374
WAYS = ("up", "down", "down_whole")
HOMES_HERE = 3  # answer; the ring is that of as many as the plan has
PLANS = [(8, True, 64), (8, True, 10), (6, True, 10), (4, True, 16), (4, True, 10), (8, False, 10), (32, False, 10)]


class Still:
    """A home that trains nothing: what its messages weigh does not depend on what is in them."""

    fingerprint = "still"

    def __init__(self, numbers: int):
        self.layout = Layout(("adapters",), ((numbers,),))

    def gradient(self, parameters: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """None."""
        return np.zeros_like(parameters)


def full_size_bytes() -> list[dict[str, Any]]:
    """Of each plan: bits, masking, homes, ring_bits, and bytes of a home in a round, up and down."""
    found = [one_round(bits, masking, homes) for bits, masking, homes in PLANS]
    whole = encode(Message("update", "00" * 8, 0, blobs={"update": bytes(2 * WHOLE)}), Identity())
    return [*found, {"bits": 16, "masking": False, "homes": 0, "ring_bits": 16, **dict.fromkeys(WAYS, len(whole))}]


def one_round(bits: int, masking: bool, homes: int, numbers: int = ADAPTERS) -> dict[str, Any]:
    """Two real rounds of a few homes: in the first they are sent the whole model, in the second what became of it."""
    local = LocalSteps(1, 0.1, control_variates=bits != UNCOMPRESSED)
    plan = Plan(local, homes_per_round=homes, bits=bits, masking=masking)
    identities = {f"home-{number:02}": Identity() for number in range(HOMES_HERE)}
    roster = {name: identity.public for name, identity in identities.items()}
    still = Still(numbers)
    answering = {name: Home(name, identities[name], roster, still, plan, "00" * 8) for name in roster}

    def exchange(kind: str, messages: dict[str, bytes]) -> dict[str, bytes]:
        return {name: answering[name].answer(data) for name, data in messages.items()}

    run_round = Round(plan, still.layout, still.fingerprint, "00" * 8, roster, exchange)
    state, first = run_round(State.new(np.zeros(numbers), still.layout, plan), roster)
    _, report = run_round(state, roster)
    for one in (first, report):
        assert not one.failed and not one.rejected, one
    ring_bits = plan.ring_bits if plan.is_quantised else bits
    up, down, whole = round(report.per_home(UP)), round(report.per_home(DOWN)), round(first.per_home(DOWN))
    what = {"bits": bits, "masking": masking, "homes": homes, "ring_bits": ring_bits}
    return {**what, "up": up, "down": down, "down_whole": whole}
