"""The page: it holds everything, needs nothing else, and what students wrote stays text."""

from html.parser import HTMLParser

from autograder.gradebook.explain.page import accuracy_curves, page, printable_lines
from autograder.gradebook.explain.rerun import Rerun


class Parsed(HTMLParser):
    """The tags, their attributes, and the text of a page."""

    def __init__(self, html: str):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data


def test_a_hostile_name_source_and_reason_are_text_and_no_tags(hostile):
    html = page(hostile)
    parsed = Parsed(html)
    assert "script" not in parsed.tags and parsed.tags.count("pre") == 1
    assert not [name for name, _ in parsed.attributes if name.startswith("on")]
    assert parsed.text.count("<script>alert(1)</script>[red]x[/red] [31m y") >= 4
    assert "</pre>\n    if x:" in parsed.text
    assert "\x1b" not in html and "\u202e" not in html


def test_the_page_loads_nothing_and_its_policy_allows_no_scripts(made_up):
    parsed = Parsed(page(made_up([9_970] * 3)))
    policies = [value for name, value in parsed.attributes if name == "content" and "-src" in value]
    assert len(policies) == 1 and policies[0].startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    addresses = [value for name, value in parsed.attributes if name in ("src", "href")]
    assert len(addresses) == 1 and addresses[0].startswith("data:image/png;base64,")


def test_the_picture_is_there_if_something_was_trained(made_up):
    refused = made_up(numbers=9_000)
    assert accuracy_curves(refused) is None and "img" not in Parsed(page(refused)).tags
    trained = made_up([9_970] * 3, recipe="another")
    assert accuracy_curves(trained).startswith(b"\x89PNG")


def test_what_training_again_gave_is_on_it(made_up):
    html = page(made_up([9_970] * 3), Rerun((), 1, 3, ()))
    assert "Equal: all numbers of 1 run and 3 epochs, to the last digit." in Parsed(html).text


def test_a_long_line_of_a_source_is_whole_and_its_indentation_stays():
    line = "\t" + "x" * 5_000
    assert printable_lines(f"{line}\n\x07y") == "    " + "x" * 5_000 + "\n y"


def test_a_browser_shows_it_with_its_style_and_its_picture_and_complains_of_nothing(made_up, browser, tmp_path):
    path = tmp_path / "ada.html"
    path.write_text(page(made_up([9_970] * 3)), encoding="utf-8")
    opened, messages = browser.new_page(viewport={"width": 800, "height": 600}), []
    opened.on("console", lambda message: messages.append(message.text))
    opened.on("pageerror", lambda error: messages.append(str(error)))
    opened.goto(path.as_uri())
    assert opened.evaluate("document.querySelector('img').naturalWidth") > 500
    assert opened.evaluate("document.documentElement.scrollWidth") <= 800
    assert opened.evaluate("getComputedStyle(document.querySelector('.marked')).fontWeight") == "600"
    assert messages == []
    opened.close()
