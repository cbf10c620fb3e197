"""Evidence about attempts that were made up, one of them by a student who attacks whoever reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from autograder.gradebook.explain.evidence import Evidence, collect_evidence
from autograder.store import Store, open_store
from autograder.store.counting.regrades import Replacement
from autograder.store.results import new_verdict
from course.rules import load_rules
from tests.support.judged_attempts import grade_made_up

HOSTILE = "<script>alert(1)</script>[red]x[/red]\x1b[31m\u202ey"


@pytest.fixture
def store(tmp_path: Path):
    with open_store(str(tmp_path / "results.db")) as opened:
        yield opened


@pytest.fixture
def made_up(store: Store) -> Callable[..., Evidence]:
    """The evidence about ada, whose runs had so many of 10,000 test images right."""

    def make(*curves: list[int], **options: object) -> Evidence:
        grade_made_up(store, "ada", curves, **options)
        return collect_evidence(store, "ada")

    return make


@pytest.fixture
def hostile(store: Store) -> Evidence:
    """HOSTILE is the student's name, in the source, in a reason, and in the reason of a regrade."""
    grade_made_up(store, HOSTILE, [[9_800, 9_970, 9_970]], recipe=f"recipe = 1  # {HOSTILE}\n</pre>\n\tif x:\n")
    (before,) = store.results.graded_attempts("challenge")
    result = replace(before.result, reasons=(f"Because {HOSTILE}.",))
    made = new_verdict(before.attempt_id, result, load_rules("challenge"), [1], options=before.options, reason=HOSTILE)
    store.regrades.apply([Replacement(before.verdict_id, made)], reason=HOSTILE)
    return collect_evidence(store, HOSTILE)
