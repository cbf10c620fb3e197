"""A setting of small digits on the CPU."""

from pathlib import Path

import pytest
import torch

from autograder.bench.gpu.setting import TRIAL, Setting
from tests.support.small_runs import DATA, TEST

ROOT = Path(__file__).parents[4]


@pytest.fixture
def setting():
    setting = Setting(torch.device("cpu"), ROOT, TRIAL)
    setting.__dict__ |= {"digits": DATA, "test_labels": TEST[1]}  # in place of MNIST
    return setting
