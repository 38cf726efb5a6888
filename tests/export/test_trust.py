"""What comes with a model runs only when asked, and is never unpacked beyond what a model can be."""

import json
import shutil
import zipfile

import pytest

from edge.errors import UserError
from export.sources.trust import MOST_UNPACKED_BYTES, check_archive, safe_mode

RAN = "import pathlib\npathlib.Path(__file__).with_name('it_ran').touch()\n"
UNSAFE = RAN + "import keras\nkeras.config.enable_unsafe_deserialization()\n"


def describe(folder, **description):
    """model.json with these keys and no other."""
    (folder / "model.json").write_text(json.dumps(description))


@pytest.fixture
def with_lambda(keras, model_copy):
    """The model behind a Lambda, whose Python is in the .keras file itself."""
    inputs = keras.Input((98, 64, 1))
    inner = keras.saving.load_model(model_copy / "detector.keras")
    keras.Model(inputs, inner(keras.layers.Lambda(lambda x: 2 * x)(inputs))).save(model_copy / "detector.keras")
    yield
    from keras.src.backend.common import global_state

    global_state.set_global_attribute("safe_mode_saving", None)


@pytest.mark.parametrize(
    "key, value", [("layers", ["beside"]), ("graph", "beside:halved"), ("layers", ["json"]), ("graph", "os:getcwd")]
)
def test_code_that_is_not_ours_is_refused_before_it_runs(refusal, model_copy, key, value):
    (model_copy / "beside.py").write_text(RAN)
    describe(model_copy, labels=["cry"], feature="log_mel", temperature=1.0, **{key: value})
    line = refusal(model=model_copy)
    assert '"{}" in {}'.format(key, model_copy / "model.json") in line
    assert "would run with your rights: read it, then give --trust-model-code" in line
    assert not (model_copy / "it_ran").exists()


def test_what_is_called_as_ours_is_not_looked_for_beside_the_model(refusal, model_copy):
    folder = model_copy / "training"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "impostor.py").write_text(RAN)
    describe(model_copy, labels=["cry"], feature="log_mel", temperature=1.0, layers=["training.impostor"])
    assert "No module named 'training.impostor'" in refusal(model=model_copy)
    assert not (folder / "it_ran").exists()


def test_with_trust_it_runs(export, model_copy):
    (model_copy / "trusted_beside.py").write_text(RAN)
    describe(model_copy, labels=["cry"], feature="log_mel", temperature=1.0, layers=["trusted_beside"])
    status, _, stderr = export("--trust-model-code", "--dry-run", model=model_copy, target="rpi-fp32")
    assert status == 0, stderr
    assert (model_copy / "it_ran").exists()


def test_code_inside_the_model_s_file_never_runs(refusal, model_copy, with_lambda):
    describe(model_copy, labels=["cry"], feature="log_mel", temperature=1.0)
    assert "cannot be loaded as a Keras 3 model" in refusal(model=model_copy)


def test_safe_mode_cannot_be_switched_off_from_within(refusal, model_copy, with_lambda):
    (model_copy / "unsafe_beside.py").write_text(UNSAFE)
    describe(model_copy, labels=["cry"], feature="log_mel", temperature=1.0, layers=["unsafe_beside"])
    line = refusal("--trust-model-code", model=model_copy)
    assert (model_copy / "it_ran").exists()
    assert "cannot be loaded as a Keras 3 model" in line


def test_safe_mode_is_on_within_and_as_it_was_after(keras):
    from keras.src.saving.serialization_lib import in_safe_mode

    before = in_safe_mode()
    with safe_mode():
        assert in_safe_mode() is True
    assert in_safe_mode() == before


def test_a_zip_bomb_is_refused_before_it_is_unpacked(refusal, model_copy):
    describe(model_copy, labels=["cry"], feature="log_mel", temperature=1.0)
    with zipfile.ZipFile(model_copy / "detector.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.0"}))
        with archive.open("model.weights.h5", "w", force_zip64=True) as file:
            for _ in range(200):
                file.write(bytes(1 << 20))
    line = refusal(model=model_copy)
    assert "would unpack from 0.2 to 210 MB" in line and "it was not read" in line


def test_what_is_larger_than_any_model_is_refused(tmp_path):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.weights.h5", b"0")
    content = bytearray(path.read_bytes())
    at = content.rindex(b"PK\x01\x02") + 24  # what the directory says that it unpacks to
    content[at : at + 4] = (MOST_UNPACKED_BYTES + 1).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(UserError, match="would unpack"):
        check_archive(path)


def test_a_thousand_files_are_no_model(tmp_path):
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        for number in range(1001):
            archive.writestr(str(number), b"")
    with pytest.raises(UserError, match="holds 1001 files"):
        check_archive(tmp_path / "model.keras")


def test_what_ships_and_what_is_no_archive_pass(tmp_path, model_dir):
    check_archive(model_dir / "detector.keras")
    shutil.copy(__file__, tmp_path / "model.keras")
    check_archive(tmp_path / "model.keras")
    check_archive(tmp_path / "absent.keras")
