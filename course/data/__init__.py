"""MNIST: fetched from whichever source answers, accepted by checksum, kept in a cache, read as tensors."""

from course.data.cache import FILES, MNIST, Digits, data_folder, ensure, is_available, load, read_images, read_labels

__all__ = ["FILES", "MNIST", "Digits", "data_folder", "ensure", "is_available", "load", "read_images", "read_labels"]
