"""The files of a bundle's models: what each kind is for, that they are those the manifest means, what runs them."""

import hashlib
import os
from typing import NamedTuple

from edge.engines import open_engine
from edge.errors import UserError
from edge.files import open_regular

MANIFEST_NAME = "manifest.json"
PRECISIONS = ("fp32", "fp16", "dynamic", "int8", "int16x8")
# Every kind of file a model may have. What TensorRT makes of them is in edge/engines/tensorrt.
FILE_KINDS = (
    "tflite",
    "onnx",  # what onnxruntime runs; for TensorRT fp32, or int8 with Q/DQ
    "onnx_typed",  # fp16 in its types, for strongly typed TensorRT networks
    "onnx_fp32",  # with the calibration cache: int8 for a TensorRT that does not read Q/DQ
    "calibration_cache",
)
RUNNABLE_KINDS = ("tflite", "onnx")
READ_AT_ONCE = 1 << 20  # bytes


class FileEntry(NamedTuple):
    """A model file: where it is inside the bundle, and what it must be."""

    path: str
    bytes: int
    sha256: str
    precision: str


def read_files(fields):
    """{kind: FileEntry} of a model, with at least one that runs without TensorRT. Raises UserError."""
    files = {}
    for kind in FILE_KINDS:
        if kind in fields.content:
            entry = fields.object(kind)
            files[kind] = FileEntry(
                entry.text("path"),
                entry.integer("bytes", 1),
                entry.text("sha256"),
                entry.choice("precision", PRECISIONS),
            )
    if not any(kind in files for kind in RUNNABLE_KINDS):
        raise fields.problem("tflite", None, "a file is needed for one of " + ", ".join(RUNNABLE_KINDS))
    return files


def open_model(model, directory, threads):
    """The engine that runs a model here; TensorRT is tried first where the model is meant for it.

    model: edge.bundle.manifest.Model. Raises UserError when no engine fits.
    """
    tensorrt = model.tensorrt.precision if model.tensorrt else None
    return open_engine(file_paths(model, directory), threads, tensorrt, model.title)


def file_paths(model, directory):
    """{kind: path} of a model's files."""
    return {kind: os.path.join(directory, entry.path) for kind, entry in model.files.items()}


def verify_files(models, directory):
    """Check the size and SHA-256 of every file of models of a manifest.

    Raises UserError naming the file when one is missing, differs, or lies outside the directory.
    """
    for model in models:
        for kind in sorted(model.files):
            _verify_file(model.files[kind], directory)


def _verify_file(entry, directory):
    root = os.path.realpath(directory)
    path = os.path.realpath(os.path.join(root, entry.path))
    if os.path.isabs(entry.path) or not path.startswith(os.path.join(root, "")):
        raise UserError(
            "{}: file {!r} lies outside the bundle: refused, export the bundle again".format(
                os.path.join(directory, MANIFEST_NAME), entry.path
            )
        )
    try:
        size, digest = _size_and_sha256(path, entry.bytes)
    except OSError as error:
        raise UserError(
            "bundle file {} cannot be read ({}): copy the bundle again".format(path, error.strerror)
        ) from error
    except UserError as error:
        raise UserError("bundle file {}; copy the bundle again".format(error)) from error
    if size != entry.bytes:
        raise UserError(
            "bundle file {} has {} bytes, the manifest says {}: it is damaged, copy the bundle again".format(
                path, size, entry.bytes
            )
        )
    if digest != entry.sha256:
        raise UserError(
            "bundle file {} has SHA-256 {}..., the manifest says {}...: it is damaged, copy the bundle again".format(
                path, digest[:12], entry.sha256[:12]
            )
        )


def _size_and_sha256(path, expected_bytes):
    """(bytes, SHA-256) of a file; one of another size is not read. Raises OSError or UserError."""
    digest = hashlib.sha256()
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size == expected_bytes:
            for chunk in iter(lambda: file.read(READ_AT_ONCE), b""):
                digest.update(chunk)
    return size, digest.hexdigest()
