"""Why attempts of the class did not pass, and how many students met each reason."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from autograder.store import AttemptSummary

_NUMBERS = re.compile(r"\d[\d.,]*")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`")
_RUN = re.compile(r"^Run \d+: ")
_FIRST_SENTENCE_END = re.compile(r"; |(?<=[a-z)…])\. ")


def common_reasons(attempts: Iterable[AttemptSummary], max_reasons: int = 12) -> list[tuple[str, int]]:
    """Reasons with the number of students, the most frequent first. Numbers and quoted names make no difference."""
    pairs = {
        (_without_details(reason), attempt.student)
        for attempt in attempts
        if attempt.verdict in ("fail", "refused", "error")
        for reason in attempt.reasons
    }
    students = Counter(reason for reason, _ in pairs)
    return sorted(students.items(), key=lambda item: (-item[1], item[0]))[:max_reasons]


def _without_details(reason: str) -> str:
    text = _NUMBERS.sub("…", _QUOTED.sub("…", _RUN.sub("", reason)))
    return _FIRST_SENTENCE_END.split(text, maxsplit=1)[0]
