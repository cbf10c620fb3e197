"""MNIST without a download: three digits that count as published, and a data folder of the test's own."""

import hashlib

import pytest

from course.data import cache, published_files
from tests.support.tiny_mnist import TINY


@pytest.fixture
def tiny(monkeypatch):
    """MNIST of three digits, published with their own checksums."""
    published = {name: (len(content), hashlib.sha256(content).hexdigest()) for name, content in TINY.items()}
    monkeypatch.setattr(published_files, "FILES", published)
    return TINY


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty data folder, and no MNIST_ROOT."""
    monkeypatch.setattr(cache, "data_folder", lambda: tmp_path / "home")
    monkeypatch.delenv("MNIST_ROOT", raising=False)
    return tmp_path / "home"


@pytest.fixture(scope="module")
def digits():
    """The folder of the real files."""
    return cache.ensure()
