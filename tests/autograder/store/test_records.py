"""What a grading finds out, as Python and as JSON."""

import json

import course
from autograder.store.records import Result, capture_conditions, software_versions
from tests.support.stores import EPOCHS, record_of, result_of


def test_a_result_as_json_begins_with_the_verdict_and_holds_every_epoch():
    printed = json.loads(json.dumps(result_of("pass").to_dict()))
    assert list(printed)[:3] == ["verdict", "reasons", "counted"]
    assert printed["verdict"] == "pass" and printed["counted"] is None
    assert [epoch["correct"] for epoch in printed["runs"][0]["epochs"]] == record_of().correct == [451, 452, 453]


def test_two_runs_are_the_same_run_whether_or_not_their_mistakes_are_known():
    """The store gives a run back without them."""
    known = record_of()
    assert known.wrong and known == type(known)(7, "cpu", "a processor", 1, tuple(EPOCHS), 1.5)


def test_a_result_names_the_versions_that_its_numbers_depend_on():
    versions = Result("x.py", "challenge", "error", ()).versions
    assert versions == software_versions() and versions is not software_versions()
    assert set(versions) == {"python", "torch", "torchvision", "trainer", "under8k"} and all(versions.values())


def test_the_conditions_of_a_capture_change_with_our_code_and_with_any_package(tmp_path, monkeypatch):
    def fresh():
        capture_conditions.cache_clear()
        return capture_conditions()

    (tmp_path / "capture.py").write_text("once = 1")
    with monkeypatch.context() as patch:
        seen = [fresh(), fresh()]
        patch.setattr(course, "__path__", [str(tmp_path)])
        seen.append(fresh())
        (tmp_path / "capture.py").write_text("once = 2")
        seen.append(fresh())
        patch.syspath_prepend(tmp_path)
        (tmp_path / "numpy-99.dist-info").mkdir()
        seen.append(fresh())
    assert seen[0] == seen[1] == fresh() and len(set(seen)) == 4
    assert len({capture_conditions(), capture_conditions("kmnist"), capture_conditions("kmnist/1000")}) == 3
