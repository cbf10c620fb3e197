"""MNIST, or what else an assignment's rules name: verified by checksum, and read as tensors.

`data_set` says which one and how much of it, `at_hand` for the notebook's own assignment. `cache` finds or stores
published files, `sources` downloads them, `published_files` has their checksums; `data_files` reads four files in a
folder, `idx` is their format. MNIST is by Y. LeCun, C. Cortes and C. Burges, under CC BY-SA 3.0.
"""

from course.data.at_hand import (
    assignment_at_hand,
    data_at_hand,
    data_sets,
    load,
    steps_per_epoch,
    telling_train_size,
    train_size,
)
from course.data.cache import data_folder, ensure, is_available
from course.data.data_files import DataFiles
from course.data.data_set import MNIST, DataSet, Digits, Splits
from course.data.published_files import FILES, root_variable

__all__ = [
    "FILES",
    "MNIST",
    "DataFiles",
    "DataSet",
    "Digits",
    "Splits",
    "assignment_at_hand",
    "data_at_hand",
    "data_folder",
    "data_sets",
    "ensure",
    "is_available",
    "load",
    "root_variable",
    "steps_per_epoch",
    "telling_train_size",
    "train_size",
]
