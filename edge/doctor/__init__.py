"""What `cry-monitor doctor` looks at: one function per thing that usually goes wrong, each giving Findings.

`examination.py` says which are looked at and in which order, `finding.py` is what a look gives; `sound.py` is the
microphone and what it hears, `models.py` bundle, engine and speed, `machine.py` disk, clock, power and groups,
`service.py` the unit under systemd, `beside.py` those of bridge and page. `privacy.py` shows what a running monitor has
open, as `processes.py` reads it from /proc, `destinations.py` whom the bridge tells. Nothing here changes anything. May
depend on any room of edge but the commands.
"""

from edge.doctor.finding import OK, UNKNOWN, WARNING, WRONG, Finding

__all__ = ["OK", "UNKNOWN", "WARNING", "WRONG", "Finding"]
