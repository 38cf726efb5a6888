"""How fast the device is: stage timings kept by the pipeline, and the `edge-bench` command.

`timings.py` is what the pipeline fills, always. The rest is the command's: `material.py` the audio, `paths.py` the
timings of the quiet and the crying path apart, `measure.py` the daemon's own path played in rounds, `start.py` a fresh
process from import to first frame, `board.py` and `disturbance.py` the state of the machine, `baseline.py` the
comparison with an earlier run, `text.py` and `page.py` what a person reads, `soak.py` the long run.
"""
