"""What every command shares: exit codes, errors reported as one sentence, and text that is safe to print.

commands      exit codes; an error becomes one sentence
text          names and messages that a terminal does not obey
rich_console  what is printed with rich
spreadsheets  CSV files that Excel can open, without formulas
"""

from autograder.console.commands import ExitCode, discard_output, no_room, print_warning, report_errors
from autograder.console.text import (
    VERDICT_COLORS,
    format_duration,
    format_points,
    printable,
    printable_name,
    student_name,
)

__all__ = [
    "VERDICT_COLORS",
    "ExitCode",
    "discard_output",
    "format_duration",
    "format_points",
    "no_room",
    "print_warning",
    "printable",
    "printable_name",
    "report_errors",
    "student_name",
]
