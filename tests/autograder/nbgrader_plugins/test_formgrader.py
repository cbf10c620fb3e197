"""formgrader and JupyterLab in a real browser: what an instructor and a student click, and what they then see."""

import os
import re
import shutil
import time
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import expect

from tests.support.browsers import NEEDS_CHROMIUM, TIMEOUT_MS, serve_jupyter
from tests.support.classroom import LEARNS, TOO_LARGE, Course, answer, cell

REDUCED = {"epochs": 2, "train_images": 2_000, "test_images": 1_000, "accuracy": 0.6, "near": 0.0}
# what must not happen in an instructor's browser
OWNED = "document.body.setAttribute('data-owned', 'yes')"
HOSTILE = f"""My **analysis**. <img src="x" onerror="{OWNED}"> <script>{OWNED}</script> [here](javascript:{OWNED})

```mermaid
<img src="x" onerror="{OWNED}">
```
"""
SHOWS = f"""
from IPython.display import HTML, SVG, Javascript, display
display(HTML("<b>shown</b><script>{OWNED}</script><img src=x onerror=\\"{OWNED}\\">"))
display(Javascript("{OWNED}"))
display(SVG("<svg xmlns='http://www.w3.org/2000/svg' onload=\\"{OWNED}\\"></svg>"))
"""

pytestmark = [pytest.mark.slow, pytest.mark.training, NEEDS_CHROMIUM]


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("formgrader")
    return Course(folder, f"c.TrainedScore.reduced = {REDUCED}", store=str(folder / "results.db"))


@pytest.fixture(scope="module")
def url(course):
    """JupyterLab, started in the course's folder as an instructor would; loopback only."""
    with serve_jupyter("jupyterlab", course.root, course.root.parent) as base:
        yield base


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    # MathJax and the like come from elsewhere; nothing here may wait for them
    context.route(re.compile(r"^https?://(?!127\.0\.0\.1)"), lambda route: route.abort())
    opened = context.new_page()
    opened.set_default_timeout(TIMEOUT_MS)
    expect.set_options(timeout=TIMEOUT_MS)
    yield opened
    context.close()


def picture(page, name):
    """Kept where SCREENSHOTS says, for people to look at."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder, f"{name}.png"), full_page=True)


def test_an_instructor_generates_autogrades_reads_the_report_and_grades_the_analysis(course, url, page):
    page.goto(f"{url}/formgrader/manage_assignments")
    row = page.locator("tr", has=page.locator("td.name a", has_text=re.compile("^challenge$")))
    row.locator(".assign a").click()
    expect(page.locator(".modal:visible")).to_contain_text("Successfully created the student version")
    picture(page, "1-generated")

    handed_in = course.root / "submitted" / "ada" / "challenge" / "challenge.ipynb"
    handed_in.parent.mkdir(parents=True)
    shutil.copy(course.root / "release" / "challenge" / "challenge.ipynb", handed_in)
    answer(handed_in, LEARNS, report=HOSTILE)
    notebook = nbformat.read(handed_in, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(SHOWS))
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell(HOSTILE))
    nbformat.write(notebook, handed_in)

    page.goto(f"{url}/formgrader/manage_submissions/challenge")
    page.locator("tr", has_text="ada").locator(".autograde a").click()
    expect(page.locator(".modal:visible")).to_contain_text("Successfully autograded")
    picture(page, "2-autograded")
    page.goto(f"{url}/formgrader/manage_submissions/challenge")
    expect(page.locator("tr", has_text="ada").locator(".score")).to_contain_text(re.compile(r"1\d"))
    picture(page, "3-submissions")

    page.goto(f"{url}/formgrader/gradebook/challenge/challenge")
    page.locator("td.name a, td a").filter(has_text="Submission #1").first.click()
    expect(page.locator("#trained_score")).to_have_attribute("placeholder", re.compile(r"^10"))
    body = page.locator("body")
    expect(body).to_contain_text("Passed: the accuracy was held.")
    expect(body).to_contain_text("What to try next")
    assert page.locator("img[src^='data:image/png']").count() >= 1
    expect(body).not_to_have_attribute("data-owned", "yes")
    expect(page.locator("strong", has_text="analysis").first).to_be_visible()  # their Markdown is still Markdown
    assert (
        page.locator(".rendered_html script, .output script, [onerror], [onload], a[href^='javascript']").count() == 0
    )

    page.locator("#report").fill("2.5")
    page.locator("#report").blur()
    page.locator("#report-comment").fill("Clear reasons.")
    page.locator("#report-comment").blur()
    expect(page.locator(".score-saved").first).to_be_attached()
    picture(page, "4-graded")
    deadline = time.monotonic() + 60
    while course.scores("challenge", "ada")["report"] != 2.5:
        assert time.monotonic() < deadline, "the score did not reach the gradebook"
        time.sleep(0.2)
    assert course.scores("challenge", "ada")["trained_score"] == 10


def test_a_student_validates_a_released_notebook_in_jupyterlab(course, url, page):
    source = course.root / "source" / "challenge" / "challenge.ipynb"
    notebook = nbformat.read(source, as_version=4)
    cell(notebook, "trained_score").source = "from course import check_submission\ncheck_submission('challenge')"
    nbformat.write(notebook, source)
    course.nbgrader("generate_assignment", "challenge", "--force")
    work = course.root / "home" / "challenge.ipynb"
    work.parent.mkdir()
    shutil.copy(course.root / "release" / "challenge" / "challenge.ipynb", work)
    page.goto(f"{url}/lab/workspaces/one/tree/home/challenge.ipynb")
    page.get_by_role("button", name="Validate").click()
    dialog = page.locator(".jp-Dialog")
    expect(dialog).to_contain_text("You did not provide a response.")
    picture(page, "5-validate-unanswered")

    other = work.with_name("answered.ipynb")
    shutil.copy(work, other)
    answer(other, TOO_LARGE)
    page.goto(f"{url}/lab/workspaces/two/tree/home/answered.ipynb")
    page.get_by_role("button", name="Validate").click()
    expect(dialog).to_contain_text("The grader would refuse this recipe:")
    expect(dialog).to_contain_text(re.compile("parameters: [0-9,]+ counted, fewer than 8,000 allowed"))
    picture(page, "6-validate-too-large")
