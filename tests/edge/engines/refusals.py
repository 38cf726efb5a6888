"""Why TensorRT is not to be had, as it is said."""

import pytest

from edge.engines import open_tensorrt
from edge.engines.base import EngineUnavailable


def unavailable(*arguments):
    with pytest.raises(EngineUnavailable) as error:
        open_tensorrt(*arguments)
    assert "\n" not in str(error.value)
    return error.value
