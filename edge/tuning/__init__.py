"""This home's thresholds: what others would have cost and brought on its own marked nights.

    nights.py     which nights can be counted: heard long enough, every event marked, every frame of theirs kept
    replay.py     the alerts that other thresholds would have raised, by the very rules that raise them
    trade.py      false alarms a night against the delay, for each of several thresholds; which of them to take
    picture.py    that as a picture
    override.py   the file beside the database that `cry-monitor run` reads its thresholds from

Only thresholds are ever changed, never weights. Depends on edge.store, edge.decision, edge.bundle and edge.report.svg.
"""
