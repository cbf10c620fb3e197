"""A spec's network as something that runs and trains.

operators        the allow-list: from a name in a spec to an operator of PyTorch
program          a graph's nodes, run one after the other
initialization   the init program, replayed under a seed: the tensors at the start
trainable        `TrainableNetwork`: both programs with their tensors, ready to train
repeatable       other operators on CUDA where PyTorch's differ from time to time
planned          `PlannedNetwork`: the same on a CPU, several times faster
plan, layers     which kernels compute a graph, forwards and backwards
batches          its values and their memory
kernels          faster operators for small networks on a CPU
"""

from course.network.initialization import batch_norm_statistics, initial_tensors, initial_tensors_by_seed
from course.network.plan import Loss
from course.network.planned import PlannedNetwork
from course.network.program import Program
from course.network.trainable import TrainableNetwork

__all__ = [
    "Loss",
    "PlannedNetwork",
    "Program",
    "TrainableNetwork",
    "batch_norm_statistics",
    "initial_tensors",
    "initial_tensors_by_seed",
]
