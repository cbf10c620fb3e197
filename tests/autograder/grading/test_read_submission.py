"""A file becomes the source of its recipe, or one clear sentence."""

import json
import os
import re

import pytest

from autograder.grading import read_submission
from autograder.grading.read_submission import MAX_SOURCE, cell_names, read_recipe_source, worked_files_beside
from course.errors import StudentCodeError, UsageError
from tests.support.hand_ins import SPECIAL, make_special


def notebook(*cells: tuple[str | None, str]) -> str:
    return json.dumps(
        {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {},
            "cells": [
                {
                    "cell_type": "code",
                    "id": f"cell-{number}",
                    "metadata": {"nbgrader": {"grade_id": grade_id}} if grade_id else {},
                    "source": source.splitlines(keepends=True),
                    "outputs": [],
                    "execution_count": None,
                }
                for number, (grade_id, source) in enumerate(cells)
            ],
        }
    )


def test_of_a_notebook_only_the_recipe_cell_is_read(tmp_path):
    path = tmp_path / "work.ipynb"
    path.write_text(notebook((None, "raise SystemExit"), ("recipe", "recipe = 1\nx = 2"), ("other", "boom")))
    assert read_recipe_source(path) == "recipe = 1\nx = 2"


def test_a_python_file_is_read_whole(tmp_path):
    path = tmp_path / "work.py"
    path.write_text("recipe = 1\n")
    assert read_recipe_source(path) == "recipe = 1\n"


@pytest.mark.parametrize("cells", [(), ((None, "x = 1"),), (("recipe", "a = 1"), ("recipe", "b = 2"))])
def test_a_notebook_needs_exactly_one_recipe_cell(tmp_path, cells):
    path = tmp_path / "work.ipynb"
    path.write_text(notebook(*cells))
    with pytest.raises(StudentCodeError, match="exactly one is needed"):
        read_recipe_source(path)


def without_metadata(*cells: tuple[str, str], colab: bool = False) -> str:
    """A notebook whose cells have their ids alone, where format 4.5 has them or where Colab puts them in older ones."""
    made = json.loads(notebook(*cells))
    for cell, (name, _) in zip(made["cells"], cells, strict=True):
        cell |= {"metadata": {"id": name}} if colab else {"metadata": {}, "id": name}
        if colab:
            del cell["id"]
    return json.dumps(made)


@pytest.mark.parametrize("colab", [False, True])
def test_a_recipe_cell_without_metadata_is_known_by_its_id_and_that_is_told(tmp_path, colab):
    path, told = tmp_path / "work.ipynb", []
    path.write_text(without_metadata(("widest", "boom"), ("recipe", "recipe = 1"), colab=colab))
    assert read_recipe_source(path, tell=told.append) == "recipe = 1"
    assert told == ["the recipe's cell has lost its nbgrader metadata and is known by its id, 'recipe'"]


def test_an_id_counts_for_nothing_where_the_metadata_names_the_recipe(tmp_path):
    path, told = tmp_path / "work.ipynb", []
    cells = json.loads(notebook(("recipe", "recipe = 1"), (None, "recipe = 2"), ("other", "recipe = 3")))
    cells["cells"][1]["id"] = cells["cells"][2]["id"] = "recipe"
    path.write_text(json.dumps(cells))
    assert read_recipe_source(path, tell=told.append) == "recipe = 1" and told == []


def test_two_cells_with_the_recipes_id_are_refused(tmp_path):
    path = tmp_path / "work.ipynb"
    path.write_text(without_metadata(("recipe", "recipe = 1"), ("recipe", "recipe = 2")))
    with pytest.raises(StudentCodeError, match="has 2 cells with the grade_id 'recipe'"):
        read_recipe_source(path)


def test_who_has_lost_metadata_and_ids_is_told_what_to_do(tmp_path):
    path = tmp_path / "work.ipynb"
    path.write_text(notebook((None, "recipe = 1")))
    with pytest.raises(StudentCodeError, match=r"an editor may have removed both\. Fetch the assignment again"):
        read_recipe_source(path)
    path.write_text(notebook((None, "recipe = 1"), ("other", "x = 1")))
    with pytest.raises(StudentCodeError, match="Start from the released notebook and keep its cells"):
        read_recipe_source(path)


@pytest.mark.parametrize("bad", [None, 7, [], {}, ["recipe"]])
def test_a_name_that_is_no_text_names_no_cell(bad):
    cells = [{"metadata": {"nbgrader": bad}, "id": bad}, {"metadata": {"nbgrader": {"grade_id": bad}, "id": bad}}]
    assert cell_names([*cells, {"metadata": {"nbgrader": bad}, "id": "recipe"}]) == [None, None, "recipe"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "[]",
        "{}",
        '{"cells": 3}',
        '{"cells": [3]}',
        '{"cells": [{"metadata": 3}]}',
        "[" * 100_000,
        '{"cells": [{"cell_type": "code", "metadata": {"nbgrader": {"grade_id": "recipe"}}, "source": [3]}]}',
    ],
)
def test_a_broken_notebook_is_the_students_error_in_one_sentence(tmp_path, text):
    path = tmp_path / "work.ipynb"
    path.write_text(text)
    with pytest.raises(StudentCodeError, match=r"work\.ipynb"):
        read_recipe_source(path)


def test_a_file_that_is_not_there_is_wrong_use(tmp_path):
    with pytest.raises(UsageError, match="There is no file"):
        read_recipe_source(tmp_path / "nowhere.py")


def test_another_kind_of_file_is_wrong_use(tmp_path):
    with pytest.raises(UsageError, match="neither a notebook"):
        read_recipe_source(tmp_path / "work.txt")


def test_a_folder_that_is_named_like_a_notebook_is_wrong_use(tmp_path):
    (tmp_path / "work.ipynb").mkdir()
    with pytest.raises(UsageError, match="not a file"):
        read_recipe_source(tmp_path / "work.ipynb")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"recipe = '\xff\xfe'", "Line 1, column 11 holds a byte that is not UTF-8 (0xFF)."),
        (b"x = 1\r\ny = 2\r# \x00", "Line 3, column 3 holds a NUL character (U+0000), which Python cannot read."),
        ("recipe = 1".encode("utf-16"), "Line 1, column 1 holds a byte that is not UTF-8 (0xFF)."),
        (b"#\n# \xed\xa0\x80", "Line 2, column 3 holds a byte that is not UTF-8 (0xED)."),
    ],
)
def test_what_is_not_text_is_named_with_its_place(tmp_path, content, sentence):
    path = tmp_path / "work.py"
    path.write_bytes(content)
    with pytest.raises(StudentCodeError, match=re.escape(f"The recipe in work.py: {sentence}")):
        read_recipe_source(path)


@pytest.mark.parametrize("character", ["\ud800", "\udfff", "\0"])
def test_what_is_not_text_in_another_cell_does_not_matter(tmp_path, character):
    path = tmp_path / "work.ipynb"
    path.write_text(notebook((None, character), ("recipe", "recipe = 1"), ("other", f"x = '{character}'")))
    assert read_recipe_source(path) == "recipe = 1"
    path.write_text(notebook(("recipe", f"x = 1\nrecipe = '{character}'")))
    with pytest.raises(StudentCodeError, match="Line 2, column 11 holds"):
        read_recipe_source(path)


def test_a_byte_that_is_not_text_in_another_cell_does_not_matter(tmp_path):
    path = tmp_path / "work.ipynb"
    path.write_bytes(notebook((None, "PLACE"), ("recipe", "recipe = 1")).encode().replace(b"PLACE", b"\xff\xfe"))
    assert read_recipe_source(path) == "recipe = 1"


def test_a_file_whose_name_is_no_text_is_named_as_near_as_it_can_be(tmp_path):
    path = tmp_path / os.fsdecode(b"w\xff.py")
    path.write_text("")
    with pytest.raises(StudentCodeError, match=r"The recipe in w\\udcff\.py is empty"):
        read_recipe_source(path)


def test_an_endless_recipe_is_refused_by_its_length(tmp_path):
    path = tmp_path / "work.py"
    path.write_text("#" * (MAX_SOURCE + 1))
    with pytest.raises(StudentCodeError, match=f"{MAX_SOURCE:,} are allowed"):
        read_recipe_source(path)


def test_an_empty_recipe_is_named_as_such(tmp_path):
    path = tmp_path / "work.py"
    path.write_text("\n  \n")
    with pytest.raises(StudentCodeError, match="empty"):
        read_recipe_source(path)


@pytest.mark.parametrize("kind", SPECIAL)
@pytest.mark.parametrize("suffix", [".ipynb", ".py"])
def test_no_link_or_pipe_is_followed_or_opened(tmp_path, kind, suffix):
    target = tmp_path / f"solution{suffix}"
    target.write_text(notebook(("recipe", "recipe = 1")) if suffix == ".ipynb" else "recipe = 1")
    make_special(tmp_path / f"eve{suffix}", kind, target)
    with pytest.raises(StudentCodeError, match=SPECIAL[kind]):
        read_recipe_source(tmp_path / f"eve{suffix}")


def test_a_folder_in_the_place_of_a_notebook_is_the_students_error_in_a_hand_in(tmp_path):
    path = tmp_path / "submitted" / "eve" / "challenge" / "challenge.ipynb"
    path.mkdir(parents=True)
    with pytest.raises(StudentCodeError, match="is a folder"):
        read_recipe_source(path)


def test_outputs_count_for_nothing_however_large_they_are(tmp_path, monkeypatch):
    monkeypatch.setattr(read_submission, "MAX_FILE", 20_000)
    path = tmp_path / "work.ipynb"
    content = json.loads(notebook(("recipe", "recipe = 1"), ("other", "print(1)")))
    content["cells"][1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["1\n"] * 10_000}]
    path.write_text(json.dumps(content))
    assert path.stat().st_size > 60_000
    assert read_recipe_source(path) == "recipe = 1"
    content["cells"][1]["source"] = ["#" * 30_000]
    path.write_text(json.dumps(content))
    with pytest.raises(
        StudentCodeError, match=r"work\.ipynb has 30,\d+ bytes without its outputs, and 20,000 are allowed"
    ):
        read_recipe_source(path)
    path.write_text(json.dumps(content)[:-5])
    with pytest.raises(StudentCodeError, match="is not a notebook that can be read: its brackets do not match"):
        read_recipe_source(path)
    monkeypatch.setattr(read_submission, "MAX_NOTEBOOK", 50_000)
    with pytest.raises(StudentCodeError, match=r"and 50,000 are allowed\. Clear its outputs"):
        read_recipe_source(path)


UNTOUCHED = 'raise NotImplementedError("Your answer is missing here: write it in the place of this line.")'


@pytest.mark.parametrize(
    ("own", "beside", "found"),
    [
        (UNTOUCHED, {"my_work.ipynb": "recipe = 1"}, ["my_work.ipynb"]),
        (UNTOUCHED, {"my_work.ipynb": "recipe: Recipe = 1", "b.ipynb": UNTOUCHED}, ["my_work.ipynb"]),
        ("recipe = 1", {"my_work.ipynb": "recipe = 2"}, []),
        (UNTOUCHED, {"my_work.ipynb": "x = 1"}, []),
        (UNTOUCHED, {}, []),
    ],
)
def test_a_recipe_in_another_file_of_the_hand_in_is_found(tmp_path, own, beside, found):
    for folder, expected in ((tmp_path / "submitted" / "lea" / "challenge", found), (tmp_path / "flat", [])):
        folder.mkdir(parents=True)
        for name, source in {"challenge.ipynb": own, **beside}.items():
            (folder / name).write_text(notebook(("recipe", source)))
        (folder / "link.ipynb").symlink_to("/dev/zero")
        assert worked_files_beside(folder / "challenge.ipynb") == expected
