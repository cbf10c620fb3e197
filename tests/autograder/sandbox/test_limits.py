"""Tiers, limits and the settings of a child process."""

from autograder.sandbox import Limits, Tier
from autograder.sandbox.limits import ChildSettings


def test_every_tier_but_the_best_comes_with_a_caveat():
    assert [bool(tier.caveat) for tier in Tier] == [False, True, True]


def test_the_settings_of_a_child_survive_the_environment_variable():
    settings = ChildSettings(
        Tier.LANDLOCK, Limits(seconds=1.5, threads=3), 7, ("/usr", "/lib"), parent=42, listable=("/opt",)
    )
    assert ChildSettings.from_json(settings.to_json()) == settings
