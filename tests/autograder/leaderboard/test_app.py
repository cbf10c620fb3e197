"""The leaderboard in a real browser, over a class of 500 students with 10 attempts each, some of whom mean harm."""

import contextlib
import datetime as dt
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from jupyter_server.serverapp import ServerApp
from playwright.sync_api import expect

from autograder.leaderboard.app import Leaderboard
from autograder.leaderboard.pages.site import Site
from autograder.store import RunKey, open_store
from course.rules import load_rules
from tests.support.browsers import NEEDS_CHROMIUM, TIMEOUT_MS
from tests.support.classroom import environment
from tests.support.large_class import HOSTILE, fill
from tests.support.leaderboard_server import TOKEN, fetch, serve_leaderboard
from tests.support.networks import captured
from tests.support.stores import EPOCHS, record_of, result_of

STUDENTS, ATTEMPTS = 500, 10
SHOWN = "#board tbody tr:not([hidden])"
BEST = "#board tbody tr:not(.baseline):not([hidden]) >> nth=0"
PAGES = ("", "/class", "/attempt/{attempt}")

pytestmark = [pytest.mark.slow, NEEDS_CHROMIUM]


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    return str(tmp_path_factory.mktemp("class") / "results.db")


@pytest.fixture(scope="module")
def store(url):
    with open_store(url) as opened:
        fill(opened, STUDENTS, ATTEMPTS)
        yield opened


@pytest.fixture(scope="module")
def site(store, url, tmp_path_factory):
    folder = tmp_path_factory.mktemp("leaderboard")
    with serve_leaderboard(folder, "--Leaderboard.milliseconds=300", store_url=url) as base:
        yield f"{base}/leaderboard"


@pytest.fixture
def page(browser, site, request):
    """Logged in. Whatever a page says to the console, fails at, or asks of another host, fails the test."""
    with watched(browser, site, **getattr(request, "param", {})) as opened:
        yield opened


@contextlib.contextmanager
def watched(browser, site, **options):
    context = browser.new_context(**{"viewport": {"width": 1440, "height": 1000}} | options)
    opened, problems = context.new_page(), []
    opened.on("console", lambda message: problems.append(f"{message.type}: {message.text}"))
    opened.on("pageerror", lambda error: problems.append(str(error)))
    ours = site.removesuffix("/leaderboard") + "/"
    opened.on("request", lambda asked: asked.url.startswith((ours, "data:")) or problems.append(asked.url))
    opened.set_default_timeout(TIMEOUT_MS)
    expect.set_options(timeout=TIMEOUT_MS)
    opened.goto(f"{site}?token={TOKEN}")
    yield opened
    assert problems == [] and opened.locator("body[data-owned]").count() == 0
    context.close()


def students(page) -> list[str]:
    rows = page.locator("#board tbody tr:not(.baseline):not([hidden]) th")
    return rows.all_inner_texts()


def attempt_of(site) -> int:
    rows = json.loads(fetch(f"{site}/challenge/rows").text)["rows"].values()
    return int(next(html for html in rows if 'data-verdict="pass"' in html).split("/attempt/")[1].split('"')[0])


# --- no class


def test_a_students_own_server_shows_no_class_and_creates_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("UNDER8K_SECRET", raising=False)
    lab = Leaderboard(store=str(tmp_path / "data" / "results.db"))
    lab.serverapp, lab._class_state = ServerApp(), None
    status, text = lab.answer("table", Site("/leaderboard", "x", 2000), ())
    assert status == 404 and "There is no class on this server" in text
    assert [path for path in tmp_path.rglob("*") if "under8k" in path.name or path.suffix == ".db"] == []


# --- the table


def test_everybody_stands_in_the_table_best_first_with_the_baselines(page):
    assert page.locator("#board tbody tr").count() == STUDENTS + 4
    expect(page.locator("#shown")).to_have_text("500 students")
    ranks = page.locator("#board tbody tr:not(.baseline) td:first-child").all_inner_texts()
    taken = [int(rank.rstrip("=")) for rank in ranks if rank.rstrip("=").isdigit()]
    assert taken == sorted(taken) and len(taken) > 400 and set(ranks[len(taken) :]) == {"-"}
    assert "Model 3, published" in page.locator("tr.baseline th").all_inner_texts()


@pytest.mark.parametrize("column, down", [("counted", False), ("counted", True), ("name", False), ("name", True)])
def test_a_heading_sorts_and_sorts_the_other_way(page, column, down):
    for _ in range(1 + down):
        page.locator(f"th[data-column={column}] button").click()
    number = page.locator(f"th[data-column={column}]").evaluate("(cell) => cell.cellIndex")
    values = page.locator(SHOWN).evaluate_all("(rows, n) => rows.map((r) => r.cells[n].dataset.v)", number)
    if column == "counted":
        values = [float(value) for value in values]
    else:  # of honest names; the browser knows where others belong
        values = [value for value in values if value.startswith("student")]
    assert len(values) > 400 and values == sorted(values, reverse=down)
    heads = page.locator("thead th[aria-sort]")
    assert heads.count() == 1 and heads.get_attribute("data-column") == column
    assert heads.get_attribute("aria-sort") == ("descending" if down else "ascending")


def test_search_and_verdicts_filter_what_is_shown(page):
    page.locator("#search").fill("student1 cuda")
    expect(page.locator("#shown")).to_contain_text("of 500 students")
    assert students(page) and all(name.startswith("student1") for name in students(page))
    page.locator("#search").fill("")
    for box in page.locator("[name=verdict]").all():
        if box.get_attribute("value") != "refused":
            box.uncheck()
    assert {row.get_attribute("data-verdict") for row in page.locator(SHOWN).all()} == {"refused"}


def test_the_keyboard_alone_searches_walks_and_opens(page):
    page.keyboard.press("/")
    page.keyboard.type("student2")
    expect(page.locator("#shown")).to_contain_text("of 500 students")
    found = students(page)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.textContent") == found[1]
    page.evaluate("take({rows: {}, order: [...place.keys()].reverse()})")  # as if the whole order had changed
    assert page.evaluate("document.activeElement.textContent") == found[1]
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(f"{found[1]}, challenge")
    page.go_back()
    page.keyboard.press("/")
    page.keyboard.type("student2")
    page.keyboard.press("Escape")
    expect(page.locator("#shown")).to_have_text("500 students")


def test_every_state_has_its_words(page):
    states = page.locator(".state").all_inner_texts()
    assert states.count("ours to fix") == 5 and states.count("waiting") == 15


# --- live


def test_the_table_follows_a_batch_from_waiting_to_the_verdict(page, store):
    spec = captured("model1")
    page.locator("#search").fill("zoe")
    attempt = store.results.record_attempt(
        "zoe", "challenge", "zoe.py", "9" * 64, dt.datetime(2026, 4, 1, tzinfo=dt.UTC)
    )
    row = page.locator(SHOWN, has_text="zoe")
    expect(row).to_contain_text("waiting")
    expect(page.locator("#shown")).to_contain_text("1 of 501 students")
    key = RunKey(spec.hash, 77, "cpu", 1, "trainer 2", "")
    with store.claims.take(key, spec) as claim:
        store.results.mark_training(attempt, claim.run_id, 15)
        expect(row).to_contain_text("training (epoch 1 of 15)")
        for epoch in EPOCHS:
            claim.save(epoch, b"state")
        expect(row).to_contain_text(f"training (epoch {len(EPOCHS) + 1} of 15)")
        claim.finish(record_of())
    store.results.record_verdict(attempt, result_of("pass"), load_rules("challenge"), [claim.run_id])
    expect(row.locator(".verdict")).to_have_text("pass")
    expect(row.locator(".state")).to_have_count(0)
    expect(page.locator("#live")).to_have_text("following")
    store.results.mark_internal_error(
        store.results.record_attempt("yan", "challenge", "y.py", "8" * 64, dt.datetime.now(dt.UTC)), "No disk."
    )
    page.locator("#search").fill("yan")
    expect(page.locator(SHOWN)).to_contain_text("ours to fix")


def test_only_rows_that_changed_are_sent(site, store):
    before = json.loads(fetch(f"{site}/challenge/rows").text)
    assert json.loads(fetch(f"{site}/challenge/rows?since={before['version']}").text) == {"version": before["version"]}
    store.results.record_attempt("xaver", "challenge", "x.py", "7" * 64, dt.datetime.now(dt.UTC))
    news = json.loads(fetch(f"{site}/challenge/rows?since={before['version']}").text)
    assert len(news["rows"]) == 1 and "xaver" in next(iter(news["rows"].values()))
    assert len(news["order"]) == len(before["order"]) + 1
    for since in ("", "another-1", "x", "-", f"{before['version']}9999999999999999999"):
        assert len(json.loads(fetch(f"{site}/challenge/rows?since={since}").text)["rows"]) == len(news["order"])


# --- closer


def test_an_attempt_shows_curves_network_budget_source_changes_mistakes_and_provenance(page):
    page.locator(f"{BEST} >> a").click()
    expect(page.locator(".verdict.pass").first).to_be_visible()
    for figure in ("curves", "budget"):
        expect(page.locator(f"[data-figure={figure}] svg.main-svg").first).to_be_visible()
    assert page.locator(".network rect").count() > 10 and page.locator("tr.held").count() > 1
    picture = page.locator(".digits img").first
    assert picture.evaluate("(i) => i.complete && i.naturalWidth") == 28
    for words in ("SHA-256", "isolation", "bubblewrap", "torch"):
        expect(page.locator("main")).to_contain_text(words)
    assert page.locator("code.new").count() and page.locator("code.gone").count()
    page.locator(".views a").first.click()
    expect(page.locator("main")).to_contain_text("attempt 1 of 10")


def test_the_class_view_draws_the_front_verdicts_stumbles_and_arrivals_and_a_dot_opens_its_attempt(page, site):
    page.goto(f"{site}/challenge/class")
    for figure in ("pareto", "verdicts", "arrivals", "stumbles"):
        expect(page.locator(f"[data-figure={figure}] svg.main-svg").first).to_be_visible()
    expect(page.locator("[data-figure=pareto]")).to_contain_text("Pareto front")
    page.locator("summary").click()
    expect(page.locator("details")).to_contain_text("parameters: … counted, fewer than … allowed")
    page.locator("h1").scroll_into_view_if_needed()
    dot = page.locator("[data-figure=pareto] .points path").first.bounding_box()
    page.mouse.move(dot["x"] + dot["width"] / 2, dot["y"] + dot["height"] / 2)
    expect(page.locator("[data-figure=pareto] .hovertext")).to_be_visible()
    page.mouse.down()
    page.mouse.up()
    expect(page.locator("h1")).to_contain_text(", challenge")


def test_an_attempt_that_is_not_there_or_was_tampered_with_is_told(site, store):
    assert fetch(f"{site}/challenge/attempt/99999999").status == 404
    assert "There is no assignment lesson9" in fetch(f"{site}/lesson9").text
    attempt = attempt_of(site)
    with store._database.engine.begin() as connection:
        old = connection.exec_driver_sql(f"SELECT isolation FROM verdicts WHERE attempt_id = {attempt}").scalar_one()
        connection.exec_driver_sql(f"UPDATE verdicts SET isolation = 'none' WHERE attempt_id = {attempt}")
    try:
        status, _, text, _ = fetch(f"{site}/challenge/attempt/{attempt}")
        assert status == 200 and "autograder verify" in text
    finally:
        with store._database.engine.begin() as connection:
            connection.exec_driver_sql(f"UPDATE verdicts SET isolation = '{old}' WHERE attempt_id = {attempt}")


# --- harm


def test_nothing_a_student_writes_is_obeyed(page, site, store):
    """Names, files, sources, layers and reasons that mean harm: `watched` fails on what they would set or load."""
    rows = json.loads(fetch(f"{site}/challenge/rows").text)["rows"]
    page.goto(f"{site}/challenge")
    assert page.locator("tbody th", has_text="<script>").count() >= 2
    addresses = [html.split('href="')[1].split('"')[0] for html in rows.values() if 'href="' in html]
    hostile = [address for address in addresses if int(address.rsplit("/", 1)[1]) <= len(HOSTILE) * ATTEMPTS]
    assert len(hostile) == len(HOSTILE)
    for address in hostile:
        page.goto(site.removesuffix("/leaderboard") + address)
        expect(page.locator("pre.source")).to_be_visible()
    page.goto(f"{site}/challenge/class")
    expect(page.locator("[data-figure=stumbles] svg.main-svg").first).to_be_visible()
    page.locator("[data-figure=pareto] .points path").first.hover(force=True)


@pytest.mark.parametrize("place", ["", "/challenge", "/challenge/class", "/challenge/rows", "/challenge/attempt/1"])
def test_without_login_nothing_is_shown_and_with_it_the_policy_allows_this_server_alone(site, place):
    _, _, text, address = fetch(site + place, token="")
    assert "/login" in address or "Forbidden" in text
    assert "student" not in text.replace("student's", "")
    status, headers, _, _ = fetch(site + place)
    policy = headers["Content-Security-Policy"]
    assert status == 200 and "default-src 'none'" in policy and "unsafe-eval" not in policy and "http" not in policy
    (nonce,) = re.findall(r"script-src 'nonce-([\w-]{20,})';", policy)
    assert nonce not in fetch(site + place).headers["Content-Security-Policy"]  # another one for each answer


def test_beyond_loopback_a_server_without_login_shows_no_class(store, url, tmp_path):
    with serve_leaderboard(tmp_path, store_url=url, ip="0.0.0.0", token="") as base:
        status, _, text, _ = fetch(f"{base}/leaderboard", token="")
    assert status == 403 and "student" not in text


# --- for everybody


@pytest.mark.parametrize("page", [{"color_scheme": scheme} for scheme in ("light", "dark")], indirect=True)
def test_no_page_has_a_violation_that_axe_finds(page, site):
    for place in PAGES:
        page.goto(f"{site}/challenge{place.format(attempt=attempt_of(site))}")
        if place:
            expect(page.locator("svg.main-svg").first).to_be_visible()
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize(
    "page",
    [
        {"color_scheme": scheme, "viewport": {"width": width, "height": 1000}}
        for scheme in ("light", "dark")
        for width in (1440, 390)
    ],
    indirect=True,
    ids=["light-1440", "light-390", "dark-1440", "dark-390"],
)
def test_no_page_is_wider_than_the_window(page, site, request):
    for number, place in enumerate(PAGES):
        page.goto(f"{site}/challenge{place.format(attempt=attempt_of(site))}")
        if place:
            expect(page.locator("svg.main-svg").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        if folder := os.environ.get("SCREENSHOTS"):
            name = request.node.callspec.id
            page.screenshot(path=Path(folder, f"leaderboard-{number}-{name}.png"), full_page=number > 0)


@pytest.mark.parametrize("width", [1440, 390])
def test_the_students_page_is_drawn_from_itself_alone(browser, store, url, tmp_path, width):
    page = tmp_path / "out.html"
    command = [sys.executable, "-m", "autograder.cli.main", "leaderboard", "--store", url, "--html", str(page)]
    subprocess.run(command, check=True, capture_output=True)
    context = browser.new_context(viewport={"width": width, "height": 1000})
    opened, problems = context.new_page(), []
    opened.on("console", lambda message: problems.append(message.text))
    opened.on("request", lambda asked: problems.append(asked.url))
    opened.goto(page.as_uri())
    assert problems == [page.as_uri()]
    assert (
        opened.locator(".spark line").first.evaluate("(line) => getComputedStyle(line).strokeDasharray") == "3px, 2px"
    )
    assert opened.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    if folder := os.environ.get("SCREENSHOTS"):
        opened.screenshot(path=Path(folder, f"students-{width}.png"))
    context.close()


def test_jupyterlabs_menu_leads_to_it(browser, store, url, tmp_path):
    with serve_leaderboard(tmp_path, store_url=url, program="jupyterlab") as base:
        context = browser.new_context()
        opened = context.new_page()
        opened.set_default_timeout(TIMEOUT_MS)
        opened.goto(f"{base}/lab?token={TOKEN}")
        opened.get_by_role("menuitem", name="View", exact=True).click()
        with context.expect_page() as popup:
            opened.get_by_role("menuitem", name="Leaderboard").click()
        expect(popup.value.locator("h1")).to_have_text("challenge")
        context.close()


# --- without a browser


def test_the_command_prints_and_writes(store, url, tmp_path):
    html, table = tmp_path / "out.html", tmp_path / "out.csv"
    command = [sys.executable, "-m", "autograder.cli.main", "leaderboard", "--store", url]
    said = subprocess.run(
        command, capture_output=True, text=True, check=True, env=environment() | {"COLUMNS": "80"}
    ).stdout
    assert "Model 2," in said and "\x1b[31m" not in said and max(map(len, said.splitlines())) <= 80
    subprocess.run(
        [*command, "--html", str(html), "--csv", str(table), "--best", "10"], check=True, capture_output=True
    )
    assert "student0" not in html.read_text() and html.read_text().count("<tr data-key") <= 20
    assert len(table.read_text().splitlines()) > STUDENTS
