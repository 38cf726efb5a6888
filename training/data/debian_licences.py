"""Licences of single files in a Debian copyright file (DEP-5): the last paragraph that names a file counts."""

from __future__ import annotations

import re
from fnmatch import translate

OPEN, MEASURE, LEFT_OUT = "open", "measure", "left_out"
TRAIN = re.compile(r"CC0(-1\.0)?|CC-BY(-\d\.\d)?|public-domain", re.IGNORECASE)
MEASURE_WITH = re.compile(r"CC-BY-SA(-\d\.\d)?|GPL(-\d(\.\d)?\+?)?", re.IGNORECASE)
ORDER = (OPEN, MEASURE, LEFT_OUT)
WHOLE_PACKAGE_GPL = re.compile(r"This package is free software.{0,400}?GNU General Public License", re.DOTALL)


class Licences:
    """The copyright file of one package."""

    def __init__(self, text: str):
        """text: of usr/share/doc/PACKAGE/copyright, DEP-5 or prose."""
        self._rules: list[tuple[re.Pattern[str], str]] = []
        if text.startswith("Format:"):
            for paragraph in re.split(r"\n\s*\n", text):
                fields = fields_of(paragraph)
                if "files" in fields and "license" in fields:
                    licence = fields["license"].splitlines()[0].strip()
                    patterns = fields["files"].replace(",", " ").split()
                    self._rules += [(re.compile(translate(pattern)), licence) for pattern in patterns]
        elif WHOLE_PACKAGE_GPL.search(text):
            self._rules.append((re.compile(".*"), "GPL"))

    def of(self, path: str) -> tuple[str, str]:
        """(licence as written, licence class) of a file by its path in the source package, or any path that ends so."""
        found = [licence for pattern, licence in self._rules if pattern.fullmatch(path)]
        return (found[-1], class_of(found[-1])) if found else ("", LEFT_OUT)


def fields_of(paragraph: str) -> dict[str, str]:
    """Field name (lower case) -> value of one paragraph; continued lines joined by newlines."""
    fields: dict[str, str] = {}
    name = ""
    for line in paragraph.splitlines():
        head = re.match(r"([A-Za-z-]+):(.*)", line)
        if head:
            name = head[1].lower()
            fields[name] = head[2].strip()
        elif name:
            fields[name] += "\n" + line.strip()
    return {name: value.strip() for name, value in fields.items()}


def class_of(licence: str) -> str:
    """What a licence allows: of "A or B" the freer one, of "A and B" the stricter one."""
    if " and " in licence:
        return max((class_of(part) for part in licence.split(" and ")), key=ORDER.index)
    alternatives = re.split(r"\s+or\s+", licence, flags=re.IGNORECASE)
    if len(alternatives) > 1:
        return min((class_of(part) for part in alternatives), key=ORDER.index)
    if TRAIN.fullmatch(licence):
        return OPEN
    return MEASURE if MEASURE_WITH.fullmatch(licence) else LEFT_OUT
