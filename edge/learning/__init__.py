"""What a home may keep to teach the models with other homes; nothing, unless [learn] says so.

    answers.py      the numbers that detector and verifier answered with during an episode: what the fusion takes in
    marked_file.py  those of marked events as a file beside the database, which `cry-train federate` reads
    learning.py     the monitor's part: an episode waits in memory until it is marked, a day at most

Never sound, and nothing that sound can be made of. Depends on edge.store.
"""
