"""A lesson as a page to look at."""

import re
import shutil
from html.parser import HTMLParser

import nbformat
import pytest
from click.testing import CliRunner
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from autograder.authoring import lessons
from autograder.authoring.preview import preview
from autograder.gradebook.new_course.lessons import notebook_path
from course.files import write_atomically

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPj/HwADBwIAMCbHYQAAAABJRU5ErkJggg=="


class Sources(HTMLParser):
    """Everything that a browser would fetch for the page by itself."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.found += [attrs[k] for k in ("src", "data") if k in attrs] if tag != "a" else []
        self.found += [attrs["href"]] if tag == "link" and "href" in attrs else []


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of one worked lesson, which links to a real one."""
    monkeypatch.setattr(lessons, "ROOT", tmp_path)
    shown = new_output("display_data", data={"image/png": PIXEL})
    cells = [
        new_markdown_cell("# Lesson 0: nothing & less\n\nNext: [one](../lesson1_baseline/lesson1_baseline.ipynb)."),
        new_code_cell("picture()", outputs=[shown]),
    ]
    for step in ("source", "solutions"):
        write_atomically(notebook_path(tmp_path, step, "lesson0"), nbformat.writes(new_notebook(cells=cells)))
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(preview, arguments)


def test_a_page_is_one_file_with_its_pictures_and_fetches_nothing(course):
    assert run().exit_code == 0
    text = (course / "build/preview/lesson0.html").read_text()
    fetched = Sources(text).found
    assert any(source.startswith(f"data:image/png;base64,{PIXEL[:20]}") for source in fetched)
    assert [source for source in fetched if source and not source.startswith("data:")] == []
    assert not re.search(r"@import|url\(['\"]?http", text)


def test_links_between_lessons_lead_to_the_pages_and_the_index_names_them(course):
    shutil.copytree(course / "source/lesson0", course / "source/lesson1_baseline")
    (course / "source/lesson1_baseline/lesson0.ipynb").rename(course / "source/lesson1_baseline/lesson1_baseline.ipynb")
    assert run("lesson0").exit_code == 0
    assert 'href="lesson1_baseline.html"' in (course / "build/preview/lesson0.html").read_text()
    index = (course / "build/preview/index.html").read_text()
    assert '<a href="lesson0.html">Lesson 0: nothing &amp; less</a>' in index


def test_a_lesson_that_has_not_been_made_yet_is_named_with_what_to_do(course):
    done = run("--of", "release")
    assert done.exit_code == 2
    assert "release/lesson0/lesson0.ipynb is missing: run `make release`" in done.output
