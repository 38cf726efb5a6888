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

from edge.errors import UserError, how_to_install
from edge.guarded import guarded
from export.options import NAME, parser
from export.targets import (
    Target,
    find_target,
    target_table,
    with_error_budget,
    with_int16_activations,
    with_tolerance,
)

CONVERTERS = ("keras", "tensorflow", "tf2onnx", "onnx", "onnxruntime")  # modules of the export extra


def main(argv: list[str] | None = None) -> int:
    """Run edge-export; returns the exit status."""
    arguments = parser().parse_args(argv)
    action = list_targets if arguments.list_targets else lint_file if arguments.lint else export
    return guarded(action, arguments, NAME)


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
    from export.tensorrt_lint import dla_findings, find_version, lint

    try:
        content = Path(arguments.lint).read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {arguments.lint} ({error.strerror}): name an ONNX file") from error
    version = arguments.tensorrt or "8.2"
    find_version(version)
    try:
        findings = lint(content, tensorrt=version)
    except UserError as error:
        raise UserError(f"{arguments.lint}: {error}") from error
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
    check_keep_float(target, arguments.keep_float)
    if arguments.error_budget is not None:
        if not 0 < arguments.error_budget <= 1:
            raise UserError(f"--error-budget is {arguments.error_budget:g}: use more than 0, and at most 1")
        target = with_error_budget(target, arguments.error_budget)
    return replace(target, in_float=tuple(arguments.keep_float))


def check_keep_float(target: Target, layers: Sequence[str]) -> None:
    """Raise UserError where no file of the target could leave a layer in float."""
    if not layers or target.precision == "int8":
        return
    if target.name != "jetson-fp16":
        raise UserError(
            f"--keep-float holds for int8, and for jetson-fp16 with --tensorrt 10, not for {target.precision} of "
            f"{target.name}: leave it out"
        )
    if str(target.tensorrt).split(".")[0] != "10":
        raise UserError(
            f"--keep-float: TensorRT {target.tensorrt} is given float32 and chooses by itself what runs in FP16, so "
            f"that no layer can be kept from it: give --tensorrt 10, which takes the types of the file, or leave it out"
        )


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
