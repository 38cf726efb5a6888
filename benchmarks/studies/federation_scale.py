"""What a round costs the server by homes in it, and one federation at full size.

    OMP_NUM_THREADS=1 python -m benchmarks.studies.federation_scale --data DIR

About three minutes on one core. Masked rounds, 8 bits, a tenth of the paper's adapters, real messages; server time is
what passes between exchanges. A federation of 10,000 homes asks 64 in a round, and costs what they do.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.lib.record import record
from benchmarks.studies.causes_tasks import HUMAN_SOUNDS
from training.federated.home import Home
from training.federated.keys import Identity
from training.federated.layout import Layout
from training.federated.optimisation import LocalSteps
from training.federated.partition import Partition
from training.federated.plan import Plan
from training.federated.rounds import DOWN, UP, Round, State

HOMES = (10, 30, 100)
ASKED, LARGEST = 64, 257  # of 10,000 homes; what a ring of 16 bits holds at 8 bits
TENTH = 186_778
FULL_HOMES, FULL_ROUNDS, FULL_STEPS = 3, 2, 2


class Still:
    """A home that trains nothing."""

    layout = Layout(("adapters",), ((TENTH,),))
    fingerprint = "still"

    def gradient(self, parameters: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """None."""
        return np.zeros_like(parameters)


def megabytes() -> float:
    """The largest that this process has been."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def one_round(homes: int) -> dict[str, Any]:
    """Seconds, bytes and memory of the server in a round of so many homes."""
    before = megabytes()
    plan = Plan(LocalSteps(1, 0.1, control_variates=False), homes_per_round=homes)
    identities = {f"home-{number:03}": Identity() for number in range(homes)}
    roster = {name: identity.public for name, identity in identities.items()}
    answering = {name: Home(name, identities[name], roster, Still(), plan, "00" * 8) for name in roster}
    elsewhere = [0.0]

    def exchange(kind: str, messages: dict[str, bytes]) -> dict[str, bytes]:
        began = time.process_time()
        answers = {name: answering[name].answer(data) for name, data in messages.items()}
        elsewhere[0] += time.process_time() - began
        return answers

    began = time.process_time()
    run_round = Round(plan, Still.layout, Still.fingerprint, "00" * 8, roster, exchange)
    _, report = run_round(State.new(np.zeros(TENTH), Still.layout, plan), roster)
    assert len(report.counted) == homes and not report.rejected, report
    bytes_of = {way: sum(n for (one, _), n in report.bytes.items() if one == way) for way in (UP, DOWN)}
    server_s = time.process_time() - began - elsewhere[0]
    return {
        "homes": homes,
        "server_s": server_s,
        "home_s": elsewhere[0] / homes,
        "up_bytes": bytes_of[UP],
        "down_bytes": bytes_of[DOWN],
        "memory_mb": megabytes() - before,
    }


def fitted(rows: list[dict[str, Any]], what: str) -> np.ndarray:
    """a, b of a n^b, by least squares of the logarithms."""
    b, log_a = np.polyfit(np.log([row["homes"] for row in rows]), np.log([max(1e-9, row[what]) for row in rows]), 1)
    return np.array([np.exp(log_a), b])


def full_size(data: Path, work: Path) -> dict[str, Any]:
    """A few rounds of the full preset's own adapters: real gradients, real masks."""
    import keras

    from training.federated.config import Federation
    from training.federated.simulation import simulate
    from training.transformer.federated import make_task
    from training.transformer.model import build_classifier
    from training.transformer.presets import PRESETS
    from training.transformer.trained import Trained, save_trained

    local = LocalSteps(FULL_STEPS, 0.1)
    plan = Plan(local, rounds=FULL_ROUNDS, homes_per_round=FULL_HOMES, batch_size=4)
    with tempfile.TemporaryDirectory() as folder:
        backbone = Path(folder) / "backbone"
        keras.utils.set_random_seed(0)
        save_trained(Trained(None, build_classifier(PRESETS["full"], 3), ["a", "b", "c"], 64), backbone)
        chosen = {"corpora": ["esc50"], "folds": "eval_fold", "only_folds": ["1"], "labels": list(HUMAN_SOUNDS)}
        settings = {"backbone": str(backbone), "data": chosen, "preset": "full", "frames_per_clip": 1}
        task = make_task(settings, Partition(FULL_HOMES, 1.0), plan, data, work)
        task.evaluate = lambda parameters: {}  # type: ignore[method-assign]
        task.write = lambda parameters, out, story: out.mkdir()  # type: ignore[method-assign]
        began = time.process_time()
        federation = Federation("full", {}, plan)
        _, history = simulate(federation, task, Path(folder) / "out", print)
        seconds = time.process_time() - began
    last = history[-1]
    sizes = {name: last[name] for name in ("up_bytes", "down_bytes", "counted", "failed")}
    return {
        "parameters": task.layout.size,
        "rounds": len(history),
        "core_s": seconds,
        "memory_mb": megabytes(),
        **sizes,
    }


def table(rows: list[dict[str, Any]], fits: dict[str, list[float]], full: dict[str, Any]) -> str:
    """As Markdown."""
    lines = ["| homes in a round | server, s | MB received | MB sent | memory, MB | a home, s |"]
    lines += ["| --- | --- | --- | --- | --- | --- |"]
    shown = [
        ("server_s", 1.0, 2),
        ("up_bytes", 1e6, 1),
        ("down_bytes", 1e6, 1),
        ("memory_mb", 1.0, 0),
        ("home_s", 1.0, 2),
    ]
    for row in rows:
        cells = [f"{row[name] / unit:.{digits}f}" for name, unit, digits in shown]
        lines.append(f"| {row['homes']} | " + " | ".join(cells) + " |")
    for homes, note in ((ASKED, "fit; of 10,000 homes"), (LARGEST, "fit; the most that 8 bits allow")):
        cells = [f"{fits[name][0] * homes ** fits[name][1] / unit:.{digits}f}" for name, unit, digits in shown]
        lines.append(f"| {homes} ({note}) | " + " | ".join(cells) + " |")
    lines.append("| fit, a n^b: b | " + " | ".join(f"{fits[name][1]:.2f}" for name, _, _ in shown) + " |")
    lines += ["", f"{TENTH:,} parameters; bytes and memory of the whole 1,867,776 are ten times these."]
    lines.append("")
    lines.append(
        f"At full size, {full['parameters']:,} parameters of adapters and head, {full['rounds']} masked rounds of "
        f"{full['counted']} homes with real gradients: {full['up_bytes'] / 1e6:.3f} MB up and "
        f"{full['down_bytes'] / 1e6:.3f} MB down a home and round, {full['core_s']:.0f} s of a core, "
        f"{full['memory_mb']:.0f} MB in one process with all homes."
    )
    return "\n".join(lines)


def main() -> None:
    """Measure, and record it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("results/federation/frames"))
    arguments = parser.parse_args()
    rows = []
    for homes in HOMES:
        rows.append(one_round(homes))
        print(rows[-1], flush=True)
    names = ("server_s", "home_s", "up_bytes", "down_bytes", "memory_mb")
    fits = {name: fitted(rows, name).tolist() for name in names}
    full = full_size(arguments.data, arguments.work)
    record("federation_scale", {"rows": rows, "fits": fits, "full": full}, table(rows, fits, full))


if __name__ == "__main__":
    main()
