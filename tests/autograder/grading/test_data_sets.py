"""Data sets beside MNIST: no result on one is taken for one on another, from a grading to a regrade."""

import pytest

from autograder.gradebook.explain.evidence import collect_evidence
from autograder.gradebook.explain.rerun import train_again
from autograder.grading.options import AskedOptions, Options
from autograder.grading.rejudge import GradeChanges
from autograder.leaderboard.pages.misclassified import misclassified_images
from autograder.store import open_store
from course import fit
from course.errors import DataError
from course.notebook.check import check_recipe
from course.rules import choose_course, load_rules
from tests.support.listeners import RecordingListener
from tests.support.own_rules import write_rules
from tests.support.recipes import recipe_of
from tests.support.striped_digits import striped_digits, write_data_set

# without a schedule: it is the same spec on any data
PLAIN = """
from functools import partial
from torch import nn
from torch.optim import SGD
from course import Recipe

def Net():
    return nn.Sequential(nn.Conv2d(1, 4, 7, stride=7), nn.ReLU(), nn.Flatten(), nn.Linear(64, 10), nn.LogSoftmax(dim=1))

recipe = Recipe(model=Net, optimizer=partial(SGD, lr=0.2, momentum=0.9), epochs=2, batch_size=20)
"""
# its table has as many rows as the run has steps
CYCLE = PLAIN.replace("from course import Recipe", "from course import Recipe, steps_per_epoch").replace(
    "epochs=2", "epochs=2, scheduler=cycle"
).replace("recipe =", """
from torch.optim.lr_scheduler import OneCycleLR
cycle = partial(OneCycleLR, max_lr=0.4, total_steps=2 * steps_per_epoch(20))
recipe =""")  # fmt: skip


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course with stripes of its own in two assignments, one of which trains on a share of them."""
    root = write_rules(
        tmp_path / "course",
        stripes={"data": "./stripes"},
        share={"data": "./stripes", "train_images": 200},
    )
    write_data_set(root / "stripes", striped_digits(train=300, test=100))
    choose_course(root)
    (tmp_path / "plain.py").write_text(PLAIN)
    (tmp_path / "cycle.py").write_text(CYCLE)
    return root


@pytest.fixture
def store(tmp_path):
    with open_store(str(tmp_path / "own.db")) as opened:
        yield opened


def options(assignment):
    return Options(assignment=assignment, device="cpu")


KNOWN = "graded before under the same rules: the verdict is taken from the store"


@pytest.mark.training
@pytest.mark.parametrize("name", ["plain.py", "cycle.py"])
def test_the_same_recipe_of_one_student_has_a_result_for_each_assignment(course, tmp_path, store, grade, name):
    results = {}
    for assignment in ("stripes", "share", "stripes"):
        listener = RecordingListener()
        result = grade(tmp_path / name, options(assignment), listener, store=store, student="ada", reuse_verdict=True)
        assert ((KNOWN,) in listener.named("stage")) == (assignment in results)
        assert results.setdefault(assignment, result) == result
    assert {a: (r.runs[0].epochs[-1].train_total, r.runs[0].total) for a, r in results.items()} == {
        "stripes": (300, 100),
        "share": (200, 100),
    }
    assert [result.verdict for result in results.values()] == ["pass", "pass"]
    assert len({result.inspection.spec_hash for result in results.values()}) == (1 if name == "plain.py" else 2)
    assert "needed: 50 of 100 (50.00%) for 1 epoch" in results["stripes"].reasons[0]
    assert list(store.verify()) == []


@pytest.mark.training
def test_a_notebook_of_the_assignment_trains_on_the_same_images_to_the_same_numbers(
    course, tmp_path, grade, monkeypatch, capsys
):
    (run,) = grade(tmp_path / "cycle.py", options("share"), RecordingListener()).runs
    (course / "source" / "share").mkdir(parents=True)
    monkeypatch.chdir(course / "source" / "share")
    history = fit(recipe_of(CYCLE), seed=run.seed, device="cpu")
    assert history.epochs == run.epochs
    assert "/100 (" in capsys.readouterr().out
    assert "Nothing would be refused" in check_recipe(CYCLE, "share")


@pytest.mark.training
def test_other_files_in_the_folder_are_other_data_for_verdicts_reruns_and_pictures(course, tmp_path, store, grade):
    def look():
        """What a regrade, a rerun and the leaderboard make of the verdict."""
        (attempt,) = store.results.graded_attempts("stripes")
        asked = AskedOptions.parse(attempt.options)
        verdict = collect_evidence(store, "ada").verdict
        return (
            GradeChanges(store, options("stripes")).of([attempt]),
            lambda: train_again(verdict, RecordingListener()),
            lambda: misclassified_images([(3, 8)], asked.data_set(attempt.rules)),
        )

    before = grade(tmp_path / "plain.py", options("stripes"), RecordingListener(), store=store, student="ada")
    assert before.verdict == "pass", before.reasons
    changes, rerun, pictures = look()
    assert changes == [] and rerun().is_equal
    assert pictures()[0].label == int(striped_digits(train=300, test=100).test.labels[3])

    write_data_set(course / "stripes", striped_digits(train=280, test=90))
    (change,), rerun, pictures = look()
    assert change.missing == "all runs" and change.why[0].startswith("the data sha256:")
    for ask in (rerun, pictures):
        with pytest.raises(
            DataError, match=r"The data set of then, sha256:.*, is not the one that is here now, sha256:"
        ):
            ask()
    after = grade(tmp_path / "plain.py", options("stripes"), RecordingListener(), store=store, student="ada")
    assert (before.runs[0].total, after.runs[0].total) == (100, 90)
    assert look()[0] == [] and list(store.verify()) == []


def damage(file):
    file.write_bytes(file.read_bytes()[:-1] + b"x")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: damage(folder / "train-images-idx3-ubyte"), "has the checksum"),
        (lambda folder: (folder / "t10k-labels-idx1-ubyte").unlink(), "t10k-labels-idx1-ubyte is missing"),
    ],
)
def test_a_data_set_that_is_damaged_costs_no_student_anything(course, tmp_path, store, grade, spoil, said):
    spoil(course / "stripes")
    result = grade(tmp_path / "plain.py", options("stripes"), RecordingListener(), store=store, student="ada")
    assert result.verdict == "internal" and said in result.reasons[0]
    assert 'data = "./stripes" in ' in result.reasons[0]
    assert store.results.graded_attempts() == []


@pytest.mark.training
def test_a_share_of_mnist_is_what_is_trained_on(course, tmp_path, store, grade):
    write_rules(course, few={"train_images": 1000, "accuracy": 0.2})
    result = grade(tmp_path / "plain.py", options("few"), RecordingListener(), store=store, student="ada")
    assert {(epoch.train_total, epoch.test_total) for epoch in result.runs[0].epochs} == {(1000, 10_000)}
    (attempt,) = store.results.graded_attempts("few")
    assert AskedOptions.parse(attempt.options).data == "mnist/1000"
    assert attempt.rules["train_images"] == load_rules("few").train_images == 1000
