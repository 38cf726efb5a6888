"""What benchmarks.studies.federation compares: ways of learning, and what is changed of one of them at a time."""

from __future__ import annotations

from typing import Any

HOMES, PER_ROUND, ROUNDS, EVERY, RANK, BITS = 12, 8, 24, 2, 4, 8
Arms = dict[str, dict[str, Any]]  # name -> what its plan, local steps or task have other than the base
CENTRAL, LOCAL_ONLY, BASE = "central", "local only", "SCAFFOLD + proximal"
NO_CONTROL = {"control_variates": False}
WAYS: Arms = {
    "FedAvg": {"local": {**NO_CONTROL, "proximal": 0.0}},
    "FedProx": {"local": NO_CONTROL},
    "SCAFFOLD": {"local": {"proximal": 0.0}},
    BASE: {},
}
TAKEN_AWAY = {"no control variates": "FedProx", "no proximal term": "SCAFFOLD", "neither": "FedAvg"}

IN_THE_CLEAR, UNCOMPRESSED = "8 bits, not masked", "32 bits, not masked"
TRADED: Arms = {
    UNCOMPRESSED: {"bits": 32},
    "6 bits": {"bits": 6},
    "4 bits": {"bits": 4},
    "rank 8": {"rank": 8},
    "5 local steps": {"local": {"steps": 5}},
    "20 local steps": {"local": {"steps": 20}},
    "4 homes a round": {"homes_per_round": 4},
    "12 homes a round": {"homes_per_round": 12},
}

CLEAN, NOISY, DENOISED = "clean", "noisy", "denoised"
OVER_NOISE, DENOISER = "backbone taught over noise", "backbone taught over noise, behind a denoiser"
BACKBONES: Arms = {OVER_NOISE: {"backbone": NOISY}, DENOISER: {"backbone": DENOISED}}

MEDIAN: dict[str, Any] = {"aggregate": "median", "local": NO_CONTROL}
FLIPPED = {"harm": {"flipped": True}}
HARMED: Arms = {
    "labels turned round": FLIPPED,
    "labels turned round; median without control variates": {**MEDIAN, **FLIPPED},
    "update 100 times as long, cut off at its range": {"harm": {"factor": 100.0}},
    "update 100 times as long, up to four homes' ranges": {"masking": True, "harm": {"factor": 100.0, "reach": 4}},
    "update 100 times as long, within no bound": {"masking": True, "harm": {"factor": 100.0, "reach": 1000}},
    "nobody; median without control variates": MEDIAN,
}

UPDATE_NORM = 1.0
PRIVATE: Arms = {
    "noise 0.3 of the longest update": {"masking": True, "privacy": {"noise_multiplier": 0.3}},
    "noise 1 of the longest update": {"masking": True, "privacy": {"noise_multiplier": 1.0}},
}
CHANGED: Arms = {**TRADED, **PRIVATE, **HARMED, **BACKBONES}
