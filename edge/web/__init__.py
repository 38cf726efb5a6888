"""A small local page: what is heard now, and the night. A process of its own; the database is read only.

    server.py   the HTTP server: who may ask, what is answered, how many at once
    access.py   password, Host and Origin: who may ask
    orders.py   what it may ask of a monitor: a pause, its end, a mark
    pages.py    the page itself: one HTML text, one style, one script, nothing from elsewhere
    nights.py   the report of a database that is another process's
    metrics.py  the same as Prometheus text

Depends on edge.following, edge.report, edge.store, edge.config and the standard library.
"""
