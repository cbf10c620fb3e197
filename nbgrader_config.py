"""The nbgrader settings of this course, read by `nbgrader generate_assignment`, `nbgrader autograde` and formgrader.

They are the instructor's: a submission can neither read nor change them. What is commented out shows a default.
"""

from pathlib import Path

c = get_config()  # noqa: F821 - nbgrader hands it in
here = Path(__file__).parent

# --- the course is in the folder of this file. The gradebook and the submissions are not under version control.
c.CourseDirectory.course_id = "under8k"
c.CourseDirectory.root = str(here)
c.CourseDirectory.db_url = f"sqlite:///{here / 'gradebook.db'}"  # or "postgresql://grader@host/gradebook"

# Edit source/: the other two are generated from it, release/ by `nbgrader generate_assignment NAME`.
c.CourseDirectory.source_directory = "source"
c.CourseDirectory.release_directory = "release"
c.CourseDirectory.solution_directory = "solutions"

# What replaces a solution. Without answers, a released notebook stops at the first exercise with this message.
c.ClearSolutions.code_stub = {
    "python": 'raise NotImplementedError("Your answer is missing here: write it in the place of this line.")'
}
c.ClearSolutions.text_stub = "*Write your answer here.*"

# --- releasing and collecting. In a course with a rules.toml of its own, released notebooks come with their limits.
c.GenerateAssignment.preprocessors.append("autograder.nbgrader_plugins.ReleaseRules")
c.GenerateAssignment.preprocessors.append("autograder.nbgrader_plugins.HostedNotebook")
# A course on GitHub: released notebooks get a badge that opens them in Colab, and install the course from there.
# c.HostedNotebook.repository = "https://github.com/OWNER/NAME"
# The exchange is a folder that all users of one machine share.
# c.Exchange.root = "/usr/local/share/nbgrader/exchange"
# The course's time zone, such as "Europe/Berlin", in both settings: `nbgrader submit` writes times with its
# abbreviation; formgrader shows times, and takes due dates, in it. The gradebook and the store keep UTC.
# c.Exchange.timezone = "UTC"
# c.NbGraderAPI.timezone = "UTC"
# "zero": a submission after the due date gets no points
# c.LateSubmissionPlugin.penalty_method = "none"

# --- grading. The gradebook decides which cells count; notebooks run in the sandbox; recipes are trained.
c.Autograde.exporter_class = "autograder.nbgrader_plugins.SubmissionReader"
c.Autograde.sanitize_preprocessors = [
    "nbgrader.preprocessors.ClearOutput",
    "autograder.nbgrader_plugins.RestoreCells",
    "nbgrader.preprocessors.OverwriteKernelspec",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.Autograde.autograde_preprocessors = [
    "autograder.nbgrader_plugins.SandboxedExecute",
    "nbgrader.preprocessors.IgnorePattern",
    "nbconvert.preprocessors.ClearMetadataPreprocessor",
    "nbgrader.preprocessors.LimitOutput",
    "autograder.nbgrader_plugins.TrainedScore",  # must come before SaveAutoGrades
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
# c.SandboxedExecute.timeout = 30  # seconds for one cell; nothing is trained in a notebook while it is graded

# Points of the trained cell: all for `pass` and `borderline`, none for `refused` and `error`; for `fail` see below. The
# lesson's cell `trained_score` says how many there are, and rules.toml has the limits.
# c.TrainedScore.partial_credit = 0.0  # 0.5: a recipe that just misses the accuracy gets half of the points,
# c.TrainedScore.partial_from = 0.98   # one that holds 98 % gets none, and between the two the points grow linearly

# Results have a store of their own, and a recipe that was trained before is not trained again.
# c.TrainedScore.store = ""       # a file, or "postgresql://grader@host/results"; "": `autograder`'s own, which is
#                                 # results.db here if there is a rules.toml beside this file
# c.TrainedScore.device = "auto"  # CUDA if there is a GPU
# c.TrainedScore.seeds = 3        # default: as the rules say
# c.TrainedScore.max_minutes = 120.0  # a run that, by its first steps, would take longer is refused

# Reduced trainings, to try out a course in minutes. Results are then marked as not official.
# c.TrainedScore.reduced = {"epochs": 2, "train_images": 6000, "test_images": 2000, "accuracy": 0.9, "near": 0.01}

# Without bubblewrap nothing is graded, unless you allow each submission to run with all your rights:
# c.SandboxedExecute.trust_submissions = True
# c.TrainedScore.trust_submissions = True

# --- handing out. The late penalty is that of today's score, due date and extension; what was not graded to its end is
# not handed out.
c.GenerateFeedback.preprocessors = [
    "autograder.nbgrader_plugins.GivenGrades",
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]
c.ExportApp.plugin_class = "autograder.nbgrader_plugins.CsvExport"

# --- showing. What students wrote is untrusted in a browser too: no scripts in formgrader and in feedback.
c.HTMLExporter.sanitize_html = True
c.GenerateFeedback.exporter_class = "autograder.nbgrader_plugins.FeedbackExporter"
c.TemplateExporter.filters = {"markdown2html": "autograder.nbgrader_plugins.markdown_to_html"}

# --- times. nbgrader alone takes "23:30 CEST" for 23:30 UTC. On an error in this file it would drop all settings.
try:
    from autograder.nbgrader_plugins import understand_time_zones
except ImportError:  # where students submit, the grader may not be installed
    pass
else:
    understand_time_zones(c)
    c.ExchangeFactory.collect = "autograder.nbgrader_plugins.PlainCollect"  # nbgrader's own follows students' links
