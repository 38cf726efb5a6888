"""A whole home's privacy: its update is bounded in length, and noise lies over the sum before anybody sees it.

Each home adds its part of the noise to its whole numbers, under the mask. What is accounted is the Gaussian mechanism
on rounds of homes drawn without replacement, one home replaced by another (dp-accounting's RDP accountant): a sum then
changes by two update_norms at most, so that the multiplier counts for half. Two things are
approximate: the noise is rounded to whole numbers, and when homes drop out after the others have added theirs, the sum
holds less noise; a home reckons with the fewest survivors that a round can finish with.
"""

from __future__ import annotations

import numpy as np

from training.federated.masking import threshold
from training.federated.optimisation import clipped
from training.federated.plan import Plan
from training.federated.quantisation import largest, quantised

ROUNDING = 1.05  # how much longer rounding may make an update; a longer one is rounded towards nothing


def bounded(update: np.ndarray, scale: np.ndarray, plan: Plan, rng: np.random.Generator) -> np.ndarray:
    """Whole numbers of an update, (n,) int32, that are worth no more than ROUNDING * update_norm in length."""
    norm = plan.privacy.update_norm
    update = clipped(update, norm)
    rounded = quantised(update, scale, plan.bits, rng)
    if np.linalg.norm(rounded * scale) > ROUNDING * norm:
        limit = largest(plan.bits)
        rounded = np.trunc(np.clip(update / scale, -limit, limit)).astype(np.int32)
    return rounded


def noised(rounded: np.ndarray, scale: np.ndarray, plan: Plan, homes: int) -> np.ndarray:
    """With this home's part of the noise; homes: in the round. (n,) int32 within the bits that a number has.

    The noise begins with what the system has of chance: whoever knows the plan's seed could take off what follows it.
    """
    rng = np.random.default_rng()
    deviation = ROUNDING * plan.noise(threshold(homes) if plan.masking else homes)
    limit = largest(plan.bits)
    noise = np.rint(rng.normal(0.0, 1.0, len(rounded)) * deviation / scale)
    return np.clip(rounded + noise, -limit, limit).astype(np.int32)


def epsilon(plan: Plan, rounds: int, homes: int) -> float:
    """Spent after so many rounds with so many homes in all, at the plan's delta; infinite without noise."""
    if not plan.privacy.noise_multiplier:
        return float("inf")
    if not rounds:
        return 0.0
    import dp_accounting
    from dp_accounting import rdp

    accountant = rdp.RdpAccountant(neighboring_relation=dp_accounting.NeighboringRelation.REPLACE_ONE)
    gaussian = dp_accounting.GaussianDpEvent(plan.privacy.noise_multiplier / 2)
    of_round = dp_accounting.SampledWithoutReplacementDpEvent(homes, min(homes, plan.homes_per_round), gaussian)
    accountant.compose(dp_accounting.SelfComposedDpEvent(of_round, rounds))
    return float(accountant.get_epsilon(plan.privacy.delta))
