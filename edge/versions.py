"""Which versions figures depend on: said once for bench, export, training and benchmarks."""

import platform
import sys


def loaded_versions(modules):
    """{"python": ..., module: version} of those of `modules` that this process has loaded, which it does not load."""
    found = {"python": platform.python_version()}
    for name in modules:
        version = getattr(sys.modules.get(name), "__version__", None)
        if version:
            found[name] = str(version)
    return found


def installed_versions(packages):
    """{"python": ..., package: version} of those of `packages` that are installed. Python 3.8 and later."""
    import importlib.metadata as metadata  # novermin

    found = {"python": platform.python_version()}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
