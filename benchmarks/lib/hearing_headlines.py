"""The lines of how well it hears: see headlines.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Figures = dict[str, Any]


def _detection_clips(found: Figures) -> str:
    ours, yamnet = found["rows"]["ours, below 3.4 kHz"], found["rows"]["YAMNet, below 3.4 kHz"]
    return (
        f"AUC {ours['AUC'][0]:.3f} below 3.4 kHz (YAMNet {yamnet['AUC'][0]:.3f}); "
        f"{ours['recall at 1 % FP'][0]:.0%} of cry clips at 1 % of others taken for one"
    )


def _detection_nights(found: Figures) -> str:
    long, single = (found["rows"][f"10 dB, {kind}"] for kind in ("15 s and more", "single, 3 to 6 s"))
    return (
        f"at 10 dB {long['found'][0]:.0%} of cries of 15 s and more and {single['found'][0]:.0%} of single ones of 3 "
        f"to 6 s are found, the alert {long['delay_p50_s']:.1f} s after the start (median), at "
        f"{long['false_alarms_per_hour'][0]:.1f} false alarms an hour of loud other sounds"
    )


def _quiet_night(found: Figures) -> str:
    return f"the verifier is asked in {found['asked_share']:.2%} of the frames of a quiet night"


def _left_out_sources(found: Figures) -> str:
    rows = found["rows"].values()
    ours, yamnet = ([row["models"][name]["AUC"][0] for row in rows] for name in ("cascade", "YAMNet"))
    return (
        f"on sources left out of every choice, AUC {sum(ours) / len(ours):.3f} on average "
        f"(YAMNet {sum(yamnet) / len(yamnet):.3f})"
    )


def _trained_again(found: Figures) -> str:
    alone, cascade = (
        found["clips"][model]["all sources"]["more"]["recall at 1 % FP"] for model in ("detector alone", "cascade")
    )
    alone, cascade = (
        "{:+.1f} points ({:+.1f} to {:+.1f})".format(*(100 * x for x in more)) for more in (alone, cascade)
    )
    return f"trained on more sounds the detector finds {alone} at 1 % false positives, with the verifier {cascade}"


def _second_opinion_rate(found: Figures) -> str:
    normal = found["rows"][found["shipped"]]["rates"]["normal"]
    cries = normal["cries"]["as recorded"]
    gain, low, high = (100 * share for share in cries["gain"])
    return (
        f"asked in every hop of a suspicion, not every 0.6 s, the verifier finds {gain:+.1f} points ({low:+.1f} to "
        f"{high:+.1f}) of recorded cries, {cries['sooner_s'][0]:.1f} s sooner"
    )


HEARING: dict[str, Callable[[Figures], str]] = {
    "detection_clips": _detection_clips,
    "detection_nights": _detection_nights,
    "left_out_sources": _left_out_sources,
    "trained_again": _trained_again,
    "second_opinion_rate": _second_opinion_rate,
    "quiet_night": _quiet_night,
}
