"""Who may import whom: every arrow between the rooms, read from the source (also imports inside functions)."""

import ast
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
DISTRIBUTIONS = ("edge", "export", "training", "benchmarks")
LONGEST_FILE = 305  # lines
# Shared by every family of models in training; any other folder there is a family, or a way of learning.
SHARED_TRAINING = {"data", "runs", "layers", "federated", "experiments", "models"}


def modules_of(repository):
    """{"edge.dsp.stft": its path} of every module in the rooms."""
    found = {}
    for top in DISTRIBUTIONS:
        for path in (repository / top).rglob("*.py"):
            parts = path.relative_to(repository).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(name, path, modules):
    """Dotted names that a module imports: `from a import b` gives "a.b", and "a" unless that is a module of its own."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join(above + ([node.module] if node.module else []))
            names = [f"{base}.{alias.name}" for alias in node.names]
            yield from names
            if not all(one in modules for one in names):
                yield base


MODULES = modules_of(REPOSITORY)
# {module: the modules of ours that it imports}; a name inside a module is that module.
ARROWS = {
    name: {target for target in imported(name, path, MODULES) if target in MODULES and target != name}
    for name, path in MODULES.items()
}


def arrows(source, target, but=()):
    """["a -> b"]: modules in the room `source` that import from the room `target`, but from none of `but`."""
    return sorted(
        f"{name} -> {other}"
        for name, others in ARROWS.items()
        for other in others
        if is_in(name, source) and is_in(other, target) and not any(is_in(other, allowed) for allowed in (source, *but))
    )


def is_in(module, room):
    """Whether a module is the room, or lies in it."""
    return module == room or module.startswith(room + ".")


def to_mend(what):
    """A rule that is broken today: what mends it. Fails once it is mended, so that the mark goes."""
    return pytest.mark.xfail(strict=True, reason="to mend: " + what + "; then remove this mark")


FORBIDDEN = [
    ("edge", "export"),
    ("edge", "training"),
    ("edge", "benchmarks"),
    ("export", "training"),
    ("export.kinds", "export.sources"),  # the exporter's rooms import downwards, as export/__init__.py lists them
    ("export.parity", "export.kinds"),
    ("export.convert", "export.parity"),
    ("export.tensorrt_lint", "export.convert"),
    ("export", "benchmarks"),
    ("training", "export"),
    ("training", "benchmarks"),
    ("edge.pipeline", "edge.bench"),
    ("edge.store", "edge.runtime"),
    ("edge.sinks", "edge.runtime"),
    # What an infant can be told apart by is seen by nobody who tells, keeps, shows or learns with others.
    *((room, "edge.infant") for room in ("edge.sinks", "edge.bridge", "edge.store", "edge.report", "edge.web")),
    *((room, "edge.infant") for room in ("edge.bundle", "edge.learning", "export", "training")),
]


@pytest.mark.parametrize(("source", "target"), FORBIDDEN)
def test_a_room_does_not_import(source, target):
    assert arrows(source, target) == []


def test_signal_processing_stands_on_frames_and_numpy_alone():
    assert arrows("edge.dsp", "edge", but=["edge.frames"]) == []


def test_nothing_but_commands_imports_commands():
    found = [
        (name, other)
        for name in MODULES
        if not is_in(name, "edge.commands")
        for other in ARROWS[name]
        if is_in(other, "edge.commands")
    ]
    assert found == [("edge.bench.start", "edge.commands.run")]  # it times the imports of `cry-monitor run`


def test_families_of_models_do_not_import_each_other():
    folders = {name.split(".")[1] for name in MODULES if name.startswith("training.") and name.count(".") > 1}
    families = sorted(folders - SHARED_TRAINING)
    assert len(families) > 2
    crossing = [arrow for one in families for other in families for arrow in family_arrows(one, other)]
    assert crossing == []


def family_arrows(one, other):
    """Arrows between two folders of training."""
    return arrows(f"training.{one}", f"training.{other}") if one != other else []


def test_what_families_share_knows_no_family():
    folders = {name.split(".")[1] for name in MODULES if name.startswith("training.") and name.count(".") > 1}
    shared = [(room, family) for room in SHARED_TRAINING for family in sorted(folders - SHARED_TRAINING)]
    assert [arrow for room, family in shared for arrow in arrows(f"training.{room}", f"training.{family}")] == []


@pytest.mark.parametrize("top", ["edge", "export", "training"])
def test_no_modules_import_each_other_in_a_circle(top):
    assert circles({name: others for name, others in ARROWS.items() if is_in(name, top)}) == []


def circles(graph):
    """The groups of modules that can be reached from one another (Tarjan's strongly connected components)."""
    order, low, stack, found = {}, {}, [], []

    def visit(name):
        order[name] = low[name] = len(order)
        stack.append(name)
        for other in graph[name]:
            if other in graph and other not in order:
                visit(other)
            if other in stack:
                low[name] = min(low[name], low[other])
        if low[name] == order[name]:
            group = [stack.pop()]
            while group[-1] != name:
                group.append(stack.pop())
            if len(group) > 1:
                found.append(sorted(group))

    for name in graph:
        if name not in order:
            visit(name)
    return found


def test_files_stay_short():
    lengths = {name: len(path.read_text().splitlines()) for name, path in MODULES.items()}
    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE} == {}


def test_an_arrow_and_a_circle_would_be_seen(tmp_path):
    (tmp_path / "edge" / "dsp").mkdir(parents=True)
    (tmp_path / "edge" / "__init__.py").touch()
    (tmp_path / "edge" / "dsp" / "__init__.py").touch()
    (tmp_path / "edge" / "log.py").write_text("def late():\n    from edge.dsp import mel\n")
    (tmp_path / "edge" / "dsp" / "mel.py").write_text("from .. import log\n")
    modules = modules_of(tmp_path)
    graph = {name: {to for to in imported(name, path, modules) if to in modules} for name, path in modules.items()}
    assert "edge.log" in graph["edge.dsp.mel"]
    assert ["edge.dsp.mel", "edge.log"] in circles(graph)


@pytest.mark.parametrize("room", sorted(path.name for path in (REPOSITORY / "tests").iterdir() if path.is_dir()))
def test_no_two_test_files_of_a_room_have_one_name(room):
    names = [path.name for path in (REPOSITORY / "tests" / room).rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))  # pytest imports them by name, and collects nothing of such a room
