"""Who was told what of late, as the bridge says: the monitor only keeps it, for live and the page to show."""

import time

from edge.errors import UserError
from edge.log import iso_utc
from edge.text import cut, printable

LONGEST = 200  # characters of each text


def told_requests(status):
    """{name: answer} for the local socket. status: edge.status.Status, which keeps it."""

    def answer(request):
        told = {"at_utc": iso_utc(time.time())}
        for key in ("by", "what", "trouble"):
            value = request.get(key, "")
            if not isinstance(value, str):
                raise UserError("{} is no text".format(key))
            told[key] = cut(printable(value), LONGEST)
        status.somebody_was_told(told)
        return {}

    return {"told": answer}
