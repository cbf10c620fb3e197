"""Seeds depend on the course's secret and on the spec, so nobody can search for a lucky one."""

from autograder.grading.draw_seed import draw_seed


def test_another_secret_another_spec_or_another_run_gives_another_seed():
    drawn = {draw_seed(s, h, n) for s in (b"a", b"b") for h in ("x", "y") for n in (1, 2, 3)}
    assert len(drawn) == 12
    assert all(0 <= seed < 2**31 for seed in drawn)
    assert draw_seed(b"a", "x", 1) == draw_seed(b"a", "x", 1)


def test_the_seeds_of_earlier_gradings_stay():
    """Stores hold runs whose seeds were drawn like this; with others, every recipe would be trained again."""
    assert [draw_seed(b"course", "0123abcd", number) for number in (1, 2, 3)] == [1327868652, 1806068206, 591590411]
