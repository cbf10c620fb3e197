"""What changed in a recipe since the attempt before."""

from autograder.leaderboard.pages.source_diff import MAX_COMPARED_LINES, MAX_LINES, diff_sources


def test_what_changed_since_the_attempt_before_is_marked():
    found = diff_sources("a\nb\nnew\n", "a\nold\nb\n")
    assert [(line.mark, line.text) for line in found.lines] == [(" ", "a"), ("-", "old"), (" ", "b"), ("+", "new")]
    assert found.compared and found.omitted == 0
    assert diff_sources("", "a\nb").lines == () == diff_sources("", "").lines
    alone = diff_sources("a\n\tb", "")
    assert [line.text for line in alone.lines] == ["a", "    b"] and not alone.compared


def test_a_source_made_to_be_compared_for_hours_is_not_compared_and_what_is_left_out_is_counted():
    one, other = ("\n".join(f"{n % 97} {'x' * 60} {word}" for n in range(2_500)) for word in ("a", "b"))
    found = diff_sources(one, other)
    assert (found.compared, len(found.lines), found.omitted) == (False, MAX_LINES, 500)
    short, longer = ("\n".join(text.split("\n")[:MAX_COMPARED_LINES]) for text in (one, other))
    assert diff_sources(short, longer).compared
