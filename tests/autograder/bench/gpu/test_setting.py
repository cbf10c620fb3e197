"""The recipes are those of the course's folder."""

import pytest
import torch

from autograder.bench.gpu.setting import FULL, TRIAL, Setting
from course.errors import UsageError


def test_models_and_a_dozen_examples_are_found(setting):
    assert list(setting.models()) == ["Model 1", "Model 2", "Model 3", "challenge"]
    full = Setting(setting.device, setting.course, FULL)
    assert len(full.examples()) == 12 and len(setting.examples()) == TRIAL.recipes
    assert all(path.is_file() for path in (full.examples() | full.models()).values())


def test_a_recipe_is_captured_once(setting):
    path = setting.solution("challenge")
    assert setting.spec(path) is setting.spec(path)
    assert setting.spec(path).epochs == 15


def test_a_folder_without_a_course_is_told_with_the_option(tmp_path):
    with pytest.raises(UsageError, match="--course FOLDER"):
        Setting(torch.device("cpu"), tmp_path, TRIAL).solution("challenge")
