"""Recipe -> Spec: the student's code runs here, once, and never again.

    spec = capture(recipe)     # raises RecipeError (cannot be captured) or StudentCodeError (their code raised)

Four parts: the forward as a graph (`graph`), the constructor as an init program (`initial`), the optimizer and its
schedule (`schedule`), the transforms (`course.transforms`). Before the spec is handed on, `faithful` trains
the rebuilt network three steps beside the student's own and names the first step that differs.
"""

from __future__ import annotations

import torch
from pydantic import ValidationError

from course import spec
from course.capture.equivalence import check_initial, check_steps
from course.capture.graph import Tensors, explain, graph
from course.capture.init_program import DTYPES, InitProgram, record
from course.capture.schedule import capture_optimizer, capture_schedule
from course.errors import CourseError, RecipeError
from course.inspection import cost_problems, step_cost
from course.recipe import Recipe, default_transform
from course.transforms import capture_transforms, is_random

CAPTURE_SEED = 20_240_229  # any number: the spec does not depend on it


def capture(recipe: Recipe) -> spec.Spec:
    """The recipe as plain data. Runs on the CPU with the caller's thread count; global random state is kept."""
    if not isinstance(recipe, Recipe):
        raise RecipeError(f"`recipe` is {type(recipe).__name__}, and a Recipe(...) is needed.")
    try:
        with torch.random.fork_rng(devices=[]):
            return _capture(recipe)
    except CourseError:
        raise
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = f" ({'.'.join(map(str, first['loc']))})" if first["loc"] else ""
        reason = first["msg"].removeprefix("Value error, ")
        raise RecipeError(f"The recipe cannot be written as plain data{where}: {reason}.") from None
    except Exception as error:  # whatever a student's constructor or lambda raises
        raise explain(error) from error


def _capture(recipe: Recipe) -> spec.Spec:
    train_transform, test_transform = _transforms(recipe)
    model, recorder = record(recipe.model, CAPTURE_SEED)
    network = _network(model, recorder)
    check_initial(network, model, CAPTURE_SEED)
    trained = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    if not trained:
        raise RecipeError("The model has no parameters that can be trained.")
    optimizer = recipe.optimizer(iter(trained))
    captured = capture_optimizer(optimizer, {id(p): n for n, p in trained})
    done = spec.Spec(
        network=network,
        train_transform=train_transform,
        test_transform=test_transform,
        optimizer=captured,
        schedule=capture_schedule(recipe, optimizer, captured),
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        loss=recipe.loss,
    )
    # before anything runs: three steps of a network that is far too large would not end
    if heavy := cost_problems(step_cost(done), done.batch_size):
        raise RecipeError(heavy[0])
    check_steps(recipe, done, CAPTURE_SEED)
    return spec.Spec.from_json(done.to_json())


def _transforms(recipe: Recipe) -> tuple[tuple[spec.Transform, ...], tuple[spec.Transform, ...]]:
    train = capture_transforms(default_transform() if recipe.train_transform is None else recipe.train_transform)
    test = capture_transforms(default_transform() if recipe.test_transform is None else recipe.test_transform)
    if is_random(test):
        raise RecipeError(
            "The test_transform draws something at random. Test images are shown as they are: keep random transforms "
            "in train_transform."
        )
    return train, test


def _network(model: torch.nn.Module, recorder) -> spec.Network:
    tensors = Tensors(model)
    train, evaluate = graph(model, True, tensors), graph(model, False, tensors)
    init = InitProgram(recorder, [t for _, _, t in tensors.found])
    return spec.Network(
        train=train,
        eval=evaluate,
        tensors=tuple(
            spec.Tensor(
                name=name,
                kind=kind,
                shape=tuple(tensor.shape),
                dtype=spec.Dtype(dtype=DTYPES[tensor.dtype]),
                requires_grad=tensor.requires_grad,
                init=init.start_of(name, tensor),
            )
            for name, kind, tensor in tensors.found
        ),
        init=init.nodes,
        constants=tuple(init.constants),
    )
