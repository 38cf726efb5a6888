"""Where to get cry corpora, heart, lung and other sound; import and verify them.

List where to get each corpus of cries; import one by its file names; verify a folder of recordings.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from edge.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `cry-train corpora`."""
    parser.add_argument("action", nargs="?", choices=("list", "import", "verify"), default="list")
    parser.add_argument("name", nargs="?", help="which corpus to import")
    parser.add_argument("--data", type=Path, help="folder of the recordings; import writes metadata.csv into it")


def run(arguments: argparse.Namespace) -> int:
    """List, import or verify; returns the exit status."""
    from training.data import body_corpora, cry_corpora, debian

    if arguments.action == "list":
        lines = cry_corpora.listing() + body_corpora.listing() + debian.listing()
    elif arguments.data is None:
        raise UserError(f"corpora {arguments.action} needs the folder of the recordings: name it with --data")
    elif arguments.action == "verify":
        lines = cry_corpora.verify(arguments.data)
    elif arguments.name is None:
        raise UserError(
            f"corpora import needs a corpus: {', '.join([*cry_corpora.CORPORA, *body_corpora.CORPORA, debian.NAME])}"
        )
    elif arguments.name == debian.NAME:
        lines = cry_corpora.describe(debian.import_debian(arguments.data))
    elif arguments.name in body_corpora.CORPORA:
        lines = cry_corpora.describe(body_corpora.import_corpus(arguments.name, arguments.data))
    else:
        lines = cry_corpora.describe(cry_corpora.import_corpus(arguments.name, arguments.data))
    print("\n".join(lines))
    return 0
