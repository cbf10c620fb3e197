"""MNIST: downloaded from the first source that answers, verified by checksum, cached, and read as tensors.

`cache` finds or stores the files, `sources` downloads them, `published_files` has their checksums, `idx` their format.
MNIST is by Y. LeCun, C. Cortes and C. Burges, under CC BY-SA 3.0.
"""

from course.data.cache import MNIST, Digits, data_folder, ensure, is_available, load, read_images, read_labels
from course.data.published_files import FILES

__all__ = ["FILES", "MNIST", "Digits", "data_folder", "ensure", "is_available", "load", "read_images", "read_labels"]
