"""Files that people open with a spreadsheet: no field is a formula, and every name can be read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from autograder.console.text import printable

# with which a spreadsheet begins a formula; Excel takes the wide forms for the same in some languages
FORMULA_STARTS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
BYTE_ORDER_MARK = "\ufeff"
MAX_FIELD = 200  # characters


def csv_text(rows: Iterable[Sequence[object]], *, quote_text: bool = False) -> str:
    """The rows as CSV. Numbers stay numbers; `quote_text` puts all text in quotes.

    Excel reads UTF-8 only after a byte order mark, so there is one if a name needs it. Canvas and Moodle skip it.
    """
    file = io.StringIO()
    writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC if quote_text else csv.QUOTE_MINIMAL)
    writer.writerows([plain_text(value) if isinstance(value, str) else value for value in row] for row in rows)
    text = file.getvalue()
    return text if text.isascii() else BYTE_ORDER_MARK + text


def plain_text(text: str) -> str:
    """The text on one line, with a quote before it where a spreadsheet would compute it."""
    line = printable(text, MAX_FIELD)
    start = line.lstrip()
    return f"'{start}" if start.startswith(FORMULA_STARTS) else line
