"""edge-export: the command. Imports the converters only once they are known to be there."""

import argparse
import importlib.util
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from edge import __version__
from edge.arguments import Parser, path_name
from edge.errors import UserError, how_to_install
from edge.guarded import guarded
from export.parity.calibration import DEFAULT_CALIBRATION_DIR
from export.sources.description import HELP as DESCRIPTION_HELP
from export.sources.model_set import DEFAULT_MODEL_DIR
from export.targets import (
    TARGETS,
    Target,
    find_target,
    target_table,
    with_error_budget,
    with_int16_activations,
    with_tolerance,
)

NAME = "edge-export"
CONVERTERS = ("keras", "tensorflow", "tf2onnx", "onnx", "onnxruntime")  # modules of the export extra


def main(argv: list[str] | None = None) -> int:
    """Run edge-export; returns the exit status."""
    arguments = parser().parse_args(argv)
    action = list_targets if arguments.list_targets else lint_file if arguments.lint else export
    return guarded(action, arguments, NAME)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = Parser(
        prog=NAME,
        description="Export a trained model (Keras, ONNX, PyTorch) as a bundle for a board, and prove what "
        "precision cost.\n"
        "With no --model it exports the models that ship.",
        epilog=DESCRIPTION_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = result.add_mutually_exclusive_group(required=True)
    what.add_argument("--target", metavar="NAME", help="one of " + ", ".join(TARGETS))
    what.add_argument(
        "--lint", metavar="FILE.onnx", type=path_name, help="say what TensorRT would not import of a file"
    )
    what.add_argument("--list-targets", action="store_true", help="list the targets and exit")
    result.add_argument(
        "--model",
        metavar="PATH",
        type=path_name,
        default=DEFAULT_MODEL_DIR,
        help="a .keras, .onnx or .pt2 (torch.export) file with NAME.json or model.json beside it, or a directory with "
        "one or several (default: those that ship)",
    )
    result.add_argument(
        "--input-shape",
        metavar="NAME=N,N,...",
        action="append",
        default=[],
        help="the sizes of an ONNX input that its file leaves open",
    )
    result.add_argument(
        "--input-value", metavar="NAME=NUMBER", action="append", default=[], help="an ONNX input that is a constant"
    )
    result.add_argument(
        "--calibration",
        metavar="DIR",
        type=path_name,
        default=DEFAULT_CALIBRATION_DIR,
        help="directory with the calibration tensors (default: those that ship)",
    )
    result.add_argument(
        "--calibration-audio",
        metavar="DIR",
        type=path_name,
        help="folder of recordings that a detector is calibrated and compared on instead; those in a folder called cry "
        "are cries. Their features are used, and nothing of them is kept",
    )
    result.add_argument(
        "--out", metavar="DIR", type=path_name, help="new or empty directory for the bundle (default: dist/TARGET)"
    )
    result.add_argument(
        "--tolerance",
        metavar="TIMES",
        type=float,
        default=1.0,
        help="widen the target's bounds so many times, but for label agreement; report and manifest say so (1 to 100)",
    )
    result.add_argument(
        "--keep-float",
        metavar="LAYER",
        nargs="+",
        default=[],
        help="Keras layers, with all that is in them, that int8 and FP16 types leave in float (report.json has each "
        "layer's error when it alone is lowered)",
    )
    result.add_argument(
        "--error-budget",
        metavar="P",
        type=float,
        help="the largest posterior error of int8: the layers that cost most are left in float until it is kept "
        "(default: the target's bound)",
    )
    result.add_argument(
        "--activations",
        choices=("int8", "int16"),
        default="int8",
        help="of rpi-int8: int16 between the layers errs less, and is slow where the engine has no kernels for it",
    )
    result.add_argument(
        "--tensorrt",
        metavar="VERSION",
        help="the TensorRT that must import the files: 8.2 (JetPack 4.6, a Nano), 8.6 or 10 (JetPack 6, an Orin), of a "
        "jetson target and of --lint (default: 8.2)",
    )
    result.add_argument(
        "--dla", action="store_true", help="also say what the DLA of a Xavier or an Orin would leave to the GPU"
    )
    result.add_argument("--version", action="version", version=f"{NAME} {__version__}")
    result.add_argument("--dry-run", action="store_true", help="check and lint, write nothing")
    result.add_argument(
        "--trust-model-code",
        action="store_true",
        help='run the Python that "layers" and "graph" of model.json name and that is not this project\'s: it has all '
        "your rights (default: refused)",
    )
    result.add_argument(
        "--json", action="store_true", help="print the report as JSON on stdout (docs/schemas/export.schema.json)"
    )
    return result


def list_targets(arguments: argparse.Namespace) -> int:
    """Print the table of targets."""
    rows = target_table()
    if arguments.json:
        print(json.dumps(rows))
        return 0
    for row in rows:
        print("{target:12} {precision:8} {operators:33} {engine}".format(**row))
    return 0


def lint_file(arguments: argparse.Namespace) -> int:
    """Print what TensorRT would not import of an ONNX file, one finding a line. Raises UserError."""
    check_converters(("onnx",))
    from export.tensorrt_lint import dla_findings, lint

    try:
        content = Path(arguments.lint).read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {arguments.lint} ({error.strerror}): name an ONNX file") from error
    version = arguments.tensorrt or "8.2"
    findings = lint(content, tensorrt=version)
    left = dla_findings(content) if arguments.dla else []
    if arguments.json:
        found = {"findings": [vars(one) for one in findings], "dla": [vars(one) for one in left]}
        print(json.dumps({"file": arguments.lint, "tensorrt": version, **found}))
    else:
        print("\n".join(map(str, findings)) or f"{arguments.lint}: TensorRT {version} imports it")
        if arguments.dla:
            print("\n".join(map(str, left)) or f"{arguments.lint}: a DLA runs all of it")
    return 1 if findings else 0


def check_converters(modules: Sequence[str]) -> None:
    """Raise UserError when modules of the export extra are missing."""
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        raise UserError("{} not installed: {}".format(" and ".join(missing), how_to_install("export")))


def fixed_inputs(arguments: argparse.Namespace) -> Any:
    """What the flags say of an ONNX file's inputs; None where they say nothing. Raises UserError."""
    from export.fixed_inputs import Fixed

    shapes: dict[str, tuple[int, ...]] = {}
    values: dict[str, float] = {}
    for text in arguments.input_shape:
        name, _, sizes = text.rpartition("=")
        if not name or not re.fullmatch(r"[1-9]\d*(,[1-9]\d*)*", sizes):
            raise UserError(f"--input-shape is {text!r}: use NAME=1,98,64, every size at least 1")
        shapes[name] = tuple(int(size) for size in sizes.split(","))
    for text in arguments.input_value:
        name, _, number = text.rpartition("=")
        try:
            values[name] = float(number)
        except ValueError:
            name = ""
        if not name:
            raise UserError(f"--input-value is {text!r}: use NAME=16000")
    return Fixed(shapes, values) if shapes or values else None


def adjusted(target: Target, arguments: argparse.Namespace) -> Target:
    """The target with what flags say of its precision. Raises UserError."""
    if target.tensorrt is None and (arguments.tensorrt or arguments.dla):
        raise UserError(
            f"--tensorrt and --dla are of jetson targets and of --lint, not of {target.name}: leave them out"
        )
    if arguments.tensorrt or arguments.dla:
        check_converters(("onnx",))
        from export.tensorrt_lint import find_version

        target = replace(target, tensorrt=find_version(arguments.tensorrt or "8.2"), dla=arguments.dla)
    if arguments.activations == "int16":
        target = with_int16_activations(target)
    if arguments.error_budget is not None:
        if not 0 < arguments.error_budget <= 1:
            raise UserError(f"--error-budget is {arguments.error_budget:g}: use more than 0, and at most 1")
        target = with_error_budget(target, arguments.error_budget)
    return replace(target, in_float=tuple(arguments.keep_float))


def export(arguments: argparse.Namespace) -> int:
    """Export as the arguments say; returns the exit status. Raises UserError."""
    target = find_target(arguments.target)
    if not 1 <= arguments.tolerance <= 100:
        raise UserError(f"--tolerance is {arguments.tolerance:g}: use 1 to 100")
    target = adjusted(with_tolerance(target, arguments.tolerance), arguments)
    check_converters(CONVERTERS)
    from export.exporter import export_bundle
    from export.report.bundle_report import text_report

    out = Path(arguments.out or "dist/" + target.name)
    report = export_bundle(
        target,
        Path(arguments.model),
        Path(arguments.calibration),
        out,
        lambda line: print("{}: {}".format(NAME, line), file=sys.stderr),
        arguments.dry_run,
        arguments.trust_model_code,
        fixed_inputs(arguments),
        None if arguments.calibration_audio is None else Path(arguments.calibration_audio),
    )
    if arguments.json:
        print(json.dumps(report))
    elif "files" in report:
        print(text_report(report))
    if report["written"]:
        print("{}: wrote {}".format(NAME, out), file=sys.stderr)
        return 0
    if arguments.dry_run:
        print("{}: nothing found, would write {} for {}".format(NAME, out, target.name), file=sys.stderr)
        return 0
    raise UserError(
        "outside the bounds of {}, no bundle written: {}".format(
            target.name,
            "; ".join(
                file["path"] + ": " + ", ".join(file["violations"]) for file in report["files"] if file["violations"]
            ),
        )
    )


if __name__ == "__main__":
    sys.exit(main())
