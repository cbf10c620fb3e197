"""The Jupyter Server extension: `/leaderboard`, behind the login of the server that it runs in."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import FileFindHandler, JupyterHandler
from jupyter_server.extension.application import ExtensionApp
from jupyter_server.utils import url_path_join
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, RedirectHandler, authenticated
from traitlets import Integer, Unicode

from autograder.leaderboard.site import STATIC, Site, plotly_file
from course.errors import CourseError


class _Handler(JupyterHandler):
    """Reads the class in a thread of its own, so that the server's other users do not wait."""

    auth_resource = "leaderboard"

    @cached_property
    def nonce(self) -> str:
        return secrets.token_urlsafe(16)

    @property
    def content_security_policy(self) -> str:
        """No script but those that carry this answer's nonce: a file that a student handed in is of this server too.

        Plotly sets styles on single elements; whole sheets come from this server alone, and nothing from others.
        """
        return (
            f"default-src 'none'; script-src 'nonce-{self.nonce}'; style-src 'self'; style-src-attr 'unsafe-inline'; "
            "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
        )

    @property
    def board(self) -> Leaderboard:
        return self.settings["under8k_leaderboard"]

    async def prepare(self):
        await super().prepare()
        if not self.identity_provider.auth_enabled and not _is_loopback(self.serverapp):
            raise HTTPError(
                403,
                "This server asks for no login and listens beyond this machine, so the class is not shown. "
                "Start it with a token or a password, or with --ip=127.0.0.1.",
            )

    @authenticated
    @authorized
    async def get(self, *arguments: str):
        """Answer with what the view makes, or with a page that says why not."""
        site = replace(self.board.site, nonce=self.nonce)
        if self.view == "rows":
            arguments += (self.get_query_argument("since", ""),)
        status, found = await asyncio.get_running_loop().run_in_executor(
            self.board.reader, self.board.answer, self.view, site, arguments
        )
        self.set_status(status)
        with contextlib.suppress(StreamClosedError):  # the browser has gone on meanwhile
            await self.finish(found)


def _handler(name: str) -> type[_Handler]:
    return type(f"_{name}", (_Handler,), {"view": name})


class Leaderboard(ExtensionApp):
    """The leaderboard as an extension of Jupyter Server, and as `jupyter leaderboard` by itself."""

    name = "under8k_leaderboard"
    app_name = "Under 8k leaderboard"
    description = "A table of the class that follows a running batch, and what lies behind each row."
    extension_url = "/leaderboard"
    load_other_extensions = False
    aliases = {"store": "Leaderboard.store", "settings": "Leaderboard.settings_file"} | ExtensionApp.aliases

    store = Unicode("", help="Where results are kept: a file, or postgresql://... Default: as `autograder` does.").tag(
        config=True
    )
    settings_file = Unicode("", help="A TOML file: the order of the ranking, and `best`.").tag(config=True)
    milliseconds = Integer(2000, min=200, help="How often an open table asks for what is new.").tag(config=True)

    @classmethod
    def get_extension_package(cls) -> str:
        return "autograder.leaderboard"

    def initialize_settings(self) -> None:
        self.reader = ThreadPoolExecutor(1, thread_name_prefix="leaderboard")
        root = url_path_join(self.serverapp.base_url, "leaderboard")
        self.site = Site(root, secrets.token_hex(4), self.milliseconds)
        self._classroom = None
        self.settings["under8k_leaderboard"] = self

    def answer(self, view: str, site: Site, arguments: tuple[str, ...]) -> tuple[int, str | dict]:
        """Status and content, in the reader's thread. What loads PyTorch is imported by the first who asks."""
        from autograder.leaderboard import views
        from autograder.leaderboard.render import page

        try:
            if self._classroom is None:
                self._classroom = self._open()
            self._classroom.refresh()
            return 200, getattr(views, view)(self._classroom, site, *arguments)
        except views.Missing as error:
            status, title, words = 404, "Not found", str(error)
        except CourseError as error:
            status, title, words = 503, "The class cannot be read", str(error)
        return status, page("message.html", **site.common("", {}, title), words=words)

    def _open(self):
        from autograder.leaderboard.class_state import ClassState
        from autograder.leaderboard.settings import read_settings
        from autograder.leaderboard.views import row_renderer
        from autograder.store import open_store

        settings = read_settings(Path(self.settings_file) if self.settings_file else None)
        return ClassState(open_store(self.store or None), settings, row_renderer(self.site))

    def initialize_handlers(self) -> None:
        name = r"(\w+)"
        files = {"path": [str(STATIC), str(plotly_file().parent)], "no_cache_paths": []}
        here = {"url": self.site.root, "permanent": False}
        self.handlers += [
            ("/leaderboard/static/((?:leaderboard|plotly)[.a-z]*)", FileFindHandler, files),
            (rf"/leaderboard/{name}/rows", _handler("rows")),
            (rf"/leaderboard/{name}/class", _handler("class_view")),
            (rf"/leaderboard/{name}/attempt/(\d{{1,9}})", _handler("attempt")),
            (rf"/leaderboard/{name}", _handler("table")),
            ("/leaderboard/?", _handler("table")),
            # JupyterLab's menu opens a relative address, from wherever it stands
            ("/lab/(?:(?:tree|workspaces)/.*/)?leaderboard", RedirectHandler, here),
        ]

    async def stop_extension(self) -> None:
        self.reader.shutdown(wait=False, cancel_futures=True)
        if self._classroom is not None:
            self._classroom.store.close()


def _is_loopback(server) -> bool:
    if server.sock:
        return True
    try:
        return server.ip == "localhost" or ipaddress.ip_address(server.ip).is_loopback
    except ValueError:  # "" and "*" are all addresses
        return False


main = Leaderboard.launch_instance

if __name__ == "__main__":
    main()
