"""Bytes of real rounds at the paper's size: a home's messages up and down, masked or not, in each number of bits."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.studies.federation_arms import BASE, BITS, IN_THE_CLEAR, PER_ROUND, RANK, TRADED
from training.federated.home import Home
from training.federated.keys import Identity
from training.federated.layout import Layout
from training.federated.messages import Message, encode
from training.federated.optimisation import LocalSteps
from training.federated.plan import UNCOMPRESSED, Plan
from training.federated.rounds import DOWN, UP, Round, State

ADAPTERS, WHOLE = 1_867_776, 18_694_374
WAYS = ("up", "down", "down_whole")
FEW_HOMES, FEW_NUMBERS = 3, 1000
WIRE = [(8, True, 64), (8, True, 16), (6, True, 16), (4, True, 18)]  # bits, masking, homes a round


class Still:
    """A home that trains nothing: what its messages weigh does not depend on what is in them."""

    fingerprint = "still"

    def __init__(self, numbers: int):
        self.layout = Layout(("adapters",), ((numbers,),))

    def gradient(self, parameters: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """None."""
        return np.zeros_like(parameters)


def all_sizes() -> dict[str, Any]:
    """{"arms": of each traded arm, "wire": of other rounds}: bits, masking, homes, ring_bits, bytes of a home."""
    arms = {arm: full_size(*what_of(changes)) for arm, changes in {BASE: {}, **TRADED}.items()}
    arms[IN_THE_CLEAR] = full_size(BITS, False, PER_ROUND)
    whole = encode(Message("update", "00" * 8, 0, blobs={"update": bytes(2 * WHOLE)}), Identity())
    as_it_is = {"bits": 16, "masking": False, "homes": 0, "ring_bits": 16, **dict.fromkeys(WAYS, len(whole))}
    return {"arms": arms, "wire": [*(full_size(*plan) for plan in WIRE), as_it_is]}


def full_size(bits: int, masking: bool, homes: int, numbers: int = ADAPTERS) -> dict[str, Any]:
    """one_round() of a few homes at full size, and what the keys and shares of all the others add, at a small one."""
    found = one_round(bits, masking, homes, numbers, FEW_HOMES)
    all_homes, few = (one_round(bits, masking, homes, FEW_NUMBERS, here) for here in (homes, FEW_HOMES))
    return {**found, **{way: found[way] + all_homes[way] - few[way] for way in WAYS}}


def what_of(changes: dict[str, Any]) -> tuple[int, bool, int, int]:
    """Bits, masking, homes and numbers of an arm's round at full size."""
    bits = changes.get("bits", BITS)
    numbers = ADAPTERS * changes.get("rank", RANK) // RANK
    return bits, bits != UNCOMPRESSED, changes.get("homes_per_round", PER_ROUND), numbers


def one_round(bits: int, masking: bool, homes: int, numbers: int, here: int) -> dict[str, Any]:
    """Two real rounds, first with the whole model, then with what became of it; here: homes that take part."""
    local = LocalSteps(1, 0.1, control_variates=bits != UNCOMPRESSED)
    plan = Plan(local, homes_per_round=homes, bits=bits, masking=masking)
    identities = {f"home-{number:02}": Identity() for number in range(here)}
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
