"""What a process in the sandbox can see: paths and environment."""

from pathlib import Path

import pytest

from autograder.sandbox import Tier, bubblewrap, environment, namespaces, readable_paths, tier_problem
from autograder.sandbox.namespaces import command, paths_for_landlock
from course.errors import GraderError


def test_a_home_folder_is_never_part_of_what_is_shown(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert not any(tmp_path.is_relative_to(path) for path in readable_paths())
    with pytest.raises(GraderError, match="contains your home folder"):
        readable_paths([tmp_path])


def test_the_course_at_hand_is_never_part_of_what_is_shown(own_course, tmp_path):
    assert not any(own_course.is_relative_to(path) for path in readable_paths([own_course / "rules.toml"]))
    (tmp_path / "alias").symlink_to(own_course)
    for shown in (tmp_path, own_course, tmp_path / "alias"):
        with pytest.raises(GraderError, match=r"contains the course .*Move the course elsewhere"):
            readable_paths([shown])


def test_for_landlock_all_is_kept_but_the_solutions_and_links_that_lead_away(tmp_path, monkeypatch):
    solutions = tmp_path / "site" / "grader" / "files"
    solutions.mkdir(parents=True)
    (tmp_path / "site" / "numpy").mkdir()
    (tmp_path / "site" / "grader" / "module.py").touch()
    (tmp_path / "site" / "away").symlink_to("/etc")
    (tmp_path / "alias").symlink_to(tmp_path / "site")
    monkeypatch.setattr(namespaces, "SOLUTIONS", solutions.resolve())
    for site in (tmp_path / "site", tmp_path / "alias"):
        kept, listed = paths_for_landlock([Path("/usr"), site])
        assert set(kept) == {Path("/usr"), site / "numpy", site / "grader" / "module.py"}
        assert listed == (site, site / "grader")


def test_a_folder_to_show_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(GraderError, match="nowhere"):
        readable_paths([tmp_path / "nowhere"])


def test_the_supervisors_environment_is_not_handed_on(sandbox, monkeypatch):
    monkeypatch.setenv("COURSE_SECRET", "hunter2")
    result = sandbox("import os; print(sorted(os.environ))")
    assert b"PYTHONHASHSEED" in result.stdout
    assert b"COURSE_SECRET" not in result.stdout


def test_no_readable_path_lies_below_another(tmp_path):
    (tmp_path / "inner").mkdir()
    paths = readable_paths([tmp_path, tmp_path / "inner"])
    assert tmp_path in paths
    assert [(a, b) for a in paths for b in paths if a != b and a.is_relative_to(b)] == []


def test_one_thread_is_left_to_libraries_that_would_start_more_at_import():
    assert environment()["OMP_NUM_THREADS"] == environment()["OPENBLAS_NUM_THREADS"] == "1"


def test_only_the_best_tier_needs_bubblewrap(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert "bwrap" not in " ".join(command(Tier.LANDLOCK, ["-c", "pass"], []))
    with pytest.raises(GraderError, match="bubblewrap is not installed"):
        command(Tier.BUBBLEWRAP, ["-c", "pass"], [])


def test_paths_are_mounted_after_the_private_folder_that_could_hide_them(tmp_path):
    if reason := tier_problem(Tier.BUBBLEWRAP):
        pytest.skip(reason)
    line = bubblewrap(["true"], [tmp_path, Path("/lib")], [tmp_path / "w"], scratch=4096)
    assert line.index("--tmpfs") < line.index(str(tmp_path)) < line.index("--remount-ro") < line.index("--")
    assert line[line.index("--tmpfs") - 2 :][:4] == ["--size", "4096", "--tmpfs", "/tmp"]
    assert line[line.index(str(tmp_path / "w")) - 1] == "--bind"
