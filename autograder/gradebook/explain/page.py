"""The evidence as one page of HTML: no scripts, nothing from elsewhere, everything escaped."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import io
from functools import cache
from importlib import resources

import jinja2
from markupsafe import Markup

from autograder.console import printable
from autograder.gradebook.explain.evidence import Evidence
from autograder.gradebook.explain.rerun import Rerun
from autograder.gradebook.explain.sections import headline, sections
from autograder.grading.times import shown

PACKAGE = "autograder.gradebook.explain"


def page(evidence: Evidence, rerun: Rerun | None = None) -> str:
    """The whole page. Its policy allows its own style, by a hash, and its own picture."""
    style = (resources.files(PACKAGE) / "templates" / "explain.css").read_text(encoding="utf-8")
    curves = accuracy_curves(evidence)
    return _template().render(
        headline=headline(evidence),
        verdict=evidence.verdict.verdict if evidence.verdict else "",
        sections=sections(evidence, rerun, all_digits=True),
        picture=base64.b64encode(curves).decode() if curves else "",
        made=f"{shown(dt.datetime.now(dt.UTC)):%Y-%m-%d %H:%M:%S %Z}",
        style=Markup(style),  # our own file
        style_hash="sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
    )


def accuracy_curves(evidence: Evidence) -> bytes | None:
    """The test accuracy of each run by epoch, with the accuracy to be held, as a PNG; None if nothing was trained."""
    by_seed = {
        f"run {run.number}, seed {run.record.seed}": [100 * epoch.accuracy for epoch in run.record.epochs]
        for run in evidence.runs
        if run.record.epochs
    }
    if not by_seed or evidence.limits is None:
        return None
    from course.plots import accuracies

    file = io.BytesIO()
    accuracies(by_seed, goal=100 * evidence.limits.accuracy).savefig(file, format="png", dpi=120)
    return file.getvalue()


def printable_lines(text: str) -> str:
    """A text with its lines and their indentation, and without what a reader cannot see."""
    return "\n".join(printable(line.expandtabs(4), max(len(line) * 4, 1)) for line in text.splitlines())


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(PACKAGE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"printable": printable, "printable_lines": printable_lines}
    return environment.get_template("explain.html")
