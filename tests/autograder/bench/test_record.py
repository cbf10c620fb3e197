"""What a benchmark keeps."""

from autograder.bench.record import summarize


def test_a_summary_has_the_median_the_range_and_the_number_of_rounds():
    assert summarize([3.0, 1.0, 2.00004]) == {"median": 2.0, "min": 1.0, "max": 3.0, "n": 3}
    assert summarize([1.0, 2.0])["median"] == 1.5
