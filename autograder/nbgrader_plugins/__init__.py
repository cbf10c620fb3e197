"""What nbgrader calls: `nbgrader_config.py` names these classes, and `nbgrader export` the two exporters.

    releasing    ReleaseRules       writes the limits of a course of one's own beside its released notebooks
                 HostedNotebook     puts in a badge that opens them in Colab, and where the course is installed from
    times        understand_time_zones      lets nbgrader read times of any zone
    collecting   PlainCollect       copies no links from the exchange
    reading      SubmissionReader   opens whatever file was handed in
    sanitizing   RestoreCells       lets the gradebook decide which cells count, and what is in the locked ones
    grading      SandboxedExecute   runs the notebook in the sandbox and scores its test cells
                 TrainedScore       trains the recipe and puts score and report into the cell `trained_score`
    showing      FeedbackExporter   makes the pages of feedback, for every student
                 GivenGrades        puts scores into feedback, none that was never given, less today's late penalty
                 markdown_to_html   shows students' HTML tags as text, in formgrader and in feedback
    exporting    CsvExport          what `nbgrader export` writes, less today's late penalty
                 CanvasExport       grades as a CSV file for Canvas
                 MoodleExport       grades as a CSV file for Moodle

A student's mistake is a score with its reason in the report. A fault of the grader raises an exception: nbgrader then
records nothing, and the earlier score stays.
"""

from importlib import import_module

_HOMES = {
    "CanvasExport": "exports",
    "CsvExport": "given_grades",
    "FeedbackExporter": "plain_hand_ins",
    "GivenGrades": "given_grades",
    "HostedNotebook": "releasing",
    "MoodleExport": "exports",
    "PlainCollect": "plain_hand_ins",
    "ReleaseRules": "releasing",
    "RestoreCells": "restore_cells",
    "SandboxedExecute": "execute",
    "SubmissionReader": "reader",
    "TrainedScore": "trained_score",
    "markdown_to_html": "student_texts.markdown",
    "understand_time_zones": "timezones",
}
__all__ = [
    "CanvasExport",
    "CsvExport",
    "FeedbackExporter",
    "GivenGrades",
    "HostedNotebook",
    "MoodleExport",
    "PlainCollect",
    "ReleaseRules",
    "RestoreCells",
    "SandboxedExecute",
    "SubmissionReader",
    "TrainedScore",
    "markdown_to_html",
    "understand_time_zones",
]


def __getattr__(name: str) -> object:
    """Load a class when it is first used: an export, for one, does not wait for PyTorch."""
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
