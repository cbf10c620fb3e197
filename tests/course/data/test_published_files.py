"""Only what was published is accepted, wherever it lies and however it is packed."""

import gzip
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.data import cache, published_files
from course.errors import DataError
from tests.support.tiny_mnist import TINY, fill


@given(name=st.sampled_from(sorted(TINY)), where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_refused_wherever_it_is(name, where, bit):
    content = bytearray(TINY[name])
    content[int(where * len(content))] ^= 1 << bit
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(published_files, "FILES", {name: (len(content), hashlib.sha256(TINY[name]).hexdigest())})
        assert published_files.verify(name, TINY[name]) == TINY[name]
        with pytest.raises(DataError, match=f"{name} has the SHA-256"):
            published_files.verify(name, bytes(content))


@pytest.mark.parametrize(
    ("content", "amount"), [(b"", "0"), (bytes(10_007), "10,007"), (bytes(10_009), "more than 10,008")]
)
def test_a_file_of_the_wrong_size_is_refused(content, amount):
    with pytest.raises(DataError, match=f"has {amount} bytes uncompressed, and 10,008 were published"):
        published_files.verify("t10k-labels-idx1-ubyte", content)


def test_a_packed_file_that_unpacks_without_end_is_read_no_further_than_needed(tiny, tmp_path, monkeypatch):
    fill(tmp_path, pack=True)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(bytes(50_000_000)))
    accepted = []
    monkeypatch.setattr(published_files, "verify", lambda name, content: accepted.append(len(content)) or content)
    published_files.read_folder(tmp_path)
    assert accepted[-1] == len(TINY["t10k-labels-idx1-ubyte"]) + 1


def test_a_damaged_gzip_file_is_a_reason_and_not_a_traceback(tiny, tmp_path):
    fill(tmp_path, pack=True)
    packed = tmp_path / "train-images-idx3-ubyte.gz"
    packed.write_bytes(packed.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz cannot be read: "):
        cache.ensure(tmp_path, download=False)


@pytest.mark.parametrize("below", ["", "MNIST/raw"])
@pytest.mark.parametrize("pack", [False, True])
def test_a_folder_is_read_raw_or_packed_also_in_torchvisions_layout(tiny, tmp_path, below, pack):
    fill(tmp_path / below, pack=pack)
    assert published_files.read_folder(tmp_path) == TINY
    assert {path.parent for path in published_files.find_files(tmp_path).values()} == {tmp_path / below}


def test_a_raw_file_is_preferred_to_a_packed_one_and_a_missing_file_is_named(tiny, tmp_path):
    fill(tmp_path, pack=True)
    fill(tmp_path)
    assert {path.suffix for path in published_files.find_files(tmp_path).values()} == {""}
    for path in tmp_path.glob("t10k-images*"):
        path.unlink()
    with pytest.raises(DataError, match=r"^t10k-images-idx3-ubyte is missing\.$"):
        published_files.find_files(tmp_path)
