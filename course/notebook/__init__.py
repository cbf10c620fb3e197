"""What a student calls in a notebook: `fit`, `inspect`, `check_submission`, `rate_range`."""

from course.notebook.fitting import History, fit, inspect, log_line

__all__ = ["History", "fit", "inspect", "log_line"]
