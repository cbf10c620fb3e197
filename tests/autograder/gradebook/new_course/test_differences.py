"""Each file's state follows from what is there, what was written, and what the package has."""

import pytest

from autograder.gradebook.new_course.differences import CourseFile, compare
from autograder.gradebook.new_course.written import WrittenFiles, digest


@pytest.mark.parametrize(
    ("found", "written", "packaged", "state"),
    [
        (None, None, "new", "missing"),
        ("new", None, "new", "same"),
        ("new", "old", "new", "same"),
        ("old", "old", "new", "outdated"),
        ("own", "new", "new", "edited"),
        ("own", "old", "new", "conflict"),
        ("own", None, "new", "conflict"),
    ],
)
@pytest.mark.parametrize("path", ["rules.toml", "source/one/one.ipynb"])
def test_the_state_of_a_file(tmp_path, path, found, written, packaged, state):
    if found:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(found)
    record = WrittenFiles("1.0", "mnist", {path: digest(written.encode())} if written else {})
    (file,) = compare(tmp_path, {path: packaged.encode()}, record)
    assert (file.path, file.state) == (path, state)


@pytest.mark.parametrize(("path", "state"), [("source/one/one.ipynb", "deleted"), ("nbgrader_config.py", "missing")])
def test_a_lesson_may_be_deleted_and_what_a_course_needs_may_not(tmp_path, path, state):
    (file,) = compare(tmp_path, {path: b"old"}, WrittenFiles("1.0", "mnist", {path: digest(b"old")}))
    assert file.state == state


def test_a_difference_is_shown_from_what_is_there_to_what_the_package_has():
    shown = CourseFile("rules.toml", "outdated", b"hold = 2\nseeds = 3", b"hold = 2\nseeds = 5\n").diff()
    assert shown.splitlines() == [
        "--- rules.toml",
        "+++ rules.toml (new)",
        "@@ -1,2 +1,2 @@",
        " hold = 2",
        "-seeds = 3",
        "+seeds = 5",
    ]
