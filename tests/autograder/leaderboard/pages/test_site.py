"""Addresses and files of the pages."""

import re

from autograder.leaderboard.pages.site import STATIC, Site, plotly_file, plotly_styles

SITE = Site("/leaderboard", "boot", 2_000, "n0nce")


def test_a_static_file_has_an_address_that_changes_with_it():
    address = SITE.static("leaderboard.css")
    modified = (STATIC / "leaderboard.css").stat().st_mtime
    assert address == f"/leaderboard/static/leaderboard.css?v={modified:.0f}"
    assert re.fullmatch(r"/leaderboard/static/plotly\.min\.js\?v=\d+", SITE.static("plotly.min.js"))


def test_plotly_comes_from_its_package_and_its_style_sheets_are_known():
    assert plotly_file().stat().st_size > 1_000_000
    assert plotly_styles() and all(len(name) == 64 for name in plotly_styles())


def test_every_page_gets_what_its_base_needs():
    values = SITE.common("challenge", {"challenge": 3}, "a title")
    assert values["assignments"] == {"challenge": 3} and values["nonce"] == "n0nce" and values["title"] == "a title"
