"""How long tests wait for what comes at once on a machine with nothing else to do.

It ends a test that hangs; it says nothing of how long anything may take. What may take so long is measured beside a
yardstick (how_much_slower) or in events.
"""

PATIENCE_S = 300.0
