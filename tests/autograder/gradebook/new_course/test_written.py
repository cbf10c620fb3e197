"""What was written is remembered by its hash, out of the sight of others; a damaged record is told."""

import stat

import pytest

from autograder.gradebook.new_course.written import RECORD, WrittenFiles, digest, read_record, write_record
from course.errors import UsageError


def test_a_record_is_read_as_it_was_written(tmp_path):
    assert read_record(tmp_path) is None
    record = WrittenFiles("1.0", "mnist", {"rules.toml": digest(b"x")})
    write_record(tmp_path, record)
    assert read_record(tmp_path) == record
    assert record.has("rules.toml", b"x") and not record.has("rules.toml", b"y") and not record.has("other", b"x")
    assert stat.S_IMODE((tmp_path / RECORD).parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("text", ["", "[]", '{"version": "1.0", "course_id": "a", "files": {"rules.toml": 3}}'])
def test_a_damaged_record_is_told_with_what_to_do(tmp_path, text):
    write_record(tmp_path, WrittenFiles("1.0", "mnist"))
    (tmp_path / RECORD).write_text(text)
    with pytest.raises(UsageError, match=r"written\.json cannot be read .*Delete it"):
        read_record(tmp_path)
