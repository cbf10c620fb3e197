"""A planned network: dropout's draws, and the same bits on any number of threads and on any processor."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import torch

from course.kernels.instructions import using_threads
from course.network import Loss, PlannedNetwork
from tests.support.networks import SEED_MODELS, captured
from tests.support.planned import step_of_pytorch, without_dropout

GENERATOR = torch.Generator().manual_seed(0)
IMAGES, LABELS = torch.randn(70, 1, 28, 28, generator=GENERATOR), torch.randint(10, (70,), generator=GENERATOR)


def steps(name: str, threads: int = 1, count: int = 2) -> dict[str, torch.Tensor]:
    """All gradients and tensors after some training steps."""
    network = PlannedNetwork(captured(name).network, 3, Loss("nll"))
    torch.manual_seed(4)
    with using_threads(threads):
        for _ in range(count):
            network.step(IMAGES, LABELS)
            with torch.no_grad():
                for parameter in network.parameters.values():
                    parameter -= 0.1 * parameter.grad
        return {**network.state_dict(), "outputs": network(IMAGES)}


@pytest.mark.parametrize("name", SEED_MODELS)
def test_any_number_of_threads_trains_the_same_network_bit_for_bit(name):
    alone = steps(name)
    for threads in (2, 3, 4, 8, 16):
        shared = steps(name, threads)
        assert all(torch.equal(tensor, shared[key]) for key, tensor in alone.items()), threads


# what differs from processor to processor: PyTorch's capability, the processor that LLVM compiles for and how many
# vectors its registers hold
PROCESSORS = [
    ("default", "haswell", 8),
    ("avx2", "x86-64-v3", 8),
    ("avx2", "znver3", 8),
    ("avx512", "skylake-avx512", 32),
]
TRAIN = """
import functools, hashlib, json, sys
from llvmlite import binding as llvm
from course.kernels import builder, convolution
name, vectors = sys.argv[1], int(sys.argv[2])

@functools.cache
def machine():
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(cpu=name, opt=3), vectors

builder.target_machine = convolution.target_machine = machine
import torch
from course.training.loop import train
from course.training.scoring import Scorer
from tests.support.small_runs import CPU, DATA, KINDS, TEST, spec_of

for kind in KINDS:
    spec, states = spec_of(kind), []
    results = train(spec, DATA, seed=1, device=CPU, score=Scorer(TEST[1], spec.loss), threads=2,
                    on_epoch=lambda run, result: states.append(run.state_dict()["network"]))
    history = [[r.train_loss, r.train_correct, r.test_loss, r.correct] for r in results]
    weights = hashlib.sha256(b"".join(t.numpy().tobytes() for _, t in sorted(states[-1].items()))).hexdigest()
    print(json.dumps([kind, weights, history]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not torch.cpu._is_avx512_supported(), reason="this processor cannot run what AVX-512 computes")
def test_every_processor_trains_the_same_network_bit_for_bit():
    """Augmentation, dropout, both optimizers, schedules, averaged weights: results and weights after four epochs."""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", TRAIN, name, str(vectors)],
            env={**os.environ, "ATEN_CPU_CAPABILITY": capability},
            stdout=subprocess.PIPE,
            text=True,
        )
        for capability, name, vectors in PROCESSORS
    ]
    outputs = [[json.loads(line) for line in process.communicate()[0].splitlines()] for process in running]
    assert len(outputs[0]) > 3
    for output in outputs[1:]:
        assert output == outputs[0]


def test_each_step_draws_other_masks_and_a_seed_the_same_ones():
    network = PlannedNetwork(captured("model2").network, 3, Loss("nll"))

    def losses(seed: int) -> list[float]:
        torch.manual_seed(seed)
        return [float(network.step(IMAGES, LABELS)[0]) for _ in range(3)]

    one = losses(1)
    assert len(set(one)) == 3 and one == losses(1) and one != losses(2)


def test_loss_and_right_answers_are_those_of_the_batch():
    network = without_dropout(captured("model2").network)
    for loss_name in ("nll", "cross_entropy"):  # of log-probabilities both are the same
        planned = PlannedNetwork(network, 1, Loss(loss_name))
        loss, correct = planned.step(IMAGES, LABELS)
        assert float(loss) == pytest.approx(step_of_pytorch(network, IMAGES, LABELS).loss, rel=1e-5)
        assert 0 <= int(correct) <= len(IMAGES)


def test_gradients_are_those_of_one_step_and_not_added_up():
    network = PlannedNetwork(without_dropout(captured("model1").network), 1, Loss("nll"))
    network.step(IMAGES, LABELS)
    first = {name: parameter.grad.clone() for name, parameter in network.parameters.items()}
    network.step(IMAGES, LABELS)
    assert all(torch.equal(gradient, network.parameters[name].grad) for name, gradient in first.items())


def test_outputs_do_not_depend_on_the_other_images():
    network = PlannedNetwork(captured("model1").network, 1, Loss("nll"))
    whole = network(IMAGES)
    assert torch.equal(network(IMAGES[[5]]), whole[[5]]) and torch.equal(network(IMAGES[20:60]), whole[20:60])
