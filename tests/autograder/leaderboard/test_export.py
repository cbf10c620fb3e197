"""The table outside of the browser: nothing personal for students, no formulas for spreadsheets."""

import csv
import io

import pytest
from rich.console import Console

from autograder.leaderboard import export
from autograder.leaderboard.baselines import baselines
from autograder.leaderboard.ranking import ranked
from autograder.store import AttemptInProgress
from tests.support.rows import DEFAULT_ORDER, make_row


def test_pseudonyms_stay_the_same_and_need_the_secret():
    assert export.pseudonym("ada", b"k") == export.pseudonym("ada", b"k") != export.pseudonym("ada", b"other")
    many = {export.pseudonym(f"student{n}", b"k") for n in range(2_000)}
    assert len(many) == 2_000


def test_the_page_for_students_names_nobody_and_loads_nothing():
    rows = ranked(
        [make_row("zoltan", reason="zoltan's words"), make_row("wulfric", minutes=3), make_row("xerxes", correct=())],
        DEFAULT_ORDER,
    )
    text = export.students_page([*rows, *baselines("challenge")], "challenge")
    assert not any(word in text for word in ("zoltan", "wulfric", "xerxes", "href", "src=", "<script"))
    assert export.pseudonym("wulfric") in text and "Model 1, published" in text


@pytest.mark.parametrize("best, shown, others", [(1, 2, "2 more have handed in"), (3, 3, "1 more"), (0, 3, "")])
def test_only_the_best_are_shown_where_that_is_set_with_all_who_share_a_rank(best, shown, others):
    rows = ranked(
        [make_row("ada"), make_row("bob"), make_row("cyd", minutes=3), make_row("eve", correct=())], DEFAULT_ORDER
    )
    text = export.students_page(rows, "challenge", best)
    assert text.count("<tr data-key") == shown and others in text


def test_a_spreadsheet_computes_no_name_and_gets_integers():
    names = ['=HYPERLINK("http://x")', "\x0b+1", "ada,\n\x1b[31m", "x;=1"]
    rows = ranked([make_row(name, minutes=n) for n, name in enumerate(names)], DEFAULT_ORDER)
    table = list(csv.DictReader(io.StringIO(export.as_csv([*rows, *baselines("challenge")]))))
    assert [r["student"] for r in table] == ['\'=HYPERLINK("http://x")', "'+1", "ada,  [31m", "x;=1"]
    assert '"x;=1"' in export.as_csv(rows)
    first = table[0]
    assert [first[name] for name in ("rank", "parameters", "streak_first", "lowest_correct")] == [
        "1",
        "7000",
        "2",
        "9945",
    ]


def test_the_students_page_tells_nothing_by_its_order_nor_by_the_hour():
    names = [f"student{n:02}" for n in range(20)]
    tied = ranked([make_row(name) for name in names], ("verdict", "parameters"))
    text = export.students_page(tied, "challenge")
    places = [text.index(export.pseudonym(name)) for name in names]
    assert places != sorted(places)
    shown = sorted(names, key=export.pseudonym)
    assert [text.index(export.pseudonym(name)) for name in shown] == sorted(places)
    assert "12:00" not in text and "2026-03-01" in text


def test_a_terminal_shows_every_row_and_obeys_no_name():
    rows = ranked([make_row("\x1b[31mada", in_progress=AttemptInProgress(1, 2, 15)), make_row("bob", correct=())], [])
    console = Console(record=True, width=120, file=io.StringIO())
    console.print(export.terminal_table([*rows, *baselines("challenge")], "challenge"))
    text = console.export_text(styles=True)
    assert "[31mada" in text and "\x1b[31mada" not in text and "bob" in text and "Model 1, published" in text
    assert "training (epoch 3 of 15)" in text and "2: 2-3" in text and "99.50" in text


def test_a_renamed_student_keeps_the_pseudonym_and_the_old_name_is_not_shown():
    (row,) = ranked([make_row("ada2", first_name="ada1")], DEFAULT_ORDER)
    text, table = export.students_page([row], "challenge"), export.as_csv([row])
    assert export.pseudonym("ada1") in text and export.pseudonym("ada1") in table
    assert "ada1" not in text and "ada2" not in text and "ada2" in table
