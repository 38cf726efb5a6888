"""All that one monitor holds of the infant that is its own: the network, who is enrolled, the cries that wait."""

from edge.errors import UserError
from edge.infant.enrolment import check_model, cosine, enrolment_of, read_enrolment, remove_enrolment, write_enrolment
from edge.infant.waiting import WaitingCries


class OwnInfant(object):
    """network: edge.bundle.Embedding. waiting: WaitingCries. enrolment: an Enrolment, or None."""

    def __init__(self, network, waiting=None):
        self.network = network
        self.waiting = waiting or WaitingCries()
        self.enrolment = None

    def read(self, database):
        """Take the enrolment beside a database. Raises UserError where it is damaged or of another model."""
        enrolment = read_enrolment(database)
        if enrolment is not None:
            check_model(enrolment, self.network, database)
        self.enrolment = enrolment

    def score(self, mean):
        """How like the enrolled infant a cry is, -1..1 in hundredths; None where nobody is enrolled."""
        enrolment = self.enrolment
        return None if enrolment is None else round(cosine(mean, enrolment.mean), 2)

    def enrol(self, database, cries):
        """Write the mean of some waiting cries, which are gone then; returns the Enrolment. Raises UserError."""
        enrolment = enrolment_of(cries, self.network)
        write_enrolment(database, enrolment)
        self.enrolment = enrolment
        self.waiting.forget(cries)
        return enrolment

    def forget(self, database):
        """Nobody is enrolled any more, nothing waits; whether somebody was. Raises UserError."""
        self.enrolment = None
        self.waiting.forget()
        return remove_enrolment(database)


def open_infant(open_network, database, say):
    """The OwnInfant of a monitor, or None where there is no model to use; hearing goes on either way.

    open_network() -> edge.bundle.Embedding, or raises UserError. say(text): what cannot be used, and why.
    """
    try:
        infant = OwnInfant(open_network())
    except UserError as error:
        say("{}; events have no score".format(error))
        return None
    try:
        infant.read(database)
    except UserError as error:
        say("{}; until then events have no score".format(error))
    return infant
