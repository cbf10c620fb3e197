"""A batch on more than one machine: a real Ray cluster, of which one node dies during the batch."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from sqlalchemy import make_url

from autograder.batch import ray_cluster
from autograder.batch.ray_cluster import RemoteSubmission
from autograder.batch.submissions import find_submissions
from autograder.cli.main import main
from autograder.grading.attempts import handed_in
from autograder.grading.options import Options
from autograder.store import open_store
from autograder.workers.messages import Progress, RunStarted
from course.data import DataSet
from course.rules import choose_course, load_rules
from course.training.results import EpochResult
from tests.support.own_rules import write_rules
from tests.support.striped_digits import striped_digits, write_data_set
from tests.support.variants import submit


def test_a_remote_submission_arrives_as_it_was(tmp_path):
    (submission,) = find_submissions([submit(tmp_path, 1)], None, "challenge").submissions
    (tmp_path / "remote").mkdir()
    unpacked = RemoteSubmission.pack(submission).unpack(tmp_path / "remote")
    assert (unpacked.student, unpacked.assignment) == (submission.student, "challenge")
    assert unpacked.path.name == submission.path.name
    assert unpacked.path.read_bytes() == submission.path.read_bytes()
    assert handed_in(unpacked.path).time == handed_in(submission.path).time


def test_the_courses_own_data_travels_with_the_tasks(tmp_path):
    here = write_rules(tmp_path / "here", a={}, b={"data": "./stripes"}, c={"data": "./stripes", "train_images": 20})
    write_data_set(here / "stripes", striped_digits(train=40, test=10))
    choose_course(here)
    there = write_rules(tmp_path / "there", b={"data": "./stripes"})
    ray_cluster.write_own_data(there, ray_cluster.own_data())
    key = DataSet.of(load_rules("b")).key
    choose_course(there)
    assert DataSet.of(load_rules("b")).key == key and len(DataSet.of(load_rules("b")).load().train.labels) == 40


def test_several_machines_need_a_store_that_all_of_them_reach(tmp_path):
    course = submit(tmp_path, 1)
    command = ["batch", str(course), "--ray", "127.0.0.1:1", "--store", str(tmp_path / "r.db")]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 2 and "postgresql://" in done.stderr


def test_an_address_without_a_cluster_is_wrong_use(tmp_path, postgresql_server):
    course = submit(tmp_path, 1)
    command = ["batch", str(course), "--ray", "127.0.0.1:1", "--store", postgresql_server.create_database()]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 2 and "no Ray cluster at 127.0.0.1:1" in done.stderr


@pytest.mark.parametrize(
    ("device", "jobs", "at_once"),
    [("cpu", None, 24), ("cpu", 5, 5), ("cuda", None, 6), ("cuda", 4, 4)],
)
def test_as_many_run_on_a_cluster_as_its_cores_and_gpus_take(monkeypatch, device, jobs, at_once):
    batch = ray_cluster._ClusterBatch(
        [], Options(device=device), SimpleNamespace(url=make_url("sqlite://")), None, jobs, None
    )
    monkeypatch.setattr(ray_cluster.ray, "cluster_resources", lambda: {"CPU": 24.0, "GPU": 3.0})
    assert batch._capacity() == at_once


def test_a_task_counts_what_it_trained_itself():
    counter, epoch = ray_cluster._Counter(), EpochResult(1, 0.1, 1.0, 600, 1000, 2.0, 100, 500)
    counter.run_started(1, 7, RunStarted(device="cuda", device_name="a GPU", threads=1, resumed=2))
    for _ in range(5):  # two of them are told again
        counter.epoch(epoch)
    for memory in (0.1, 0.4, 0.2):
        counter.progress(Progress(epoch=1, step=1, steps=2, memory=memory))
    assert (counter.epochs, counter.memory) == (3, 0.4)


@pytest.mark.slow
@pytest.mark.training
def test_a_node_that_dies_loses_no_result_and_doubles_none(tmp_path, postgresql_server):
    url, log = postgresql_server.create_database(), tmp_path / "stderr"
    command = [sys.executable, "-m", "tests.support.ray_cluster", str(submit(tmp_path, 6)), url]
    with log.open("w") as stderr:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=stderr, cwd=Path(__file__).parents[3], timeout=600, check=False
        )
    assert done.returncode == 0, log.read_text()[-3000:]
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["verdicts"] == {"fail": 6} and report["nodes_left"] == 1 and report["tampered"] == []
    with open_store(url) as store:
        graded = store.results.graded_attempts()
        assert [(g.student, g.attempts, len(g.result.runs)) for g in graded] == [
            (f"student{n:03}", 1, 1) for n in range(6)
        ]
        assert all([e.epoch for e in g.result.runs[0].epochs] == [1, 2] for g in graded)
