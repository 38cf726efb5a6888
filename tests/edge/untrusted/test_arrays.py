"""Archives of arrays: numbers of the size that is there come back; anything else is refused before it is unpacked."""

import io
import resource
import zipfile

import numpy as np
import pytest

from edge.untrusted import Malformed, read_arrays


def archive(**members):
    """The bytes of an .npz of arrays, or of members given as bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            if not isinstance(content, bytes):
                stored = io.BytesIO()
                np.lib.format.write_array(stored, content)
                content = stored.getvalue()
            archive.writestr(name + ".npy", content)
    return file.getvalue()


def header(text):
    """An .npy file of this header and no values."""
    text = text.encode("latin-1").ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def test_arrays_come_back():
    content = archive(a=np.arange(6, dtype=np.float16).reshape(2, 3), b=np.array(["x", "y"]))
    arrays = read_arrays(content, ["a", "b"], "given.npz")
    assert arrays["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert arrays["b"].tolist() == ["x", "y"]


@pytest.mark.parametrize(
    "content, said",
    [
        (b"", "File is not a zip file"),
        (b"PK\x03\x04 and no more", "not a zip file"),
        (archive(b=np.zeros(2)), "no item named 'a.npy'"),
        (archive(a=b""), "a.npz is not an archive of arrays"),
        (archive(a=b"\x93NUMPY"), "EOF"),
        (archive(a=np.array([object()])), "a holds object, expected numbers"),
        (archive(a=np.array(["2026"], "datetime64[Y]")), "expected numbers"),
        (
            archive(a=header("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}")),
            "a says it has 1000000000000 values, it holds fewer",
        ),
        (archive(a=header("{'descr': '<f8', 'fortran_order': False, 'shape': (-5,)}")), "a.npz is not"),
        (archive(a=header("(" * 110)), "a.npz is not"),
        (archive(a=np.zeros(3))[:-30], "not a zip file"),
        (archive(a=np.arange(999)).replace(b"\x00", b"\x01"), "a.npz is not"),
    ],
)
def test_anything_else_is_refused_in_one_line(content, said):
    with pytest.raises(Malformed) as error:
        read_arrays(content, ["a"], "a.npz", advice="make it again")
    assert said in str(error.value)
    assert "\n" not in str(error.value) and str(error.value).endswith("; make it again")


def test_a_bomb_is_not_unpacked():
    content = archive(a=bytes(200 << 20))
    assert len(content) < 1 << 20
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Malformed, match="a has 209715200 bytes, more than 1048576 are never right here"):
        read_arrays(content, ["a"], "a.npz", max_bytes=1 << 20)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 20000


def with_size(content, n_bytes):
    """The archive, its first member said to have so many bytes once it is unpacked."""
    at = content.index(b"PK\x01\x02") + 24
    return content[:at] + n_bytes.to_bytes(4, "little") + content[at + 4 :]


def test_a_member_that_is_longer_than_it_says_is_not_unpacked_either():
    content = with_size(archive(a=bytes(50 << 20)), 1000)
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Malformed, match="a.npz is not an archive of arrays"):
        read_arrays(content, ["a"], "a.npz")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 20000


def test_a_gigabyte_is_the_most():
    content = archive(a=np.zeros(3))
    assert read_arrays(with_size(content, 1 << 30), ["a"], "a.npz")["a"].tolist() == [0, 0, 0]
    with pytest.raises(Malformed, match="are never right here"):
        read_arrays(with_size(content, (1 << 30) + 1), ["a"], "a.npz")


def test_all_arrays_together_have_no_more_than_may_be():
    content = archive(a=np.zeros(100), b=np.zeros(100))
    n_bytes = 128 + 800  # a header and its numbers
    assert set(read_arrays(content, ["a", "b"], "x", max_bytes=n_bytes + 800)) == {"a", "b"}
    with pytest.raises(Malformed, match="b has 928 bytes, more than 927 are never right here"):
        read_arrays(content, ["a", "b"], "x", max_bytes=n_bytes + 799)


@pytest.mark.parametrize("dtype", ["?", "i1", "u2", "<i8", ">f4", "f8", "U3"])
@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_numbers_and_text_of_every_kind_come_back(dtype, version):
    array = np.zeros((2, 1, 3), dtype)
    stored = io.BytesIO()
    np.lib.format.write_array(stored, array, version=version)
    found = read_arrays(archive(a=stored.getvalue()), ["a"], "x")["a"]
    assert found.dtype == array.dtype and found.tolist() == array.tolist()


@pytest.mark.parametrize("dtype", ["S3", "V4", "c8", "datetime64[s]", [("a", "i4")], object])
def test_what_is_no_number_is_refused(dtype):
    with pytest.raises(Malformed, match="expected numbers"):
        read_arrays(archive(a=np.zeros(2, dtype)), ["a"], "x")


def test_nothing_is_asked_of_an_archive_of_nothing():
    assert read_arrays(archive(), [], "x") == {}
    assert read_arrays(archive(a=np.zeros((0, 3))), ["a"], "x")["a"].shape == (0, 3)
    assert read_arrays(archive(a=np.array(7.5)), ["a"], "x")["a"] == 7.5
