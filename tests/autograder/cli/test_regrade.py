"""`autograder regrade`: a preview that changes nothing, applied for all or some, and taken back."""

import json
import re

import pytest
from click.testing import CliRunner

from autograder.cli.main import main
from autograder.store import open_store
from tests.support.changed_rules import changed_rules
from tests.support.judged_attempts import grade_made_up
from tests.support.recipes import TINY

pytestmark = pytest.mark.usefixtures("kept_servers")
NEARLY = [[9_935] * 3] * 3
CURVES = {"ada": NEARLY, "ben": [[9_970] * 3], "cyd": [[9_800] * 3], "dora": [[9_925] * 3]}


@pytest.fixture
def course(tmp_path):
    """Plain files of four students, each with a verdict: with 99.30 % ada passes, and dora needs another seed."""
    folder = tmp_path / "recipes"
    folder.mkdir()
    with open_store(str(tmp_path / "results.db")) as store:
        for student, curves in CURVES.items():
            (folder / f"{student}.py").write_text(f"recipe = {student!r}")
            grade_made_up(store, student, curves)
    return folder


@pytest.fixture
def regrade(course, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: str, code: int = 0) -> str:
        command = ["regrade", str(course), "--store", str(tmp_path / "results.db"), "--device", "cpu", *arguments]
        done = CliRunner().invoke(main, command)
        assert done.exit_code == code, done.output
        return done.stderr if code > 1 else done.stdout

    return run


@pytest.fixture
def verdicts(tmp_path):
    def read() -> dict[str, str]:
        with open_store(str(tmp_path / "results.db")) as store:
            assert list(store.verify()) == []
            return {a.student: a.result.verdict for a in store.results.counting_attempts("challenge")}

    return read


@pytest.fixture
def lowered():
    with changed_rules(accuracy=0.993):
        yield


def test_while_no_rule_has_changed_there_is_nothing_to_apply(regrade):
    assert regrade() == "4 grades: 0 up, 0 down, 4 unchanged.\nThere is nothing to apply.\n"


def test_the_preview_says_who_changes_how_and_why_and_changes_nothing(regrade, verdicts, lowered, tmp_path):
    before = (tmp_path / "results.db").read_bytes()
    said = regrade(code=1)
    assert re.search(r"^ada +fail 99\.35% +pass 99\.35% +accuracy 0\.994, now 0\.993 *$", said, re.MULTILINE)
    assert re.search(r"^dora +fail 99\.25% +needs run 2 +accuracy 0\.994, now 0\.993 *$", said, re.MULTILINE)
    assert "the same verdict for ben, cyd (accuracy 0.994, now 0.993)" in said
    assert "4 grades: 1 up, 0 down, 2 unchanged, 1 must be trained to know (--train)." in said
    assert "--apply --reason TEXT" in said and max(map(len, said.splitlines())) <= 100
    assert (tmp_path / "results.db").read_bytes() == before


def test_applied_for_all_it_counts_and_is_taken_back_by_its_number(regrade, verdicts, lowered, course):
    before = verdicts()
    said = regrade("--apply", "--reason", "99.30 is enough", code=1)
    assert "Regrade 1 in" in said and "makes 3 new verdicts count." in said
    assert f"To take it back: autograder regrade {course} --undo 1 --reason TEXT" in said
    assert verdicts() == before | {"ada": "pass"}
    assert "4 grades: 0 up" in regrade(code=1)
    said = regrade("--undo", "1", "--reason", "it was not")
    assert "regrade 1 is taken back" in said and "4 grades: 0 up, 1 down, 3 unchanged." in said
    assert verdicts() == before
    assert "1 up, 0 down, 3 unchanged" in regrade("--undo", "2", "--reason", "it was after all")
    assert verdicts() == before | {"ada": "pass"}


def test_some_alone_are_regraded(regrade, verdicts, lowered):
    before = verdicts()
    assert "1 grade: " in regrade("--student", "cyd", "--apply", "--reason", "x")
    assert verdicts() == before
    assert "1 grade: 0 up, 0 down, 1 unchanged" in regrade("--student", "cyd")
    regrade("--student", "ada", "--apply", "--reason", "x")
    assert verdicts() == before | {"ada": "pass"}


def test_the_list_shows_who_regraded_what_when_and_why(regrade, lowered):
    assert regrade("--list") == "Nothing was regraded so far.\n"
    regrade("--apply", "--reason", "enough", code=1)
    regrade("--undo", "1", "--reason", "a mistake")
    first, second = regrade("--list").splitlines()
    what = r"3 new verdicts: 1 fail to pass \[taken back\] \(.+@.+: enough\)"
    assert re.fullmatch(rf"  1  20\d\d-\d\d-\d\d \d\d:\d\d UTC  {what}", first)
    assert "regrade 1 is taken back" in second and ": a mistake)" in second
    records = json.loads(regrade("--list", "--json"))
    assert [(r["number"], r["undoes"], r["taken_back"]) for r in records] == [(1, None, True), (2, 1, False)]
    changes = {c["student"]: (c["before"], c["after"]) for c in records[0]["changes"]}
    assert changes == {"ada": ("fail", "pass"), "ben": ("pass", "pass"), "cyd": ("fail", "fail")}


def test_for_programs_it_is_one_object(regrade, lowered):
    preview = json.loads(regrade("--json", code=1))
    assert preview["regrade"] is None and preview["grades"] == {"up": 1, "stay": 2, "unknown": 1}
    ada = preview["changes"][0]
    assert (ada["student"], ada["before"], ada["after"], ada["direction"]) == ("ada", "fail", "pass", "up")
    assert ada["why"] == ["accuracy 0.994, now 0.993"] and "9,935 of 10,000" in ada["reasons"][0]
    assert json.loads(regrade("--json", "--apply", "--reason", "x", code=1))["regrade"] == 1
    assert json.loads(regrade("--json", "--undo", "1", "--reason", "x"))["grades"] == {"down": 1, "stay": 3}


def test_a_hand_in_without_a_verdict_is_counted_and_sent_to_batch(regrade, course):
    (course / "eli.py").write_text("recipe = 5")
    assert "Without a verdict, and not compared: 1. `autograder batch`" in regrade()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--apply"], "Missing option '--reason'"),
        (["--apply", "--reason", " "], "it stays in the store"),
        (["--undo", "1"], "Missing option '--reason'"),
        (["--undo", "7", "--reason", "x"], "There is no regrade 7. `autograder regrade --list` shows all."),
        (["--again", "--all", "--reason", "x"], "give --apply as well"),
        (["--student", "nobody"], "no submission of nobody"),
        (["--verdict", "error"], "has the verdict error"),
        (["--assignment", "lesson9"], "There is no submission"),
    ],
)
def test_a_wrong_use_is_one_sentence_with_the_next_step(regrade, arguments, words):
    assert words in regrade(*arguments, code=2)


@pytest.mark.training
def test_what_has_to_be_trained_is_trained_first_and_counts_when_it_is_applied(tmp_path):
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "ada.py").write_text(TINY)

    def run(command: str, *arguments: str, code: int = 0) -> str:
        options = ["--store", str(tmp_path / "r.db"), "--reduced", "1/600/500", "--seeds", "1", "--device", "cpu"]
        done = CliRunner().invoke(main, [command, str(tmp_path / "recipes"), *options, *arguments])
        assert done.exit_code == code, done.output
        return done.stdout

    def verdict() -> str:
        with open_store(str(tmp_path / "r.db")) as store:
            assert list(store.verify()) == []
            return store.results.latest("ada", "challenge").result.verdict

    with changed_rules(max_parameters=10):
        run("batch")
    assert re.search(r"ada +refused +needs run 1 +max_parameters 10, now 7999", run("regrade", code=1))
    assert re.search(r"ada +refused +fail \d", run("regrade", "--train")) and verdict() == "refused"
    assert re.search(r"ada +refused +fail \d", run("regrade"))  # the run is kept
    run("regrade", "--apply", "--reason", "x")
    assert verdict() == "fail"
    again = json.loads(run("regrade", "--again", "--all", "--apply", "--reason", "the fan had stopped", "--json"))
    assert again["regrade"] == 2 and again["grades"] == {"stay": 1} and again["verdicts"] == {"fail": 1}
    run("regrade", "--undo", "2", "--reason", "x")
    run("regrade", "--undo", "1", "--reason", "x")
    assert verdict() == "refused"
