"""Who else could change a file, as root sees it."""

import os

import pytest

from edge.ownership import why_untrusted

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root is careful")


@pytest.fixture
def file(tmp_path):
    """A file of root's in two folders of root's."""
    path = tmp_path / "folder" / "file"
    path.parent.mkdir()
    path.write_text("")
    return path


def test_what_is_root_s_alone_is_trusted(file):
    assert why_untrusted(str(file)) == ""


@pytest.mark.parametrize(
    "change, why",
    [
        (lambda file: os.chown(str(file), 1234, 0), "file belongs to user 1234"),
        (lambda file: os.chown(str(file.parent), 1234, 0), "folder belongs to user 1234"),
        (lambda file: file.chmod(0o602), "file can be changed by everybody"),
        (lambda file: file.parent.chmod(0o777), "folder can be changed by everybody"),
        (lambda file: (os.chown(str(file), 0, 50), file.chmod(0o660)), "file can be changed by the group 50"),
        (lambda file: file.unlink(), "cannot be looked at"),
    ],
)
def test_what_others_could_change_is_not(file, change, why):
    change(file)
    assert why in why_untrusted(str(file))


def test_a_link_is_followed(file, tmp_path):
    os.chown(str(file), 1234, 0)
    (tmp_path / "link").symlink_to(file)
    assert "belongs to user 1234" in why_untrusted(str(tmp_path / "link"))


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file.parent.chmod(0o1777),  # as /tmp: what root has put there stays root's
        lambda file: file.chmod(0o660),  # of root's own group
        lambda file: (os.chown(str(file), 0, 50), file.chmod(0o640)),  # a group that may only read
        lambda file: (os.chown(str(file.parent), 0, 50), file.parent.chmod(0o755)),
    ],
)
def test_what_only_looks_open_is_trusted(file, change):
    change(file)
    assert why_untrusted(str(file)) == ""
