"""Which file is whose attempt, when it was handed in, and what identifies a run."""

import datetime as dt
import os
from dataclasses import replace
from pathlib import Path

import pytest

from autograder.grading.attempts import TIMESTAMP, handed_in, register, run_key, student_of
from autograder.grading.options import SMOKE_RUN, Options
from course.errors import UsageError
from tests.support.hand_ins import SPECIAL, make_special

NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01 12:00:00.000000 UTC",
        "2026-03-01 12:00:00 UTC\n",
        "2026-03-01T12:00:00",
        "2026-03-01 13:00:00+01:00",
        "2026-03-01 13:00:00 CET",
        "2026-03-01 07:00:00 EST",
        "2026-03-01 13:00:00 +0100",
    ],
)
def test_the_time_of_hand_in_is_nbgraders(tmp_path, text):
    (tmp_path / TIMESTAMP).write_text(text)
    read = handed_in(tmp_path / "challenge.ipynb")
    assert (read.time, read.from_file) == (NOON, False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            None,
            "There is no timestamp.txt beside challenge.ipynb, so the time 2026-03-01 12:00:00 UTC is that of the file",
        ),
        ("", "Timestamp.txt holds no time"),
        ("yesterday", "Timestamp.txt holds no time"),
        ("0001-01-01 00:00:00+23:00", "Timestamp.txt holds no time"),
        (b"\xff", "Timestamp.txt holds no time"),
    ],
)
def test_the_time_of_the_file_itself_is_never_taken_without_saying_so(tmp_path, text, said):
    path = tmp_path / "challenge.ipynb"
    path.write_text("{}")
    os.utime(path, (NOON.timestamp(),) * 2)
    if text is not None:
        (tmp_path / TIMESTAMP).write_bytes(text if isinstance(text, bytes) else text.encode())
    read = handed_in(path)
    assert (read.time, read.from_file) == (NOON, True)
    assert read.assumed.startswith(said) and read.assumed.endswith("which a student can set.")


def test_a_file_from_the_future_was_handed_in_now_at_the_latest(tmp_path):
    path = tmp_path / "challenge.ipynb"
    path.write_text("{}")
    os.utime(path, (4e9, 4e9))
    assert handed_in(path).time <= dt.datetime.now(dt.UTC)


def test_a_timestamp_that_is_a_link_or_a_pipe_is_not_opened(tmp_path):
    (tmp_path / "challenge.ipynb").write_text("{}")
    (tmp_path / "other.txt").write_text("2026-03-01 12:00:00 UTC")
    (tmp_path / TIMESTAMP).symlink_to("other.txt")
    assert "is not a plain file" in handed_in(tmp_path / "challenge.ipynb").assumed
    (tmp_path / TIMESTAMP).unlink()
    os.mkfifo(tmp_path / TIMESTAMP)
    assert "is not a plain file" in handed_in(tmp_path / "challenge.ipynb").assumed


@pytest.mark.parametrize(
    ("path", "student"),
    [
        ("course/submitted/ada/challenge/challenge.ipynb", "ada"),
        ("course/autograded/ada/challenge/challenge.ipynb", "ada"),
        ("course/source/challenge/challenge.ipynb", None),
        ("submitted/challenge.ipynb", None),
        ("challenge.ipynb", None),
        (os.fsdecode(b"submitted/ad\xff/challenge/challenge.ipynb"), r"ad\udcff"),
    ],
)
def test_a_student_is_known_by_nbgraders_folders(tmp_path, path, student):
    assert student_of(tmp_path / path) == student
    assert student_of(Path("/x.py")) is None


def test_a_run_is_identified_by_all_that_its_numbers_depend_on_and_by_nothing_else(spec):
    options = Options(device="cpu")
    key = run_key(spec, 7, options)
    assert (key.spec_hash, key.seed, key.device, key.threads, key.reduced) == (spec.hash, 7, "cpu", 1, "")
    assert key.trainer.startswith("trainer ") and ", torch " in key.trainer and ", torchvision " in key.trainer
    assert run_key(spec, 7, replace(options, reduced=SMOKE_RUN)).reduced == "1/6000/2000"
    assert run_key(spec, 7, replace(options, seeds=2, max_minutes=1.0, trust_submissions=True)) == key
    with pytest.raises(UsageError):
        run_key(spec, 7, replace(options, device="gpu"))


def test_the_same_file_is_the_same_attempt_and_a_changed_one_another(store, tmp_path):
    path = tmp_path / "x.py"
    path.write_text("recipe = 1\n")
    first = register(store, path, "ada", "challenge")
    assert register(store, path, "ada", "challenge") == first
    assert register(store, path, "bob", "challenge") != first
    path.write_text("recipe = 2\n")
    assert register(store, path, "ada", "challenge") != first


def test_a_file_without_a_recipe_is_an_attempt_all_the_same(store, tmp_path):
    path = tmp_path / "broken.ipynb"
    path.write_text("not a notebook")
    assert store.overview.source(register(store, path, "ada", "challenge")) == ""


def test_a_file_that_does_not_exist_is_wrong_use(store, tmp_path):
    with pytest.raises(UsageError, match="There is no file"):
        register(store, tmp_path / "x.py", "ada", "challenge")


@pytest.mark.parametrize("text", ["recipe = '\0'", "recipe = '\ud800'"], ids=["null", "surrogate"])
def test_a_source_that_no_database_holds_is_known_by_its_file(store, tmp_path, text):
    path = tmp_path / "x.py"
    path.write_bytes(text.encode(errors="surrogatepass"))
    attempt = register(store, path, "ada", "challenge")
    assert store.overview.source(attempt) == ""
    path.write_bytes(b"# " + text.encode(errors="surrogatepass"))
    assert register(store, path, "ada", "challenge") != attempt


def test_names_that_are_not_text_are_stored_and_stay_different(store, tmp_path):
    names = [os.fsdecode(name) for name in (b"a\xff", b"a\xfe", b"a\xed\xa0\x80")]
    for name in names:
        path = tmp_path / f"{name}.py"
        path.write_text("recipe = 1")
        register(store, path, name, "challenge")
    assert len({attempt.student for attempt in store.overview.since()[1]}) == 3
    assert list(store.verify()) == []


@pytest.mark.parametrize("kind", SPECIAL)
def test_what_is_no_plain_file_is_an_attempt_that_reads_nothing(store, tmp_path, kind):
    (tmp_path / "notes.txt").write_text("recipe = 'the teacher has written this'")
    path = tmp_path / "eve.py"
    make_special(path, kind, tmp_path / "notes.txt")
    first = register(store, path, "eve", "challenge")
    assert store.overview.source(first) == ""
    (tmp_path / "notes.txt").write_text("changed")
    assert register(store, path, "eve", "challenge") == first


def test_a_student_is_the_same_whatever_the_system_that_wrote_the_name(store, tmp_path):
    path = tmp_path / "x.py"
    path.write_text("recipe = 1\n")
    attempts = {register(store, path, name, "challenge") for name in ("ren\u00e9", "rene\u0301", " ren\u00e9 ")}
    assert len(attempts) == 1 and [a.student for a in store.overview.since()[1]] == ["ren\u00e9"]
