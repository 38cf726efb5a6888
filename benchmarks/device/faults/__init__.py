"""What is done to the monitor while it hears, kind by kind: how soon it hears again, and what it says.

    python -m benchmarks.device.faults [--only NAME ...]

After each fault a made-up cry is played, which must raise its alert. The microphone is PulseAudio's, the monitor
`cry-monitor run` with the bundle that ships, the service a real systemd's (root only; left out and said elsewhere).
The faults of the microphone itself have a table of their own: benchmarks.device.microphone_cycles.
"""
