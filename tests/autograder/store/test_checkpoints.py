"""Checkpoints in a file: whole or absent, and nothing remains of a run that is finished."""

import pytest

from autograder.store.checkpoints import Checkpoint, CheckpointFile
from course.errors import GraderError
from tests.support.stores import EPOCHS, record_of


def test_an_interrupted_run_finds_its_epochs_and_its_state(tmp_path):
    path = tmp_path / "runs" / "run.json"
    for number, epoch in enumerate(EPOCHS):
        checkpoints = CheckpointFile(path)
        assert len(checkpoints.load().epochs) == number
        checkpoints.save(epoch, b"state %d" % number)
    assert CheckpointFile(path).load() == Checkpoint(tuple(EPOCHS), b"state 2")


def test_an_epoch_that_is_repeated_replaces_all_after_it(tmp_path):
    checkpoints = CheckpointFile(tmp_path / "run.json")
    for epoch in EPOCHS:
        checkpoints.save(epoch, b"first")
    checkpoints.save(EPOCHS[1], b"second")
    assert checkpoints.load() == Checkpoint(tuple(EPOCHS[:2]), b"second")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"epochs": [{}], "state": ""}', '{"epochs": [], "state": 3}', "\x00"]
)
def test_a_damaged_file_is_a_run_that_starts_from_the_beginning(tmp_path, text):
    path = tmp_path / "run.json"
    path.write_text(text)
    assert CheckpointFile(path).load() == Checkpoint() == Checkpoint((), None)


def test_a_finished_run_leaves_no_file(tmp_path):
    checkpoints = CheckpointFile(tmp_path / "run.json")
    checkpoints.save(EPOCHS[0], b"state")
    checkpoints.finish(record_of())
    checkpoints.finish(record_of())
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(GraderError, match=r"could not be saved in .*file"):
        CheckpointFile(tmp_path / "file" / "run.json").save(EPOCHS[0], b"state")
