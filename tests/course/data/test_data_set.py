"""Which data set an assignment has, what tells its results from others, and a share of it that is always the same."""

import hashlib
import re
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course.data import MNIST, DataSet, Digits, cache, published_files, sources
from course.errors import DataError
from course.rules import choose_course, load_rules
from tests.support.own_rules import write_rules
from tests.support.striped_digits import striped_digits, write_data_set

DIGITS = striped_digits(train=300, test=100)


@pytest.fixture
def own(tmp_path):
    write_data_set(tmp_path / "data/stripes", DIGITS)
    return DataSet("data/stripes", None, tmp_path)


# --- a share


@given(
    labels=st.lists(st.integers(0, 9), min_size=1, max_size=200),
    share=st.floats(0, 1, exclude_min=True),
)
def test_a_share_has_each_class_in_proportion_and_keeps_the_order(labels, share):
    count = max(1, round(share * len(labels)))
    images = torch.arange(len(labels))
    chosen = Digits(images, torch.tensor(labels)).share(count)
    assert len(chosen.labels) == count
    assert (chosen.images.diff() > 0).all()
    assert [labels[i] for i in chosen.images] == chosen.labels.tolist()
    whole, part = Counter(labels), Counter(chosen.labels.tolist())
    assert all(abs(part[label] - whole[label] * count / len(labels)) < 1 for label in whole)


def test_a_share_of_mnist_is_the_same_everywhere_and_for_ever():
    share = DataSet("mnist", 15_000).load().train
    assert share.labels.bincount().tolist() == [1481, 1685, 1490, 1532, 1461, 1355, 1480, 1566, 1463, 1487]
    assert hashlib.sha256(share.images.numpy().tobytes()).hexdigest().startswith("9ff2aa6aaa3bc686")


# --- keys


def test_results_are_told_apart_by_what_they_were_trained_on(own, tmp_path):
    copy = DataSet("other/place", None, tmp_path / "elsewhere")
    write_data_set(tmp_path / "elsewhere" / "other/place", DIGITS)
    another = DataSet("data/another", None, tmp_path)
    write_data_set(tmp_path / "data/another", striped_digits(train=299, test=100))
    assert MNIST.key == ""  # as results of versions without other data have it
    assert own.key == copy.key != another.key
    keys = [DataSet(*given).key for given in (("mnist", 1000), ("mnist", 1001), ("kmnist",), ("fashion_mnist", 1000))]
    keys += [own.key, another.key, DataSet(own.name, 100, own.course).key]
    assert len({"", *keys}) == 8
    assert all(re.fullmatch(r"[^\s,]{1,40}", key) for key in keys)


# --- a folder of the course's own


def test_a_folder_of_the_course_is_found_by_its_rules_and_read(own, tmp_path):
    choose_course(write_rules(tmp_path, small={"data": "./data/stripes", "train_images": 50}))
    data_set = DataSet.of(load_rules("small"))
    digits = data_set.load()
    assert (len(digits.train.labels), len(digits.test.labels)) == (50, 100) == (data_set.train_size, data_set.test_size)
    assert digits.train.labels.bincount().tolist() == [5] * 10
    assert (own.train_size, own.title, own.is_published) == (300, "data/stripes", False)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "t10k-images-idx3-ubyte").write_bytes(b"x"), "t10k-images-idx3-ubyte has the check"),
        (lambda folder: (folder / "train-labels-idx1-ubyte").unlink(), "train-labels-idx1-ubyte is missing"),
        (lambda folder: (folder / "SHA256SUMS").unlink(), "SHA256SUMS is missing"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_it_is_told_with_the_rule_and_the_folder(own, spoil, said):
    spoil(own.course / own.name)
    assert not own.is_available()
    with pytest.raises(DataError, match=said) as raised:
        own.load()
    assert str(raised.value).startswith(f'data = "data/stripes" in {own.course / "rules.toml"}: in {own.course}')


def test_more_images_than_there_are_is_told_with_both_numbers(own):
    too_many = DataSet(own.name, 301, own.course)
    for ask in (too_many.load, lambda: too_many.train_size):
        with pytest.raises(
            DataError, match=r"train_images = 301 in .*rules\.toml is more than the 300 training images"
        ):
            ask()


# --- published ones


def test_the_published_checksums_are_torchvisions():
    from torchvision import datasets

    for name, checksums in published_files.PACKED.items():
        resources = getattr(datasets, sources.torchvision_class(name)).resources
        assert dict(resources) == checksums


def test_one_that_is_not_here_is_told_with_the_next_step(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "data_folder", lambda: tmp_path / "mnist")
    fashion = DataSet("fashion_mnist")
    assert not fashion.is_available() and not list(tmp_path.iterdir())
    with pytest.raises(DataError, match="Fashion-MNIST is not available") as raised:
        fashion.load(download=False)
    assert "set the environment variable FASHION_MNIST_ROOT to it" in str(raised.value)
    assert f"the folder {tmp_path / 'fashion_mnist'}: train-images-idx3-ubyte.gz is missing" in str(raised.value)
    assert (fashion.train_size, fashion.test_size, fashion.key) == (60_000, 10_000, "fashion_mnist")
