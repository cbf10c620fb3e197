"""PyTorch computes in one thread, and its global random state is the same before every test and restored after it."""

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def same_random_state():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield
