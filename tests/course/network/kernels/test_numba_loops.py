"""Loops compiled by Numba: when they are compiled, and what compilation must not change."""

from __future__ import annotations

import math
import os
import subprocess
import sys

import numpy as np
import torch

from course.network import kernels
from course.network.kernels import dropout_masks, norm, pooling
from course.network.kernels.numba_loops import compiled


@compiled
def positive_part(x, y):
    for i in range(len(x)):
        y[i] = np.float32(0) if x[i] < 0 else x[i]


def test_compiled_loops_keep_nan_and_the_sign_of_zero():
    x, y = np.array([-1, math.nan, -0.0, math.inf], np.float32), np.ones(4, np.float32)
    positive_part(x, y)
    assert y[0] == 0 and math.isnan(y[1]) and math.copysign(1, y[2]) == -1 and y[3] == math.inf


def train_step(p: float) -> None:
    images = torch.randn(4, 3, 5, 5, requires_grad=True)
    weight, bias, mean, variance = torch.ones(3, requires_grad=True), torch.zeros(3), torch.zeros(3), torch.ones(3)
    normed = kernels.batch_norm(images, weight, bias, mean, variance, True, 0.1, 1e-5, True, relu=True, p=p)
    kernels.dropout(kernels.max_pool2d(normed, 2), 0.5, True).sum().backward()
    with torch.no_grad():
        kernels.batch_norm(images, weight, bias, mean, variance, False, 0.1, 1e-5, True, relu=True)


def test_precompiling_compiles_all_loops_that_a_training_step_calls():
    kernels.precompile()
    functions = (*vars(norm).values(), *vars(dropout_masks).values(), *pooling._loops(2, 2))
    loops = [function for function in functions if hasattr(function, "signatures")]
    signatures = [len(loop.signatures) for loop in loops]
    assert loops and all(signatures)
    for p in (0.0, 0.5):
        train_step(p)
    assert [len(loop.signatures) for loop in loops] == signatures


COUNT_COMPILED = """
from course.network import kernels
from course.network.kernels import dropout_masks, norm, pooling
kernels.precompile()
functions = (*vars(norm).values(), *vars(dropout_masks).values(), *pooling._loops(2, 2))
loops = [function for function in functions if hasattr(function, "signatures")]
print(sum(sum(loop.stats.cache_misses.values()) for loop in loops), len(loops) > 0)
"""


def run_python(code: str, **variables: str) -> str:
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | variables
    return subprocess.run([sys.executable, "-c", code], env=env, check=True, capture_output=True, text=True).stdout


def test_a_process_that_may_not_write_where_loops_are_kept_compiles_none_again(tmp_path):
    run_python("from course.training.hardware import keep_compiled_loops; keep_compiled_loops()")
    own = {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    assert run_python(COUNT_COMPILED, **own) == "0 True\n"
