"""`capture`: a recipe as a spec, checked against the student's own model before it is returned."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import torch
from pydantic import ValidationError
from torch import nn

from course import spec
from course.capture.arguments import to_spec_dtype
from course.capture.equivalence import check_initial_tensors, check_training_steps
from course.capture.export import capture_error
from course.capture.graph import TensorRegistry, capture_graph
from course.capture.hooks import refused_hooks
from course.capture.init_program import InitProgram
from course.capture.operation_recorder import OperationRecorder, record_constructor
from course.capture.schedule import capture_optimizer, capture_schedule
from course.capture.unsupported import checked_arguments
from course.errors import CourseError, RecipeError, StudentCodeError
from course.inspection.cost import cost_problems, step_cost
from course.recipe import AVERAGE_DECAY, Recipe, default_transform, require_recipe
from course.transforms import capture_transforms, is_random

CAPTURE_SEED = 20_240_229  # any number: the spec does not depend on it


def capture(recipe: Recipe) -> spec.Spec:
    """The recipe as plain data. Raises RecipeError, StudentCodeError.

    Runs on the CPU with the caller's number of threads. PyTorch's global random state is left as it was.
    """
    require_recipe(recipe)
    try:
        with torch.random.fork_rng(devices=[]), refused_hooks():
            return _capture(recipe)
    except CourseError:
        raise
    except ValidationError as error:
        place, problem = spec.first_validation_error(error)
        where = f" ({place})" if place else ""
        raise RecipeError(f"The recipe cannot be written as plain data{where}: {problem}.") from None
    except Exception as error:  # whatever a student's constructor or lambda raises
        raise capture_error(error) from error


def _capture(recipe: Recipe) -> spec.Spec:
    train_transform, test_transform = _transforms(recipe)
    model, recorder = record_constructor(recipe.model, CAPTURE_SEED)
    network = _network(model, recorder)
    check_initial_tensors(network, model, CAPTURE_SEED)
    trainable = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    if not trainable:
        raise RecipeError("The model has no parameters that can be trained.")
    with checked_arguments():
        optimizer = _called(recipe.optimizer, iter(trainable), _OPTIMIZER_CALL)
    captured_optimizer = capture_optimizer(optimizer, {id(parameter): name for name, parameter in trainable})
    captured = spec.Spec(
        network=network,
        train_transform=train_transform,
        test_transform=test_transform,
        optimizer=captured_optimizer,
        schedule=capture_schedule(recipe, optimizer, captured_optimizer),
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        loss=recipe.loss,
        label_smoothing=float(recipe.label_smoothing),
        clip_norm=None if recipe.clip_norm is None else float(recipe.clip_norm),
        average_decay=None if recipe.average is None else float(recipe.average_decay or AVERAGE_DECAY),
    )
    # checked before anything runs: three steps of a network that is far too large would take too long
    if problems := cost_problems(step_cost(captured), captured.batch_size):
        raise RecipeError(problems[0])
    check_training_steps(recipe, captured, CAPTURE_SEED)
    return spec.Spec.from_json(_bounded_text(captured))


def _bounded_text(captured: spec.Spec) -> str:
    """The spec's text. Equal columns of a schedule are written once where it would be too long otherwise.

    They are not always: the hashes of recipes that were graded before stay as they are.
    """
    text = captured.to_json()
    if len(text) > spec.MAX_BYTES and isinstance(captured.schedule, spec.ScheduleTable):
        shorter = captured.schedule.without_repetitions()
        text = captured.model_copy(update={"schedule": shorter}).to_json()
        if len(text) > spec.MAX_BYTES:
            raise RecipeError(
                f"The schedule is a table of {len(text):,} bytes, and {spec.MAX_BYTES:,} are allowed: it sets "
                f"{len(shorter.columns)} options at every step. Take larger batches, step the scheduler by epoch, or "
                "give all groups of parameters the same rate."
            )
    return text


_OPTIMIZER_CALL = (
    "Recipe(optimizer=...) is called with pairs of a name and a parameter: write partial(SGD, lr=0.1), or "
    "lambda named: SGD([parameter for name, parameter in named], lr=0.1)."
)


def _called(function: Callable[[Any], Any], argument: object, how: str) -> Any:
    """The function's result. Raises StudentCodeError, which says how it is called unless it is about a value."""
    try:
        return function(argument)
    except CourseError:
        raise
    except Exception as error:  # whatever a student's function raises
        explained = str(capture_error(error)).rstrip(".")
        is_about_a_value = re.search("ValueError: (Invalid|Nesterov|Clipping)|unexpected keyword", explained)
        raise StudentCodeError(f"{explained}." if is_about_a_value else f"{explained}. {how}") from error


def _transforms(recipe: Recipe) -> tuple[tuple[spec.Transform, ...], tuple[spec.Transform, ...]]:
    train = capture_transforms(default_transform() if recipe.train_transform is None else recipe.train_transform)
    test = capture_transforms(default_transform() if recipe.test_transform is None else recipe.test_transform)
    if is_random(test):
        raise RecipeError(
            "The test_transform draws something at random. Test images are used without random changes: keep random "
            "transforms in train_transform."
        )
    return train, test


def _network(model: nn.Module, recorder: OperationRecorder) -> spec.Network:
    registry = TensorRegistry(model)
    train, evaluate = capture_graph(model, True, registry), capture_graph(model, False, registry)
    init = InitProgram(recorder, [entry.tensor for entry in registry.entries])
    return spec.Network(
        train=train,
        eval=evaluate,
        tensors=tuple(
            spec.Tensor(
                name=entry.name,
                kind=entry.kind,
                shape=tuple(entry.tensor.shape),
                dtype=to_spec_dtype(entry.tensor.dtype),
                requires_grad=entry.tensor.requires_grad,
                init=init.initial_value(entry.name, entry.tensor),
            )
            for entry in registry.entries
        ),
        init=init.nodes,
        constants=tuple(init.constants),
    )
