"""Who stands before whom, and what a table outside of the browser says."""

import csv
import datetime as dt
import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.leaderboard import charts, details, export
from autograder.leaderboard.baselines import baselines
from autograder.leaderboard.ranking import VERDICTS, LeaderboardRow, curve, median_run, ranked, row_of
from autograder.leaderboard.render import RowRenderer, as_json, page, state
from autograder.leaderboard.settings import ORDER, Settings, read_settings
from autograder.leaderboard.site import Site
from autograder.store import AttemptInProgress, AttemptSummary, RunSummary
from course.errors import UsageError
from course.rules import load_rules

RULES = load_rules("challenge")
NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
USUAL = Settings().order


def row(name="ada", verdict="pass", counted=7_000, correct=(9_900, 9_945, 9_950), minutes=0, **other) -> LeaderboardRow:
    handed = NOON + dt.timedelta(minutes=minutes)
    level = curve(correct, RULES, 10_000)
    return LeaderboardRow(
        name, name, verdict=verdict, counted=counted, correct=tuple(correct), **level, handed_in=handed, **other
    )


def seen(number=1, verdict="pass", correct=((9_945, 9_950),), student="ada", **other) -> AttemptSummary:
    runs = tuple(RunSummary(n, n, "cpu", 60.0, tuple(run), 10_000) for n, run in enumerate(correct, start=1))
    rules = None if not verdict else {**vars(RULES)}
    handed = NOON + dt.timedelta(hours=number)
    return AttemptSummary(
        number,
        student,
        "challenge",
        handed,
        "a" * 64,
        verdict,
        ("Because.",),
        rules=rules,
        runs=runs,
        counted=7_000,
        **other,
    )


ROWS = st.lists(
    st.builds(
        row,
        name=st.text("abc", min_size=1, max_size=3),
        verdict=st.sampled_from(VERDICTS),
        counted=st.integers(7_000, 7_003),
        correct=st.lists(st.integers(9_930, 9_950), max_size=4),
        minutes=st.integers(0, 3),
        baseline=st.booleans(),
        official=st.booleans(),
    ),
    max_size=12,
)


def names(rows) -> list[str]:
    return [r.name for r in rows]


# --- the order


@pytest.mark.parametrize(
    "first, second",
    [
        (row("b"), row("a", verdict="borderline")),
        (row("b", verdict="borderline", counted=7_999), row("a", verdict="fail", counted=10)),
        (row("b", counted=7_000), row("a", counted=7_001, correct=[9_990] * 5)),
        (row("b", correct=[9_940] * 3), row("a", correct=[9_900, 9_999, 9_999])),
        (row("b", correct=[9_940] * 2, minutes=9), row("a", correct=[9_900, 9_940, 9_940])),
        (row("b", minutes=1), row("a", minutes=2)),
        (row("b", verdict="fail", counted=9_000), row("a", verdict="pass", official=False)),
    ],
    ids="verdict borderline parameters streak epochs earlier official".split(),
)
def test_what_counts_and_after_it_what(first, second):
    assert names(ranked([second, first], USUAL)) == ["b", "a"]


@given(ROWS, st.permutations(ORDER), st.randoms())
def test_the_order_does_not_depend_on_how_rows_come_and_nobody_is_lost(rows, order, draw):
    once = ranked(rows, order)
    draw.shuffle(rows)
    again = ranked(rows, order)
    assert [(r.rank, r.ties, bool(r.correct)) for r in again] == [(r.rank, r.ties, bool(r.correct)) for r in once]
    assert sorted(names(once)) == sorted(names(rows))


@given(ROWS, st.permutations(ORDER))
def test_what_has_no_result_stands_last_and_takes_no_rank_nor_does_a_baseline(rows, order):
    found = ranked(rows, order)
    assert [bool(r.correct) for r in found] == sorted((bool(r.correct) for r in found), reverse=True)
    assert all((r.rank is None) == (r.baseline or not r.correct) for r in found)
    taken = [r.rank for r in found if r.rank is not None]
    assert taken == sorted(taken) and all(taken.count(r.rank) == r.ties for r in found if r.rank is not None)
    assert all(rank == 1 + sum(other < rank for other in taken) for rank in taken)


def test_ties_share_a_rank_and_say_so():
    found = ranked([row("b"), row("a"), row("c", minutes=5)], USUAL)
    assert [(r.name, r.rank, r.ties) for r in found] == [("a", 1, 2), ("b", 1, 2), ("c", 3, 1)]
    assert "2 share this rank" in RowRenderer()(found[0]) and "share" not in RowRenderer()(found[2])


@given(st.permutations([row("a"), row("b"), row("a", baseline=True), row("c", minutes=5)]))
def test_a_baseline_stands_after_the_students_who_equal_it(rows):
    found = ranked(rows, USUAL)
    assert [(r.name, r.baseline, r.rank, r.ties) for r in found] == [
        ("a", False, 1, 2),
        ("b", False, 1, 2),
        ("a", True, None, 1),
        ("c", False, 3, 1),
    ]


def test_an_instructor_sets_the_order(tmp_path):
    file = tmp_path / "leaderboard.toml"
    file.write_text('order = ["verdict", "lowest", "earlier"]\nbest = 3\n')
    settings = read_settings(file)
    assert settings == Settings(("verdict", "lowest", "earlier"), 3)
    assert names(ranked([row("a", counted=10), row("b", correct=[9_960] * 2)], settings.order)) == ["b", "a"]


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


# --- a student's row


def test_of_several_seeds_the_one_in_the_middle_is_shown():
    runs = seen(correct=((9_990, 9_990), (9_900, 9_900), (9_945, 9_946))).runs
    assert median_run(runs, 2).seed == 3
    assert median_run(runs[:2], 2).seed == 2
    shown = row_of("s1", [seen(correct=((9_990, 9_990), (9_900, 9_900), (9_945, 9_946)))], {})
    assert (shown.passed, shown.seeds, shown.level, shown.streak.lowest) == (2, 3, 9_945, 9_945)


@pytest.mark.parametrize(
    "in_progress, words",
    [
        ({}, "waiting"),
        ({2: AttemptInProgress(2, 6, 15)}, "training (epoch 7 of 15)"),
        ({2: AttemptInProgress(2, 15, 15)}, "training (epoch 15 of 15)"),
        ({2: AttemptInProgress(2, fault="The scorer died.")}, "ours to fix"),
    ],
)
def test_a_newer_attempt_is_told_beside_the_result_that_still_counts(in_progress, words):
    found = row_of("s1", [seen(1), seen(2, "", ())], in_progress)
    assert state(found.in_progress) == words and words in RowRenderer()(found)
    assert (found.verdict, found.number, found.attempts) == ("pass", 1, 2)
    assert state(row_of("s1", [seen(1), seen(2)], {}).in_progress) == ""


def test_an_attempt_that_is_graded_again_says_so_beside_its_verdict():
    found = row_of("s1", [seen(1)], {1: AttemptInProgress(1, 2, 15)})
    assert (found.verdict, state(found.in_progress)) == ("pass", "training (epoch 3 of 15)")


def test_a_run_that_broke_off_held_nothing_whatever_its_epochs_were():
    broken = replace(seen(1, "fail"), runs=(RunSummary(1, 1, "cpu", 9.0, (9_950, 9_950), 10_000, "It diverged."),))
    found = row_of("s1", [broken], {})
    assert (found.passed, found.seeds, found.level, found.streak) == (0, 1, 0, None)
    assert found.correct == (9_950, 9_950)  # which the curve shows


def test_the_published_models_and_the_courses_own_recipe_stand_in_the_table():
    found = {r.name: r for r in baselines("challenge")}
    assert [found[f"Model {n}, published"].counted for n in (1, 2, 3)] == [8_272, 6_778, 7_510]
    assert found["Model 3, published"].verdict == "refused" and "test loss" in found["Model 3, published"].reason
    assert found["Model 2, published"].verdict == "fail" and found["Model 2, published"].level == 9_919
    own = found["the course's own recipe"]
    assert own.seeds >= 3 and own.counted < 8_000 and all(r.baseline for r in found.values())
    assert [r.name for r in baselines("lesson3_dropout")] == ["Model 2, published", "the course's own recipe"]


# --- closer


def test_what_changed_since_the_attempt_before_is_marked():
    found = details.changes("a\nb\nnew\n", "a\nold\nb\n")
    assert [(line.mark, line.text) for line in found.lines] == [(" ", "a"), ("-", "old"), (" ", "b"), ("+", "new")]
    assert found.compared and found.left_out == 0
    assert details.changes("", "a\nb").lines == () == details.changes("", "").lines
    alone = details.changes("a\n\tb", "")
    assert [line.text for line in alone.lines] == ["a", "    b"] and not alone.compared


def test_a_source_made_to_be_compared_for_hours_is_not_compared_and_what_is_left_out_is_counted():
    one, other = ("\n".join(f"{n % 97} {'x' * 60} {word}" for n in range(2_500)) for word in ("a", "b"))
    found = details.changes(one, other)
    assert (found.compared, len(found.lines), found.left_out) == (False, details.MOST_LINES, 500)
    short, longer = ("\n".join(text.split("\n")[: details.MOST_COMPARED]) for text in (one, other))
    assert details.changes(short, longer).compared


def test_reasons_that_differ_in_numbers_and_names_are_one_and_a_student_is_counted_once():
    reasons = [
        ("ada", "parameters: 8,100 counted, fewer than 8,000 allowed: 8,100 in layers."),
        ("ada", "parameters: 9,300 counted, fewer than 8,000 allowed: 9,300 in layers."),
        ("bob", "parameters: 8,001 counted, fewer than 8,000 allowed: 8,001 in layers."),
        ("bob", "NameError: name 'nn' is not defined."),
        ("eve", "NameError: name 'torch; drop. table' is not defined."),
    ]
    attempts = [replace(seen(n, "refused", (), student=who), reasons=(why,)) for n, (who, why) in enumerate(reasons, 1)]
    passed = replace(seen(9), reasons=("parameters: 1 counted",))
    found = details.stumbles([*attempts, passed])
    assert [count for _, count in found] == [2, 2]
    assert {reason for reason, _ in found} == {
        "NameError: name … is not defined.",
        "parameters: … counted, fewer than … allowed: … in layers.",
    }


def test_nobody_on_the_front_has_fewer_parameters_and_holds_more():
    rows = [row(str(n), counted=7_000 + n % 7, correct=[9_900 + 13 * n % 50] * 2) for n in range(30)]
    front = next(t for t in charts.pareto(rows, RULES)["data"] if t["name"] == "Pareto front")
    points = list(zip(front["x"], front["y"], strict=True))
    assert points
    for r in rows:
        better = [p for p in points if p[0] <= r.counted and p[1] >= 100 * r.level / r.total]
        assert better


# --- elsewhere than in a browser


def test_pseudonyms_stay_the_same_and_need_the_secret():
    assert export.pseudonym("ada", b"k") == export.pseudonym("ada", b"k") != export.pseudonym("ada", b"other")
    many = {export.pseudonym(f"student{n}", b"k") for n in range(2_000)}
    assert len(many) == 2_000


def test_the_page_for_students_names_nobody_and_loads_nothing():
    rows = ranked([row("zoltan", reason="zoltan's words"), row("wulfric", minutes=3), row("xerxes", correct=())], USUAL)
    text = export.for_students([*rows, *baselines("challenge")], "challenge")
    assert not any(word in text for word in ("zoltan", "wulfric", "xerxes", "href", "src=", "<script"))
    assert export.pseudonym("wulfric") in text and "Model 1, published" in text


@pytest.mark.parametrize("best, shown, others", [(1, 2, "2 more have handed in"), (3, 3, "1 more"), (0, 3, "")])
def test_only_the_best_are_shown_where_that_is_set_with_all_who_share_a_rank(best, shown, others):
    rows = ranked([row("ada"), row("bob"), row("cyd", minutes=3), row("eve", correct=())], USUAL)
    text = export.for_students(rows, "challenge", best)
    assert text.count("<tr data-key") == shown and others in text


def test_a_spreadsheet_computes_no_name_and_gets_integers():
    names = ['=HYPERLINK("http://x")', "\x0b+1", "ada,\n\x1b[31m", "x;=1"]
    rows = ranked([row(name, minutes=n) for n, name in enumerate(names)], USUAL)
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


@given(st.text(max_size=60))
def test_whatever_a_name_is_it_stays_text(name):
    html = RowRenderer("/x")(row(name, attempt_id=1, reason=name))
    plain = RowRenderer("/x")(row("n", attempt_id=1, reason="n"))
    assert html.count("<") == plain.count("<") and html.count('"') == plain.count('"')


def test_data_for_the_script_cannot_end_its_element():
    figures = {"x": "</script><script>alert(1)</script>&<!--"}
    made = page("message.html", **_common(), words="</script>")
    assert "<" not in as_json(figures) and ">" not in as_json(figures)
    assert "&lt;/script&gt;" in made


def _common() -> dict:
    return Site("/leaderboard", "boot", 2_000, "n0nce").common("challenge", {"challenge": 1}, "<b>title</b>")


def test_the_students_page_tells_nothing_by_its_order_nor_by_the_hour():
    names = [f"student{n:02}" for n in range(20)]
    tied = ranked([row(name) for name in names], ("verdict", "parameters"))
    text = export.for_students(tied, "challenge")
    places = [text.index(export.pseudonym(name)) for name in names]
    assert places != sorted(places)
    shown = sorted(names, key=export.pseudonym)
    assert [text.index(export.pseudonym(name)) for name in shown] == sorted(places)
    assert "12:00" not in text and "2026-03-01" in text
