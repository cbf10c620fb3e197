"""A store with a large class, written at once but as the grader would have written it, for the leaderboard's tests.

    python -m tests.support.large_class STORE [--students 500] [--attempts 10]

Some students are hostile: their names, files, sources, layers and reasons try to run scripts in the page.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import asdict, replace

import click

from autograder.store import Store, open_store
from autograder.store.loading import INSPECTION
from autograder.store.models import (
    GradingProgress,
    StoredAttempt,
    StoredEpoch,
    StoredMistakes,
    StoredRun,
    StoredSource,
    StoredSpec,
    StoredSubmission,
    StoredVerdict,
    VerdictRun,
)
from autograder.store.records import software_versions
from autograder.store.results import rules_hash
from course.inspection.checks import inspect
from course.inspection.record import Inspection, Layer
from course.rules import judge, load_rules
from tests.support.networks import captured
from tests.support.recipes import TINY

OWNED = "document.body.setAttribute('data-owned','yes')"
HOSTILE = (
    f"<script>{OWNED}</script>",
    f'"><img src=x onerror="{OWNED}">',
    f"</script><script>{OWNED}</script>",
    "{{ 7 * 7 }} ${OWNED}",
    f'<a href="javascript:{OWNED}">me</a>',
    f"' onmouseover='{OWNED}",
    '=HYPERLINK("http://evil.example")',
    "\u202egnirts sdrawkcab \x1b[31m",
    f"<svg/onload={OWNED}>",
    "x" * 500,
)
START = dt.datetime(2026, 3, 1, 8, tzinfo=dt.UTC)
RULES = load_rules("challenge")


def fill(store: Store, students: int = 500, attempts: int = 10, seed: int = 1) -> None:
    """`attempts` of each student, all with a verdict except a few newest ones, which wait or met an internal error."""
    draw, spec = random.Random(seed), captured("model2")
    inspection = inspect(spec)
    rows = list(_rows(draw, spec, inspection, students, attempts))
    order = [
        StoredSubmission,
        StoredSpec,
        StoredSource,
        StoredAttempt,
        StoredRun,
        StoredEpoch,
        StoredMistakes,
        StoredVerdict,
        VerdictRun,
    ]

    def add_and_link(session):
        for table in (*order, GradingProgress):
            session.add_all([row for row in rows if isinstance(row, table)])
            session.flush()
        for table in order:
            store._database.chain.append(session, [row for row in rows if isinstance(row, table)])

    store._database.write(add_and_link)


def _rows(draw, spec, inspection: Inspection, students: int, attempts: int) -> Iterator:
    yield StoredSpec(hash=spec.hash, text=spec.to_json())
    number = 0
    for student in range(1, students + 1):
        name = HOSTILE[student - 1] if student <= len(HOSTILE) else f"student{student:03}"
        skill = draw.gauss(0.9915, 0.002)
        yield StoredSubmission(id=student, student=name, assignment="challenge")
        for attempt in range(1, attempts + 1):
            number += 1
            handed = START + dt.timedelta(hours=draw.uniform(0, 24) + 30 * attempt, seconds=student)
            text = f"# {HOSTILE[number % len(HOSTILE)]}\n# attempt {attempt} of {student}\n{TINY}"
            digest = hashlib.sha256(text.encode()).hexdigest()
            yield StoredSource(hash=digest, text=text)
            yield StoredAttempt(
                id=number,
                submission_id=student,
                file=f"{HOSTILE[number % len(HOSTILE)]}.ipynb",
                source_hash=digest,
                handed_in=handed,
                recorded=handed,
            )
            if attempt == attempts and student % 25 == 0:
                fault = "The scorer died (exit code -9)." if student % 100 == 0 else ""
                yield GradingProgress(attempt_id=number, run_id=None, epochs=0, fault=fault)
                continue
            yield from _graded(draw, spec, inspection, number, handed, skill + 0.0004 * attempt)


def _graded(draw, spec, inspection: Inspection, number: int, handed: dt.datetime, skill: float) -> Iterator:
    kind = draw.choices(["trained", "refused", "error"], [0.85, 0.1, 0.05])[0]
    counted = draw.randint(6_689, 7_999) if kind == "trained" else draw.randint(8_000, 20_000)
    runs = [list(_run(draw, spec, 2 * number + n, handed, skill)) for n in range(draw.choice([1, 1, 1, 2]))]
    correct = [[row.correct for row in run if isinstance(row, StoredEpoch)] for run in runs]
    judgement = judge(RULES, correct, seeds=len(runs))
    verdict, reasons = judgement.verdict, list(judgement.reasons)
    if kind == "refused":
        verdict, reasons = (
            "refused",
            [f"parameters: {counted:,} counted, fewer than 8,000 allowed: {counted:,} in layers."],
        )
    if kind == "error":
        verdict, reasons = "error", [f"NameError: name {HOSTILE[number % len(HOSTILE)]!r} is not defined."]
    yield StoredVerdict(
        id=number,
        attempt_id=number,
        content=hashlib.sha256(str(number).encode()).hexdigest(),
        spec_hash=spec.hash,
        rules=asdict(RULES),
        rules_hash=rules_hash(RULES),
        verdict=verdict,
        reasons=reasons,
        borderline=judgement.seeds_disagree if kind == "trained" else False,
        official=True,
        isolation="bubblewrap",
        inspection=_inspection(inspection, counted, number),
        versions=dict(software_versions()),
        options="cpu",
        reason="",
        judged_at=handed,
    )
    if kind == "trained":
        for place, run in enumerate(runs, start=1):
            yield from run
            yield VerdictRun(verdict_id=number, number=place, run_id=run[0].id)


def _inspection(inspection: Inspection, counted: int, number: int) -> dict:
    """The inspection as JSON, with another number of parameters and a hostile name in the first layer."""
    first, *others = inspection.parts
    numbers = max(0, counted - sum(part.numbers for part in others))
    name = HOSTILE[number % len(HOSTILE)]
    layers = [Layer(name, *list(asdict(layer).values())[1:]) for layer in inspection.layers[:1]] + list(
        inspection.layers[1:]
    )
    changed = replace(inspection, parts=(replace(first, name=name, numbers=numbers), *others), layers=tuple(layers))
    return json.loads(INSPECTION.dump_json(changed))


def _run(draw, spec, number: int, handed: dt.datetime, skill: float) -> Iterator:
    yield StoredRun(
        id=number,
        spec_hash=spec.hash,
        seed=number,
        device=draw.choice(["cpu", "cpu", "cuda"]),
        threads=1,
        trainer="trainer 2",
        reduced="",
        repetition=0,
        reason="",
        started=handed,
        device_name="a processor",
        isolation="bubblewrap",
        versions=dict(software_versions()),
        seconds=draw.uniform(120, 500),
        finished=handed,
    )
    for epoch in range(1, 16):
        right = round(10_000 * min(0.999, skill - 0.03 * 0.7**epoch + draw.gauss(0, 0.0005)))
        yield StoredEpoch(
            run_id=number,
            epoch=epoch,
            learning_rate=0.1 / epoch,
            train_loss=0.1 / epoch,
            train_correct=59_000 + 20 * epoch,
            train_total=60_000,
            test_loss=0.03,
            correct=right,
            test_total=10_000,
            trained_by="a test",
            finished=handed,
        )
    yield StoredMistakes(run_id=number, wrong=[[draw.randrange(10_000), draw.randrange(10)] for _ in range(20)])


@click.command()
@click.argument("url")
@click.option("--students", default=500)
@click.option("--attempts", default=10)
def main(url: str, students: int, attempts: int) -> None:
    with open_store(url) as store:
        fill(store, students, attempts)


if __name__ == "__main__":
    main()
