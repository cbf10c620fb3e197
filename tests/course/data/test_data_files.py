"""Four files in a folder: whatever is not what its checksum says, or not of the shape that is needed, is named."""

import gzip
import hashlib
import re

import pytest

from course.data import DataFiles, idx
from course.data.data_files import CHECKSUMS, read_checksums
from course.errors import DataError
from tests.support.striped_digits import striped_digits, write_data_set
from tests.support.tiny_mnist import TINY, fill

DIGITS = striped_digits(train=40, test=20)
IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def own(folder, **changed) -> DataFiles:
    write_data_set(folder, DIGITS, **changed)
    return DataFiles(folder, read_checksums(folder))


def test_a_folder_with_checksums_is_read_as_it_was_written(tmp_path):
    files = own(tmp_path)
    files.check()
    assert (files.images("train") == DIGITS.train.images).all() and (files.labels("test") == DIGITS.test.labels).all()
    assert (files.count("train"), files.count("test")) == (40, 20)
    assert {path.name for path in files.paths} == {*TINY, CHECKSUMS}


@pytest.mark.parametrize("digest", ["sha256", "md5"])
def test_packed_files_are_compared_as_they_lie_there(tmp_path, digest):
    fill(tmp_path, pack=True)
    checksums = {path.name: hashlib.new(digest, path.read_bytes()).hexdigest() for path in tmp_path.iterdir()}
    files = DataFiles(tmp_path, checksums)
    files.check()
    assert files.labels("train").tolist() == [5, 0] and files.count("train") == 2
    (tmp_path / f"{LABELS}.gz").write_bytes(gzip.compress(TINY[LABELS], compresslevel=9, mtime=7))
    with pytest.raises(DataError, match=rf"{LABELS}\.gz has the checksum .*, and .* is expected: it is damaged"):
        files.check()


def test_one_split_is_read_without_the_files_it_does_not_need(tmp_path):
    files = own(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    assert files.images("test").shape == (20, 28, 28)
    with pytest.raises(DataError, match=r"^t10k-labels-idx1-ubyte is missing\.$"):
        files.labels("test")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"train_labels_idx1_ubyte": idx.encode([DIGITS.train.labels.numpy() + 3])}, "has the label 12, and 10"),
        ({"train_labels_idx1_ubyte": idx.encode([DIGITS.test.labels.numpy()])}, "has 40 images and .* 20 labels"),
        ({"train_images_idx3_ubyte": idx.encode([DIGITS.train.images[:, :27].numpy()], (27, 28))}, r"\(27, 28\), and"),
        ({"train_images_idx3_ubyte": idx.encode([DIGITS.train.images.numpy()], (28, 28, 1))}, r"shape \(28, 28, 1\)"),
        ({"train_labels_idx1_ubyte": idx.encode([DIGITS.train.images.numpy()], (28, 28))}, "one number for each is"),
        ({"train_images_idx3_ubyte": idx.encode([], (28, 28)), "train_labels_idx1_ubyte": idx.encode([])}, "from 1 to"),
        ({"train_images_idx3_ubyte": TINY[IMAGES][:-1]}, r"has 1,583 bytes, and 1,584 for the sizes \(2, 28, 28\)"),
        ({"train_images_idx3_ubyte": TINY[IMAGES][:10]}, "ends within its header"),
        ({"train_images_idx3_ubyte": b"\x89PNG and more"}, "is no IDX file .*: it begins with 89 50 4e 47"),
        ({"train_images_idx3_ubyte": b""}, "it begins with nothing"),
    ],
)  # fmt: skip
def test_what_is_no_data_set_is_told_although_its_checksums_are_right(tmp_path, changed, said):
    with pytest.raises(DataError, match=said) as raised:
        own(tmp_path, **changed).check()
    assert any(name.replace("_", "-") in str(raised.value) for name in changed)


def test_a_folder_that_is_not_there_is_told_with_what_belongs_into_it(tmp_path):
    with pytest.raises(DataError, match=r"there is no such folder\. Put train-images-idx3-ubyte, .*SHA256SUMS"):
        read_checksums(tmp_path / "digits")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no line for train-images-idx3-ubyte, as it is or as .gz"),
        ("abc  train-images-idx3-ubyte\n", "has no line for train-images-idx3-ubyte"),
        (None, re.escape("SHA256SUMS is missing. Make it in that folder: sha256sum *-ubyte* > SHA256SUMS")),
        (b"\xff", "SHA256SUMS cannot be read"),
    ],
)
def test_a_list_of_checksums_that_lacks_something_is_told(tmp_path, text, said):
    write_data_set(tmp_path, DIGITS)
    if text is None:
        (tmp_path / CHECKSUMS).unlink()
    else:
        (tmp_path / CHECKSUMS).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError, match=said):
        read_checksums(tmp_path)


@pytest.mark.parametrize("form", ["{digest} *{name}\r\n", "{digest}  ./{name}\n", "{upper}  {name}\nfoo  README\n"])
def test_checksums_are_read_as_each_system_writes_them(tmp_path, form):
    write_data_set(tmp_path, DIGITS)
    expected = read_checksums(tmp_path)
    lines = [form.format(digest=digest, upper=digest.upper(), name=name) for name, digest in expected.items()]
    (tmp_path / CHECKSUMS).write_text("".join(lines))
    assert read_checksums(tmp_path) == expected
