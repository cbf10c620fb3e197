"""Class changes: who a hand-in counts for, each taken back by another record, and contradictions refused."""

import datetime as dt

import pytest

from autograder.store import Cursor, SharedRecipe
from course.errors import GraderError, UsageError
from tests.support.stores import NOON, execute, hand_in, store_run

sqlite_alone = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


def hours(number: float) -> dt.datetime:
    return NOON + dt.timedelta(hours=number)


@pytest.fixture
def change(store):
    """Record a change, with everybody known."""

    def record(kind, *names, assignment="challenge"):
        of_team = assignment if kind == "team" else ""
        return store.class_changes.record(kind, names, of_team, reason="so it is", known=None).number

    return record


@pytest.fixture
def take_back(store):
    def undo(number):
        return store.class_changes.record("undo", (), reason="a mistake", undoes=number).number

    return undo


def shown(store) -> list[tuple[str, int]]:
    """The leaderboard's names, each with its number of attempts."""
    names = [attempt.student for attempt in store.overview.since()[1]]
    return sorted((name, names.count(name)) for name in set(names))


def test_a_renamed_student_keeps_the_attempts_and_new_ones_are_counted_on(store, change):
    hand_in(store, "ada", "a" * 64)
    change("rename", "ada", "ada2")
    hand_in(store, "ada2", "b" * 64, hours(1))
    attempts = store.results.graded_attempts("challenge", "ada2")
    assert [(a.student, a.number, a.attempts, a.handed_in_as) for a in attempts] == [
        ("ada2", 1, 2, "ada"),
        ("ada2", 2, 2, "ada2"),
    ]
    assert store.results.graded_attempts("challenge", "ada") == attempts
    assert shown(store) == [("ada2", 2)] and store.overview.since()[1][0].first_name == "ada"


@sqlite_alone
def test_the_same_recipe_under_the_new_name_is_no_further_attempt(store, change):
    first = hand_in(store, "ada")
    change("rename", "ada", "ada2")
    assert hand_in(store, "ada2") == first == hand_in(store, "ada2", at=hours(1))
    assert store.results.latest("ada2", "challenge").attempts == 1


def test_of_merged_students_the_attempts_are_counted_together_by_the_rule(store, change, key, spec):
    run = store_run(store, key, spec)
    hand_in(store, "ada", "a" * 64, hours(0), "fail", [run])
    hand_in(store, "ada-private", "b" * 64, hours(1), "pass", [run])
    hand_in(store, "ada", "c" * 64, hours(2), "fail", [run])
    change("merge", "ada-private", "ada")
    (last,), (best,) = (store.results.counting_attempts("challenge", rule) for rule in ("last", "best"))
    assert (last.student, last.number, last.attempts, last.result.verdict) == ("ada", 3, 3, "fail")
    assert (best.student, best.number, best.handed_in_as, best.result.verdict) == ("ada", 2, "ada-private", "pass")


def test_a_teams_one_hand_in_counts_for_every_member_in_that_assignment_alone(store, change):
    change("team", "alpha", "ada", "ben", "cyd")
    hand_in(store, "ben")
    other = store.results.record_attempt("ada", "lesson1_baseline", "x.py", "d" * 64, NOON)
    roster = store.class_changes.roster()
    for student in ("ada", "ben", "cyd", "alpha"):
        assert store.results.latest(student, "challenge").result.verdict == "pass"
    assert roster.members("alpha", "challenge") == ("ada", "ben", "cyd")
    assert roster.members("ada", "lesson1_baseline") == ("ada",)
    assert {a.attempt_id: a.student for a in store.overview.since()[1]}[other] == "ada"
    assert [a.student for a in store.results.graded_attempts(student="ada")] == ["alpha"]


@sqlite_alone
def test_a_team_may_hand_in_under_its_own_name_and_under_earlier_names_of_its_members(store, change):
    hand_in(store, "ada", "a" * 64)
    change("rename", "ada", "ada2")
    change("team", "alpha", "ada2", "ben")
    hand_in(store, "alpha", "b" * 64, hours(1))
    hand_in(store, "ada", "c" * 64, hours(2))
    assert shown(store) == [("alpha", 3)]
    assert [a.handed_in_as for a in store.results.graded_attempts("challenge", "ben")] == ["ada", "alpha", "ada"]


@sqlite_alone
def test_a_team_that_shares_a_recipe_is_no_copying(store, change, spec):
    for student in ("ada", "ben"):
        hand_in(store, student, verdict="fail")
    execute(store, f"UPDATE verdicts SET spec_hash = '{spec.hash}'")
    assert store.results.shared_recipes() == [SharedRecipe(spec.hash, ("ada", "ben"))]
    change("team", "alpha", "ada", "ben")
    assert store.results.shared_recipes() == []


@sqlite_alone
def test_who_is_dropped_or_hidden_is_not_shown_and_nothing_is_lost(store, change, take_back):
    for student in ("ada", "ben", "tester"):
        hand_in(store, student)
    dropped, hidden = change("drop", "ada"), change("hide", "tester")
    assert shown(store) == [("ben", 1)]
    assert len(store.results.graded_attempts("challenge")) == 3 and store.class_changes.roster().is_dropped("ada")
    take_back(hidden)
    assert shown(store) == [("ben", 1), ("tester", 1)]
    take_back(dropped)
    assert shown(store) == [("ada", 1), ("ben", 1), ("tester", 1)] and list(store.verify()) == []


@sqlite_alone
def test_a_team_is_shown_while_one_member_is(store, change):
    hand_in(store, "ada")
    change("team", "alpha", "ada", "ben")
    change("drop", "ada")
    assert shown(store) == [("alpha", 1)]
    change("hide", "ben")
    assert shown(store) == []


def test_after_a_change_the_leaderboard_reads_everything_once(store, change):
    for student in ("ada", "ben"):
        hand_in(store, student)
    cursor, _ = store.overview.since()
    change("rename", "ada", "ada2")
    cursor, attempts = store.overview.since(cursor)
    assert sorted(a.student for a in attempts) == ["ada2", "ben"] and cursor != Cursor()
    assert store.overview.since(cursor) == (cursor, [])


def test_every_change_is_a_record_with_who_when_and_why_and_taking_it_back_restores_what_was(store, change, take_back):
    hand_in(store, "ada", "a" * 64)
    hand_in(store, "ben", "b" * 64, hours(1))
    before = store.results.graded_attempts("challenge")
    numbers = [change("rename", "ada", "ada2"), change("merge", "ben", "ada2"), change("hide", "ada2")]
    for number in reversed(numbers):
        take_back(number)
    assert store.results.graded_attempts("challenge") == before
    first, *_, last = store.class_changes.roster().changes
    assert (first.kind, first.names, first.reason) == ("rename", ("ada", "ada2"), "so it is")
    assert "@" in first.changed_by and abs(first.changed_at - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=5)
    assert (last.kind, last.undoes) == ("undo", numbers[0])
    assert list(store.verify()) == []


@sqlite_alone
def test_an_undo_can_be_taken_back_too(store, change, take_back):
    hand_in(store, "ada")
    undo = take_back(change("drop", "ada"))
    assert shown(store) == [("ada", 1)]
    take_back(undo)
    assert shown(store) == []


@pytest.mark.parametrize(
    "statement, told",
    [
        ('UPDATE class_changes SET names = \'["ben", "ada"]\'', "class_changes 1 was edited"),
        ("DELETE FROM class_changes", "class_changes 1 was deleted"),
    ],
)
@sqlite_alone
def test_a_change_that_was_tampered_with_is_found_and_never_followed(store, change, statement, told):
    hand_in(store, "ada")
    change("rename", "ada", "ada2")
    execute(store, statement)
    assert any(told in sentence for sentence in store.verify())
    if "UPDATE" in statement:
        with pytest.raises(GraderError, match="class_changes 1 in the store is not what was written"):
            store.results.graded_attempts("challenge")


CONTRADICTIONS = {
    "a chain to its start": ([("rename", "a", "b"), ("rename", "b", "c")], ("rename", "c", "a"), "earlier id"),
    "back again": ([("rename", "a", "b")], ("rename", "b", "a"), "autograder students undo 1"),
    "a name of before": ([("rename", "a", "b"), ("rename", "b", "c")], ("drop", "a"), "a is c now .*Name c"),
    "into each other": ([("merge", "a", "b")], ("merge", "b", "a"), "a is b now"),
    "into itself": ([], ("merge", "a", "a"), "called so already"),
    "a name that is taken": ([], ("rename", "a", "ada"), "autograder students merge a ada"),
    "dropped twice": ([("drop", "a")], ("drop", "a"), "dropped before: change 1 of 2"),
    "hidden twice": ([("hide", "a")], ("hide", "a"), "hidden before"),
    "in two teams": ([("team", "t", "a", "b")], ("team", "u", "b", "c"), "b is in the team t in challenge"),
    "a team of the same name": ([("team", "t", "a", "b")], ("team", "t", "c", "d"), "There is a team t"),
    "a team of one": ([], ("team", "t", "a"), "2 or 3 members, and t has 1"),
    "a team of four": ([], ("team", "t", "a", "b", "c", "d"), "2 or 3 members, and t has 4"),
    "a member twice": ([], ("team", "t", "a", "a"), "given once"),
    "a team without its name": ([("drop", "a")], ("team", "a", "b", "c"), "a is a student"),
    "a dropped member": ([("drop", "a")], ("team", "t", "a", "b"), "a is dropped"),
    "a team in a team": ([("team", "t", "a", "b")], ("team", "u", "t", "c"), "a team cannot be in a team"),
    "a team merged": ([("team", "t", "a", "b")], ("merge", "t", "c"), "t is a team"),
    "a merge into a team": ([("team", "t", "a", "b")], ("merge", "c", "t"), "t is a team"),
    "a merge over two teams": (
        [("team", "t", "a", "b"), ("team", "u", "c", "d")], ("merge", "a", "c"), "in two teams in challenge, t and u"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CONTRADICTIONS)
@sqlite_alone
def test_a_change_that_contradicts_another_one_is_refused_and_nothing_is_written(store, change, case):
    before, refused, words = CONTRADICTIONS[case]
    hand_in(store, "ada")
    for earlier in before:
        change(*earlier)
    end = store.chain_end()
    with pytest.raises(UsageError, match=words):
        change(*refused)
    assert store.chain_end() == end


@sqlite_alone
def test_what_another_change_rests_on_is_not_taken_back_before_it(store, change, take_back):
    renamed, team = change("rename", "a", "b"), change("team", "t", "b", "c")
    with pytest.raises(UsageError, match=f"Change {team} rests on it"):
        take_back(renamed)
    undo = take_back(team)
    take_back(renamed)
    for number, words in ((renamed, "taken back already"), (99, "There is no change 99")):
        with pytest.raises(UsageError, match=words):
            take_back(number)
    change("team", "u", "c", "d")
    with pytest.raises(UsageError, match="c is in the team u in challenge"):
        take_back(undo)


@sqlite_alone
def test_a_name_that_nobody_knows_is_answered_with_the_nearest(store):
    hand_in(store, "ada.lovelace")
    record = store.class_changes.record
    with pytest.raises(UsageError, match=r"no student 'ada.lovlace'; there is 'ada.lovelace'"):
        record("drop", ("ada.lovlace",), reason="x")
    with pytest.raises(UsageError, match="no student 'ben'"):
        record("team", ("alpha", "ada.lovelace", "ben"), "challenge", reason="x")
    record("team", ("alpha", "ada.lovelace", "ben"), "challenge", reason="x", known=("ben",))
    record("rename", ("ada.lovelace", "ada2"), reason="x")
    assert record("hide", ("ada2",), reason="x").names == ("ada2",)  # known by the change before
