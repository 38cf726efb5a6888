"""A cry of the enrolled infant scores higher than another's, however its sound comes; off, nothing is computed."""

import os

import numpy as np
import pytest
from embedding_bundle import night_of, write_embedding_bundle

from edge.bundle import load_bundle, open_embedding
from edge.errors import UserError
from edge.pipeline import Pipeline
from edge.records import Event

ORIGIN_UTC = 1.8e9


def events_of(bundle, samples, block=16000, utc=None):
    pipeline = Pipeline(bundle, utc=utc)
    records = []
    for begin in range(0, len(samples), block):
        records += pipeline.push(samples[begin : begin + block])
    return [record for record in records + pipeline.finish() if isinstance(record, Event)]


def test_the_enrolled_infant_is_told_from_another(bundle, database):
    events = events_of(bundle, night_of(0, 0, 0), utc=lambda t_s: ORIGIN_UTC + t_s)
    assert [event.infant_score for event in events] == [None] * 3  # nobody is enrolled
    waiting = bundle.infant.waiting.all()
    assert [cry.start_utc for cry in waiting] == [ORIGIN_UTC + event.start_s for event in events]
    assert all(4 <= cry.seconds <= 6 for cry in waiting)
    bundle.infant.enrol(database, waiting)
    own, other = events_of(bundle, night_of(0, 1))
    assert own.infant_score > 0.9 and other.infant_score < own.infant_score - 0.3
    assert bundle.infant.waiting.all() == []  # a recording's events do not wait


def test_blocks_make_no_difference(bundle, database):
    bundle.infant.enrol(database, waiting_of(bundle, night_of(0, 0, 0)))
    night = night_of(1, 0)
    assert events_of(bundle, night, 1234) == events_of(bundle, night, len(night))


def waiting_of(bundle, night):
    events_of(bundle, night, utc=lambda t_s: t_s)
    return bundle.infant.waiting.all()


def test_off_there_is_no_model_and_no_score(embedding_bundle):
    bundle = load_bundle(embedding_bundle)
    assert bundle.infant is None and "embedding" not in [title for title, _ in bundle.runners()]
    (event,) = events_of(bundle, night_of(0))
    assert event.infant_score is None


def test_a_model_that_answers_no_number_is_left_out(bundle, monkeypatch):
    infer = bundle.infant.network.infer

    def nonsense():
        infer()
        bundle.infant.network.output[...] = np.nan

    monkeypatch.setattr(bundle.infant.network, "infer", nonsense)
    pipeline = Pipeline(bundle, say=lambda *told: None, utc=lambda t_s: t_s)
    records = pipeline.push(night_of(0)) + pipeline.finish()
    assert [record.infant_score for record in records if isinstance(record, Event)] == [None]
    assert "no score until the next start" in pipeline.left_out.reasons["embedding"]
    assert bundle.infant.waiting.all() == []


def test_a_bundle_without_one_and_one_that_is_damaged_are_said(loud_bundle, tmp_path):
    with pytest.raises(UserError, match="holds no embedding model"):
        open_embedding(loud_bundle)
    directory = write_embedding_bundle(tmp_path)
    with open(os.path.join(directory, "embedding.fp32.onnx"), "ab") as file:
        file.write(b"?")
    assert load_bundle(directory).detector  # the rest is heard with
    with pytest.raises(UserError, match="embedding.fp32.onnx has .* bytes, the manifest says"):
        open_embedding(directory)


def test_a_manifest_with_other_dimensions_is_refused(loud_bundle, tmp_path):
    directory = write_embedding_bundle(tmp_path, dimensions=9)
    with pytest.raises(UserError, match="the embedding in .* maps"):
        open_embedding(directory)
