"""Calibration trains what is missing, and nothing twice."""

from click.testing import CliRunner

from autograder.authoring import calibrate


def test_finished_runs_are_not_trained_again_until_the_recipe_changes(tmp_path, monkeypatch):
    trained = []
    monkeypatch.setattr(calibrate, "calibration_file", lambda lesson: tmp_path / f"{lesson}.json")
    monkeypatch.setattr(
        calibrate, "correct_by_epoch", lambda spec, seed, threads: trained.append(seed) or [9_950, 9_950]
    )

    def run(*arguments):
        done = CliRunner().invoke(calibrate.calibrate, ["challenge", *arguments])
        assert done.exit_code == 0, done.output
        return done.output

    assert "held 99.50 99.50; mean 99.50 %, spread 0.00 points, n = 2" in run("--seeds", "2")
    assert "n = 3" in run()
    assert trained == [1, 2, 3]
    monkeypatch.setattr(calibrate, "made_with", lambda spec, threads: {"spec": "another"})
    run()
    assert trained == [1, 2, 3, 1, 2, 3]
