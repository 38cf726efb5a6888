"""`cry-monitor prepare`: build and cache the TensorRT engines of a bundle, on the device that will run them."""

import time

from edge.arguments import add_bundle, add_configuration
from edge.bundle import DEFAULT_BUNDLE_DIR, open_runner, read_manifest, verify_files
from edge.bundle.answers import check_answers
from edge.bundle.files import file_paths
from edge.bundle.trial import check_owner, try_bundle
from edge.commands.lines import print_line
from edge.config import load_settings
from edge.engines import EngineUnavailable, open_tensorrt
from edge.errors import UserError

DESCRIPTION = """Build the TensorRT engines of a bundle made with edge-export --target jetson-fp16 or jetson-int8,
and keep them in $CACHE_DIRECTORY or $XDG_CACHE_HOME/cry-monitor. Run it once after installing or after a change of
bundle, TensorRT or GPU: otherwise the daemon builds them at its next start, before it listens. Takes minutes on a
Jetson Nano. Where TensorRT or a GPU is not there, it says which engine runs the bundle instead, and there is nothing
to do. Exit status 1 when TensorRT is there but cannot be used: int8 on a GPU without fast int8 (a Jetson Nano's),
pycuda not installed, a model that does not build.
TensorRT has not been run by the authors of this version: no NVIDIA library could be had. Report what you see."""


def add_parser(subparsers) -> None:
    """Register the command."""
    parser = subparsers.add_parser("prepare", help="build and cache TensorRT engines (Jetson)", description=DESCRIPTION)
    add_bundle(parser)
    add_configuration(parser)
    parser.set_defaults(run=run)


def run(args) -> int:
    """Build what is not yet built. Raises UserError when TensorRT is there and cannot run a model."""
    settings = load_settings(args.config)
    directory = args.bundle or settings.detector.bundle or DEFAULT_BUNDLE_DIR
    check_owner(directory)
    try_bundle(directory, settings.detector.threads)
    manifest = read_manifest(directory)
    verify_files(manifest.models, directory)
    _say("bundle {} {} in {}".format(manifest.name, manifest.version, directory))
    for model in manifest.models:
        _prepare(model, directory, settings.detector.threads)
    return 0


def _prepare(model, directory, threads):
    if model.tensorrt is None:
        _say(
            "{}: not meant for TensorRT, nothing to prepare; {} runs it".format(
                model.title, _engine_name(model, directory, threads)
            )
        )
        return
    try:
        engine = open_tensorrt(file_paths(model, directory), model.tensorrt.precision, model.title, _say)
    except EngineUnavailable as unavailable:
        if unavailable.installed:
            raise UserError("the {} cannot run on TensorRT: {}".format(model.title, unavailable)) from unavailable
        instead = _engine_name(model._replace(tensorrt=None), directory, threads)
        _say(
            "{}: TensorRT cannot be used here ({}), nothing to prepare; {} runs it".format(
                model.title, unavailable, instead
            )
        )
        return
    _say(
        "{}: ready, {} in {}, {:.2f} ms a frame".format(
            model.title, engine.name, model.tensorrt.precision, 1000 * _seconds(engine)
        )
    )


def _engine_name(model, directory, threads):
    runner = open_runner(model, directory, threads)
    check_answers(model.title, runner)
    return runner.engine_name


def _seconds(engine):
    """How long a model takes once warm: proof that it runs at all."""
    engine.infer()
    started = time.perf_counter()
    engine.infer()
    return time.perf_counter() - started


def _say(text):
    print_line(text)
