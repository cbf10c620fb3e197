"""Messages to a webhook: a real server on this machine gets them, and nothing that it does changes a result."""

import contextlib
import json
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from autograder.batch import webhook
from autograder.batch.webhook import Webhook, announce_end
from autograder.cli.main import main
from course.errors import GraderError, UsageError

SECRET = "T024-B07-s3cret"


class Hook(HTTPServer):
    """Keeps what it is sent, and answers with `status` and `headers`, `seconds` later."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received, self.status, self.headers, self.seconds = [], 200, {}, 0.0
        self.url = f"http://127.0.0.1:{self.server_port}/hooks/{SECRET}"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.received.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
        time.sleep(self.server.seconds)
        with contextlib.suppress(OSError):
            self.send_response(self.server.status)
            for name, value in self.server.headers.items():
                self.send_header(name, value)
            self.end_headers()

    def do_GET(self):  # what following a redirection would lead to
        self.server.received.append((self.path, b""))

    def log_message(self, *_):
        pass


@pytest.fixture
def hook():
    with Hook() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def announce(url: str, do=lambda end: None) -> list[str]:
    """Announce the end of `do`; returns the warnings."""
    warnings = []
    with (
        contextlib.suppress(BaseException),
        announce_end(Webhook.parse(url), "autograder batch", warnings.append) as end,
    ):
        do(end)
    return warnings


def body(hook) -> dict:
    ((path, content),) = hook.received
    assert path == f"/hooks/{SECRET}"
    return json.loads(content)


def test_what_ended_how_and_how_long_it_took_is_sent_and_nothing_else(hook):
    def grade(end):
        end.verdicts = {"fail": 1, "pass": 3}

    assert announce(hook.url, grade) == []
    sent = body(hook)
    assert sent.pop("seconds") >= 0
    assert sent == {
        "text": "autograder batch ended after 0:00: 3 pass, 1 fail. Exit code 0.",
        "command": "autograder batch",
        "verdicts": {"fail": 1, "pass": 3},
        "exit_code": 0,
    }


@pytest.mark.parametrize(
    ("error", "how", "code"),
    [
        (SystemExit(0), "ended", 0),
        (SystemExit(1), "ended", 1),
        (SystemExit(3), "failed", 3),
        (SystemExit(130), "was interrupted", 130),
        (KeyboardInterrupt(), "was interrupted", 130),
        (UsageError("There is no folder /home/kim."), "failed", 2),
        (GraderError("The store of ada is gone."), "failed", 3),
        (BrokenPipeError(), "failed", 141),
        (ZeroDivisionError(), "failed", 3),
    ],
)
def test_every_way_to_end_is_told_with_the_exit_code_and_goes_on(hook, error, how, code):
    with pytest.raises(type(error)), announce_end(Webhook.parse(hook.url), "autograder batch", pytest.fail):
        raise error
    assert body(hook)["exit_code"] == code
    assert body(hook)["text"] == f"autograder batch {how} after 0:00: none. Exit code {code}."


def test_what_the_hook_answers_is_a_warning_without_its_secret(hook):
    hook.status = 404
    (warning,) = announce(hook.url)
    assert warning == (
        f"No message was sent to the webhook at http://127.0.0.1:{hook.server_port}/…: it answered 404. "
        "This changes no result."
    )


def test_a_redirection_is_not_followed(hook):
    hook.status, hook.headers = 302, {"Location": f"{hook.url}/elsewhere"}
    assert "it answered 302" in announce(hook.url)[0]
    assert len(hook.received) == 1


def test_a_hook_that_does_not_answer_is_given_up(hook, monkeypatch):
    monkeypatch.setattr(webhook, "TIMEOUT", 0.1)
    hook.seconds = 1.0
    assert announce(hook.url)[0].count("no answer within") == 1


def test_where_nobody_listens_is_a_warning():
    with Hook() as closed:
        pass
    assert "Connection refused" in announce(closed.url)[0]


def test_what_is_for_this_machine_goes_through_no_proxy(hook, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert announce(hook.url) == [] and len(hook.received) == 1


@pytest.mark.parametrize("url", ["https://chat.example.org/hooks/x", "http://localhost/x", "http://[::1]:80/x"])
def test_https_goes_anywhere_and_http_to_this_machine(url):
    assert Webhook.parse(url).url == url


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"http://chat.example.org/{SECRET}", "https"),
        (f"https://kim:{SECRET}@chat.example.org/", "password"),
        (f"file:///{SECRET}", "https://host/path"),
        (f"https:///{SECRET}", "https://host/path"),
        (f"https://[{SECRET}/", "cannot be read"),
        (f"https://chat.example.org:{SECRET}/", "cannot be read"),
        (f"https://chat.example.org/{SECRET}\n", "https://host/path"),
        (SECRET, "https://host/path"),
    ],
)
def test_a_url_that_could_be_read_on_its_way_is_refused_without_repeating_it(url, said):
    with pytest.raises(UsageError, match=said) as error:
        Webhook.parse(url)
    assert SECRET not in "".join(traceback.format_exception(error.value))


@given(st.text("a1:/@?#[]%\\ .", max_size=20))
def test_a_webhook_never_shows_its_path(text):
    with contextlib.suppress(UsageError):
        hook = Webhook.parse(f"https://chat.example.org/{text}{SECRET}")
        assert SECRET not in f"{hook} {hook!r}"


@pytest.mark.parametrize("command", ["batch", "autograde"])
@pytest.mark.parametrize("given_as", ["option", "variable"])
def test_the_commands_tell_their_end_and_their_exit_code_stays(hook, tmp_path, command, given_as):
    option, variable = (["--webhook", hook.url], {}) if given_as == "option" else ([], {"UNDER8K_WEBHOOK": hook.url})
    hook.status = 500
    result = CliRunner().invoke(main, [command, str(tmp_path / "ada"), *option], env=variable)
    assert result.exit_code == 2
    assert body(hook)["text"].startswith(f"autograder {command} failed after") and "ada" not in str(body(hook))
    assert "it answered 500" in result.stderr and SECRET not in result.output


def test_a_wrong_url_is_wrong_use_before_anything_is_done(tmp_path):
    result = CliRunner().invoke(main, ["batch", str(tmp_path)], env={"UNDER8K_WEBHOOK": f"http://example.org/{SECRET}"})
    assert result.exit_code == 2 and "Use https" in result.stderr and SECRET not in result.output
