"""Nothing is lost and nothing is graded twice, whatever process, disk or database fails during a batch."""

import json
import random
import signal
import subprocess
import threading
import time
from types import SimpleNamespace

import psutil
import pytest
from sqlalchemy import event

from autograder.batch import local, run_batch
from autograder.batch.local import default_jobs
from autograder.batch.runs_per_gpu import RunsPerGPU
from autograder.grading.options import Options
from autograder.store import StoreError, open_store
from tests.support.batches import (
    REDUCED,
    SilentProgress,
    all_submissions,
    assert_each_exactly_once,
    batch_command,
    count_rows,
)
from tests.support.variants import submit

pytestmark = pytest.mark.usefixtures("kept_servers")


@pytest.mark.parametrize(
    ("cores", "gigabytes", "threads", "jobs"), [(8, 64, 1, 8), (8, 64, 2, 4), (8, 7, 1, 3), (1, 1, 1, 1)]
)
def test_a_machine_gets_as_many_jobs_as_cores_and_memory_allow(monkeypatch, cores, gigabytes, threads, jobs):
    monkeypatch.setattr(local.os, "sched_getaffinity", lambda _: set(range(cores)))
    monkeypatch.setattr(local.psutil, "virtual_memory", lambda: SimpleNamespace(available=gigabytes * 2**30))
    assert default_jobs(Options(device="cpu", threads=threads)) == jobs


@pytest.mark.slow
@pytest.mark.training
def test_two_batches_at_once_on_one_store_train_nothing_twice(tmp_path, store_url):
    course = submit(tmp_path, 8)
    command = batch_command(course, store_url, "--jobs", "1")
    batches = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    reports = [json.loads(batch.communicate(timeout=600)[0]) for batch in batches]
    assert [report["verdicts"] for report in reports] == [{"fail": 8}] * 2
    with open_store(store_url) as store:
        assert_each_exactly_once(store, 8)
        assert count_rows(store, "runs WHERE claims > 1") == 0


def process_tree(process: subprocess.Popen) -> list[psutil.Process]:
    """The process and all below it."""
    try:
        root = psutil.Process(process.pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


@pytest.mark.slow
@pytest.mark.training
def test_kill_9_of_any_process_at_any_time_loses_nothing_and_doubles_nothing(tmp_path):
    course, path, rng = submit(tmp_path, 8), str(tmp_path / "r.db"), random.Random(9)
    kills, batch = 0, None
    while batch is None or batch.returncode != 0:
        batch = subprocess.Popen(
            batch_command(course, path, "--jobs", "2"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        while kills < 6 and batch.poll() is None:
            time.sleep(rng.uniform(0, 6))
            if victims := process_tree(batch):
                rng.choice(victims if kills % 2 else victims[:1]).send_signal(signal.SIGKILL)
                kills += 1
        out, _ = batch.communicate(timeout=600)
    assert kills == 6
    assert json.loads(out)["verdicts"] == {"fail": 8}
    with open_store(path) as store:
        assert_each_exactly_once(store, 8)


@pytest.mark.training
def test_a_disk_that_is_full_stops_the_batch_with_a_sentence_and_loses_nothing(tmp_path):
    submissions, path = all_submissions(submit(tmp_path, 4)), str(tmp_path / "r.db")
    with open_store(path, retry_seconds=0.5) as store:

        @event.listens_for(store._database.engine, "begin")
        def fill_the_disk(connection):  # SQLite itself reports that there is no room for another page
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            if connection.exec_driver_sql("SELECT count(*) FROM verdicts").scalar_one() == 1:
                connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

        with pytest.raises(StoreError, match=r"full.*Make room on its disk"):
            run_batch(submissions, REDUCED, store, SilentProgress(4), jobs=1)
    with open_store(path) as store:
        assert 1 <= len(store.results.graded_attempts()) < 4
        assert list(store.verify()) == []
        assert run_batch(submissions, REDUCED, store, SilentProgress(4), jobs=1).verdicts == {"fail": 4}
        assert_each_exactly_once(store, 4)


@pytest.mark.training
def test_a_batch_on_a_gpu_finds_out_how_many_run_at_once(tmp_path, monkeypatch):
    """A CPU stands in for the GPU: who runs when is decided by what the runs tell."""
    found = []

    class Watched(RunsPerGPU):
        def advanced(self, epochs, memory):
            assert self._running <= 2  # at the begin, and three never fill the places of a measurement
            found.append((epochs, memory))
            super().advanced(epochs, memory)

    monkeypatch.setattr(local, "choose_device_type", lambda device: "cuda")
    monkeypatch.setattr(local, "RunsPerGPU", Watched)
    monkeypatch.setattr(local, "default_jobs", lambda options: 3)
    with open_store(str(tmp_path / "r.db")) as store:
        assert run_batch(all_submissions(submit(tmp_path, 3)), REDUCED, store, SilentProgress(3)).verdicts == {
            "fail": 3
        }
    assert sum(epochs for epochs, _ in found) == pytest.approx(3 * REDUCED.reduced.epochs)
    assert {memory for _, memory in found} == {0.0}


class OnFirstResult(SilentProgress):
    """Does something when the first submission is finished."""

    def __init__(self, total, action):
        super().__init__(total)
        self._action = action

    def finished(self, worker, outcome):
        super().finished(worker, outcome)
        action, self._action = self._action, lambda: None
        action()


@pytest.mark.training
def test_a_database_that_goes_away_and_comes_back_costs_nothing(tmp_path, postgresql_server):
    submissions, url = all_submissions(submit(tmp_path, 4)), postgresql_server.create_database()

    def restart():
        postgresql_server.stop()
        threading.Timer(3, postgresql_server.start).start()

    with open_store(url) as store:
        assert run_batch(submissions, REDUCED, store, OnFirstResult(4, restart), jobs=2).verdicts == {"fail": 4}
        assert_each_exactly_once(store, 4)


@pytest.mark.training
def test_a_database_that_stays_away_stops_the_batch_which_resumes_another_day(tmp_path, postgresql_server):
    submissions, url = all_submissions(submit(tmp_path, 4)), postgresql_server.create_database()
    try:
        with open_store(url, retry_seconds=0.5) as store, pytest.raises(StoreError, match="cannot be used"):
            run_batch(submissions, REDUCED, store, OnFirstResult(4, postgresql_server.stop), jobs=2)
    finally:
        postgresql_server.start()
    with open_store(url) as store:
        assert run_batch(submissions, REDUCED, store, SilentProgress(4), jobs=2).verdicts == {"fail": 4}
        assert_each_exactly_once(store, 4)
