"""Engines that disagree are found, by file and by label."""

import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.export.engines_agree import Answers, all_answers, compare, table
from edge.bundle import DEFAULT_BUNDLE_DIR

LOGITS = np.linspace(-6, 6, 400)


def answers(file="detector.fp32.onnx", precision="fp32", engine="onnxruntime 1", logits=LOGITS):
    return Answers("bundle", file, precision, engine, "x86_64", "3.11.7", logits)


def test_the_same_answers_keep_every_bound():
    rows = compare([answers(), answers(engine="onnxruntime 2", logits=LOGITS + 1e-4)], 1.5)
    assert [row.broken for row in rows] == [[], []]
    assert rows[1].same_file_logit_error == pytest.approx(1e-4)


@pytest.mark.parametrize(
    "given, broken",
    [
        (answers(logits=LOGITS + 0.02), "logit error 0.02 over 0.006"),
        (answers(logits=np.full(400, np.nan)), "logits are NaN or infinite"),
        (answers(logits=-LOGITS), "label agreement 0.0000 under 1"),
        (answers("detector.int8.tflite", "int8", "tflite-runtime 2", LOGITS + 0.5), "label agreement"),
    ],
)
def test_other_answers_break_one(given, broken):
    rows = compare([answers(), given], 1.0)
    assert rows[0].broken == []
    assert broken in "; ".join(rows[1].broken)


def test_an_int8_file_may_differ_a_little():
    int8 = [answers("detector.int8.tflite", "int8", f"engine {n}", LOGITS + 0.1 * n) for n in range(2)]
    assert all(row.broken == [] for row in compare(int8 + [answers()], 1.0))


def test_each_engine_here_answers_for_the_bundle_that_ships():
    frames = np.random.default_rng(0).normal(-5, 2, (4, 98, 64)).astype(np.float16)
    found, absent = all_answers(Path(DEFAULT_BUNDLE_DIR), [[sys.executable]], frames)
    assert {a.file for a in found} == {"detector.int8.tflite", "detector.fp32.onnx"}
    assert absent == []
    rows = compare(found, 1.0)
    assert "| kept |" in table(rows, ["tflite-runtime: not installed"], len(frames))
