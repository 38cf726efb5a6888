"""metadata.csv: whatever is in it, it is read or refused in one line that names the row."""

from pathlib import Path

import pytest

from edge.errors import UserError
from training.data.corpora import COLUMNS, read_corpora

ROW = {
    "path": "a.wav",
    "set": "donateacry",
    "label": "hungry",
    "detector_label": "cry",
    "group_id": "g1",
    "eval_fold": "1",
    "licence": "ODbL-1.0",
    "licence_class": "open",
}


def written(folder: Path, *rows: str, header: str = ",".join(COLUMNS)) -> Path:
    """A folder whose table holds these lines."""
    (folder / "metadata.csv").write_text("\n".join([header, *rows]) + "\n")
    return folder


def row(**changes: str) -> str:
    """One line of the table."""
    return ",".join({**ROW, **changes}.values())


def test_rows_become_clips(tmp_path):
    (clip,) = read_corpora(written(tmp_path, row()))
    assert (clip.path, clip.eval_fold, clip.platform) == (tmp_path / "a.wav", 1, "")


@pytest.mark.parametrize(
    "rows, said",
    [
        ([row(), row(eval_fold="one")], "row 2: eval_fold is 'one', one of 0, 1, 2, 3, 4 is needed"),
        ([row(eval_fold="9" * 5000)], "row 1: eval_fold is '999"),
        ([row(group_id="")], "row 1: group_id is empty"),
        ([row() + ",more"], "line 2 has 9 cells, the header 8"),
        (["a.wav,set"], "line 2 has 2 cells"),
        (["\0" + row()], "line 2"),
        ([row(label="\x1b[2J" * 5, eval_fold="x")], "row 1: eval_fold"),
    ],
)
def test_a_row_that_cannot_be_is_named(tmp_path, rows, said):
    with pytest.raises(UserError) as error:
        read_corpora(written(tmp_path, *rows))
    assert said in str(error.value)
    assert "metadata.csv" in str(error.value) and "\n" not in str(error.value)


def test_a_column_that_is_missing_is_named(tmp_path):
    with pytest.raises(UserError, match="has no column licence, licence_class"):
        read_corpora(written(tmp_path, header=",".join(COLUMNS[:-2])))
