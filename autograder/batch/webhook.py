"""A message to a webhook when a batch has ended, failed or was interrupted.

The body is JSON in the form that Slack, Mattermost and others take, with a `text`. It holds what ended, how many
verdicts of each kind there are, the time it took and the exit code: no names of students, no paths. Whoever has the URL
can write to the channel, so it is a secret: it is shown without its path, and kept nowhere.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from autograder.batch.outcome import describe_verdicts
from autograder.console import ExitCode, format_duration, printable
from course.errors import CourseError, UsageError

WEBHOOK_VARIABLE = "UNDER8K_WEBHOOK"
TIMEOUT = 5.0  # seconds for everything: a batch never waits longer for its message


@dataclass(frozen=True)
class Webhook:
    """Where messages go. Text that shows it has no secret in it."""

    url: str = field(repr=False)

    @classmethod
    def parse(cls, url: str) -> Webhook:
        """Raises UsageError for a URL on which the message, or the URL itself, could be read on its way."""
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname or "", parts.port
        except ValueError as error:  # whose text may have the URL in it
            raise UsageError(f"The webhook's URL cannot be read ({type(error).__name__}). {_EXAMPLE}") from None
        if not host or parts.scheme not in ("https", "http") or not url.isascii() or not url.isprintable():
            raise UsageError(f"The webhook is no URL of the form https://host/path. {_EXAMPLE}")
        if "@" in parts.netloc:
            raise UsageError(f"The webhook's URL has a user name or a password in it, which is not sent. {_EXAMPLE}")
        if parts.scheme == "http" and not _is_loopback(host):
            raise UsageError(
                f"The webhook at {printable(host, 200)} has http, which is for this machine only. Use https."
            )
        return cls(url)

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{printable(parts.netloc, 200)}/…"

    def post(self, body: Mapping[str, Any]) -> str:
        """Send it. Returns what went wrong; empty if nothing did."""
        problems = [_too_slow()]

        def send() -> None:
            problems.insert(0, self._send(json.dumps(body).encode()))

        # a thread, because neither the name service nor a server that answers byte by byte heeds a timeout
        thread = threading.Thread(target=send, name="webhook", daemon=True)
        thread.start()
        thread.join(TIMEOUT)
        return problems[0]

    def _send(self, body: bytes) -> str:
        request = urllib.request.Request(
            self.url, body, {"Content-Type": "application/json", "User-Agent": "under8k"}, method="POST"
        )
        handlers: list[urllib.request.BaseHandler] = [_NoRedirects()]
        if self.url.startswith("http:"):
            handlers.append(urllib.request.ProxyHandler({}))  # what is for this machine goes to no other
        try:
            urllib.request.build_opener(*handlers).open(request, timeout=TIMEOUT).close()
        except (OSError, ValueError, http.client.HTTPException) as error:
            return _describe(error)
        return ""


_EXAMPLE = f"Set ${WEBHOOK_VARIABLE} to an address such as https://chat.example.org/hooks/..., without quotes."


def _too_slow() -> str:
    return f"no answer within {TIMEOUT:.0f} seconds"


def _describe(error: Exception) -> str:
    """Without the text of the exception, which may have the URL in it."""
    if isinstance(error, urllib.error.HTTPError):
        return f"it answered {error.code}"
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return _too_slow()
    return printable(getattr(cause, "strerror", None) or type(cause).__name__, 200)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Another address might be one without TLS."""

    def redirect_request(self, *_: object) -> None:
        return None


@dataclass
class BatchEnd:
    """What a batch has to say when it ends; the batch fills it in."""

    verdicts: Mapping[str, int] = field(default_factory=dict)


@contextlib.contextmanager
def announce_end(webhook: Webhook | None, command: str, warn: Callable[[str], None]) -> Iterator[BatchEnd]:
    """Send a message when what is done in this context ends, whichever way. That it fails is a warning alone."""
    end, start = BatchEnd(), time.monotonic()
    code = int(ExitCode.SUCCESS)
    try:
        yield end
    except BaseException as error:
        code = _exit_code(error)
        raise
    finally:
        if webhook is not None and (
            problem := webhook.post(_message(command, dict(end.verdicts), time.monotonic() - start, code))
        ):
            warn(f"No message was sent to the webhook at {webhook}: {problem}. This changes no result.")


HOW = {int(ExitCode.SUCCESS): "ended", int(ExitCode.NOT_PASSED): "ended", int(ExitCode.INTERRUPTED): "was interrupted"}


def _message(command: str, verdicts: dict[str, int], seconds: float, code: int) -> dict[str, Any]:
    how = HOW.get(code, "failed")
    return {
        "text": f"{command} {how} after {format_duration(seconds)}: {describe_verdicts(verdicts)}. Exit code {code}.",
        "command": command,
        "verdicts": verdicts,
        "seconds": round(seconds, 1),
        "exit_code": code,
    }


def _exit_code(error: BaseException) -> int:
    """That with which the command is going to end."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(ExitCode.SUCCESS if not error.code else 1)
    if isinstance(error, CourseError):
        return ExitCode.of(error)
    if isinstance(error, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    return ExitCode.BROKEN_PIPE if isinstance(error, BrokenPipeError) else ExitCode.INTERNAL


def _is_loopback(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"
