"""cry-monitor-host: the second distribution of the tree above, as ../setup.py describes it."""

import os
import pathlib
import runpy

ROOT = pathlib.Path(__file__).resolve().parent.parent
os.chdir(str(ROOT))
runpy.run_path(str(ROOT / "setup.py"), {"HOST": True})
