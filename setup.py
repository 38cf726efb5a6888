"""cry-monitor: hears a baby cry, on a Raspberry Pi or a Jetson Nano, and keeps everything it hears at home."""

import pathlib
import re
import sys

from setuptools import find_packages, setup

HERE = pathlib.Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (HERE / "edge" / "__init__.py").read_text()).group(1)

DEVICE_ROOMS = ["edge", "edge.*"]
HOST_ROOMS = DEVICE_ROOMS + ["export", "export.*", "training", "training.*", "calibration_data"]

DEVICE = [
    "sounddevice>=0.4.4",
    "soundfile>=0.10",
    'soxr>=0.3.2; python_version >= "3.7"',
    'soxr==0.3.2; python_version < "3.7"',  # the last with a wheel for a Jetson Nano's Python 3.6
    'tomli>=1.2.3; python_version < "3.11"',
    'ai-edge-litert>=2.1; python_version >= "3.9"',
    'onnxruntime==1.10.0; python_version < "3.9"',  # a Jetson Nano's Python 3.6 has no TFLite wheel
]
EXPORT = DEVICE + [
    "tensorflow-cpu==2.21.*",
    "keras>=3.12",
    "tf2onnx==1.17.*",
    "onnx>=1.17",
    "onnxruntime>=1.20",
]
TRAIN = EXPORT + ["scikit-learn>=1.3", "tqdm>=4.60", "matplotlib>=3.7"]
TEST = ["pytest>=7.0.1", 'jsonschema>=4; python_version >= "3.8"']
TEST_ALL = TRAIN + TEST + ["librosa>=0.10", "praat-parselmouth>=0.4", "hypothesis>=6", "ruff>=0.5", "vermin>=1.6"]

setup(
    name="cry-monitor",
    version=VERSION,
    description=__doc__,
    long_description=(HERE / "README.md").read_text(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.6.9",
    packages=find_packages(include=HOST_ROOMS if sys.version_info >= (3, 9) else DEVICE_ROOMS),
    package_data={
        "edge": ["default_bundle/*"],
        "export.tensorrt_lint": ["*.csv"],
        "training": ["models/*.json", "models/*/*"],
        "calibration_data": ["*"],
    },
    install_requires=["numpy>=1.19", "scipy>=1.5"],
    extras_require={"device": DEVICE, "export": EXPORT, "train": TRAIN, "test": TEST, "test-all": TEST_ALL},
    entry_points={
        "console_scripts": [
            "cry-monitor=edge.commands.main:main",
            "edge-bench=edge.commands.host:edge_bench",
            "edge-export=edge.commands.host:edge_export",
            "cry-train=edge.commands.host:cry_train",
        ]
    },
)
