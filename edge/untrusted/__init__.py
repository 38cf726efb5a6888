"""The one reader of files that others may have written: size, type, depth and values are looked at before use.

A configuration, a manifest, a table, an archive of arrays: each is a regular file of bounded size, and what is in it is
of a kind that can be worked with. Anything else is a UserError with the file, the place in it and what to do.

Defaults: a document has at most 1 MB and 64 levels; whole numbers fit 64 bits; numbers are finite; a key is there once;
text holds no NUL and no half of a surrogate pair. A byte-order mark is passed over.
"""

from edge.untrusted.arrays import read_arrays
from edge.untrusted.documents import parse_json, read_csv, read_json, read_toml
from edge.untrusted.texts import MAX_DOCUMENT_BYTES, Malformed, read_text

__all__ = [
    "MAX_DOCUMENT_BYTES",
    "Malformed",
    "parse_json",
    "read_arrays",
    "read_csv",
    "read_json",
    "read_text",
    "read_toml",
]
