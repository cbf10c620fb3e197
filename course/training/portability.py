"""What in a recipe gives other bits on another kind of processor: whatever PyTorch, and no kernel of ours, computes."""

from __future__ import annotations

from course.network import Loss, TrainableNetwork
from course.network.initialization import unportable_draws
from course.network.plan import Plan
from course.spec import Spec
from course.training.optimizers import is_portable
from course.transforms import build

IMAGES = 2  # in the plans that are made to see what they are made of


def processor_dependent(spec: Spec) -> tuple[str, ...]:
    """Names of operators, initial draws, transforms and optimizers; empty if results are the same everywhere.

    The spec can be trained: raises SpecError or RecipeError if not.
    """
    network = TrainableNetwork(spec.network, 0)
    plans = [
        Plan(network.train_program, network.tensors, IMAGES, loss=Loss(spec.loss)),
        Plan(network.eval_program, network.tensors, IMAGES),
    ]
    names = [name for plan in plans for name in plan.left_to_pytorch]
    names += unportable_draws(spec.network)
    names += [name for specs in (spec.train_transform, spec.test_transform) for name in build(specs, "cpu").unportable]
    names += [] if is_portable(spec.optimizer) else [spec.optimizer.name]
    return tuple(dict.fromkeys(names))
