"""The course's secret: created once, private, and the same for all who are first."""

import os
import shutil
import stat
import subprocess
import sys

import pytest

from autograder.store import secret
from course.errors import GraderError
from course.rules import choose_course


@pytest.fixture
def fresh_home(tmp_path, monkeypatch):
    monkeypatch.delenv(secret.SECRET_VARIABLE, raising=False)
    monkeypatch.setattr(secret, "secret_file", lambda: tmp_path / "config" / "secret")
    return tmp_path


def test_the_secret_is_made_once_and_kept_private(fresh_home):
    first = secret.course_secret()
    assert secret.course_secret() == first
    assert len(first) == 64
    assert stat.S_IMODE(secret.secret_file().stat().st_mode) == 0o600
    assert [p.name for p in secret.secret_file().parent.iterdir()] == ["secret"]


def test_in_a_course_the_secret_is_in_its_private_folder(own_course):
    made = secret.course_secret()
    assert secret.secret_file() == own_course / ".under8k" / "secret"
    assert secret.secret_file().read_text().encode() == made
    assert stat.S_IMODE(secret.secret_file().stat().st_mode) == 0o600
    assert stat.S_IMODE(secret.secret_file().parent.stat().st_mode) == 0o700


def test_a_course_beside_it_has_another_secret(own_course, tmp_path, monkeypatch):
    ours = secret.course_secret()
    other = tmp_path / "next term"
    shutil.copytree(own_course, other, ignore=shutil.ignore_patterns(".under8k"))
    monkeypatch.chdir(other)
    assert secret.course_secret() != ours
    choose_course(own_course)
    assert secret.course_secret() == ours


def test_in_a_course_the_environment_comes_first_too(own_course, monkeypatch):
    monkeypatch.setenv(secret.SECRET_VARIABLE, "ours")
    assert secret.course_secret() == b"ours" and secret.secret_place() == f"${secret.SECRET_VARIABLE}"
    assert not (own_course / ".under8k").exists()


def test_the_environment_comes_first(monkeypatch):
    monkeypatch.setenv(secret.SECRET_VARIABLE, "ours")
    assert secret.course_secret() == b"ours"


def test_a_folder_that_cannot_be_written_is_named(fresh_home, monkeypatch):
    (fresh_home / "file").write_text("")
    monkeypatch.setattr(secret, "secret_file", lambda: fresh_home / "file" / "secret")
    with pytest.raises(GraderError, match=secret.SECRET_VARIABLE):
        secret.course_secret()


@pytest.mark.slow
def test_two_first_users_read_the_same_secret(tmp_path):
    code = (
        "import pathlib, sys; from autograder.store import secret; "
        "secret.secret_file = lambda: pathlib.Path(sys.argv[1]); print(secret.course_secret().decode())"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "s")]
    env = {name: value for name, value in os.environ.items() if name != secret.SECRET_VARIABLE}
    users = [subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    (read,) = {user.communicate(timeout=120)[0].strip() for user in users}
    assert read == (tmp_path / "s").read_text() and len(read) == 64
