"""Boards that are not here: what a frame costs there, counted and not timed.

    python -m benchmarks.device.boards --root .arm64

runs the device's pipeline for arm64 under an emulator that counts instructions (`emulator.py`, `guest.py`), prints them
for four processors, and turns them into milliseconds by the model in `milliseconds.py`. Every such figure is an
**estimate**. `recorded.json` is the bar: tests/benchmarks/test_instructions.py fails when a frame needs 2 % more, until
the figure is changed on purpose with --set-bar. `make arm64` makes the root: Debian's qemu-user, gcc, mmdebstrap.
"""
