"""The options of a grading: their text form is stored, and a shortened run is written in one way only."""

import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.grading.options import SMOKE_RUN, AskedOptions, Options, ReducedRun
from course.errors import UsageError
from course.rules import load_rules


def test_a_reduced_run_is_read_from_the_text_that_it_prints():
    assert str(SMOKE_RUN) == "1/6000/2000"
    assert ReducedRun.parse("1/6000/2000") == SMOKE_RUN
    assert ReducedRun.parse("2/60000/10000") == ReducedRun(2, 60_000, 10_000)


@pytest.mark.parametrize(
    "text",
    [
        *("", "/", "1", "1/2", "1/600/", "1/600/200/0", "1/600/200/0.5/1"),
        *(
            "x/600/500",
            "1.0/600/500",
            "1/6e2/500",
            "1/600/5_0",
            "+1/600/500",
            "1/ 600/500",
            " 1/600/500",
            "1/600/500\n",
        ),
        *("0/600/500", "1/0/500", "1/600/0", "-1/600/500", "1/-1/5", "1/60001/500", "1/600/10001", "\u0661/600/500"),
    ],
)
def test_a_reduced_run_that_cannot_be_trained_is_refused_with_an_example(text):
    with pytest.raises(UsageError, match=r"(?s)EPOCHS/TRAIN/TEST, .* 60,000 .* 10,000 .* 1/6000/2000"):
        ReducedRun.parse(text)


@given(
    device=st.sampled_from(["cpu", "cuda"]),
    threads=st.integers(1, 64),
    seeds=st.none() | st.integers(1, 99),
    reduced=st.sampled_from(["", "1/6000/2000"]),
    data=st.sampled_from(["", "kmnist", "mnist/15000", "sha256:0123456789abcdef/200"]),
)
def test_what_a_verdict_depends_on_is_read_from_the_text_that_is_kept(device, threads, seeds, reduced, data):
    asked = AskedOptions(device, threads, seeds, reduced, data)
    assert AskedOptions.parse(str(asked)) == asked
    assert ("data" in str(asked)) == bool(data)  # the text of versions without other data is as it was


def test_a_reduced_run_replaces_only_the_limits_that_it_names():
    rules = load_rules("challenge")
    assert SMOKE_RUN.rules(rules) == rules
    assert ReducedRun(1, 600, 500, accuracy=0.5).rules(rules) == replace(rules, accuracy=0.5)
    assert ReducedRun(1, 600, 500, near=0.0).rules(rules) == replace(rules, near=0.0)


def test_the_stored_text_of_the_options_names_what_a_verdict_depends_on():
    assert Options(device="cpu").asked() == "cpu, 1 thread(s), seeds by the rules, cut none"
    short = Options(device="cpu", seeds=2, reduced=SMOKE_RUN)
    assert short.asked() == "cpu, 1 thread(s), seeds 2, cut 1/6000/2000"
    assert replace(short, max_minutes=1.0, trust_submissions=True).asked() == short.asked()


def test_a_device_that_does_not_exist_is_wrong_use():
    with pytest.raises(UsageError, match="Use auto, cpu or cuda"):
        Options(device="gpu").asked()


def test_importing_the_options_does_not_load_pytorch():
    script = "import sys, autograder.grading.options; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)


USUAL = {"epochs": 1, "train_images": 6000, "test_images": 2000}


def test_a_reduced_run_is_read_from_a_configuration():
    assert ReducedRun.from_config(USUAL) == SMOKE_RUN
    assert ReducedRun.from_config({**USUAL, "accuracy": 0.5, "near": 1}) == ReducedRun(1, 6000, 2000, 0.5, 1)


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (
            {**USUAL, "epoch": 2},
            "A reduced run has no 'epoch'. It has epochs, train_images, test_images,",
        ),
        ({"epochs": 2}, "A reduced run needs train_images, test_images as well."),
        ({**USUAL, "epochs": 0}, "epochs is a whole number from 1 to 1,000, and is 0."),
        ({**USUAL, "epochs": True}, "epochs is a whole number from 1 to 1,000, and is True."),
        ({**USUAL, "train_images": "6000"}, "train_images is a whole number from 1 to 60,000, and is '6000'."),
        ({**USUAL, "test_images": 10_001}, "test_images is a whole number from 1 to 10,000, and is 10001."),
        ({**USUAL, "accuracy": 99.4}, "accuracy is a number from 0 to 1, and is 99.4."),
    ],
)
def test_a_configuration_that_is_no_reduced_run_is_refused_with_an_example(config, sentence):
    with pytest.raises(UsageError) as refused:
        ReducedRun.from_config(config)
    assert sentence in str(refused.value) and str(refused.value).count("'train_images': 6000") == 1
