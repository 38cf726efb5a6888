"""`cry-monitor live`: what every monitor hears now, in a terminal.

    screen.py     lines of text from what is known of the monitors
    terminal.py   those lines on a terminal, twice a second, until q

Depends on edge.following.
"""
