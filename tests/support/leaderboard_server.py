"""The leaderboard on a real Jupyter server, and requests to it."""

from __future__ import annotations

import urllib.error
import urllib.request
from contextlib import AbstractContextManager
from email.message import Message
from pathlib import Path
from typing import NamedTuple

from tests.support.browsers import serve_jupyter

TOKEN = "only-for-this-test"
EXTENSION = "autograder.leaderboard.app"


class Response(NamedTuple):
    status: int
    headers: Message
    text: str
    url: str


def serve_leaderboard(
    folder: Path,
    *arguments: str,
    store_url: str,
    program: str = EXTENSION,
    ip: str = "127.0.0.1",
    token: str = TOKEN,
) -> AbstractContextManager[str]:
    """The address of a server of the module `program` in `folder`, for as long as the context lasts."""
    return serve_jupyter(program, folder, folder, *arguments, ip=ip, token=token, UNDER8K_STORE=store_url)


def fetch(address: str, token: str = TOKEN) -> Response:
    """The response, after redirections, whatever its status."""
    headers = {"Authorization": f"token {token}"} if token else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=60) as answer:
            return Response(answer.status, answer.headers, answer.read().decode(), answer.url)
    except urllib.error.HTTPError as error:
        return Response(error.code, error.headers, error.read().decode(), error.url)
