"""Archives of arrays (.npz) of others: what is in them and how large it is, is known before it is unpacked."""

import io
import zipfile

from edge.text import printable
from edge.untrusted.texts import Malformed

MAX_ARRAYS_BYTES = 1 << 30


def read_arrays(content, names, path, max_bytes=MAX_ARRAYS_BYTES, advice=""):
    """{name: array} of the bytes of an .npz file, which names `path`; arrays hold numbers, all together `max_bytes`.

    Raises Malformed; nothing is unpacked before its size is known.
    """
    arrays, left = {}, max_bytes
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in names:
                arrays[name] = _array(archive, name, left)
                left -= arrays[name].nbytes
    except Exception as error:  # what a damaged archive makes its readers raise is anybody's guess
        reason = printable(" ".join(str(error).split())) or type(error).__name__
        raise Malformed(path, "is not an archive of arrays", reason, advice) from error
    return arrays


def _array(archive, name, max_bytes):
    import numpy as np  # here, as a configuration needs none

    entry = archive.getinfo(name + ".npy")
    if entry.file_size > max_bytes:
        raise ValueError("{} has {} bytes, more than {} are never right here".format(name, entry.file_size, max_bytes))
    with archive.open(entry) as stored:
        content = stored.read(entry.file_size)  # so much and no more, whatever is behind it
    file = io.BytesIO(content)
    shape, _, dtype = _array_header(np, file)
    if dtype.kind not in "biufU" or dtype.hasobject:
        raise ValueError("{} holds {}, expected numbers".format(name, dtype))
    n_values = 1
    for length in shape:
        n_values *= length
    if n_values * dtype.itemsize > len(content):
        raise ValueError("{} says it has {} values, it holds fewer".format(name, n_values))
    file.seek(0)
    return np.lib.format.read_array(file, allow_pickle=False)


def _array_header(np, file):
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    return np.lib.format.read_array_header_2_0(file)
