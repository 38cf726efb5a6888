"""What each operator of an ONNX file takes, by onnxruntime's own profiler."""

import json
import os
import tempfile

import numpy as np

from edge.bench.operators import Profile, table_of
from edge.engines.base import one_line, quiet_stderr, version_of
from edge.errors import UserError

KERNEL_TIME = "_kernel_time"  # the end of the name that onnxruntime gives to an operator's own time
MODEL_RUN = "model_run"
SEED = 0


def profile_onnx(path, threads, warm_up, runs):
    """The Profile of a file over `runs` inferences. Raises UserError."""
    try:
        import onnxruntime
    except ImportError as error:
        raise UserError("onnxruntime cannot be imported ({}): install it".format(one_line(error))) from error
    events = profiled_events(onnxruntime, path, threads, warm_up + runs)
    rows = operator_rows(events, warm_up)
    operators = table_of(rows)
    whole = [event["dur"] for event in events if event.get("cat") == "Session" and event["name"] == MODEL_RUN]
    return Profile(
        "onnxruntime " + version_of(onnxruntime),
        operators,
        sum(one.mean_us for one in operators),
        float(np.median(whole[warm_up:])) if whole[warm_up:] else 0.0,
        events,
        "the profiler itself makes an inference longer",
    )


def profiled_events(onnxruntime, path, threads, runs):
    """The events of onnxruntime's profiler over `runs` inferences on noise, a Chrome trace. Raises UserError."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    options.enable_profiling = True
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as folder:
        options.profile_file_prefix = os.path.join(folder, "profile")
        try:
            with quiet_stderr():
                session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its exceptions share no public base class
            raise UserError("onnxruntime cannot open {} ({}): export it again".format(path, one_line(error))) from error
        rng = np.random.RandomState(SEED)
        feed = {one.name: rng.normal(size=one.shape).astype(np.float32) for one in session.get_inputs()}
        for _ in range(runs):
            session.run(None, feed)
        with open(session.end_profiling(), encoding="utf-8") as file:
            return json.load(file)


def operator_rows(events, warm_up):
    """[(layer, operator, microseconds of each run after the warm-up)] of each node, in the order in which they run.

    Nodes of the same name, and what a node does again in a loop, count together.
    """
    durations, kinds, run = {}, {}, -1
    timed = [event for event in events if "ts" in event]
    for event in sorted(timed, key=lambda event: (event["ts"], event["name"] != MODEL_RUN)):
        if event["name"] == MODEL_RUN:
            run += 1
        elif event.get("cat") == "Node" and event["name"].endswith(KERNEL_TIME):
            name = event["name"][: -len(KERNEL_TIME)]
            kinds[name] = event["args"]["op_name"]
            of_runs = durations.setdefault(name, {})
            of_runs[run] = of_runs.get(run, 0.0) + event["dur"]
    counted = range(warm_up, run + 1)
    return [(name, kinds[name], [of_runs.get(one, 0.0) for one in counted]) for name, of_runs in durations.items()]
