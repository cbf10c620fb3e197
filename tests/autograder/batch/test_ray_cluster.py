"""A batch on more than one machine: a real Ray cluster, of which one node dies during the batch."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from autograder.batch.ray_cluster import RemoteSubmission
from autograder.batch.submissions import find_submissions
from autograder.cli.main import main
from autograder.grading.attempts import handed_in
from autograder.store import open_store
from tests.support.variants import submit


def test_a_remote_submission_arrives_as_it_was(tmp_path):
    (submission,) = find_submissions([submit(tmp_path, 1)], None, "challenge").submissions
    (tmp_path / "remote").mkdir()
    unpacked = RemoteSubmission.pack(submission).unpack(tmp_path / "remote")
    assert (unpacked.student, unpacked.assignment) == (submission.student, "challenge")
    assert unpacked.path.name == submission.path.name
    assert unpacked.path.read_bytes() == submission.path.read_bytes()
    assert handed_in(unpacked.path).time == handed_in(submission.path).time


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
