"""What a student calls in a notebook.

`fitting` has `fit` and `inspect`, `check` has `check_submission`, `lr_range` has `rate_range`; `validation` checks
their arguments. `use_cache` lets a program that runs notebooks reuse finished trainings.
"""

from course.notebook.fitting import (
    FitCache,
    FitRequest,
    History,
    fit,
    inspect,
    log_line,
    model_with_weights,
    use_cache,
)

__all__ = ["FitCache", "FitRequest", "History", "fit", "inspect", "log_line", "model_with_weights", "use_cache"]
