"""What can be known about a spec without training it.

`inspect` builds an `Inspection`: every number that the network can store (`counting`, `tables`), the cost of a
training step (`cost`), the layers with their receptive field (`layers`), and the reasons to refuse the network under
any rules: it costs too much, or its eval mode is not what was trained (`modes`, `behaviour`).
"""

from course.inspection.cost import StepCost, cost_problems, step_cost
from course.inspection.counting import Part, count_parameters
from course.inspection.inspection import Inspection, inspect, raise_on_problems
from course.inspection.layers import IMAGE_SIZE, Layer, list_layers

__all__ = [
    "IMAGE_SIZE",
    "Inspection",
    "Layer",
    "Part",
    "StepCost",
    "cost_problems",
    "count_parameters",
    "inspect",
    "list_layers",
    "raise_on_problems",
    "step_cost",
]
