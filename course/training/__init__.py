"""The one training loop, with its devices, optimizers, losses and CUDA graphs."""
