"""MNIST: fetched from whichever source answers, accepted by checksum, kept in a cache, read as tensors."""

from course.data.cache import FILES, MNIST, Digits, data_folder, ensure, load, present, read_images, read_labels

__all__ = ["FILES", "MNIST", "Digits", "data_folder", "ensure", "load", "present", "read_images", "read_labels"]
