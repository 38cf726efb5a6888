"""The live page: HTML, style and script, each one text of this file's neighbours, none from elsewhere."""

import html
import os

from edge.report.page import STYLE

HERE = os.path.dirname(os.path.abspath(__file__))
SECURITY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self' 'unsafe-inline'; script-src 'self'; "
    "connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def live_page(names) -> str:
    """The page that shows every monitor now; the script fills it."""
    cards = "\n".join(card(name) for name in names)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>cry-monitor</title>'
        '<link rel="icon" href="data:,"><link rel="stylesheet" href="live.css"></head>\n'
        "<body><header><h1>cry-monitor</h1></header>\n<main>{}</main>\n"
        '<p id="connection" role="status"></p>\n<script src="live.js"></script></body></html>\n'
    ).format(cards)


def card(name: str) -> str:
    """The part of one monitor."""
    title = html.escape(name)
    return (
        '<section class="monitor" data-name="{0}" aria-labelledby="title-{0}"><h2 id="title-{0}">{0}</h2>'
        '<p class="crying" role="alert" aria-live="assertive"></p><p class="state" role="status"></p>'
        '<label>Sound level <meter class="level" min="-90" max="0" low="-60" high="-20" value="-90"></meter> '
        '<output class="dbfs"></output></label>'
        '<figure><svg class="history" viewBox="0 0 120 40" preserveAspectRatio="none" role="img" '
        'aria-label="probability of crying over the last minute"></svg>'
        '<figcaption>p(cry), the last minute: <output class="probability"></output></figcaption></figure>'
        '<p class="facts"></p><div class="actions">'
        '<button type="button" class="pause">Pause for 30 minutes</button>'
        '<button type="button" class="resume" hidden>Listen again</button>'
        '<span class="marks" hidden>The last one was '
        '<button type="button" value="cry" aria-label="The last one was a cry">a cry</button> '
        '<button type="button" value="other" aria-label="The last one was something else">something else</button>'
        "</span>"
        '<output class="said" role="status"></output></div>'
        '<p class="links"><a href="report?source={0}">The night</a> <a href="report?source={0}&amp;days=7">A week</a> '
        '<a href="report?source={0}&amp;days=365">A year</a></p></section>'
    ).format(title)


def style() -> str:
    """live.css."""
    return STYLE + "\n" + text_of("live.css")


def script() -> str:
    """live.js."""
    return text_of("live.js")


def text_of(name: str) -> str:
    """A file beside this one."""
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        return file.read()
