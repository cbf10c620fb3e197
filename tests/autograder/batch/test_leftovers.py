"""What lies beside the submissions is named, and what may be somebody's work is told apart."""

import os

import pytest

from autograder.batch.submissions import find_submissions
from tests.support.hand_ins import SPECIAL, make_special

RECIPE = "recipe = 1\n"


def find(folder, assignment=None):
    found = find_submissions([folder], assignment, "challenge")
    return {s.student: s.path.name for s in found.submissions}, found


def put(path, text=RECIPE):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_by_products_are_nobodys_and_are_named_without_being_counted(tmp_path):
    for name in ("nia_final.ipynb", "._nia_final.ipynb", "__MACOSX/._nia_final.ipynb", ".DS_Store", "results.db"):
        put(tmp_path / name)
    put(tmp_path / ".ipynb_checkpoints" / "nia_final-checkpoint.ipynb")
    students, found = find(tmp_path)
    assert students == {"nia_final": "nia_final.ipynb"} and found.missing == ()
    (note,) = found.notes
    for name in ("._nia_final.ipynb", "__MACOSX", ".DS_Store", "results.db", ".ipynb_checkpoints"):
        assert name in note


def test_nbgraders_timestamp_belongs_to_its_submission_and_is_not_mentioned(tmp_path):
    put(tmp_path / "submitted" / "ada" / "challenge" / "challenge.ipynb")
    put(tmp_path / "submitted" / "ada" / "challenge" / "timestamp.txt", "2026-07-10 23:30:00 UTC")
    students, found = find(tmp_path / "submitted")
    assert set(students) == {"ada"} and found.notes == () == found.missing


def test_a_resource_fork_alone_means_that_somebodys_file_is_missing(tmp_path):
    put(tmp_path / "ada.ipynb")
    put(tmp_path / "._zoe.ipynb")
    students, found = find(tmp_path)
    assert set(students) == {"ada"}
    assert "._zoe.ipynb is left out: it is what a Mac writes beside 'zoe.ipynb'" in found.missing[0]


def test_large_letters_are_a_notebook_too(tmp_path):
    put(tmp_path / "kai.IPYNB")
    put(tmp_path / "mia.Py")
    assert find(tmp_path)[0] == {"kai": "kai.IPYNB", "mia": "mia.Py"}


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("tom.zip", "an archive. Unpack it"),
        ("tom.tar.gz", "an archive"),
        ("tom.ipynb.txt", "neither a notebook"),
        ("tom.html", "neither a notebook"),
        ("tom", "neither a notebook"),
        ("tom/work.ipynb", "a folder, and these are not searched. It holds work.ipynb"),
    ],
)
def test_what_may_be_somebodys_work_is_missing(tmp_path, name, why):
    put(tmp_path / "ada.ipynb")
    put(tmp_path / name)
    students, found = find(tmp_path)
    assert set(students) == {"ada"} and len(found.missing) == 1 and why in found.missing[0]
    assert found.missing[0] in found.notes


@pytest.mark.parametrize("kind", SPECIAL)
def test_a_file_that_is_none_is_a_submission_and_never_opened(tmp_path, kind):
    make_special(tmp_path / "eve.ipynb", kind, put(tmp_path / "notes.md"))
    assert find(tmp_path)[0] == {"eve": "eve.ipynb"}  # with the verdict `error`


@pytest.mark.parametrize("level", ["student", "assignment"])
def test_links_of_folders_are_told_and_never_followed(tmp_path, level):
    put(tmp_path / "submitted" / "ada" / "challenge" / "challenge.py")
    if level == "student":
        (tmp_path / "submitted" / "eve").symlink_to("ada")
    else:
        (tmp_path / "submitted" / "eve").mkdir()
        (tmp_path / "submitted" / "eve" / "challenge").symlink_to("../ada/challenge")
    students, found = find(tmp_path)
    assert set(students) == {"ada"}
    assert len(found.missing) == 1 and "is a symbolic link to" in found.missing[0] and "eve" in found.missing[0]


def test_a_student_without_a_file_is_named_with_what_is_there(tmp_path):
    course = tmp_path / "submitted"
    put(course / "ada" / "challenge" / "challenge.py")
    put(course / "ada" / "challenge" / "table.csv")  # belongs to the hand-in
    put(course / "gus" / "challenge" / "my work.txt")
    put(course / "hal" / "challenge" / "challenge" / "challenge.ipynb")
    (course / "ida" / "challenge").mkdir(parents=True)
    put(course / "kai.ipynb")
    put(course / "tom" / "challenge.ipynb")
    students, found = find(tmp_path)
    assert set(students) == {"ada"}
    text = "\n".join(found.missing)
    assert (
        "gus/challenge is left out: it holds no notebook (.ipynb) and no Python file (.py). There is: my work.txt"
        in text
    )
    assert "but its folders do: challenge/challenge.ipynb. Move them up." in text
    assert "ida/challenge is left out" in text and "it is empty" in text
    assert "kai.ipynb is left out: it lies outside of a folder submitted/<student>/<assignment>" in text
    assert "tom/challenge.ipynb is left out" in text and len(found.missing) == 5


def test_another_assignment_is_not_looked_at_where_one_is_named(tmp_path):
    put(tmp_path / "submitted" / "ada" / "challenge" / "challenge.py")
    (tmp_path / "submitted" / "ada" / "lesson3_dropout").mkdir()
    assert find(tmp_path, "challenge")[1].missing == ()
    assert len(find(tmp_path)[1].missing) == 1


def test_names_are_composed_and_stripped_and_a_second_submission_is_told(tmp_path):
    for name in (" lea.py", "zoe .py", "rene\u0301.py", "ren\u00e9.ipynb", "\ufeffpia.py"):
        put(tmp_path / name)
    students, found = find(tmp_path)
    assert set(students) == {"lea", "zoe", "ren\u00e9", "pia"}
    assert len(found.missing) == 1 and "'ren\u00e9' has handed in" in found.missing[0]


@pytest.mark.parametrize("name", ["lea[x]", "a*b", "what?", "{ada}", "-x", "a\\b", "%s", "a+b"])
def test_a_name_is_no_pattern(tmp_path, name):
    put(tmp_path / "submitted" / name / "challenge" / "challenge.py")
    put(tmp_path / "flat" / f"{name}.py")
    for folder in (tmp_path, tmp_path / "flat"):
        students, found = find(folder)
        assert set(students) == {name} and found.missing == ()


def test_a_misspelt_assignment_is_missing_and_one_of_another_course_is_not(tmp_path):
    for assignment in ("challenge", "chalenge", "essay"):
        put(tmp_path / "submitted" / "ada" / assignment / "x.py")
    found = find(tmp_path)[1]
    assert len(found.missing) == 1 and found.missing[0].endswith("'chalenge'. Is it challenge?")
    assert any("'essay'" in note for note in found.notes)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_a_folder_that_cannot_be_read_stops_nobody(tmp_path):
    put(tmp_path / "submitted" / "ada" / "challenge" / "challenge.py")
    (tmp_path / "submitted" / "bob").mkdir(mode=0)
    assert "it cannot be read" in find(tmp_path)[1].missing[0]
