"""Recipe -> Spec: the only place where the student's code runs, once.

    recipe = run_recipe(source)
    spec = capture(recipe)     # raises RecipeError (cannot be captured) or StudentCodeError (the student's code raised)

`recipe_capture` puts a spec together from four parts: the forward as two graphs (`export`, `graph`), the constructor as
an init program (`operation_recorder`, `init_program`), the optimizer and its schedule (`schedule`), and the transforms
(`course.transforms`). `hooks` and `unsupported` name what cannot be taken over. Then `equivalence` trains the rebuilt
network three steps side by side with the student's own and names the first step that differs.
"""

from course.capture.export import capture_error, export_model
from course.capture.operation_recorder import initialise_lazy_layers
from course.capture.recipe_capture import CAPTURE_SEED, capture
from course.capture.recipe_source import run_recipe
from course.capture.repeatability import other_conditions

__all__ = [
    "CAPTURE_SEED",
    "capture",
    "capture_error",
    "export_model",
    "initialise_lazy_layers",
    "other_conditions",
    "run_recipe",
]
