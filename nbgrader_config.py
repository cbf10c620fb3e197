"""nbgrader's settings for this course: `nbgrader generate_assignment`, `nbgrader autograde`, formgrader read them."""

from pathlib import Path

c = get_config()  # noqa: F821 - nbgrader hands it in

# The course lies beside this file. The gradebook is SQLite and not kept under version control.
c.CourseDirectory.course_id = "under8k"
c.CourseDirectory.root = str(Path(__file__).parent)
c.CourseDirectory.db_url = f"sqlite:///{Path(__file__).with_name('gradebook.db')}"

# source/ is edited; release/ and solutions/ are generated from it by `python -m autograder.lessons`.
c.CourseDirectory.source_directory = "source"
c.CourseDirectory.release_directory = "release"
c.CourseDirectory.solution_directory = "solutions"

# What stands in the place of a solution. Without answers, a released notebook stops at the first exercise and says so.
c.ClearSolutions.code_stub = {
    "python": 'raise NotImplementedError("Your answer is missing here: write it in the place of this line.")'
}
c.ClearSolutions.text_stub = "*Write your answer here.*"
