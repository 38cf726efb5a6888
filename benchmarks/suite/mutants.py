"""Do the tests notice a mistake? Seeded mutants of ten rooms of edge, each judged by the tests of its own room.

    python -m benchmarks.suite.mutants [--seed 0] [--each 14] [--minutes 60] [--room NAME] [--jobs 2] [--work DIR]

Cosmic Ray's operators make the mutants (a comparison, a number, an arithmetic sign, a condition, a loop, an exception
is another): places in the source are drawn by a hash of their lines, so that a change elsewhere draws no others, then
one of the mutants there. Each is put into a copy of the tree, whose tests of the room are run until one fails: those
named after the module first. A mutant is killed when a test fails or takes far longer than without it. What was killed
is kept in --work and not asked again while its file is the same, so that after a new test only the survivors are. No
recording, network or device is needed; what had no time is said.
"""

from __future__ import annotations

import argparse
import hashlib
import queue
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from difflib import unified_diff
from itertools import islice
from pathlib import Path
from typing import Any

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

from benchmarks.lib.record import record
from benchmarks.suite.equivalents import EQUIVALENT
from benchmarks.suite.kills import Killed, Mutant

REPOSITORY = Path(__file__).parents[2]
TOP = "top"  # edge's own files, beside the rooms
# What hears, decides, keeps and tells; rooms that draw or speak are left out: most of their numbers are a layout.
ROOMS = (TOP, "audio", "bridge", "bundle", "causes", "decision", "dsp", "sinks", "store", "untrusted")
EACH = 14
BAR = 0.92
# They need arguments, or change what no test of behaviour should depend on.
LEFT_OUT = ("VariableInserter", "VariableReplacer", "RemoveDecorator", "ReplaceBinaryOperator_BitOr_")
PATIENCE = 4  # times as long as the room's tests take without a mutant, and
PATIENCE_S = 30.0
KILLED, SURVIVED, EQUIVALENT_TO, NO_TIME = "killed", "survived", "equivalent", "no time"


@dataclass(frozen=True)
class Verdict:
    """What the room's tests made of a mutant."""

    mutant: Mutant
    outcome: str
    seconds: float
    diff: str
    by: str = ""  # the test that failed


def main() -> None:
    """Draw the mutants, run the tests on each, and record which survived; exits 1 below the bar."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, action="append", help="may be repeated; 0 otherwise")
    parser.add_argument("--each", type=int, default=EACH, help="mutants of each room")
    parser.add_argument("--minutes", type=float, default=60.0, help="no mutant is begun after so long")
    parser.add_argument("--room", action="append", choices=ROOMS, help="only this one; may be repeated")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--work", type=Path, default=Path("results/mutants"), help="what was killed")
    arguments = parser.parse_args()
    rooms = tuple(arguments.room or ROOMS)
    end, killed = time.monotonic() + 60 * arguments.minutes, Killed(arguments.work, REPOSITORY)
    drawn = {
        seed: [each for room in rooms for each in draw(room, arguments.each, seed)] for seed in arguments.seed or [0]
    }
    verdicts = judge([mutant for mutants in drawn.values() for mutant in mutants], arguments.jobs, end, killed)
    found = {verdict.mutant: verdict for verdict in verdicts}
    runs = [figures_of([found[mutant] for mutant in mutants], seed) for seed, mutants in drawn.items()]
    text = "\n\n".join(table(figures) for figures in runs)
    if rooms == ROOMS:
        record("mutants", {"bar": BAR, "runs": runs}, text)
    else:
        print(text)
    sys.exit(any(figures["share"] < BAR for figures in runs))


def files_of(room: str) -> list[Path]:
    """The source files of a room."""
    folder = REPOSITORY / "edge" if room == TOP else REPOSITORY / "edge" / room
    return sorted(path for path in folder.glob("*.py") if path.name != "__init__.py")


def tests_of(room: str, tree: Path) -> list[Path]:
    """The test files of a room in a copy of the tree, as paths in it."""
    folder = tree / "tests" / "edge"
    return sorted(path.relative_to(tree) for path in (folder if room == TOP else folder / room).glob("test_*.py"))


def draw(room: str, n: int, seed: int) -> list[Mutant]:
    """n mutants of a room, no two in one place; elsewhere in the room a changed line changes none of them."""
    places: dict[str, list[Mutant]] = defaultdict(list)
    for path in files_of(room):
        lines = path.read_text().splitlines()
        seen: Counter[str] = Counter()
        for begin, here in sorted(mutants_in(room, path).items()):
            what = f"{path.name} {lines[begin[0] - 1].strip()} {begin[1]}"
            places[f"{seed} {what} {seen[what]}"] = here
            seen[what] += 1
    drawn = sorted(places, key=lambda place: hashlib.sha256(place.encode()).digest())
    found = (next(filter(can_be_made, shuffled(places[place], place)), None) for place in drawn)
    return list(islice(filter(None, found), n))


def shuffled(mutants: Sequence[Mutant], seed: str) -> Iterator[Mutant]:
    """All of them, in an order that the seed draws."""
    left, rng = list(mutants), random.Random(seed)
    while left:
        yield left.pop(left.index(rng.choice(left)))


def can_be_made(mutant: Mutant) -> bool:
    """Whether Cosmic Ray makes it at all: it fails on an exception with a dotted name."""
    try:
        return mutated(mutant) != (REPOSITORY / mutant.file).read_text()
    except AttributeError:
        return False


def mutants_in(room: str, path: Path) -> dict[tuple[int, int], list[Mutant]]:
    """Every mutant of a file, by where it begins: (line, column)."""
    tree = get_ast(path.read_text())
    places = defaultdict(list)
    for name in sorted(operator_names()):
        if any(left_out in name for left_out in LEFT_OUT):
            continue
        operator = get_operator(name)()
        positions = [position for node in ast_nodes(tree) for position in operator.mutation_positions(node)]
        for occurrence, (begin, _) in enumerate(positions):
            places[begin].append(Mutant(room, path.relative_to(REPOSITORY).as_posix(), begin[0], name, occurrence))
    return places


def judge(mutants: Sequence[Mutant], jobs: int, end: float, killed: Killed) -> list[Verdict]:
    """What the tests make of each mutant, some at a time, each in a copy of the tree of its own."""
    asked = {mutant.room for mutant in mutants if killed.get(mutant) is None and not is_equivalent(mutant)}
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(jobs) as pool:
        copies: queue.Queue[Path] = queue.Queue()
        for number in range(jobs):
            copies.put(copy_tree(Path(folder) / str(number)))

        def alone(room: str) -> float:
            copy = copies.get()
            try:
                return seconds_without_mutant(room, copy)
            finally:
                copies.put(copy)

        patience = dict(zip(sorted(asked), pool.map(alone, sorted(asked)), strict=True))

        def one(mutant: Mutant) -> Verdict:
            before = killed.get(mutant)
            if before is not None:
                return Verdict(mutant, KILLED, before, diff_of(mutant))
            if is_equivalent(mutant):
                return Verdict(mutant, EQUIVALENT_TO, 0.0, diff_of(mutant))
            copy = copies.get()
            try:
                return verdict_on(mutant, copy, PATIENCE * patience[mutant.room] + PATIENCE_S, end)
            finally:
                copies.put(copy)

        verdicts = []
        for number, verdict in enumerate(pool.map(one, mutants), start=1):
            where = f"{number}/{len(mutants)} {verdict.mutant.file}:{verdict.mutant.line}"
            print(f"{where} {verdict.outcome}, {verdict.seconds:.0f} s {verdict.by}", flush=True)
            verdicts.append(verdict)
            if verdict.outcome == KILLED:
                killed.keep(verdict.mutant, verdict.seconds)
        return verdicts


def copy_tree(target: Path) -> Path:
    """The files that belong to the repository, and those that are new."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.check_output(command, cwd=REPOSITORY, text=True).splitlines():
        if (REPOSITORY / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, target / name)
    return target


def seconds_without_mutant(room: str, copy: Path) -> float:
    """How long a room's tests take. Exits when they fail: they could tell nothing."""
    started = time.monotonic()
    failed = run_tests(tests_of(room, copy), copy, timeout_s=600)
    if failed:
        sys.exit(f"the tests of {room} fail without a mutant:\n{failed[-2000:]}")
    return time.monotonic() - started


def is_equivalent(mutant: Mutant) -> bool:
    """Whether nothing could tell the mutant from the source, as equivalents.py says."""
    changed = [line[1:].strip() for line in diff_of(mutant).splitlines()[2:] if line.startswith("+")]
    return any((mutant.file, line) in EQUIVALENT for line in changed)


def diff_of(mutant: Mutant) -> str:
    """What a mutant changes."""
    original = (REPOSITORY / mutant.file).read_text()
    lines = [text.splitlines(True) for text in (original, mutated(mutant))]
    return "".join(unified_diff(*lines, mutant.file, mutant.file, n=1))


def mutated(mutant: Mutant) -> str:
    """The text of the mutant's file with the change."""
    return mutate_code((REPOSITORY / mutant.file).read_text(), get_operator(mutant.operator)(), mutant.occurrence)


def verdict_on(mutant: Mutant, copy: Path, timeout_s: float, end: float) -> Verdict:
    """Run the tests of a mutant's room on it: those that are named after its module first."""
    started = time.monotonic()
    if started > end:
        return Verdict(mutant, NO_TIME, 0.0, diff_of(mutant))
    stem, tests = Path(mutant.file).stem, tests_of(mutant.room, copy)
    near = [path for path in tests if stem in path.stem]
    (copy / mutant.file).write_text(mutated(mutant))
    try:
        parts = [part for part in (near, [path for path in tests if path not in near]) if part]
        failed = next(filter(None, (run_tests(part, copy, timeout_s) for part in parts)), "")
    finally:
        shutil.copy2(REPOSITORY / mutant.file, copy / mutant.file)
    seconds = time.monotonic() - started
    return Verdict(mutant, KILLED if failed else SURVIVED, seconds, diff_of(mutant), first_failed(failed))


def run_tests(tests: Sequence[Path], copy: Path, timeout_s: float) -> str:
    """What pytest says when one of the tests fails or takes too long; empty when all pass."""
    command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *map(str, tests)]
    try:
        done = subprocess.run(
            command, cwd=copy, timeout=timeout_s, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
    except subprocess.TimeoutExpired:
        return f"longer than {timeout_s:.0f} s"
    return done.stdout if done.returncode else ""


def first_failed(output: str) -> str:
    """The test that failed, of what pytest says; its last line where there is none."""
    lines = output.splitlines()
    named = (line.split()[1] for line in lines if line.startswith(("FAILED tests", "ERROR tests")))
    return next(named, lines[-1] if lines else "")


def figures_of(verdicts: Sequence[Verdict], seed: int) -> dict[str, Any]:
    """Counts by room, the share killed, and the survivors."""
    rooms: dict[str, dict[str, int]] = {}
    for verdict in verdicts:
        counts = rooms.setdefault(verdict.mutant.room, dict.fromkeys((KILLED, SURVIVED, EQUIVALENT_TO, NO_TIME), 0))
        counts[verdict.outcome] += 1
    killed, survived, equivalent = (
        sum(counts[outcome] for counts in rooms.values()) for outcome in (KILLED, SURVIVED, EQUIVALENT_TO)
    )
    return {
        "seed": seed,
        "rooms": rooms,
        "killed": killed,
        "judged": killed + survived,
        "equivalent": equivalent,
        "share": killed / max(1, killed + survived),
        "source_sha256": hashlib.sha256("".join(v.diff for v in verdicts).encode()).hexdigest(),
        "survivors": [{**asdict(v.mutant), "diff": v.diff} for v in verdicts if v.outcome == SURVIVED],
    }


def table(figures: dict[str, Any]) -> str:
    """The figures as Markdown."""
    outcomes = (KILLED, SURVIVED, EQUIVALENT_TO, NO_TIME)
    lines = [
        f"Seed {figures['seed']}:",
        "",
        f"| room of edge | {' | '.join(outcomes)} |",
        "|---" * (1 + len(outcomes)) + "|",
    ]
    for room, counts in figures["rooms"].items():
        lines.append(f"| {room} | {' | '.join(str(counts[outcome]) for outcome in outcomes)} |")
    killed, judged, equivalent = figures["killed"], figures["judged"], figures["equivalent"]
    drawn, share = judged + equivalent, 100 * figures["share"]
    lines += [
        "",
        f"{killed} of {judged} mutants killed, {share:.1f} % (bar {100 * BAR:.0f} %); of all {drawn}, with the "
        f"{equivalent} that change nothing that could be seen, {100 * killed / max(1, drawn):.1f} %.",
    ]
    for survivor in figures["survivors"]:
        lines += ["", f"`{survivor['file']}:{survivor['line']}`", "", "```diff"]
        lines += [line for line in survivor["diff"].splitlines()[2:] if line[:1] in "+-"] + ["```"]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
