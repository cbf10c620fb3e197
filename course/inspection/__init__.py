"""What can be known about a spec without training it: parameters, cost of a step, layers, broken rules."""

from course.inspection.counting import Inspection, Part, count, inspect, refuse_if_broken, too_much

__all__ = ["Inspection", "Part", "count", "inspect", "refuse_if_broken", "too_much"]
