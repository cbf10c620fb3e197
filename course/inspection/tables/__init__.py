"""The tables that a network computes without its images, and how many numbers they hold where they meet them.

`trace` follows every value through the operators, `element_labels` says which elements are copies of one another,
`operator_kinds` which operators are polynomials, `table_size` how many numbers a regular table takes.
"""

from course.inspection.tables.trace import TableUse, table_use

__all__ = ["TableUse", "table_use"]
