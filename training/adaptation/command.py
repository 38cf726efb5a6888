"""Make a model of one place work in another, without labels there.

Two uses. To compare methods (hafn, safn, entropy, dann, adabn, target_noise, source_only): name --data and either two
platforms or a shift; whole groups are learnt from, used without labels, or judged. To fit an installed model to a home:
--from-night with a recording of one night there, or sums of one (--sums writes them, so that the recording can go); the
new model goes through edge-export like any other, which compares it file by file, and the bundle before it is kept.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from edge.errors import UserError
from training.runs.command import quieten_tensorflow

ADABN, TARGET_NOISE = "adabn", "target_noise"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `cry-train adapt`."""
    parser.add_argument("--out", type=Path, metavar="DIR", help="receives results, or the new model")
    parser.add_argument("--data", type=Path, help="folder of metadata.csv and the recordings")
    parser.add_argument("--corpus", action="append", default=[], help="of metadata.csv; may be repeated")
    parser.add_argument("--label", action="append", default=[], help="take these labels only")
    parser.add_argument("--per-label", type=int, default=0, help="clips of each group and label at most (0: all)")
    parser.add_argument("--source", help="the platform that has labels")
    parser.add_argument("--target", help="the platform that has none")
    parser.add_argument("--shift", help="or: the target is the same clips in this variant, as narrow_room")
    parser.add_argument("--method", action="append", default=[], help="default: all")
    parser.add_argument("--epochs", type=int, default=20, help="default: 20")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--from-night", type=Path, metavar="FILE", help="a recording of a night, or its sums (.json)")
    parser.add_argument("--model", type=Path, metavar="DIR", help="of --from-night: a trained model and its model.json")
    parser.add_argument("--share", type=float, default=0.1, help="of --from-night: of its moments (default: 0.1)")
    parser.add_argument("--sums", type=Path, metavar="FILE", help="of --from-night: write the night's sums")


def run(arguments: argparse.Namespace) -> int:
    """Compare methods, or fit a model to a night; returns the exit status."""
    quieten_tensorflow()
    return fit_to_night(arguments) if arguments.from_night is not None else compare(arguments)


def fit_to_night(arguments: argparse.Namespace) -> int:
    """The new model of a night; returns the exit status."""
    if arguments.model is None or (arguments.out is None and arguments.sums is None):
        raise UserError("--from-night needs --model, and --out for the new model or --sums for the night's sums")
    if not 0 < arguments.share <= 1:
        raise UserError(f"--share is {arguments.share}, it must be above 0 and at most 1")
    from training.adaptation.night import read_night, write_sums
    from training.runs.release import read_source_model, write_source_model

    model, description = read_source_model(arguments.model)
    night = read_night(arguments.from_night, model, description)
    if arguments.sums is not None:
        write_sums(night, arguments.sums)
        print(f"wrote {arguments.sums}, {arguments.sums.stat().st_size:,} bytes")
    if arguments.out is not None:
        method, fitted = fitted_model(arguments, model, night)
        adapted = {"method": method, "night_seconds": round(night.seconds)}
        described = {key: value for key, value in description.items() if key != "metrics"}
        described["training"] = {**description.get("training", {}), "adaptation": adapted}
        arguments.out.mkdir(parents=True, exist_ok=True)
        finished = arguments.out / "finished.keras"
        fitted.save(finished)
        write_source_model(finished, described, arguments.out)
        finished.unlink()
        print(f"wrote {arguments.out}; next: edge-export --model {arguments.out}")
    return 0


def fitted_model(arguments: argparse.Namespace, model: Any, night: Any) -> tuple[str, Any]:
    """The method, and the model that it makes of a night. Raises UserError for a method that needs more."""
    from training.adaptation.night import with_night

    method = arguments.method[0] if len(arguments.method) == 1 else ADABN
    if arguments.method not in ([], [ADABN], [TARGET_NOISE]):
        raise UserError(f"--method is {', '.join(arguments.method)}: a night fits a model by {ADABN} or {TARGET_NOISE}")
    if method == ADABN:
        return method, with_night(model, night, arguments.share)
    if arguments.data is None:
        raise UserError(f"--method {TARGET_NOISE} learns on recordings: name their folder with --data")
    from training.adaptation.night_noise import taught_over_night
    from training.data.log_mel_frames import frames_of
    from training.data.selection import DataConfig, choose_clips

    clips = choose_clips(arguments.data, DataConfig(tuple(arguments.corpus), "eval_fold", tuple(arguments.label)))
    if not clips:
        raise UserError(f"no clips of {', '.join(arguments.corpus) or 'no corpus'}: name one with --corpus")
    with tempfile.TemporaryDirectory(prefix="cry-train-") as work:
        return method, taught_over_night(
            model, frames_of(clips), night.background, arguments.epochs, arguments.seed, Path(work)
        )


def compare(arguments: argparse.Namespace) -> int:
    """Each method on the same domains; returns the exit status."""
    if arguments.data is None or arguments.out is None:
        raise UserError("adapt needs --data and --out, or --from-night with --model")
    if bool(arguments.shift) == bool(arguments.source and arguments.target):
        raise UserError("name two platforms with --source and --target, or a --shift")
    from training.adaptation.domains import of_platforms, shifted
    from training.adaptation.experiment import adapt, as_table
    from training.adaptation.methods import find_method, method_names
    from training.adaptation.stage import Settings
    from training.data.selection import DataConfig, choose_clips

    methods = arguments.method or list(method_names())
    for method in methods:
        find_method(method)
    config = DataConfig(
        tuple(arguments.corpus), "group", tuple(arguments.label), clips_per_group_and_label=arguments.per_label
    )
    clips = choose_clips(arguments.data, config)
    if not clips:
        raise UserError(f"no clips of {', '.join(arguments.corpus) or 'no corpus'}: name one with --corpus")
    seed = arguments.seed
    if arguments.shift:
        domains = shifted(clips, arguments.shift, seed)
    else:
        domains = of_platforms(clips, arguments.source, arguments.target, seed)
    settings = Settings(epochs=arguments.epochs, seed=seed)
    results = [adapt(domains, method, settings, arguments.out / f"{method}-seed{seed}") for method in methods]
    (arguments.out / "report.json").write_text(json.dumps(results, indent=1) + "\n")
    print(as_table(results))
    return 0
