"""Folders that have MNIST, storing it so that a file is complete or absent, and the digits themselves."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

from course import data
from course.data import cache, published_files, sources
from course.errors import DataError
from tests.support.tiny_mnist import TINY, fake_source, fill, names_in


@pytest.mark.parametrize("below", ["", "MNIST/raw"])
def test_a_folder_that_holds_raw_files_is_used_where_it_is_and_never_written_to(
    tiny, home, tmp_path, monkeypatch, below
):
    course_folder = fill(tmp_path / "course data" / below)
    monkeypatch.setenv("MNIST_ROOT", str(tmp_path / "course data"))
    monkeypatch.setattr(cache, "_exclusively", None)  # any attempt to store raises TypeError
    assert cache.is_available()
    assert cache.ensure() == course_folder
    assert names_in(course_folder) == set(TINY)
    assert not home.exists()


@pytest.mark.parametrize("below", ["", "MNIST/raw"])
def test_packed_files_are_unpacked_into_the_data_folder_without_a_download(tiny, home, tmp_path, monkeypatch, below):
    fill(tmp_path / "packed" / below, pack=True)
    monkeypatch.setenv("MNIST_ROOT", str(tmp_path / "packed"))
    monkeypatch.setattr(sources, "SOURCES", ())
    assert cache.is_available()
    assert cache.ensure(download=False) == home
    assert {name: (home / name).read_bytes() for name in names_in(home)} == TINY


def test_mnist_root_comes_before_the_data_folder(tiny, home, tmp_path, monkeypatch):
    fill(home)
    assert cache.ensure() == home
    monkeypatch.setenv("MNIST_ROOT", str(fill(tmp_path / "named")))
    assert cache.ensure() == tmp_path / "named"


def test_an_explicit_root_is_the_only_folder_that_is_searched_and_filled(tiny, home, tmp_path, monkeypatch):
    fill(home)
    monkeypatch.setenv("MNIST_ROOT", str(fill(tmp_path / "named")))
    monkeypatch.setattr(sources, "SOURCES", (fake_source(),))
    assert not cache.is_available(tmp_path / "chosen")
    assert cache.ensure(tmp_path / "chosen") == tmp_path / "chosen"
    assert names_in(tmp_path / "chosen") == set(TINY)


def test_asking_whether_it_is_present_writes_nothing(tiny, home):
    assert not cache.is_available()
    assert not home.exists()


def test_without_permission_to_download_the_error_says_what_is_missing_and_writes_nothing(tiny, home, monkeypatch):
    monkeypatch.setattr(sources, "SOURCES", (fake_source("a source never asked"),))
    with pytest.raises(DataError, match="train-images-idx3-ubyte is missing") as caught:
        data.load(download=False)
    assert "MNIST_ROOT" in str(caught.value)
    assert "never asked" not in str(caught.value)
    assert not home.exists()


def test_a_damaged_cache_is_named_and_fetched_again(tiny, home, monkeypatch, capsys):
    fill(home, TINY | {"t10k-images-idx3-ubyte": TINY["t10k-images-idx3-ubyte"][:-1] + b"\1"})
    monkeypatch.setattr(sources, "SOURCES", (fake_source(),))
    assert not cache.is_available()
    assert cache.ensure() == home
    assert "t10k-images-idx3-ubyte has the SHA-256" in capsys.readouterr().err
    assert cache.is_available()


# --- storing

KILLED = """
import os, signal, sys
from pathlib import Path
from course.data import cache, published_files, sources
real, calls = getattr(os, sys.argv[1]), []
def deadly(*arguments):
    calls.append(1)
    if len(calls) == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments)
setattr(os, sys.argv[1], deadly)
contents = published_files.read_folder(Path(sys.argv[4]))
sources.SOURCES = (sources.Source("local", 1, (sys.executable, "-c", ""), lambda folder: contents),)
cache.ensure(Path(sys.argv[3]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a signal of Unix")
@pytest.mark.parametrize(("call", "nth"), [("fsync", 1), ("replace", 3)])
def test_a_killed_download_leaves_nothing_half_written(digits, tmp_path, monkeypatch, call, nth):
    folder = tmp_path / "mnist"
    killed = subprocess.run([sys.executable, "-c", KILLED, call, str(nth), folder, digits], stderr=subprocess.DEVNULL)
    assert killed.returncode == -signal.SIGKILL
    assert not cache.is_available(folder)
    whole = names_in(folder) & set(published_files.FILES)
    assert len(whole) == nth - 1
    for name in whole:
        assert (folder / name).read_bytes() == (digits / name).read_bytes()

    contents = published_files.read_folder(digits)
    monkeypatch.setattr(sources, "SOURCES", (fake_source(read=lambda _: contents),))
    cache.ensure(folder)
    assert names_in(folder) == set(published_files.FILES)  # what the killed process left is gone, too


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_is_one_sentence_and_leaves_nothing_half_written(tiny, home, monkeypatch, call):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(sources, "SOURCES", (fake_source(),))
    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(DataError, match=r"could not be stored in .*home: No space left on device\. It takes"):
            cache.ensure()
    assert names_in(home) == set()
    assert cache.ensure() == home  # the lock is free again


IN_20_MB = 'mount -t tmpfs -o size=20m none "$1" && exec "$2" -c "$3" "$1" "$4"'


FILLS = """
import os, sys
from pathlib import Path
from course import data
from course.data import cache, published_files, sources
from course.errors import DataError
contents = published_files.read_folder(Path(sys.argv[2]))
sources.SOURCES = (sources.Source("local", 1, (sys.executable, "-c", ""), lambda folder: contents),)
try:
    cache.ensure(Path(sys.argv[1]))
except DataError as error:
    print(error, sorted(set(os.listdir(sys.argv[1])) - {".lock"}))
"""


def may_mount() -> bool:
    tried = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs none /mnt"]
    return shutil.which("unshare") is not None and subprocess.run(tried, capture_output=True).returncode == 0


@pytest.mark.skipif(not may_mount(), reason="this machine does not let a test mount a small disk")
def test_a_disk_that_is_really_full_is_left_empty(digits, tmp_path):
    command = ["unshare", "-rm", "sh", "-c", IN_20_MB, "sh", tmp_path, sys.executable, FILLS, digits]
    process = subprocess.run(command, capture_output=True, text=True)
    assert "No space left on device" in process.stdout, process.stderr
    assert process.stdout.endswith("[]\n")


FETCHES = """
import sys, time
from pathlib import Path
from course.data import cache, published_files, sources
contents = published_files.read_folder(Path(sys.argv[3]))
def read(folder):
    Path(sys.argv[2], "fetched").open("a").write("once ")
    for _ in range(6000):
        if Path(sys.argv[2], "go").exists():
            break
        time.sleep(0.01)
    return contents
sources.SOURCES = (sources.Source("local", 1, (sys.executable, "-c", ""), read),)
print(cache.ensure(Path(sys.argv[1]), progress=False))
"""


def test_two_processes_at_once_fetch_once_and_both_find_it(digits, tmp_path):
    (control := tmp_path / "control").mkdir()
    command = [sys.executable, "-c", FETCHES, tmp_path / "mnist", control, digits]
    pair = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    # one waits for the other and prints so; only then does its watcher let the first go on
    watchers = [threading.Thread(target=allow_when_waiting, args=(process, control / "go")) for process in pair]
    for watcher in watchers:
        watcher.start()
    for process, watcher in zip(pair, watchers, strict=True):
        watcher.join(timeout=120)
        assert process.stdout.read().strip() == str(tmp_path / "mnist")
        assert process.wait() == 0
        process.stdout.close(), process.stderr.close()
    assert (control / "fetched").read_text() == "once "
    assert cache.is_available(tmp_path / "mnist")


def allow_when_waiting(process: subprocess.Popen, go: Path) -> None:
    for line in process.stderr:
        if "waiting for it" in line:
            go.touch()


def test_a_folder_that_cannot_be_made_is_a_sentence(tiny, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(sources, "SOURCES", (fake_source(),))
    with pytest.raises(DataError, match=r"could not be stored in .*: Not a directory"):
        cache.ensure(tmp_path / "file" / "mnist")


# --- the digits


def test_the_digits_are_those_everybody_knows(digits):
    mnist = data.load()
    for digits_of, count in ((mnist.train, 60_000), (mnist.test, 10_000)):
        assert digits_of.images.shape == (count, 28, 28) and digits_of.images.dtype == torch.uint8
        assert digits_of.labels.shape == (count,) and digits_of.labels.dtype == torch.int64
    assert mnist.train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert mnist.test.labels.bincount().tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    pixels = mnist.train.images.double() / 255
    assert round(pixels.mean().item(), 4) == 0.1307 and round(pixels.std().item(), 4) == 0.3081


def test_importing_the_module_does_not_import_torch():
    script = "import course.data, sys; assert not {'torch', 'torchvision', 'numpy'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", script], check=True)
