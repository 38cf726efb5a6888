"""Homes whose loss is known exactly: quadratics, each with a minimum of its own."""

import numpy as np

from training.federated.home import Home
from training.federated.keys import Identity
from training.federated.layout import Layout
from training.federated.optimisation import LocalSteps
from training.federated.plan import Plan
from training.federated.rounds import Round, State

RUN = "f00d"


class Quadratic:
    """Half of (x - minimum)' H (x - minimum)."""

    def __init__(self, dimensions, rng):
        self.layout = Layout(("a", "b"), ((dimensions - 4,), (2, 2)))
        self.fingerprint = "quadratic"
        basis = np.linalg.qr(rng.normal(size=(dimensions, dimensions)))[0]
        self.hessian = (basis * rng.uniform(0.1, 2.0, dimensions)) @ basis.T
        self.minimum = rng.normal(0, 3, dimensions)

    def gradient(self, parameters, rng=None):
        return (self.hessian @ (parameters - self.minimum)).astype(parameters.dtype)


def optimum(learners):
    """Where the sum of the losses is least."""
    hessians = sum(learner.hessian for learner in learners)
    return np.linalg.solve(hessians, sum(learner.hessian @ learner.minimum for learner in learners))


class Federation:
    """Homes in this process, and a server; `meddle(kind, messages, answers)` may change what comes back."""

    def __init__(self, homes=5, dimensions=20, seed=0, **plan):
        rng = np.random.default_rng(seed)
        names = [f"home-{i:02}" for i in range(homes)]
        self.identities = {name: Identity() for name in names}
        self.roster = {name: identity.public for name, identity in self.identities.items()}
        self.learners = {name: Quadratic(dimensions, rng) for name in names}
        local = plan.pop("local", LocalSteps(20, 0.05, clip_norm=0.0))
        self.plan = Plan(local, **{"homes_per_round": homes, **plan})
        self.homes = {
            name: Home(name, self.identities[name], self.roster, self.learners[name], self.plan, RUN) for name in names
        }
        self.layout = self.learners[names[0]].layout
        self.state = State.new(np.zeros(dimensions), self.layout, self.plan)
        self.meddle = lambda kind, messages, answers: answers
        self.run_round = Round(self.plan, self.layout, "quadratic", RUN, self.roster, self.exchange)

    def exchange(self, kind, messages):
        answers = {name: self.homes[name].answer(data) for name, data in messages.items()}
        return self.meddle(kind, messages, answers)

    def round(self, homes=None):
        self.state, report = self.run_round(self.state, homes or self.homes)
        return report

    @property
    def error(self):
        return float(np.linalg.norm(self.state.parameters - optimum(list(self.learners.values()))))
