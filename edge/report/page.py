"""The HTML page around a report, in the one style of all of them, light and dark."""

import html

STYLE = """:root{--grid:#ddd;--axis:#bbb;--soft:#f6f6f4;--ink:#222;--paper:#fff;
--bad:#b3261e;--good:#2a7d2a;color-scheme:light dark}
@media(prefers-color-scheme:dark){:root{--grid:#333;--axis:#555;--soft:#1d1d1d;--ink:#ddd;--paper:#111;
--bad:#ff8266;--good:#7fd07f}}
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2em auto;padding:0 1em;color:var(--ink);
background:var(--paper)}pre{font-size:12.5px;overflow-x:auto;background:var(--soft);padding:1em}
svg{width:100%;height:auto}svg text{font:11px system-ui,sans-serif;fill:var(--ink)}
.wide{overflow-x:auto;margin:1rem 0}table{border-collapse:collapse}
:focus-visible{outline:3px solid #47b;outline-offset:2px}
td,th{border-bottom:1px solid var(--grid);padding:.25rem .8rem;text-align:right}
td:first-child,th:first-child{text-align:left}.bad{color:var(--bad);font-weight:600}.good{color:var(--good)}"""


def page(title, parts, style=""):
    """A whole page: its title as text, what stands in its body as HTML, and style beside that of every page."""
    return (
        '<!DOCTYPE html>\n<html lang=en><meta charset=utf-8><meta name=viewport content="width=device-width">'
        "<title>{0}</title><style>{1}</style>\n<main><h1>{0}</h1>\n{2}\n</main></html>\n"
    ).format(html.escape(title), STYLE + style, "\n".join(part for part in parts if part))


def heading(text, level=2):
    """A heading."""
    return "<h{0}>{1}</h{0}>".format(level, html.escape(text))


def paragraph(text, kind=""):
    """A paragraph of text; kind: "bad", "good" or none."""
    return "<p{}>{}</p>".format(" class={}".format(kind) if kind else "", html.escape(text))


def table(head, rows):
    """A table of text. head: one text a column; rows: as many texts each. A screen too narrow for it scrolls it."""
    lines = ["<tr>{}</tr>".format("".join("<th scope=col>{}</th>".format(html.escape(cell)) for cell in head))]
    lines += ["<tr>{}</tr>".format("".join("<td>{}</td>".format(html.escape(cell)) for cell in row)) for row in rows]
    label = html.escape("table: " + ", ".join(head), quote=True)
    return '<div class=wide role=region tabindex=0 aria-label="{}"><table>{}</table></div>'.format(
        label, "".join(lines)
    )


def folded(words, inside):
    """A part that opens when it is asked for."""
    return "<details><summary>{}</summary>{}</details>".format(html.escape(words), inside)
