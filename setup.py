"""cry-monitor: hears a baby cry, on a Raspberry Pi or a Jetson Nano, and keeps everything it hears at home.

Two distributions come from this tree. `pip install .` is the device's, cry-monitor: edge alone. `pip install . ./host`
is that and the PC's, cry-monitor-host: export, training and calibration_data (see host/setup.py).
"""

import pathlib
import re
import shutil

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py
from setuptools.command.egg_info import egg_info

HERE = pathlib.Path(__file__).resolve().parent
# host/setup.py sets HOST; the host's own sdist has no edge.
IS_HOST = globals().get("HOST", not (HERE / "edge").is_dir())
DATA = ["py.typed", "*.css", "*.csv", "*.html", "*.js", "*.json", "*.png", "*.svg", "*.toml", "*.webmanifest"]

AUDIO = [
    "sounddevice>=0.4.4",
    "soundfile>=0.10",
    'soxr>=0.3.2; python_version >= "3.7"',
    'soxr==0.3.2; python_version < "3.7"',  # the last with a wheel for a Jetson Nano's Python 3.6
    'tomli>=1.2.3; python_version < "3.11"',
]
LITERT = ['ai-edge-litert>=2.1; python_version >= "3.9"']
TFLITE_RUNTIME = ['tflite-runtime>=2.14; python_version < "3.12"', 'numpy<2; python_version < "3.12"']
ONNXRUNTIME = ['onnxruntime==1.10.0; python_version < "3.9"', 'onnxruntime>=1.20; python_version >= "3.9"']
FLOWER = ["flwr==1.42.*"]  # the messages of homes that learn together; SuperLink, SuperNode
JETSON = ["pycuda>=2020.1"]  # TensorRT comes with JetPack alone: no index has one that runs there
# Of a Jetson Nano's Python 3.6 there is no TFLite wheel.
DEVICE = AUDIO + LITERT + ['onnxruntime==1.10.0; python_version < "3.9"']
BRIDGE = ["paho-mqtt>=1.6.1,<3"]  # Home Assistant; the process that hears does not load it
PNG = ["cairosvg>=2.5"]  # `report --out night.png`; needs Debian's libcairo2
TEST = ["pytest>=7.0.1", 'jsonschema>=4; python_version >= "3.8"']


class BuildAnew(build_py):
    """Build without what an earlier build has left behind, and with the licence, wherever setuptools would put it."""

    def run(self):
        """Build into an empty folder."""
        if not getattr(self, "editable_mode", False):
            shutil.rmtree(self.build_lib, ignore_errors=True)
        build_py.run(self)
        if not getattr(self, "editable_mode", False):
            shutil.copy(str(HERE / "LICENSE"), str(pathlib.Path(self.build_lib) / self.packages[0] / "LICENSE"))


class SameEggInfo(egg_info):
    """Names the commands in the same bytes, whatever setuptools writes them."""

    def run(self):
        """End the list of commands with one end of line."""
        egg_info.run(self)
        path = pathlib.Path(self.egg_info) / "entry_points.txt"
        if path.exists():
            path.write_text(path.read_text(encoding="utf-8").strip() + "\n", encoding="utf-8")


def version():
    """Of edge; of the host's own sdist as that was built with."""
    if (HERE / "edge").is_dir():
        return re.search(r'__version__ = "(.+)"', (HERE / "edge" / "__init__.py").read_text(encoding="utf-8")).group(1)
    return re.search(r"^Version: (.+)$", (HERE / "PKG-INFO").read_text(encoding="utf-8"), re.MULTILINE).group(1)


def device():
    """What is installed beside the cot."""
    return {
        "name": "cry-monitor",
        "description": __doc__.splitlines()[0],
        "python_requires": ">=3.6.9",
        "packages": find_packages(include=["edge", "edge.*"]),
        "package_data": {"": DATA, "edge": ["default_bundle/*"]},
        "install_requires": ["numpy>=1.19", "scipy>=1.5"],
        "extras_require": {
            "device": DEVICE,
            "litert": LITERT,
            "tflite-runtime": TFLITE_RUNTIME,
            "onnxruntime": ONNXRUNTIME,
            "jetson": JETSON,
            "bridge": BRIDGE,
            "png": PNG,
            "test": TEST,
        },
        "entry_points": {
            "console_scripts": [
                "cry-monitor=edge.commands.main:main",
                "edge-bench=edge.commands.host:edge_bench",
                "edge-export=edge.commands.host:edge_export",
                "cry-train=edge.commands.host:cry_train",
            ]
        },
    }


def host():
    """What a PC needs besides, to export and to train. Its commands are the device's, which find it."""
    export = [
        "cry-monitor[device]==" + version(),
        "tensorflow-cpu==2.21.*",
        "keras>=3.12",
        "tf2onnx==1.17.*",
        "onnx>=1.17",
        "onnxruntime>=1.20",
    ]
    federation = ["cryptography>=42", "pycryptodome>=3.20", "dp-accounting>=0.4.4"]
    train = export + federation + ["scikit-learn>=1.3", "tqdm>=4.60", "matplotlib>=3.7"]
    torch = export + ["torch>=2.6", "onnxscript>=0.5"]  # programs of torch.export, by way of ONNX
    tools = [
        "prometheus-client>=0.12",
        "pyyaml>=5",
        "librosa>=0.10",
        "praat-parselmouth>=0.4",
        "hypothesis>=6",
        "cosmic-ray>=8.3",
        "ruff>=0.5",
        "vermin>=1.6",
    ]
    return {
        "name": "cry-monitor-host",
        "description": "Exports and trains the models of cry-monitor, on a PC.",
        "python_requires": ">=3.11",
        "packages": find_packages(include=["export", "export.*", "training", "training.*", "calibration_data"]),
        "package_data": {
            "": DATA,
            "training": ["models/**", "experiments/*", "federated/flower_app/*"],
            "calibration_data": ["*"],
        },
        "install_requires": ["cry-monitor==" + version()],
        "extras_require": {
            "export": export,
            "train": train,
            "flower": FLOWER,
            "torch": torch,
            "test-all": train + TEST + BRIDGE + PNG + tools,
        },
    }


setup(
    version=version(),
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=[],  # BuildAnew brings it: where these go differs from one setuptools to the next
    cmdclass={"build_py": BuildAnew, "egg_info": SameEggInfo},
    options={
        "build": {"build_base": "build/" + ("host" if IS_HOST else "device")},
        "metadata": {"license_files": ""},  # what a wheel of Python 3.6 looks at
    },
    **(host() if IS_HOST else device()),
)
