"""Honest recipes: what students may write, and every check must accept. `HONEST` maps a name to each.

They are small, so that all of them are captured in a minute or two; the parameters that the rules must count are known
without the code that counts.
"""

from tests.support.honest_recipes.architectures import ARCHITECTURES
from tests.support.honest_recipes.augmentations import AUGMENTATION_RECIPES
from tests.support.honest_recipes.blocks import BLOCKS
from tests.support.honest_recipes.building import Honest
from tests.support.honest_recipes.initialisations import INITIALISATIONS
from tests.support.honest_recipes.layers import LAYERS
from tests.support.honest_recipes.noise import NOISE
from tests.support.honest_recipes.optimizers import OPTIMIZER_RECIPES
from tests.support.honest_recipes.schedules import SCHEDULE_RECIPES
from tests.support.honest_recipes.sequence_models import SEQUENCE_MODELS

__all__ = ["HONEST", "Honest"]

HONEST: dict[str, Honest] = {
    **ARCHITECTURES,
    **SEQUENCE_MODELS,
    **BLOCKS,
    **LAYERS,
    **NOISE,
    **INITIALISATIONS,
    **OPTIMIZER_RECIPES,
    **SCHEDULE_RECIPES,
    **AUGMENTATION_RECIPES,
}
