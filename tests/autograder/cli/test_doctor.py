"""A diagnosis changes nothing, and a check that fails is a finding with a remedy and does not end the others."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from autograder.cli import doctor
from autograder.cli.doctor import CONFIG
from autograder.sandbox import Tier
from autograder.store import open_store
from autograder.store.secret import SECRET_VARIABLE, secret_file
from course.rules import PACKAGED, choose_course
from tests.support.own_rules import write_rules
from tests.support.striped_digits import striped_digits, write_data_set

NAMES = ["python", "packages", "device", "data", "isolation", "course", "secret", "store"]


@pytest.fixture
def config(tmp_path, monkeypatch) -> Path:
    """A folder for settings that does not exist yet."""
    folder = tmp_path / "config"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    monkeypatch.delenv(SECRET_VARIABLE)
    return folder


def findings() -> dict[str, doctor.Finding]:
    results = doctor.run_checks()
    assert [finding.name for finding in results] == NAMES
    assert all(finding.ok or finding.remedy for finding in results)
    return {finding.name: finding for finding in results}


def test_the_secret_is_announced_and_not_created(config):
    secret = findings()["secret"]
    assert secret.ok and "the first grading creates it" in secret.text and str(secret_file()) in secret.text
    assert not config.exists()


def test_a_secret_that_exists_is_found(config):
    secret_file().parent.mkdir(parents=True)
    secret_file().write_text("ours")
    assert findings()["secret"].ok and str(secret_file()) in findings()["secret"].text


def test_a_secret_in_the_environment_is_found(config, monkeypatch):
    monkeypatch.setenv(SECRET_VARIABLE, "ours")
    secret = findings()["secret"]
    assert secret.ok and SECRET_VARIABLE in secret.text and "ours" not in secret.text.split()


def test_an_unwritable_folder_for_settings_is_a_finding_with_a_remedy(config):
    config.write_text("a file where the folder should be")
    secret = findings()["secret"]
    assert not secret.ok and SECRET_VARIABLE in secret.remedy and str(config) in secret.text + secret.remedy


def test_data_sets_of_the_course_that_are_missing_are_findings_with_a_remedy(tmp_path):
    assert findings()["data"] == doctor.Finding("data", True, "here, and their checksums are right: MNIST")
    choose_course(write_rules(tmp_path, a={}, b={"data": "kmnist"}, c={"data": "fashion_mnist"}))
    data = findings()["data"]
    assert not data.ok and data.text == "not on this machine yet: KMNIST, Fashion-MNIST"
    assert data.remedy == "Run `autograder data`, or set KMNIST_ROOT, FASHION_MNIST_ROOT."
    write_rules(tmp_path, a={}, b={"data": "./digits"})
    data = findings()["data"]
    assert not data.ok and "there is no such folder" in data.remedy
    write_data_set(tmp_path / "digits", striped_digits(train=30, test=10))
    assert findings()["data"].text == "here, and their checksums are right: MNIST, ./digits"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_for_settings_without_write_permission_is_a_finding(config):
    config.mkdir(mode=0o500)
    secret = findings()["secret"]
    assert not secret.ok and "Make the folder writable" in secret.remedy


def test_an_unreadable_secret_is_a_finding_with_a_remedy(config):
    secret_file().mkdir(parents=True)
    secret = findings()["secret"]
    assert not secret.ok and f"Make the file readable, or set {SECRET_VARIABLE}" in secret.remedy


def test_outside_of_a_course_the_packaged_limits_count(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    course = findings()["course"]
    assert course.ok and "in no course" in course.text and f"{PACKAGED} has the limits of 5 assignments" in course.text


def test_a_course_is_told_with_its_limits_and_the_store_that_its_settings_name(own_course):
    (own_course / CONFIG).write_text("get_config().TrainedScore.store = 'kept/here.db'\n")
    found = findings()
    assert found["course"].ok and f"{own_course / 'rules.toml'} has the limits of 5" in found["course"].text
    assert str(own_course / "kept" / "here.db") in found["store"].text


def test_settings_without_which_nbgrader_would_go_on_unsafely_are_a_finding(own_course):
    (own_course / CONFIG).write_text("c = get_config(\n")
    course = findings()["course"]
    assert not course.ok and "cannot be run: SyntaxError" in course.remedy and "without a sandbox" in course.remedy


def test_limits_that_cannot_be_read_are_a_finding(own_course):
    (own_course / "rules.toml").write_text("[challenge]\nhold = 0\n")
    course = findings()["course"]
    assert not course.ok and "rules.toml" in course.remedy and "hold" in course.remedy


def test_the_store_is_told_with_the_course_that_it_belongs_to_and_is_not_created(own_course):
    store = findings()["store"]
    assert store.ok and f"of the course {own_course} are kept in {own_course / 'results.db'}" in store.text
    assert "none yet" in store.text and not (own_course / "results.db").exists()
    open_store().close()
    assert "0 records, and the secret fits" in findings()["store"].text


def test_a_secret_that_does_not_fit_the_store_is_a_finding_with_a_remedy(own_course):
    open_store().close()
    secret_file().write_text("another")
    found = findings()
    assert found["secret"].ok and not found["store"].ok and "another course secret" in found["store"].remedy


def test_a_pytorch_that_cannot_be_imported_is_a_finding_with_a_remedy(tmp_path):
    (tmp_path / "torch.py").write_text("raise OSError('libtorch_cpu.so: cannot open shared object file')")
    script = (
        "from autograder.cli.doctor import run_checks\nfor f in run_checks(): print(f.name, f.ok, f.text, f.remedy)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path(doctor.__file__).parents[2])])}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    lines = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert list(lines) == NAMES
    assert lines["device"].startswith("False PyTorch cannot be imported (OSError: libtorch_cpu.so")
    assert lines["device"].endswith(
        "Run `pip install 'under8k[grader]'`, or `make install` in a clone, to reinstall it."
    )
    assert lines["python"].startswith("True")


def test_a_check_that_meets_a_bug_is_a_finding_and_the_others_are_made(monkeypatch):
    monkeypatch.setattr(doctor, "_isolation", lambda: 1 / 0)
    isolation = findings()["isolation"]
    assert not isolation.ok and "ZeroDivisionError" in isolation.text


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(doctor, "PACKAGES", ("torch", "no-such-package"))
    packages = findings()["packages"]
    assert not packages.ok and packages.text.startswith("torch 2.") and "no-such-package" in packages.remedy


def test_a_gpu_is_told_with_what_it_offers(monkeypatch):
    offered = SimpleNamespace(name="NVIDIA H200", total_memory=150_754_820_096, major=9, minor=0)
    monkeypatch.setattr("course.training.devices.choose_device", lambda name: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: offered)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    device = findings()["device"]
    assert device.ok and "NVIDIA H200, 151 GB, compute capability 9.0, 1 device" in device.text
    assert "autograder.bench.gpu" in device.remedy


@pytest.mark.parametrize("problem", [None, "PyTorch finds no CUDA device there."])
def test_a_gpu_that_cannot_be_used_in_bubblewrap_is_told(monkeypatch, problem):
    monkeypatch.setattr("autograder.sandbox.best_tier", lambda: Tier.BUBBLEWRAP)
    monkeypatch.setattr("autograder.sandbox.gpu_problem", lambda: problem)
    monkeypatch.setattr("course.training.hardware.choose_device_type", lambda name="auto": "cuda")
    isolation = findings()["isolation"]
    assert isolation.ok and (problem or "") in isolation.remedy
    assert ("outside" in isolation.text) == (problem is not None)
