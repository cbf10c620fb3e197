"""A spec as a network that trains: operators on an allow-list, run node by node, with kernels for the CPU."""

from course.network.program import Program, TrainableNetwork, batch_norm_statistics, initial_tensors, reads_of

__all__ = ["Program", "TrainableNetwork", "batch_norm_statistics", "initial_tensors", "reads_of"]
