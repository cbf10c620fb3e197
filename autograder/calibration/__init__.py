"""Trainings of the lessons' own recipes, and how likely one more passes. `make calibrate` adds to them."""

from autograder.calibration.records import (
    Calibration,
    calibration_file,
    load_calibration,
    pass_probability,
    save_calibration,
)

__all__ = ["Calibration", "calibration_file", "load_calibration", "pass_probability", "save_calibration"]
