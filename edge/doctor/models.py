"""The bundle, the engine that runs it, and whether it keeps up."""

from typing import List

import numpy as np

from edge.bundle import load_bundle, open_embedding, read_manifest, verify_files
from edge.bundle.model import VERIFIER
from edge.bundle.trial import check_owner, try_bundle
from edge.decision.rules import differences
from edge.doctor.finding import OK, UNKNOWN, WARNING, WRONG, Finding
from edge.engines.base import slow_because
from edge.errors import UserError
from edge.frames import FRAME_HOP
from edge.pipeline import Pipeline
from edge.synthesis import infant_cry
from edge.synthesis.signals import to_level
from edge.timings import FRAME_STAGE
from edge.tuning.override import with_override

CRY_S = 10.0
CRY_DBFS = -25.0


def model_findings(directory: str, settings, database: str = "") -> List[Finding]:
    """Verify and open the bundle, and time it on a made-up cry, which keeps every model at work.

    database: beside which this home's thresholds may stand; empty for the bundle's own.
    """
    try:
        manifest = read_manifest(directory)
        check_owner(directory)
        verify_files([model for model in manifest.models if model.role != VERIFIER], directory)
    except UserError as error:
        return [Finding("bundle", WRONG, str(error), "install cry-monitor again, or set [detector] bundle")]
    verified = Finding(
        "bundle",
        OK,
        "{} {} in {}: {}; every file is what its manifest says".format(
            manifest.name, manifest.version, directory, ", ".join(model.title for model in manifest.models)
        ),
    )
    try:
        try_bundle(directory, settings.detector.threads)
    except UserError as error:
        return [verified, Finding("models", WRONG, str(error), "set [detector] bundle, or install cry-monitor again")]
    try:
        bundle = load_bundle(directory, settings.detector.threads)
        bundle.warm_up()
    except UserError as error:
        return [verified, Finding("engine", WRONG, str(error), "install the engine that is named, or another bundle")]
    engine = Finding(
        "engine",
        OK,
        "; ".join("{} runs {}".format(name, ", ".join(titles)) for name, titles in bundle.engines().items()),
    )
    left_out = [Finding("verifier", WARNING, line, "install cry-monitor again") for line in bundle.left_out]
    if settings.infant.enabled:
        left_out += _infant_finding(directory, settings)
    try:
        bundle = with_override(bundle, database) if database else bundle
    except UserError as error:
        left_out.append(Finding("tuning", WRONG, str(error), "until then the bundle's own thresholds hold"))
    return (
        [verified, engine] + left_out + [decision_finding(bundle, settings.decision), speed_finding(bundle, settings)]
    )


def _infant_finding(directory, settings) -> List[Finding]:
    """Why events have no score though one is asked for; [] where nothing stands against it."""
    try:
        open_embedding(directory, settings.detector.threads)
    except UserError as error:
        return [
            Finding("infant", WRONG, str(error), "until then events have no score; or set [infant] enabled = false")
        ]
    return []


def decision_finding(bundle, settings) -> Finding:
    """What the thresholds in use came to where they were measured."""
    others = differences(bundle.decision, settings)
    if others == [bundle.decision.tuned]:
        return Finding("sensitivity", OK, others[0])
    if others:
        return Finding("sensitivity", UNKNOWN, "; ".join(others), "what these come to has not been measured")
    measured = bundle.decision.sensitivities.get(settings.sensitivity)
    if measured is None:
        return Finding("sensitivity", OK, "the bundle's own thresholds")
    return Finding(
        "sensitivity",
        OK,
        "{}: {:.0f} % of single cries of 3 to 6 s found and {:.1f} false alarms an hour of dense other "
        "sound, measured on recordings that the models had not heard".format(
            settings.sensitivity, 100 * measured.cries_found, measured.false_alarms_per_hour
        ),
    )


def speed_finding(bundle, settings) -> Finding:
    """The time that a frame takes against its budget."""
    pipeline = Pipeline(bundle, settings)
    cry = to_level(infant_cry(CRY_S, np.random.default_rng(1)).samples, CRY_DBFS)
    for begin in range(0, len(cry), FRAME_HOP):
        pipeline.push(cry[begin : begin + FRAME_HOP])
    row, budget_ms = pipeline.timings.row(FRAME_STAGE), settings.budget.frame_ms
    text = "{:.1f} ms a frame, at worst {:.1f} ms, of {:g} ms".format(row.p50_ms, row.max_ms, budget_ms)
    slow = slow_because()
    if slow:
        state = WRONG if row.p50_ms > budget_ms else WARNING
        return Finding("frame time", state, "{}; {}".format(text, slow), "let it see /proc/cpuinfo: ProcSubset=all")
    if row.p50_ms > budget_ms:
        return Finding(
            "frame time",
            WRONG,
            text + ": too slow for this machine",
            "use a lighter bundle, or a faster board; edge-bench shows which stage it is",
        )
    if row.max_ms > budget_ms:
        return Finding("frame time", WARNING, text, "see what else is running: top; edge-bench measures longer")
    return Finding("frame time", OK, text)
