"""What another project set in ~/.keras/keras.json has no say here, and what TensorFlow says is not heard."""

import json
import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("room", ["export", "training"])
def test_settings_of_another_project_change_nothing(tmp_path, room):
    home = tmp_path / ".keras"
    home.mkdir()
    theirs = {"image_data_format": "channels_first", "floatx": "float16", "epsilon": 0.5, "backend": "none-there-is"}
    (home / "keras.json").write_text(json.dumps(theirs))
    code = f"import {room}, keras; c = keras.config; print(c.image_data_format(), c.floatx(), c.epsilon(), c.backend())"
    environment = {**os.environ, "HOME": str(tmp_path)}
    for name in ("KERAS_HOME", "KERAS_BACKEND"):
        environment.pop(name, None)
    out = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True)
    assert out.split() == ["channels_last", "float32", "1e-07", "tensorflow"]
    assert json.loads((home / "keras.json").read_text()) == theirs


def test_tensorflow_loads_without_a_word():
    code = "import export.convert.onnx_to_keras, keras; keras.ops.ones(2)"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
