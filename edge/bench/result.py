"""One run of edge-bench as the object that --json prints (docs/schemas/bench.schema.json)."""

import os

from edge import __version__
from edge.bench import disturbance, text
from edge.bench.baseline import ROUND_PERCENTILE
from edge.bench.board import PACKAGES, board, moment
from edge.bench.material import room_noise
from edge.bench.measure import measure
from edge.bench.paths import CPU_STAGE, HOP_STAGE, PATHS
from edge.bench.soak import growth_mb_per_hour, soak
from edge.bench.start import LEARN_S, fresh_process
from edge.frames import FRAME_HOP_S
from edge.timings import FRAME_STAGE, StageTimings, percentile
from edge.versions import loaded_versions

PACED_S = 6.0  # at real-time pace, or less when less audio is asked for
PACED_SHARE = 0.1  # of the audio asked for
LOUD_S = 20.0
FEWEST_DURATIONS = 10  # of a stage in a round: fewer are compared with nothing


def run(bundle, settings, recording, threads, seconds):
    """Measure everything as quickly as it goes: (result, [PathTimings]). result: dict of JSON."""
    start = start_figures(bundle, recording, threads, seconds)
    before, during = moment(), []
    watch = disturbance.Watch()
    warm_up, rounds = measure(bundle, settings, recording, after_round=lambda: during.append(moment()))
    figures = watch.figures()
    passes = [a_round.timings for a_round in rounds]
    result = common(bundle, settings, recording, threads, start, passes)
    result.update(
        {
            "rounds": len(rounds),
            "warm_up": rows(warm_up.timings),
            "per_round": [round_object(a_round) for a_round in rounds],
            "collections": collections([s for a_round in rounds for s in a_round.collections_s]),
            "cpu_share": sum(a_round.seconds for a_round in rounds) / (len(rounds) * recording.seconds),
            "bytes_written_per_hour": per_hour(
                [one.bytes_written for one in rounds], sum(one.audio_s for one in rounds)
            ),
        }
    )
    add_state(
        result,
        figures,
        before,
        during,
        disturbance.reasons(figures, [a_round.yardstick_s for a_round in rounds], before, during, moment()),
    )
    return result, passes


def run_soak(bundle, settings, recording, threads, seconds, hours, say):
    """Measure for hours at real-time pace: (result, [PathTimings]). say(line) gets a line for each sample."""
    start = start_figures(bundle, recording, threads, seconds)
    say(text.soak_heading())
    before = moment()
    watch = disturbance.Watch()
    timings, samples, collections_s, written = soak(
        bundle, settings, recording, hours, lambda sample: say(text.soak_line(sample))
    )
    figures = watch.figures()
    during = [sample.pop("moment") for sample in samples]
    result = common(bundle, settings, recording, threads, start, [timings])
    result.update(
        {
            "rounds": 1,
            "warm_up": [],
            "per_round": [],
            "collections": collections(collections_s),
            "cpu_share": figures["cpu_share"],
            "bytes_written_per_hour": per_hour([written], timings.row(FRAME_STAGE).n * FRAME_HOP_S),
            "soak": samples,
            "soak_growth_mb_per_hour": growth_mb_per_hour(samples),
        }
    )
    add_state(result, figures, before, during, disturbance.reasons(figures, [], before, during, moment()))
    return result, [timings]


def start_figures(bundle, recording, threads, seconds):
    """What a fresh process measures, see edge.bench.start."""
    paced_s = min(PACED_S, PACED_SHARE * seconds)
    loud = recording.first(LOUD_S).at_16_khz()
    return fresh_process(bundle.directory, threads, room_noise(LEARN_S + paced_s), loud, paced_s)


def common(bundle, settings, recording, threads, start, passes):
    """What a run and a soak have in common."""
    return {
        "edge_bench": __version__,
        "engine": ", ".join(bundle.engines()),
        "bundle": "{} {}".format(bundle.name, bundle.version),
        "bundle_sha256": bundle.sha256,
        "threads": threads,
        "input": os.path.basename(recording.name),
        "native_rate_hz": recording.native_rate_hz,
        "audio_s": recording.seconds,
        "budget_ms": settings.budget.frame_ms,
        "stages": rows(merged(passes)),
        "missed_deadlines": sum(one.missed_deadlines for one in passes),
        "paths": {path: rows(merged([one.paths[path] for one in passes])) for path in PATHS},
        "start": start,
    }


def add_state(result, figures, before, during, disturbed):
    """The state of the board, and what disturbed the run."""
    result["board"] = dict(board(), versions=loaded_versions(PACKAGES))
    result.update(before=before, during=during, after=moment(), disturbance=figures, disturbed=disturbed)


def rows(timings):
    """Rows of StageTimings as objects: stages, then everything of the hop, then the frame."""
    table = timings.table()
    last = (CPU_STAGE, HOP_STAGE, FRAME_STAGE)
    ordered = [row for row in table if row.stage not in last]
    ordered += [row for name in last for row in table if row.stage == name]
    return [dict(row._asdict()) for row in ordered]


def merged(timings):
    """The durations of several StageTimings as one."""
    together = StageTimings(timings[0].budget_s)
    for one in timings:
        together.extend(one)
    return together


def round_object(a_round):
    """What the comparison with another run needs of a round: low percentiles in milliseconds, by path and stage."""
    p10_ms = {}
    for path, timings in a_round.timings.paths.items():
        for row in timings.table():
            if row.n >= FEWEST_DURATIONS:
                durations_s = sorted(timings.durations_s(row.stage))
                p10_ms["{}/{}".format(path, row.stage)] = 1e3 * percentile(durations_s, ROUND_PERCENTILE)
    return {"yardstick_ms": 1e3 * a_round.yardstick_s, "seconds": a_round.seconds, "p10_ms": p10_ms}


def collections(seconds):
    """Garbage collections by what each took."""
    return {"n": len(seconds), "longest_ms": 1e3 * max([0.0] + seconds)}


def per_hour(written, audio_s):
    """Bytes per hour of audio, of passes that wrote so many each, or None where the system does not count."""
    return None if None in written else 3600.0 * sum(written) / audio_s
