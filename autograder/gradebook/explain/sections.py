"""The evidence in words and tables: sections, which the terminal and the page lay out each in its way.

All texts are plain, and may hold anything that a student or an instructor wrote: whoever shows them escapes them.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from autograder.console import format_duration, format_points
from autograder.gradebook.explain.evidence import Evidence, JudgedRun
from autograder.gradebook.explain.rerun import Rerun
from autograder.grading.times import shown
from autograder.store.counting.attempt_history import VerdictHistory
from course.errors import plural
from course.training.results import EpochResult

MAX_CHANGES = 20  # that are listed of a training that gave other numbers
RULE_OF = {
    "last": "Of a student's attempts the last one with a verdict counts.",
    "best": "Of a student's attempts the best one counts, and of equally good ones the earlier.",
}
DRAWN = {
    True: ", which the course's secret draws for this recipe",
    False: ", which the course's secret of now does not draw for this recipe",
    None: "",
}


@dataclass(frozen=True)
class Section:
    """A heading with sentences, then a table, then a text with its own lines; each may be empty.

    `right` are the columns of numbers, `marked` the rows that the verdict rests on or that differ, both from 0.
    `picture`: whether the accuracy curves belong here.
    """

    title: str
    sentences: tuple[str, ...] = ()
    headings: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    right: frozenset[int] = frozenset()
    marked: frozenset[int] = frozenset()
    text: str = ""
    picture: bool = False
    is_alarm: bool = False  # something is not as it should be


def headline(evidence: Evidence) -> str:
    """`ada, challenge: pass (borderline: the seeds did not agree)`."""
    verdict = evidence.verdict
    remark = " (borderline: the seeds did not agree)" if verdict and verdict.borderline else ""
    return f"{evidence.student}, {evidence.assignment}: {verdict.verdict if verdict else 'no verdict yet'}{remark}"


def sections(evidence: Evidence, rerun: Rerun | None = None, *, all_digits: bool = False) -> list[Section]:
    """In the order of a reader's questions. `all_digits`: losses and rates to the last digit, not to the sixth."""
    verdict = evidence.verdict
    found = [_verdict(evidence), _attempts(evidence)]
    if verdict is not None:
        found += [_count(evidence, verdict), _rules(evidence), _conditions(verdict)]
        found += [_run(run, all_digits) for run in evidence.runs]
    if rerun is not None:
        found.append(rerun_section(rerun))
    return [*found, _other_verdicts(evidence), _chain(evidence), _source(evidence)]


def _verdict(evidence: Evidence) -> Section:
    verdict = evidence.verdict
    if verdict is None:
        return Section("Verdict", (evidence.state,))
    lines = list(verdict.reasons)
    if not verdict.runs:
        lines.append("Nothing was trained for this verdict.")
    how = [f"Judged {_time(verdict.judged_at)}."]
    if verdict.regrade:
        how.append(f"Made by regrade {verdict.regrade.number} of {verdict.regrade.changed_by}: {verdict.reason}")
    elif verdict.reason:
        how.append(f"Graded again: {verdict.reason}")
    if not evidence.is_intact:
        how.append("Records in the store were changed, so look at the chain of records below first.")
    return Section("Verdict", (*lines, *how), picture=bool(verdict.runs), is_alarm=not evidence.is_intact)


def _attempts(evidence: Evidence) -> Section:
    history = evidence.history
    lines = [
        f"Attempt {evidence.number} of {len(evidence.attempts)}, handed in {_time(history.handed_in)} as "
        f"{history.handed_in_as}, in {history.file}; in the store since {_time(history.recorded)}.",
        RULE_OF[evidence.attempt_rule] + ("" if evidence.counts else " This one does not count."),
    ]
    if evidence.members != (evidence.student,):
        lines.append(f"It counts for the team {evidence.student}: {', '.join(evidence.members)}.")
    rows = tuple(
        (str(a.number), _time(a.handed_in), a.verdict or "none yet", "counts" if a.counts else "")
        for a in evidence.attempts
    )
    marked = frozenset(a.number - 1 for a in evidence.attempts if a.counts)
    return Section(
        "Attempt",
        (*lines, *_gradebook(evidence)),
        ("attempt", "handed in", "verdict", ""),
        rows,
        frozenset({0}),
        marked,
    )


def _gradebook(evidence: Evidence) -> Iterator[str]:
    kept = evidence.gradebook
    if kept is None:
        return
    if kept.due is None:
        yield "The gradebook has no due date for it."
    elif kept.late:
        yield f"Due {_time(kept.due)}: late by {kept.late} hours."
    else:
        yield f"Due {_time(kept.due)}: in time."
    if kept.score is not None:
        penalty = f", less {format_points(kept.penalty)} for being late" if kept.penalty else ""
        points = f"{format_points(kept.score)} of {format_points(kept.max_points)} points"
        yield f"The gradebook has {points} for the whole assignment{penalty}."


def _count(evidence: Evidence, verdict: VerdictHistory) -> Section:
    inspection = verdict.inspection
    if inspection is None:
        return Section("Parameters", ("The network was not inspected.",))
    limit = verdict.rules.get("max_parameters")
    lines = (
        f"{inspection.counted:,} counted of at most {limit:,}." if isinstance(limit, int) else "",
        f"The recipe asks for {inspection.epochs} epochs with batches of {inspection.batch_size}; its receptive field "
        f"is {inspection.receptive_field} px.",
    )
    rows = [(part.kind, part.name, f"{part.numbers:,}") for part in inspection.parts if part.numbers]
    return Section(
        "Parameters, part by part",
        tuple(filter(None, lines)),
        ("kind", "part", "numbers"),
        (*rows, ("", "together", f"{inspection.counted:,}")),
        frozenset({2}),
        frozenset({len(rows)}),
    )


def _rules(evidence: Evidence) -> Section:
    differing = frozenset(n for n, rule in enumerate(evidence.rules) if rule.differs)
    lines = [f"Those of now are in {evidence.rules_file}.", "They are the same as at the verdict."]
    if differing:
        names = ", ".join(evidence.rules[n].name for n in sorted(differing))
        lines[1] = f"Another one now: {names}. The verdict rests on those then; see `autograder regrade`."
    if evidence.verdict and not evidence.verdict.official:
        lines.append("The training was reduced (data, epochs or seeds), so the result is not official.")
        if evidence.limits and evidence.limits.accuracy != evidence.verdict.rules.get("accuracy"):
            lines.append(f"By the course's settings such a training has to hold {evidence.limits.accuracy:.2%}.")
    rows = tuple(
        (rule.name, _value(rule.then), _value(rule.now), "differs" if rule.differs else "") for rule in evidence.rules
    )
    return Section("Rules", tuple(lines), ("rule", "at the verdict", "now", ""), rows, frozenset({1, 2}), differing)


def _conditions(verdict: VerdictHistory) -> Section:
    return Section(
        "How it was graded",
        (
            f"Options: {verdict.options or 'not noted'}.",
            f"Isolation: {verdict.isolation or 'none'}.",
            f"Versions: {_versions(verdict.versions)}.",
            f"The captured recipe has the SHA-256 {verdict.spec_hash}."
            if verdict.spec_hash
            else "No recipe was captured.",
        ),
    )


def _run(run: JudgedRun, all_digits: bool) -> Section:
    history, record = run.history, run.record
    lines = [
        f"Seed {record.seed}{DRAWN[run.is_drawn]}.",
        f"{record.device} with {plural(record.threads, 'thread')}: {record.device_name}; "
        f"{format_duration(record.seconds)} of training, begun {_time(history.started)}, "
        f"by {', '.join(dict.fromkeys(history.trained_by)) or 'nobody'}.",
        f"Isolation: {history.isolation or 'not noted'}. Versions: {_versions(history.versions)}.",
    ]
    if history.key.reduced:
        lines.append(f"A reduced run, of {history.key.reduced} epochs, training and test images.")
    if history.repetition:
        lines.append(f"Trained again ({history.repetition}): {history.reason}")
    if record.ended:
        lines.append(f"It broke off, and has held nothing: {record.ended}")
    return Section(
        f"Run {run.number}",
        tuple(lines),
        ("epoch", "rate", "train loss", "train", "test loss", "right", "test", ""),
        tuple((*_cells(epoch, all_digits), mark) for epoch, mark in zip(record.epochs, run.marks, strict=True)),
        frozenset(range(7)),
        frozenset(n for n, mark in enumerate(run.marks) if mark == "held"),
    )


def _cells(epoch: EpochResult, all_digits: bool) -> tuple[str, ...]:
    rate = repr(epoch.learning_rate) if all_digits else f"{epoch.learning_rate:.6g}"
    train_loss, test_loss = (
        repr(loss) if all_digits else f"{loss:.6f}" for loss in (epoch.train_loss, epoch.test_loss)
    )
    right = f"{epoch.correct:,} of {epoch.test_total:,}" if all_digits else f"{epoch.correct:,}"
    train = f"{epoch.train_accuracy:.2%}"
    if all_digits:
        train += f" ({epoch.train_correct:,} of {epoch.train_total:,})"
    return str(epoch.epoch), rate, train_loss, train, test_loss, right, f"{epoch.accuracy:.2%}"


def rerun_section(rerun: Rerun) -> Section:
    """What training again gave."""
    lines = [f"Not as it was: {condition}. Other digits may come from that." for condition in rerun.conditions]
    trained = f"{plural(rerun.runs, 'run')} and {plural(rerun.epochs, 'epoch')}"
    if rerun.is_equal:
        lines.append(f"Equal: all numbers of {trained}, to the last digit.")
        return Section("Trained again", tuple(lines))
    lines.append(f"Not equal: {plural(len(rerun.changed), 'number')} of {trained}.")
    if len(rerun.changed) > MAX_CHANGES:
        lines.append(f"The first {MAX_CHANGES} of them:")
    rows = tuple(
        (f"{c.run} (seed {c.seed})", str(c.epoch or "all"), c.name, c.then, c.now) for c in rerun.changed[:MAX_CHANGES]
    )
    return Section(
        "Trained again", tuple(lines), ("run", "epoch", "number", "then", "now"), rows, frozenset({1}), is_alarm=True
    )


def _other_verdicts(evidence: Evidence) -> Section:
    counting = evidence.verdict
    others = [verdict for verdict in evidence.history.verdicts if verdict is not counting]
    if not others:
        return Section("Other verdicts of this attempt", ("There is none.",))
    rows = tuple((_time(v.judged_at), v.verdict, _describe_standing(v), "; ".join(v.reasons)) for v in others)
    return Section(
        "Other verdicts of this attempt", (), ("judged", "verdict", "why it does not count", "reasons"), rows
    )


def _describe_standing(verdict: VerdictHistory) -> str:
    made = f"regrade {verdict.regrade.number}: {verdict.reason}" if verdict.regrade else verdict.reason
    standing = "a newer one counts" if verdict.is_in_force else "taken back"
    return f"{standing} ({made})" if made else standing


def _chain(evidence: Evidence) -> Section:
    chain, history = evidence.chain, evidence.history
    checked = plural(history.records, "record")
    lines = [f"Checked: {checked} of this attempt, and {chain.links:,} of the store {chain.store}."]
    lines.append(
        "Intact: each is as the grader wrote it."
        if evidence.is_intact
        else "Not intact: somebody without the course's secret changed records."
    )
    lines += [f"Of this attempt: {problem}" for problem in history.problems]
    lines += [f"In the store: {problem}" for problem in chain.problems]
    return Section("Chain of records", (*lines, f"End of the chain: {chain.end}"), is_alarm=not evidence.is_intact)


def _source(evidence: Evidence) -> Section:
    history = evidence.history
    if not history.source:
        what = "The store has no source of it: the file had no recipe, or was graded before sources were kept."
        return Section("The recipe as it was handed in", (what, f"SHA-256 of the file: {history.source_hash}"))
    lines = [f"SHA-256: {history.source_hash}"]
    if hashlib.sha256(history.source.encode()).hexdigest() != history.source_hash:
        lines.append("The source below has another SHA-256.")
    if hidden := sum(unicodedata.category(c)[0] == "C" and c not in "\t\r\n" for c in history.source):
        lines.append(f"{hidden:,} characters in it cannot be seen, and are shown as spaces.")
    return Section("The recipe as it was handed in", tuple(lines), text=history.source)


def _versions(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items()) or "not noted"


def _value(value: object) -> str:
    """As in rules.toml, with commas in large numbers."""
    if value is None:
        return "not given"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return f"{value:,}" if type(value) is int else str(value).lower() if isinstance(value, bool) else str(value)


def _time(time: dt.datetime) -> str:
    return f"{shown(time):%Y-%m-%d %H:%M:%S %Z}"
