"""Where the export extra is absent, edge-export says what to install."""

import subprocess
import sys


def test_without_tensorflow_it_names_the_extra(tmp_path):
    program = (
        "import sys\n"
        "import importlib.util\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *a: None if name == 'tensorflow' else find(name, *a)\n"
        "from export.command import main\n"
        f"sys.exit(main(['--target', 'rpi-int8', '--out', {str(tmp_path / 'out')!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("edge-export: error: tensorflow not installed")
    assert "pip install . './host[export]'" in done.stderr
