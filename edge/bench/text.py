"""What edge-bench prints: at most 80 columns."""

import textwrap

from edge.bench.paths import CRYING, LISTENING, QUIET
from edge.frames import SAMPLE_RATE
from edge.timings import StageRow, format_rows

WIDTH = 80
ABOUT = {
    QUIET: "quiet: too quiet for the detector",
    LISTENING: "listening: the detector is asked",
    CRYING: "crying: an episode is open",
}


def report(result):
    """The lines of a result (edge.bench.result)."""
    lines = heading(result)
    for path, about in ABOUT.items():
        rows = [StageRow(**row) for row in result["paths"].get(path, [])]
        if rows:
            lines += ["", about] + format_rows(rows, result["budget_ms"])
    lines += ["", "all"] + format_rows([StageRow(**row) for row in result["stages"]], result["budget_ms"])
    lines.append("missed deadlines: {}".format(result["missed_deadlines"]))
    lines += [""] + wrapped(facts(result)) + state(result)
    return lines


def heading(result):
    """Which bundle on which machine over which audio."""
    board = result["board"]
    machine = [
        board["model"],
        board["cpu"],
        "{} cores".format(board["cores"]),
        board["architecture"],
        board["governor"] and "governor " + board["governor"],
        board["highest_mhz"] and "up to {:.0f} MHz".format(board["highest_mhz"]),
        board["power_mode"] and "power mode " + board["power_mode"],
        board["fixed_clocks"] and "jetson_clocks",
        board["system"],
    ]
    return wrapped(
        [
            "bundle {} ({}), {}, threads {}".format(
                result["bundle"], result["bundle_sha256"][:12], result["engine"], result["threads"]
            ),
            ", ".join(part for part in machine if part),
            ", ".join("{} {}".format(name, version) for name, version in sorted(board["versions"].items())),
            "{:.0f} s of {}{}, {}".format(
                result["audio_s"],
                result["input"],
                "" if result["native_rate_hz"] == SAMPLE_RATE else " at {} Hz".format(result["native_rate_hz"]),
                "at real-time pace"
                if result.get("soak")
                else "{} times as quickly as it goes".format(result["rounds"]),
            ),
        ]
    )


def facts(result):
    """What is no stage."""
    start = result["start"]
    found = []
    if result["warm_up"]:
        found.append(
            "warm-up, not counted above: {} frames, the longest {:.3f} ms".format(
                result["warm_up"][-1]["n"], result["warm_up"][-1]["max_ms"]
            )
        )
    found += [
        "start to first frame {:.2f} s: interpreter {:.2f}, imports {:.2f}, bundle {:.2f}, first inference "
        "{:.1f} ms".format(
            start["start_to_first_frame_s"],
            start["interpreter_s"],
            start["import_s"],
            start["load_s"],
            1e3 * start["first_inference_s"],
        ),
        "CPU share at real-time pace, nothing crying {:.2%}; of this audio {:.2%}".format(
            start["listening_cpu_share"], result["cpu_share"]
        ),
    ]
    if start["listening_memory_mb"] is not None:
        found.append(
            "memory {:.0f} MB listening, {:.0f} MB after crying, {:.0f} MB at most".format(
                start["listening_memory_mb"], start["crying_memory_mb"], start["peak_memory_mb"]
            )
        )
    if result.get("soak_growth_mb_per_hour") is not None:
        found.append(
            "memory of the soak's second half grew by {:+.2f} MB per hour".format(result["soak_growth_mb_per_hour"])
        )
    if result["bytes_written_per_hour"] is not None:
        found.append("written {:.0f} kB per hour of this audio".format(result["bytes_written_per_hour"] / 1000.0))
    collections = result["collections"]
    found.append("garbage collections {}, the longest {:.3f} ms".format(collections["n"], collections["longest_ms"]))
    return found


def state(result):
    """The state of the board, and whether the figures can be trusted."""
    temperatures = [max(moment["temperatures_c"].values()) for moment in moments(result) if moment["temperatures_c"]]
    clocks = [max(moment["clocks_mhz"]) for moment in moments(result) if moment["clocks_mhz"]]
    known = ["load {:.2f} before, {:.2f} after".format(result["before"]["load_1min"], result["after"]["load_1min"])]
    if temperatures:
        known.append(
            "{:.1f} C before, {:.1f} at most, {:.1f} after".format(temperatures[0], max(temperatures), temperatures[-1])
        )
    if clocks:
        known.append("clock {:.0f} to {:.0f} MHz".format(min(clocks), max(clocks)))
    if not result["disturbed"]:
        return wrapped([", ".join(known)] + ["undisturbed"])
    return wrapped([", ".join(known)] + ["DISTURBED: " + "; ".join(result["disturbed"])])


def moments(result):
    """Before, during and after, in order."""
    return [result["before"]] + result["during"] + [result["after"]]


def comparison(changes, baseline):
    """The lines of a comparison: its changes, and the object "baseline" of the result."""
    lines = [
        "",
        "{:<36}{:>10}{:>10}{:>9}{:>9}".format("beside the baseline, p10 ms", "before", "now", "ratio", "noise"),
    ]
    for change in changes:
        lines.append(
            "{:<36}{:>10.3f}{:>10.3f}{:>9.2f}{:>9.0%}{}".format(
                change.stage[:36],
                change.before_ms,
                change.after_ms,
                change.ratio,
                change.noise,
                " SLOW" if change.is_regression else "",
            )
        )
    lines += wrapped(["not the same as then: " + text for text in baseline["differences"]])
    lines += wrapped(
        [
            "all stages together {}, a fixed piece of work x {:.2f}: the ratios are over the first, which are taken "
            "for the machine's".format(
                ", ".join("{} x {:.2f}".format(path, ratio) for path, ratio in baseline["machine_ratios"].items()),
                baseline["yardstick_ratio"],
            )
        ]
    )
    slower = [change for change in changes if change.is_regression]
    lines.append(
        "slower than the baseline by more than its noise: {}".format(
            ", ".join(change.stage for change in slower) or "nothing"
        )
    )
    return lines


def soak_heading():
    """Over the lines of a soak."""
    return "{:>9}{:>9}{:>9}{:>9}{:>8}{:>9}{:>9}{:>8}{:>9}".format(
        "minutes", "p50 ms", "p99 ms", "max ms", "missed", "MB", "C", "MHz", "load"
    )


def soak_line(sample):
    """One sample of edge.bench.soak."""

    def shown(value, places):
        return "-" if value is None else "{:.{}f}".format(value, places)

    return "{:>9.1f}{:>9.3f}{:>9.3f}{:>9.3f}{:>8d}{:>9}{:>9}{:>8}{:>9.2f}".format(
        sample["t_s"] / 60.0,
        sample["p50_ms"],
        sample["p99_ms"],
        sample["max_ms"],
        sample["missed_deadlines"],
        shown(sample["memory_mb"], 1),
        shown(sample["temperature_c"], 1),
        shown(sample["clock_mhz"], 0),
        sample["moment"]["load_1min"],
    )


def wrapped(texts):
    """Each text in lines of at most WIDTH."""
    return [line for text in texts for line in textwrap.wrap(text, WIDTH, subsequent_indent="  ")]
