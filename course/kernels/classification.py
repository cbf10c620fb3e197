"""The last layers: log-softmax, the loss, and the number of right answers. x is (blocks, classes, 32)."""

from __future__ import annotations

import functools

from torch import Tensor

from course.kernels.builder import DOUBLE, INT, LANES, Kernel, Value, vector
from course.kernels.elementary import exp, log
from course.kernels.instructions import Instruction
from course.kernels.layout import BLOCK, VECTORS


def _at(kernel: Kernel, block: Value, channel: Value | int, v: int) -> Value:
    return (block * kernel["classes"] + channel) * BLOCK + v * LANES


@functools.cache
def _log_softmax() -> int:
    kernel = Kernel("log_softmax", ["x", "y"], ["blocks", "classes"])
    with kernel.tasks(kernel["blocks"]) as block:
        for v in range(VECTORS):
            largest = kernel.variable(kernel.load("x", _at(kernel, block, 0, v)))
            with kernel.loop(1, kernel["classes"]) as c:
                largest.set(kernel.load("x", _at(kernel, block, c, v)).maximum(largest.get()))
            total = kernel.variable(kernel.number(0.0))
            with kernel.loop(0, kernel["classes"]) as c:
                total.set(total.get() + exp(kernel, kernel.load("x", _at(kernel, block, c, v)) - largest.get()))
            log_total = log(kernel, total.get())
            log_total = total.get().where(total.get().is_nan, log_total)
            with kernel.loop(0, kernel["classes"]) as c:
                at = _at(kernel, block, c, v)
                kernel.store(kernel.load("x", at) - largest.get() - log_total, "y", at)
    return kernel.address()


@functools.cache
def _log_softmax_gradient() -> int:
    """dx = dy - exp(y) * sum(dy)"""
    kernel = Kernel("log_softmax_gradient", ["y", "dy", "dx"], ["blocks", "classes"])
    with kernel.tasks(kernel["blocks"]) as block:
        for v in range(VECTORS):
            total = kernel.variable(kernel.number(0.0))
            with kernel.loop(0, kernel["classes"]) as c:
                total.set(total.get() + kernel.load("dy", _at(kernel, block, c, v)))
            with kernel.loop(0, kernel["classes"]) as c:
                at = _at(kernel, block, c, v)
                share = exp(kernel, kernel.load("y", at))
                kernel.store(kernel.fma(-share, total.get(), kernel.load("dy", at)), "dx", at)
    return kernel.address()


@functools.cache
def _nll_loss() -> int:
    """The loss of log-probabilities, its gradient, and the number of images whose largest one is at the label.

    `labels` is int64 (blocks, 32); `options` float32 (2,): the weights, divided by the number of images, of the label
    and of all classes alike. `results` is float64 (2,): mean loss, right answers.
    """
    kernel = Kernel("nll_loss", ["x", "labels", "options", "dx", "results"], ["blocks", "classes", "images"])
    with kernel.tasks(1):
        zero = kernel.number(0.0, vector(DOUBLE))
        loss, correct = kernel.variable(zero), kernel.variable(zero)
        at_label, everywhere = kernel.broadcast("options", 0), kernel.broadcast("options", 1)
        with kernel.loop(0, kernel["blocks"]) as block:
            for v in range(VECTORS):
                first = block * BLOCK + v * LANES
                labels = kernel.load("labels", first, vector(INT))
                valid = kernel.are_below(first, kernel["images"])
                largest = kernel.variable(kernel.load("x", _at(kernel, block, 0, v)))
                best = kernel.variable(kernel.number(0, vector(INT)))
                with kernel.loop(0, kernel["classes"]) as c:
                    x, class_ = kernel.load("x", _at(kernel, block, c, v)), kernel.in_all_lanes(c)
                    weight = (at_label + everywhere).where(labels.equals(class_), everywhere)
                    weight = weight.where(valid, 0.0)
                    loss.set(loss.get() - (weight * x).double().where(valid & (weight > 0.0), zero))
                    kernel.store(-weight, "dx", _at(kernel, block, c, v))
                    better = (x > largest.get()) | (x.is_nan & largest.get().equals(largest.get()))
                    best.set(class_.where(better, best.get()))
                    largest.set(x.where(better, largest.get()))
                one = kernel.number(1.0, vector(DOUBLE))
                correct.set(correct.get() + one.where(best.get().equals(labels) & valid, zero))
        kernel.store(loss.get().lane_sum(), "results", 0)
        kernel.store(correct.get().lane_sum(), "results", 1)
    return kernel.address()


def log_softmax(x: Tensor, y: Tensor) -> list[Instruction]:
    return [Instruction(_log_softmax(), (x, y, *x.shape[:2]))]


def log_softmax_backward(y: Tensor, dy: Tensor, dx: Tensor) -> list[Instruction]:
    return [Instruction(_log_softmax_gradient(), (y, dy, dx, *y.shape[:2]))]


def nll_loss(
    x: Tensor, labels: Tensor, dx: Tensor, results: Tensor, images: int, label_smoothing: float
) -> list[Instruction]:
    """The mean loss of log-probabilities x, and its gradient."""
    options = x.new_tensor([(1 - label_smoothing) / images, label_smoothing / x.shape[1] / images])
    return [Instruction(_nll_loss(), (x, labels, options, dx, results, *x.shape[:2], images))]
