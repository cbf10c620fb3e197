"""A course whose nbgrader_config.py is that of an earlier release: it works, and is told once what to write."""

import subprocess
import sys

import nbformat
import pytest

from tests.support.classroom import LEARNS, ROOT, Course, answer

OLD_CONFIG = ROOT / "tests" / "support" / "old_nbgrader_config.py"  # of release 0.1.0, unchanged
WRITE_MODULES = (
    "Outdated nbgrader_config.py: write autograder.nbgrader_plugins in place of autograder.exports, "
    "autograder.preprocessors, autograder.reading, autograder.showing."
)
WRITE_REDUCED = "Outdated nbgrader_config.py: write c.TrainedScore.reduced in place of c.TrainedScore.cut."


@pytest.mark.slow
@pytest.mark.training
def test_an_old_configuration_works_and_each_command_says_once_what_to_write(tmp_path):
    cut = {"epochs": 1, "train_images": 600, "test_images": 500}
    course = Course(tmp_path, f"c.TrainedScore.cut = {cut}", store=str(tmp_path / "results.db"))
    config = course.root / "nbgrader_config.py"
    new_config = (ROOT / "nbgrader_config.py").read_text()
    config.write_text(config.read_text().replace(new_config, OLD_CONFIG.read_text()))
    assert "autograder.preprocessors.RestoreCells" in config.read_text()

    outputs = {"generate_assignment": course.nbgrader("generate_assignment", "challenge")}
    released = nbformat.read(course.root / "release" / "challenge" / "challenge.ipynb", as_version=4)
    for student in ("ada", "ben"):
        path = course.root / "submitted" / student / "challenge" / "challenge.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(released, path)
        answer(path, LEARNS)
    outputs["autograde"] = course.nbgrader("autograde", "challenge")
    outputs["generate_feedback"] = course.nbgrader("generate_feedback", "challenge")
    outputs["export"] = course.nbgrader("export", "--exporter=autograder.exports.CanvasExport", "--to=canvas.csv")

    assert "Traceback" not in "".join(outputs.values())
    counts = {command: output.count(WRITE_MODULES) for command, output in outputs.items()}
    # what generate_assignment reads in the configuration has kept its name
    assert counts == {"generate_assignment": 0, "autograde": 1, "generate_feedback": 1, "export": 1}
    assert outputs["autograde"].count(WRITE_REDUCED) == 1
    assert "Not official" in course.report("challenge", "ben")
    assert "ben" in (course.root / "canvas.csv").read_text()


def test_an_old_name_is_the_new_class_and_no_other_name_is_found():
    script = """if True:
        from autograder.preprocessors import RestoreCells
        from autograder.nbgrader_plugins.restore_cells import RestoreCells as new
        assert RestoreCells is new
        import autograder.exports
        assert not hasattr(autograder.exports, "__path__") and not hasattr(autograder.exports, "CsvExport")
        import importlib.util
        assert importlib.util.find_spec("autograder.no_such_module") is None
    """
    run = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
