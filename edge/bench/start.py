"""A fresh process as the daemon is one: import, start, first inference, memory, share of a core at real-time pace.

    python -m edge.bench.start SPAWNED_S BUNDLE THREADS QUIET.f32 LOUD.f32 PACED_S FOLDER

SPAWNED_S: time.monotonic() when the process was asked for. QUIET, LOUD: raw float32 samples at 16 kHz. Prints one
line of JSON.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

TIMEOUT_S = 600.0
LEARN_S = 8.0  # of the quiet: until the gate knows the room


def fresh_process(bundle_directory, threads, quiet, loud, paced_s):
    """What a fresh process measures: {"import_s", "start_s", ...}, see main. quiet, loud: 1-D float32 samples."""
    folder = tempfile.mkdtemp(prefix="edge-bench-")
    try:
        paths = []
        for name, samples in (("quiet.f32", quiet), ("loud.f32", loud)):
            paths.append(os.path.join(folder, name))
            samples.tofile(paths[-1])
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        environment = dict(
            os.environ, PYTHONPATH=os.pathsep.join([root] + [path for path in [os.environ.get("PYTHONPATH")] if path])
        )
        command = (
            [sys.executable, "-m", "edge.bench.start", repr(time.monotonic()), str(bundle_directory), str(threads)]
            + paths
            + [str(paced_s), folder]
        )
        output = subprocess.check_output(command, env=environment, stderr=subprocess.PIPE, timeout=TIMEOUT_S)
        return json.loads(output.decode("utf-8").splitlines()[-1])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    """Measure this process."""
    begun_s = time.monotonic()
    spawned_s, bundle_directory, threads, quiet_path, loud_path, paced_s, folder = sys.argv[1:]
    from edge.bundle import load_bundle
    from edge.commands import run  # noqa: F401  what `cry-monitor run` imports
    from edge.config import load_settings
    from edge.runtime.listener import Listener
    from edge.sinks import Sink
    from edge.store.buffered_store import BufferedStore

    imported_s = time.monotonic()
    bundle = load_bundle(bundle_directory, int(threads))
    loaded_s = time.monotonic()
    bundle.warm_up()
    warm_s = time.monotonic()
    import numpy as np

    from edge.audio import Source
    from edge.frames import SAMPLE_RATE

    quiet = np.fromfile(quiet_path, np.float32)
    settings = load_settings(None)
    with BufferedStore(os.path.join(folder, "start.db"), settings) as keeper:
        listener = Listener(bundle, settings, keeper, Source(), Sink())
        listener.push(quiet[:SAMPLE_RATE])
        first_frame_s = time.monotonic()
        learned = int(LEARN_S * SAMPLE_RATE)
        push(listener, quiet[SAMPLE_RATE:learned])
        share = share_of_core(listener, quiet[learned:], float(paced_s))
        steady_mb = status_mb("VmRSS")
        push(listener, np.fromfile(loud_path, np.float32))
        crying_mb = status_mb("VmRSS")
        listener.finish()
    print(
        json.dumps(
            {
                "interpreter_s": begun_s - float(spawned_s),
                "import_s": imported_s - begun_s,
                "load_s": loaded_s - imported_s,
                "first_inference_s": warm_s - loaded_s,
                "start_to_first_frame_s": first_frame_s - float(spawned_s),
                "listening_cpu_share": share,
                "listening_memory_mb": steady_mb,
                "crying_memory_mb": crying_mb,
                "peak_memory_mb": status_mb("VmHWM"),
            }
        )
    )


def push(listener, samples, block=800):
    """All samples, as quickly as they go."""
    for first in range(0, len(samples), block):
        listener.push(samples[first : first + block])


def share_of_core(listener, samples, paced_s):
    """CPU seconds per second at real-time pace over the first paced_s seconds of samples."""
    from edge.frames import SAMPLE_RATE

    block = SAMPLE_RATE // 20
    began_s, cpu_s = time.monotonic(), time.process_time()
    for number in range(int(paced_s * SAMPLE_RATE) // block):
        time.sleep(max(0.0, began_s + (number + 1) * block / float(SAMPLE_RATE) - time.monotonic()))
        listener.push(samples[number * block : (number + 1) * block])
    return (time.process_time() - cpu_s) / (time.monotonic() - began_s)


def status_mb(field):
    """VmRSS or VmHWM of this process in MB, or None where there is no /proc."""
    try:
        with open("/proc/self/status") as file:
            for line in file:
                if line.startswith(field + ":"):
                    return int(line.split()[1]) / 1000.0
    except OSError:
        return None
    return None


if __name__ == "__main__":
    main()
