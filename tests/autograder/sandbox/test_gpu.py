"""What a process in bubblewrap is shown of a GPU, and what is said where it cannot use it."""

import subprocess
from pathlib import Path

import pytest
import torch

from autograder.sandbox import GPUAccess, Tier, bubblewrap, environment, gpu_access, gpu_problem, tier_problem
from autograder.sandbox.namespaces import readable_paths

NODES = ("nvidia0", "nvidia12", "nvidiactl", "nvidia-uvm", "nvidia-caps/nvidia-cap1", "dxg")


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with a GPU, as far as its files go: (devices, the folder of its driver)."""
    devices, driver, other = tmp_path / "dev", tmp_path / "driver", tmp_path / "other"
    for node in (*NODES, "sda", "nvidia-modeset", "shm/secret", "dri/card0", "tty1"):
        (devices / node).parent.mkdir(parents=True, exist_ok=True)
        (devices / node).touch()
    for folder in (driver, other):
        folder.mkdir()
    (driver / "libcuda.so.1").touch()
    monkeypatch.setenv("LD_LIBRARY_PATH", f"{other}::{driver}")
    return devices, driver


def test_the_nodes_of_gpus_and_the_folder_of_their_driver_are_shown_and_no_others(machine):
    devices, driver = machine
    access = gpu_access(devices)
    assert {str(node.relative_to(devices)) for node in access.nodes} == set(NODES)
    assert access.libraries == (driver,)
    assert access.variables["LD_LIBRARY_PATH"] == str(driver)


def test_the_gpus_that_were_chosen_stay_chosen(machine, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    monkeypatch.setenv("CUDA_INJECTION64_PATH", "/a/library/to/load")
    assert gpu_access(machine[0]).variables.keys() == {"CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH"}


def test_a_machine_without_a_gpu_shows_nothing(tmp_path, monkeypatch):
    for name in ("LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"):
        monkeypatch.delenv(name, raising=False)
    assert gpu_access(tmp_path) == GPUAccess()


def test_a_device_can_be_written_to_behind_the_wall_and_its_neighbour_is_not_there(tmp_path):
    if reason := tier_problem(Tier.BUBBLEWRAP):
        pytest.skip(reason)
    (tmp_path / "node").touch()
    (tmp_path / "neighbour").touch()
    script = f"cd {tmp_path} && echo used >> node && ls && ls /dev"
    command = bubblewrap(["sh", "-c", script], readable_paths(), devices=[tmp_path / "node"])
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout.split()[0] == "node" and "neighbour" not in done.stdout
    assert (tmp_path / "node").read_text() == "used\n"
    assert not [name for name in done.stdout.split() if name.startswith(("nvidia", "sd", "dri"))]


def test_where_no_gpu_is_found_behind_the_wall_the_trial_says_so():
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    if reason := tier_problem(Tier.BUBBLEWRAP):
        pytest.skip(reason)
    assert gpu_problem() == "PyTorch finds no CUDA device there."


def test_without_bubblewrap_the_trial_says_so(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert "bubblewrap is not installed" in gpu_problem.__wrapped__()


@pytest.mark.cuda
def test_a_gpu_can_be_used_behind_the_wall():
    if reason := tier_problem(Tier.BUBBLEWRAP):
        pytest.skip(reason)
    assert gpu_problem() is None
    assert Path("/dev/nvidiactl") in gpu_access().nodes
