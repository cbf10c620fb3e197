"""nbgrader's settings for this course: `nbgrader generate_assignment`, `nbgrader autograde`, formgrader read them.

Everything here is the instructor's: a submission can neither read nor change it. What is commented out shows a default.
"""

from pathlib import Path

c = get_config()  # noqa: F821 - nbgrader hands it in
here = Path(__file__).parent

# --- the course: it lies beside this file. The gradebook and what students hand in are not under version control.
c.CourseDirectory.course_id = "under8k"
c.CourseDirectory.root = str(here)
c.CourseDirectory.db_url = f"sqlite:///{here / 'gradebook.db'}"  # or "postgresql://grader@host/gradebook"

# source/ is edited; release/ and solutions/ are generated from it by `make release` and `make solutions`.
c.CourseDirectory.source_directory = "source"
c.CourseDirectory.release_directory = "release"
c.CourseDirectory.solution_directory = "solutions"

# What stands in the place of a solution. Without answers, a released notebook stops at the first exercise and says so.
c.ClearSolutions.code_stub = {
    "python": 'raise NotImplementedError("Your answer is missing here: write it in the place of this line.")'
}
c.ClearSolutions.text_stub = "*Write your answer here.*"

# --- handing out and in. The exchange is a folder that all users of one machine share.
# c.Exchange.root = "/usr/local/share/nbgrader/exchange"
# c.Exchange.timezone = "UTC"
# "zero" takes all points from what is handed in after the due date
# c.LateSubmissionPlugin.penalty_method = "none"

# --- grading. The gradebook decides which cells count; notebooks run behind the wall; recipes are trained.
c.Autograde.exporter_class = "autograder.reading.SubmissionReader"
c.Autograde.sanitize_preprocessors = [
    "nbgrader.preprocessors.ClearOutput",
    "autograder.preprocessors.RestoreCells",
    "nbgrader.preprocessors.OverwriteKernelspec",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.Autograde.autograde_preprocessors = [
    "autograder.preprocessors.SandboxedExecute",
    "nbgrader.preprocessors.IgnorePattern",
    "nbconvert.preprocessors.ClearMetadataPreprocessor",
    "nbgrader.preprocessors.LimitOutput",
    "autograder.preprocessors.TrainedScore",  # before the scores are saved
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
# c.SandboxedExecute.timeout = 30  # seconds for one cell; nothing is trained in a notebook while it is graded

# Points of the trained cell: all of them for `pass` and `borderline`, none for `refused` and `error`, and for `fail` as
# follows. How many there are stands in the lesson's cell `trained_score`, the limits in course/rules.toml.
# c.TrainedScore.partial_credit = 0.0  # 0.5: a recipe that just misses the accuracy gets half of the points,
# c.TrainedScore.partial_from = 0.98   # one that holds 98 % gets none, and in between the points grow evenly

# Results are kept in a store of their own, and a recipe that was trained before is not trained again.
# c.TrainedScore.store = ""       # a file, or "postgresql://grader@host/results"; "": as the command `autograder`
# c.TrainedScore.device = "auto"  # CUDA where there is one
# c.TrainedScore.seeds = 3        # default: as the rules say

# To try out a course in minutes. Results are then marked as not official.
# c.TrainedScore.cut = {"epochs": 2, "train_images": 6000, "test_images": 2000, "accuracy": 0.9, "near": 0.01}

# Without bubblewrap nothing is graded, unless you would run each submission yourself, with all your rights:
# c.SandboxedExecute.trust_submissions = True
# c.TrainedScore.trust_submissions = True

# --- showing. What students wrote is not believed in a browser either: no scripts in formgrader and in feedback.
c.HTMLExporter.sanitize_html = True
c.TemplateExporter.filters = {"markdown2html": "autograder.showing.markdown_to_html"}
