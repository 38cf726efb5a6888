"""Rows of left-out sources: what a detector is judged with, it and its like never heard."""

import json
from pathlib import Path

import pytest

pytest.importorskip("sklearn")
pytest.importorskip("ai_edge_litert")

from benchmarks.detection import left_out_sources  # noqa: E402
from benchmarks.detection.left_out_sources import detectors_without, unheard_of  # noqa: E402
from benchmarks.lib.record import FOLD_BUNDLES  # noqa: E402
from training.data.corpora import CRY, NONCRY, Clip  # noqa: E402

OWN = {"both": (CRY, NONCRY), "cries": (CRY,), "voices": (NONCRY,), "package": (NONCRY,), "more": (CRY, NONCRY)}
CLIPS = [
    Clip(Path(f"{corpus}-{kind}-{fold}"), corpus, kind, kind, corpus, fold, "CC0-1.0", "open")
    for corpus, kinds in OWN.items()
    for kind in kinds
    for fold in (1, 2)
]


@pytest.mark.parametrize(
    "source, cries, others",
    [
        ("both", {"both"}, {"both"}),
        ("cries", {"cries"}, {"package"}),
        ("voices", {"both", "cries", "more"}, {"voices"}),
    ],
)
def test_what_a_source_lacks_is_taken_from_where_nothing_was_heard(source, cries, others):
    judged = unheard_of(source, CLIPS, packages={"package"})
    assert {clip.corpus for clip in judged if clip.detector_label == CRY} == cries
    assert {clip.corpus for clip in judged if clip.detector_label == NONCRY} == others
    assert len(set(judged)) == len(judged)


def test_no_detector_of_these_rows_heard_the_source():
    for bundle in FOLD_BUNDLES.glob("without-*"):
        training = json.loads((bundle / "manifest.json").read_text())["models"][0]["training"]
        assert training["held_out_corpora"] and not set(training["held_out_corpora"]) & set(training["corpora"])


def test_detectors_are_found_by_what_they_did_not_hear(tmp_path, monkeypatch):
    file = FOLD_BUNDLES / "fold1" / "detector.int8.tflite"
    for name, corpora, fold in (("without-a", ["a"], None), ("without-fold2-b-c", ["b", "c"], 2)):
        (tmp_path / name).mkdir()
        training = {"held_out_corpora": corpora, "held_out_fold": fold}
        (tmp_path / name / "manifest.json").write_text(json.dumps({"models": [{"training": training}]}))
        (tmp_path / name / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(left_out_sources, "FOLD_BUNDLES", tmp_path)
    assert set(detectors_without("a")) == {1, 2, 3, 4} and set(detectors_without("c")) == {2}
    assert not detectors_without("d")
