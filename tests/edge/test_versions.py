"""Versions promise to name what is there, and to load nothing for it."""

import platform
import subprocess
import sys

import numpy as np
import pytest

from edge.versions import installed_versions, loaded_versions


def test_loaded_versions_name_what_the_process_has_loaded():
    for modules in (("numpy", "no_such_module"), ("no_such_module", "sys", "numpy")):  # sys names no version
        assert loaded_versions(modules) == {"python": platform.python_version(), "numpy": np.__version__}


def test_nothing_is_loaded_to_know_its_version():
    code = "import sys; from edge.versions import loaded_versions as v; print(*v(('wave',)), 'wave' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code]).decode().split() == ["python", "False"]


@pytest.mark.skipif(sys.version_info < (3, 8), reason="importlib.metadata is of Python 3.8")
def test_installed_versions_leave_out_what_is_not_installed():
    for packages in (("numpy", "no-such-package"), ("no-such-package", "numpy")):
        assert installed_versions(packages) == {"python": platform.python_version(), "numpy": np.__version__}
