"""Which device trains, and settings that hold inside and are the caller's again after."""

import pytest
import torch

from course.errors import RecipeError, SpecError
from course.training import devices
from course.training.devices import choose_device, deterministic, refusing_unrepeatable, seeded

CPU = torch.device("cpu")


def settings() -> tuple:
    return (
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        *(getattr(*setting) for setting in devices._BACKEND_SETTINGS),
    )


def test_a_device_is_chosen_by_its_kind():
    assert choose_device("cpu") == CPU


@pytest.mark.parametrize("warn_only", [True, False])
def test_settings_hold_inside_and_are_the_callers_after_even_an_error(warn_only):
    torch.use_deterministic_algorithms(True, warn_only=warn_only)
    torch.backends.cudnn.benchmark = True
    try:
        before = settings()
        with pytest.raises(ZeroDivisionError), deterministic(CPU):
            assert settings()[0] == 1
            assert settings()[3:] == (True, False, False, False, False)
            raise ZeroDivisionError
        assert settings() == before
    finally:
        torch.use_deterministic_algorithms(False)
        torch.backends.cudnn.benchmark = False


def test_cuda_is_asked_for_deterministic_kernels(monkeypatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    with deterministic(torch.device("cuda")):
        assert torch.are_deterministic_algorithms_enabled()
    assert not torch.are_deterministic_algorithms_enabled()


def test_memory_is_not_filled_before_it_is_written(monkeypatch):
    with deterministic(torch.device("cuda")):
        assert not torch.utils.deterministic.fill_uninitialized_memory
    assert torch.utils.deterministic.fill_uninitialized_memory


@pytest.mark.parametrize("kind", [RuntimeError, SpecError])
def test_an_operator_that_cannot_be_repeated_is_refused_by_name(kind):
    with (
        pytest.raises(RecipeError, match=r"PyTorch's cumsum_cuda_kernel .* or the device cpu"),
        refusing_unrepeatable(),
    ):
        raise kind("Operation 3 failed: cumsum_cuda_kernel does not have a deterministic implementation, but ...")


def test_other_errors_are_passed_on():
    with pytest.raises(RuntimeError, match="out of memory"), refusing_unrepeatable():
        raise RuntimeError("CUDA out of memory")


def test_a_seed_fixes_the_draws_inside_and_the_callers_stream_goes_on():
    before = torch.get_rng_state()
    with seeded(1, CPU):
        first = torch.rand(3)
    assert torch.equal(before, torch.get_rng_state())
    with seeded(1, CPU):
        assert torch.equal(first, torch.rand(3))
