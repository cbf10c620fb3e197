"""What was handed in is read from plain files alone."""

import os
import socket

import pytest

from autograder.grading.plain_files import NotPlainFile, describe_special, hand_in_folder, open_plain
from tests.support.hand_ins import SPECIAL, make_special


@pytest.fixture
def hand_in(tmp_path):
    folder = tmp_path / "submitted" / "eve" / "challenge"
    folder.mkdir(parents=True)
    (tmp_path / "notes.txt").write_text("the teacher's own")
    return folder


@pytest.mark.parametrize("kind", SPECIAL)
@pytest.mark.parametrize("in_course", [True, False], ids=["course", "plain folder"])
def test_what_is_no_plain_file_is_told_and_never_opened(hand_in, tmp_path, kind, in_course):
    path = (hand_in if in_course else tmp_path) / "challenge.ipynb"
    make_special(path, kind, tmp_path / "notes.txt")
    with pytest.raises(NotPlainFile, match=rf"^challenge\.ipynb is .*{SPECIAL[kind]}.*\. Hand in the file itself\.$"):
        open_plain(path)


@pytest.mark.parametrize("level", ["student", "assignment", "folder inside"])
def test_a_folder_of_a_hand_in_may_be_no_link(hand_in, tmp_path, level):
    elsewhere = tmp_path / "elsewhere" / "challenge"
    elsewhere.mkdir(parents=True)
    (elsewhere / "x.py").write_text("recipe = 1")
    submitted = tmp_path / "submitted"
    link, path = {
        "student": (submitted / "mia", submitted / "mia" / "challenge" / "x.py"),
        "assignment": (submitted / "eve" / "lesson", submitted / "eve" / "lesson" / "x.py"),
        "folder inside": (hand_in / "data", hand_in / "data" / "x.py"),
    }[level]
    link.symlink_to(elsewhere.parent if level == "student" else elsewhere)
    assert describe_special(path).startswith(f"in the folder {link.name}, which is a symbolic link to ")


def test_what_leads_to_the_course_may_be_a_link(hand_in, tmp_path):
    (hand_in / "x.py").write_text("recipe = 1")
    (tmp_path / "course").symlink_to(tmp_path / "submitted")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "submitted").symlink_to(tmp_path / "submitted")
    with open_plain(tmp_path / "home" / "submitted" / "eve" / "challenge" / "x.py") as file:
        assert file.read() == b"recipe = 1"


def test_a_hard_link_within_one_hand_in_is_no_way_out_of_it(hand_in):
    (hand_in / "a.py").write_text("recipe = 1")
    (hand_in / "copies").mkdir()
    os.link(hand_in / "a.py", hand_in / "copies" / "b.py")
    assert describe_special(hand_in / "a.py") == describe_special(hand_in / "copies" / "b.py") == ""
    os.link(hand_in / "a.py", hand_in.parent / "c.py")
    assert "hard link" in describe_special(hand_in / "a.py")


def test_the_hand_in_of_a_file_is_found_from_its_path(hand_in, tmp_path):
    assert hand_in_folder(hand_in / "x.py") == hand_in_folder(hand_in / "data" / "x.csv") == hand_in
    assert hand_in_folder(tmp_path / "x.py") is None


def test_a_socket_is_not_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("x.py")
        assert describe_special(tmp_path / "x.py") == "a socket"
