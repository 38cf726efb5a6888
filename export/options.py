"""The command line of edge-export, by groups of options."""

import argparse
from typing import Any

from edge import __version__
from edge.arguments import Parser, path_name
from export.parity.calibration import DEFAULT_CALIBRATION_DIR
from export.sources.description import HELP as DESCRIPTION_HELP
from export.sources.model_set import DEFAULT_MODEL_DIR
from export.targets import TARGETS

NAME = "edge-export"


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
    add_model_options(result.add_argument_group("the model"))
    add_calibration_options(result.add_argument_group("what it is calibrated and compared on"))
    add_precision_options(result.add_argument_group("precision"))
    add_tensorrt_options(result.add_argument_group("TensorRT"))
    add_output_options(result.add_argument_group("what comes out"))
    result.add_argument("--version", action="version", version=f"{NAME} {__version__}")
    return result


def add_model_options(group: Any) -> None:
    """Which model, and what its file leaves open."""
    group.add_argument(
        "--model",
        metavar="PATH",
        type=path_name,
        default=DEFAULT_MODEL_DIR,
        help="a .keras, .onnx or .pt2 (torch.export) file with NAME.json or model.json beside it, or a directory with "
        "one or several (default: those that ship)",
    )
    group.add_argument(
        "--input-shape",
        metavar="NAME=N,N,...",
        action="append",
        default=[],
        help="the sizes of an ONNX input that its file leaves open",
    )
    group.add_argument(
        "--input-value", metavar="NAME=NUMBER", action="append", default=[], help="an ONNX input that is a constant"
    )
    group.add_argument(
        "--trust-model-code",
        action="store_true",
        help='run the Python that "layers" and "graph" of model.json name and that is not this project\'s: it has all '
        "your rights (default: refused)",
    )


def add_calibration_options(group: Any) -> None:
    """Tensors, or recordings instead."""
    group.add_argument(
        "--calibration",
        metavar="DIR",
        type=path_name,
        default=DEFAULT_CALIBRATION_DIR,
        help="directory with the calibration tensors (default: those that ship)",
    )
    group.add_argument(
        "--calibration-audio",
        metavar="DIR",
        type=path_name,
        help="folder of recordings that a detector is calibrated and compared on instead; those in a folder called cry "
        "are cries. Their features are used, and nothing of them is kept",
    )


def add_precision_options(group: Any) -> None:
    """What of the target's precision and bounds is changed."""
    group.add_argument(
        "--tolerance",
        metavar="TIMES",
        type=float,
        default=1.0,
        help="widen the target's bounds so many times, but for label agreement; report and manifest say so (1 to 100)",
    )
    group.add_argument(
        "--keep-float",
        metavar="LAYER",
        nargs="+",
        default=[],
        help="layers of Keras, with all that is in them, or nodes of an ONNX file, that int8 and FP16 types leave in "
        "float (report.json has each one's error when it alone is lowered)",
    )
    group.add_argument(
        "--error-budget",
        metavar="P",
        type=float,
        help="the largest posterior error of int8: the layers that cost most are left in float until it is kept "
        "(default: the target's bound)",
    )
    group.add_argument(
        "--activations",
        choices=("int8", "int16"),
        default="int8",
        help="of rpi-int8: int16 between the layers errs less, and is slow where the engine has no kernels for it",
    )


def add_tensorrt_options(group: Any) -> None:
    """Which TensorRT must import the files, and which accelerator they are for."""
    group.add_argument(
        "--tensorrt",
        metavar="VERSION",
        help="the TensorRT that must import the files: 8.2 (JetPack 4.6, a Nano), 8.6 or 10 (JetPack 6, an Orin), of a "
        "jetson target and of --lint (default: 8.2)",
    )
    group.add_argument(
        "--dla", action="store_true", help="also say what the DLA of a Xavier or an Orin would leave to the GPU"
    )


def add_output_options(group: Any) -> None:
    """Where it goes, or that it is only checked."""
    group.add_argument(
        "--out", metavar="DIR", type=path_name, help="new or empty directory for the bundle (default: dist/TARGET)"
    )
    group.add_argument("--dry-run", action="store_true", help="check and lint, write nothing")
    group.add_argument(
        "--json", action="store_true", help="print the report as JSON on stdout (docs/schemas/export.schema.json)"
    )
