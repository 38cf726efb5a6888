"""The garbage collector, kept out of the frames."""

import gc


def freeze_gc():
    """Everything that is there now stays: later collections look only at what came since.

    A full collection over an engine's and NumPy's objects takes longer than a frame. Python 3.6 cannot exclude them;
    there the collections of the oldest generation stay as they are.
    """
    gc.collect()
    if hasattr(gc, "freeze"):  # Python 3.7
        gc.freeze()  # novermin
