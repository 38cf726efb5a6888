"""Whether a cry sounds like the infant of this home: off unless somebody asks, and told as a score of each event.

    cry_embedding.py  follows one stream: the mean direction of the seconds of each event, its score
    waiting.py        such means of the newest events, in memory, until somebody says whose they are
    enrolment.py      the one that is written: the mean of the infant's cries, in a file beside the database
    own_infant.py     all of it for one monitor
    requests.py       what the local socket may ask: enrol, and forget

A direction that a cry is told by is biometric. Those of events are held here, 24 hours and 50 at most; nothing that
tells, keeps or sends anything is ever given one.
"""
