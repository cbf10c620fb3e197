"""What an instructor may set, and what is refused with which sentence."""

import pytest

from autograder.leaderboard.ranking import ranked
from autograder.leaderboard.settings import Settings, read_settings
from course.errors import UsageError
from tests.support.rows import make_row, names


def test_an_instructor_sets_the_order(tmp_path):
    file = tmp_path / "leaderboard.toml"
    file.write_text('order = ["verdict", "lowest", "earlier"]\nbest = 3\n')
    settings = read_settings(file)
    assert settings == Settings(("verdict", "lowest", "earlier"), 3)
    assert names(ranked([make_row("a", counted=10), make_row("b", correct=[9_960] * 2)], settings.order)) == ["b", "a"]


@pytest.mark.parametrize(
    "text, fragment",
    [
        ('order = ["beauty"]', "'beauty' cannot be ranked by"),
        ("order = []", "order is a list of names"),
        ('order = ["verdict", "verdict"]', "each once"),
        ("best = -1", "best is -1"),
        ("best = true", "best is True"),
        ("worst = 3", "no setting 'worst'"),
        ("order = [", "not TOML"),
    ],
)
def test_settings_that_cannot_be_are_told_why(tmp_path, text, fragment):
    file = tmp_path / "leaderboard.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=fragment):
        read_settings(file)
    with pytest.raises(UsageError, match="cannot be read"):
        read_settings(tmp_path / "missing.toml")


def test_without_a_file_the_defaults_hold():
    assert read_settings(None) == Settings() and Settings().best == 0
