"""A file holds the new content or the old one, and nothing in between; what no file can hold is named."""

import errno
import os
import signal
import subprocess
import sys
import threading

import pytest

from course.files import unwritable_text, writable, write_atomically


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_text_and_bytes_are_written_into_folders_that_did_not_exist(tmp_path):
    path = tmp_path / "a" / "b" / "file.txt"
    write_atomically(path, "Größe\r\n±7°\n")
    assert path.read_bytes() == "Größe\r\n±7°\n".encode()
    write_atomically(path, b"\x00\xff")
    assert path.read_bytes() == b"\x00\xff"
    assert names_in(path.parent) == ["file.txt"]


def test_a_new_file_has_the_permissions_that_any_new_file_has(tmp_path):
    write_atomically(tmp_path / "atomic", "")
    (tmp_path / "ordinary").touch()
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_content_and_no_other_file(tmp_path, monkeypatch, call):
    path = tmp_path / "file"
    write_atomically(path, "old")

    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, "new")
    assert path.read_text() == "old" and names_in(tmp_path) == ["file"]


KILLED = """
import os, signal, sys
from pathlib import Path
from course.files import unwritable_text, writable, write_atomically
setattr(os, sys.argv[2], lambda *arguments: os.kill(os.getpid(), signal.SIGKILL))
write_atomically(Path(sys.argv[1]), "new")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a signal of Unix")
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_process_that_is_killed_while_it_writes_leaves_the_old_content(tmp_path, call):
    path = tmp_path / "file"
    write_atomically(path, "old")
    killed = subprocess.run([sys.executable, "-c", KILLED, path, call], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert path.read_text() == "old"
    assert all(name == "file" or name.startswith(".file.") for name in names_in(tmp_path))


def test_writers_at_once_do_not_mix_their_contents(tmp_path):
    path, contents = tmp_path / "file", [str(i) * 50_000 for i in range(8)]
    threads = [threading.Thread(target=write_atomically, args=(path, content)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_text() in contents and names_in(tmp_path) == ["file"]


def test_a_folder_that_cannot_be_made_is_an_os_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError):
        write_atomically(tmp_path / "file" / "below", "x")


@pytest.mark.parametrize("text", ["", "x = 1\n", "\ufeff\u202e\x1b\x7f\U0001f600\ufffd\uffff", "a\u2028b\r"])
def test_whatever_a_file_can_hold_is_text(text):
    assert unwritable_text(text) == "" and writable(text) == text


@pytest.mark.parametrize(
    ("text", "place"),
    [("\ud800", (1, 1)), ("a\nb\r\nc\r\u2028\udfff", (4, 2)), ("x\0\ud800", (1, 2)), ("\ud83d \ude00", (1, 1))],
)
def test_the_first_character_that_no_file_can_hold_is_named_with_its_place(text, place):
    line, column = place
    assert unwritable_text(text).startswith(f"Line {line}, column {column} holds ")
    assert writable(text).encode() and len(writable(text)) == len(text) and unwritable_text(writable(text)) == ""


def test_a_byte_that_is_not_utf_8_is_named_by_its_value():
    text = b"x = '\xe9'".decode(errors="surrogateescape")
    assert unwritable_text(text).startswith("Line 1, column 6 holds a byte that is not UTF-8 (0xE9). ")
