"""Trainings of the lessons' own recipes, and how often one more holds a limit. `make calibrate` adds to them."""

from autograder.calibration.records import Calibration, chance, load, path_of, save

__all__ = ["Calibration", "chance", "load", "path_of", "save"]
