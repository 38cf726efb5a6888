"""What is on its way to the database: it is written as soon as the disk takes it."""


class WaitingEvent:
    """An event on its way to the database."""

    def __init__(self, event, start_utc, source):
        self.event = event
        self.start_utc = start_utc
        self.source = source
        self.is_open = True
        self.row = None  # its id in the database
        self.is_written = False


class WaitingMinute:
    """A minute on its way to the database; how much of it was crying may turn out later."""

    def __init__(self, minute):
        self.minute = minute
        self.row = None  # its id in the database
        self.is_written = False
