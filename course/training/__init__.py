"""The one training loop: notebooks and the grader run the same code on the same spec.

    data          what the loop may see: training images with labels, test images without
    hardware      the kind of device, told without PyTorch where that is possible
    devices       the device, and settings under which results are repeatable
    device_step, device_optimizers   a step of which everything stays on a GPU
    optimizers    a spec's optimizer -> `torch.optim`; gradients clipped
    averaging     an average of the weights, which is tested in their place
    schedule      sets learning rates and other options, by step or by epoch
    loop          `train` yields one result per epoch; `Run` holds everything that changes
    scoring       outputs and labels -> loss and number of correct images
    results       what is reported after a step and after an epoch
    cuda_graphs   replays such a step in one launch

Import from the modules: a process that only scores does not load the loop.
"""

TRAINER_VERSION = 5  # to be increased whenever the same spec and seed may give other results

__all__ = [
    "averaging",
    "cuda_graphs",
    "data",
    "device_optimizers",
    "device_step",
    "devices",
    "hardware",
    "loop",
    "optimizers",
    "results",
    "schedule",
    "scoring",
]
