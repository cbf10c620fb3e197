"""A spec's network with weights that are trained."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from course import spec
from course.errors import SpecError
from course.network.initialization import initial_tensors
from course.network.program import Optimize, Program
from course.network.repeatable import make_repeatable


class TrainableNetwork:
    """A spec's network on one device: images (N, 1, 28, 28) -> outputs (N, 10).

    On the CPU it computes the same numbers, bit for bit, as the model that was captured. `parameters` maps names to
    the tensors that require gradients.
    """

    def __init__(self, network: spec.Network, seed: int, device: torch.device | str = "cpu", *, portable: bool = False):
        """With `portable` the weights start from the same numbers on every machine. Raises SpecError."""
        self.device = torch.device(device)
        optimize: Optimize | None = make_repeatable if self.device.type == "cuda" else None
        count = len(network.tensors)
        self.train_program = Program(network.train.nodes, count, network.train.output.node, optimize=optimize)
        self.eval_program = Program(network.eval.nodes, count, network.eval.output.node, optimize=optimize)
        self.names = [tensor.name for tensor in network.tensors]
        if len(set(self.names)) != count:
            raise SpecError("Two tensors of the network have the same name.")
        self.tensors = [self._on_device(tensor) for tensor in initial_tensors(network, seed, portable=portable)]

    def _on_device(self, tensor: Tensor) -> Tensor:
        return tensor.detach().to(self.device).requires_grad_(tensor.requires_grad)

    @property
    def parameters(self) -> dict[str, Tensor]:
        return {name: tensor for name, tensor in self.named_tensors().items() if tensor.requires_grad}

    def named_tensors(self) -> dict[str, Tensor]:
        """All tensors by name: parameters, buffers and constants."""
        return dict(zip(self.names, self.tensors, strict=True))

    def __call__(self, images: Tensor, *, training: bool) -> Tensor:
        """Raises SpecError when an operator fails or the output has another shape."""
        program = self.train_program if training else self.eval_program
        images = images.clone()  # a forward may write into its input
        assert program.output is not None  # set in the constructor
        output = program.run(images, self.tensors, self.device)[program.output]
        if not isinstance(output, Tensor) or output.shape != (len(images), 10):
            shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
            raise SpecError(
                f"The network's output for {len(images)} images is {shape}, and ({len(images)}, 10) is needed."
            )
        return output

    def state_dict(self) -> dict[str, Tensor]:
        """Copies of all tensors, by name."""
        return {name: tensor.detach().clone() for name, tensor in self.named_tensors().items()}

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        for name, tensor in self.named_tensors().items():
            tensor.copy_(state[name])
