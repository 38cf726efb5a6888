"""The unmasked sum is the integer sum exactly, and nothing else can be had of what homes send."""

import numpy as np
import pytest

from training.federated import keys, masking, ring
from training.federated.masking import Member, threshold
from training.federated.messages import Message, Rejected, encode
from training.federated.unmasking import Collector, TooFew

RUN, ROUND, N = "f00d", 3, 501
BITS = 14


class Round:
    """Homes and an honest server, step by step; what a test changes lies open."""

    def __init__(self, homes, fewest=2):
        self.names = [f"home-{i:02}" for i in range(homes)]
        self.identities = {name: keys.Identity() for name in self.names}
        self.roster = {name: identity.public for name, identity in self.identities.items()}
        self.members = {name: Member(name, RUN, ROUND) for name in self.names}
        self.fewest = fewest
        rng = np.random.default_rng(homes)
        self.values = {name: rng.integers(-127, 128, N) for name in self.names}
        self.signed_keys = [self.keys_message(name) for name in self.names]

    def keys_message(self, name, number=ROUND):
        message = Message(masking.KEYS, RUN, number, name, {}, self.members[name].keys())
        return encode(message, self.identities[name])

    def share(self):
        sealed = {n: m.shares(self.signed_keys, self.roster, self.fewest) for n, m in self.members.items()}
        self.for_home = {name: {sender: of[name] for sender, of in sealed.items()} for name in self.names}
        members = {name: member.keys()["mask_key"] for name, member in self.members.items()}
        self.server = Collector(RUN, ROUND, members, BITS)
        self.server.sharers = list(self.names)

    def send(self, but=()):
        for name in self.names:
            if name not in but:
                values = ring.to_ring(self.values[name], BITS)
                self.server.updates[name] = self.members[name].masked(values, BITS, self.for_home[name])

    def sign(self, survivors, by=None):
        by = survivors if by is None else by
        return {name: self.identities[name].sign(self.members[name].agrees(list(survivors))) for name in by}

    def reveal(self, signatures, by):
        for name in by:
            self.server.take_revealed(name, self.members[name].revealed(signatures, self.roster))

    def finish(self, but=()):
        self.share()
        self.send(but)
        survivors = [name for name in self.names if name not in but]
        self.reveal(self.sign(survivors), survivors)
        return self.server.total()


@pytest.mark.parametrize("homes", [2, 3, 10])
@pytest.mark.parametrize("dropped", ["none", "one", "most"])
def test_the_unmasked_sum_is_the_sum_exactly(homes, dropped):
    most = homes - threshold(homes)
    count = {"none": 0, "one": min(1, most), "most": most}[dropped]
    a_round = Round(homes)
    but = a_round.names[1 : 1 + count]
    expected = sum(a_round.values[name] for name in a_round.names if name not in but)
    assert np.array_equal(a_round.finish(but), expected)


def test_one_more_dropout_than_is_tolerated_ends_the_round():
    a_round = Round(7)
    a_round.share()
    a_round.send(but=a_round.names[:3])
    with pytest.raises(TooFew, match="4 of 7 homes are left"):
        a_round.server.still_enough(len(a_round.server.updates), "training")
    with pytest.raises(Rejected, match="4 survivors, 5 are needed"):
        a_round.sign(a_round.names[3:])


def test_64_homes_fit_a_ring_of_14_bits():
    assert ring.ring_bits(127, 64) == BITS
    assert ring.ring_bits(127, 65) == BITS + 1


def test_a_masked_update_is_uniform_whatever_it_hides():
    a_round = Round(3)
    a_round.values[a_round.names[0]] = np.zeros(N, int)
    a_round.share()
    a_round.send()
    seen = a_round.server.updates[a_round.names[0]].astype(float) / 2**BITS
    assert abs(seen.mean() - 0.5) < 0.05
    assert abs(seen.std() - 12**-0.5) < 0.03


def test_a_server_that_asks_for_two_lists_gets_no_quorum_on_either():
    """To strip one home of all masks it needs both its secrets: its own mask's as a survivor, the pairs' as dropped."""
    a_round = Round(9)
    a_round.share()
    a_round.send()
    target, half = a_round.names[0], a_round.names[:5]
    with_target = a_round.sign(a_round.names, by=half)
    without_target = a_round.sign(a_round.names[1:], by=a_round.names[5:])
    for name, signatures in [(half[1], with_target), (a_round.names[5], without_target)]:
        with pytest.raises(Rejected, match="have signed this list of survivors, 7 must have"):
            a_round.members[name].revealed(signatures, a_round.roster)
    with pytest.raises(TooFew):
        a_round.server.secret_of(target)


def test_a_home_signs_one_list_and_reveals_once():
    a_round = Round(4)
    a_round.share()
    a_round.send()
    signatures = a_round.sign(a_round.names)
    with pytest.raises(Rejected, match="a second list"):
        a_round.members[a_round.names[0]].agrees(a_round.names[:3])
    a_round.reveal(signatures, a_round.names)
    with pytest.raises(Rejected, match="once in a round"):
        a_round.members[a_round.names[0]].revealed(signatures, a_round.roster)


def test_signatures_of_another_list_are_of_no_use():
    a_round = Round(4)
    a_round.share()
    a_round.send()
    signatures = a_round.sign(a_round.names[:3])
    with pytest.raises(Rejected, match="survivors"):
        a_round.members[a_round.names[3]].agrees(a_round.names[:3])  # itself is said to have dropped out
    a_round.members[a_round.names[3]].agrees(a_round.names)
    with pytest.raises(Rejected, match="0 homes have signed"):
        a_round.members[a_round.names[3]].revealed(signatures, a_round.roster)


def test_invented_homes_are_refused():
    a_round = Round(3)
    stranger, secret = keys.Identity(), Member("home-99", RUN, ROUND)
    invented = encode(Message(masking.KEYS, RUN, ROUND, "home-99", {}, secret.keys()), stranger)
    with pytest.raises(Rejected, match="'home-99' is not on the roster"):
        a_round.members["home-00"].shares([*a_round.signed_keys, invented], a_round.roster, 2)
    posing = encode(Message(masking.KEYS, RUN, ROUND, "home-01", {}, secret.keys()), stranger)
    with pytest.raises(Rejected, match="not signed by the home that it names"):
        a_round.members["home-00"].shares([a_round.signed_keys[0], posing], a_round.roster, 2)


@pytest.mark.parametrize("case", ["few", "replayed", "twice", "left out"])
def test_a_round_that_would_give_a_home_away_is_refused(case):
    a_round = Round(4, fewest=3)
    given, says = {
        "few": (a_round.signed_keys[:2], "this one takes part among 3 at least"),
        "replayed": ([*a_round.signed_keys[:3], a_round.keys_message("home-03", ROUND - 1)], "replayed"),
        "twice": ([*a_round.signed_keys, a_round.signed_keys[1]], "come twice"),
        "left out": (a_round.signed_keys[1:], "other keys of this home, or none"),
    }[case]
    with pytest.raises(Rejected, match=says):
        a_round.members["home-00"].shares(given, a_round.roster, a_round.fewest)


def test_a_share_that_was_changed_on_its_way_is_passed_over():
    a_round = Round(4)
    a_round.share()
    sealed = a_round.for_home["home-00"]["home-02"]
    a_round.for_home["home-00"]["home-02"] = sealed[:-1] + bytes([sealed[-1] ^ 1])
    a_round.send()
    a_round.reveal(a_round.sign(a_round.names), a_round.names)
    assert "home-02" not in a_round.server.revealed["home-00"]
    assert np.array_equal(a_round.server.total(), sum(a_round.values.values()))


@pytest.mark.parametrize("bits", [8, 9, 14, 16])
def test_packing_gives_back_what_was_packed(bits):
    values = np.random.default_rng(bits).integers(0, 1 << bits, 1001).astype(np.uint16)
    packed = ring.pack(values, bits)
    assert len(packed) == ring.packed_length(1001, bits)
    assert np.array_equal(ring.unpack(packed, 1001, bits), values)
    signed = np.array([-(1 << (bits - 1)), -1, 0, 1, (1 << (bits - 1)) - 1])
    assert np.array_equal(ring.centred(ring.to_ring(signed, bits), bits), signed)
