"""Fixtures that several rooms share."""

import json
import os
import sys

import pytest

import edge  # noqa: F401  before NumPy: it keeps linear algebra on one thread, as in the product

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from virtual_microphone import REPOSITORY, virtual_microphone  # noqa: E402, F401


@pytest.fixture
def validate():
    """validate(objects, name): every object is as docs/schemas/NAME.schema.json says."""
    jsonschema = pytest.importorskip("jsonschema")
    if not hasattr(jsonschema, "Draft202012Validator"):
        pytest.skip("this jsonschema does not know draft 2020-12")

    def validate(objects, name):
        with open(os.path.join(REPOSITORY, "docs", "schemas", name + ".schema.json")) as file:
            schema = json.load(file)
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema)  # jsonschema.validate() looks at the schema for each object
        for fields in objects:
            validator.validate(fields)

    return validate
