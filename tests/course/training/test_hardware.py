"""Which kind of device trains, and that PyTorch is not loaded to find out that there is no GPU."""

import os
import subprocess
import sys

import pytest
import torch

from course.errors import UsageError
from course.training import hardware
from course.training.hardware import choose_device_type, may_have_gpu

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="device nodes are Linux's")


@pytest.fixture
def gpu(monkeypatch):
    """A function that lets PyTorch find a GPU, or none."""

    def set_up(found: bool) -> None:
        monkeypatch.setattr(hardware, "may_have_gpu", lambda: True)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: found)

    return set_up


def test_auto_takes_cuda_where_there_is_one(gpu):
    gpu(True)
    assert choose_device_type("auto") == choose_device_type("cuda") == "cuda"
    gpu(False)
    assert choose_device_type("auto") == choose_device_type("cpu") == "cpu"


@pytest.mark.parametrize("driver", [True, False])
def test_a_device_that_is_not_there_is_refused_with_the_next_step(gpu, monkeypatch, driver):
    gpu(False)
    monkeypatch.setattr(hardware, "may_have_gpu", lambda: driver)
    with pytest.raises(UsageError, match="Use the device cpu, or auto"):
        choose_device_type("cuda")


def test_a_device_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(UsageError, match=r"'tpu' is not known\. Use auto, cpu or cuda"):
        choose_device_type("tpu")


@LINUX
@pytest.mark.parametrize("node", ["nvidia0", "nvidiactl", "nvhost-gpu", "dxg", "kfd"])
def test_any_drivers_device_node_lets_pytorch_be_asked(tmp_path, node):
    (tmp_path / "null").touch()
    assert not may_have_gpu(tmp_path)
    (tmp_path / node).touch()
    assert may_have_gpu(tmp_path)


def test_elsewhere_than_on_linux_pytorch_is_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert may_have_gpu(tmp_path)


@LINUX
@pytest.mark.skipif(may_have_gpu(), reason="there may be a GPU")
def test_without_a_driver_pytorch_is_not_loaded():
    chosen = "import course.training.hardware as h; assert h.choose_device_type() == 'cpu'"
    script = f"{chosen}; import sys; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize(
    ("text", "cores"), [("200000 100000\n", 2), ("max 100000\n", 16), ("50000 100000\n", 0), ("", 16)]
)
def test_a_containers_quota_limits_the_cores(tmp_path, text, cores):
    (tmp_path / "cpu.max").write_text(text)
    assert hardware._quota(tmp_path / "cpu.max") == cores
    assert hardware._quota(tmp_path / "missing") == hardware.MAX_USEFUL_THREADS


def test_at_least_one_core_is_used_and_never_more_than_there_are(monkeypatch):
    assert 1 <= hardware.usable_cores() <= len(os.sched_getaffinity(0))
    monkeypatch.setattr(hardware, "_quota", lambda: 0)
    assert hardware.usable_cores() == 1
