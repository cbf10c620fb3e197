"""The Jupyter Server extension: `/leaderboard`, protected by the login of the server that it runs in."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import FileFindHandler, JupyterHandler
from jupyter_server.extension.application import ExtensionApp
from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, RedirectHandler, authenticated
from traitlets import Integer, Unicode

from autograder.leaderboard.pages.site import STATIC, Site, plotly_file
from course.errors import CourseError

if TYPE_CHECKING:
    from autograder.leaderboard.class_state import ClassState


class _Handler(JupyterHandler):
    """Answers in the reader's thread, so that the server's other users do not wait."""

    auth_resource = "leaderboard"
    view: ClassVar[str]

    @cached_property
    def nonce(self) -> str:
        return secrets.token_urlsafe(16)

    @property
    def content_security_policy(self) -> str:
        """No scripts but those with this response's nonce: a file that a student handed in is on this server too.

        Plotly sets styles on single elements; style sheets come from this server only, and nothing from elsewhere.
        """
        return (
            f"default-src 'none'; script-src 'nonce-{self.nonce}'; style-src 'self'; style-src-attr 'unsafe-inline'; "
            "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
        )

    @property
    def extension(self) -> Leaderboard:
        return cast(Leaderboard, self.settings["under8k_leaderboard"])

    async def prepare(self, *, _redirect_to_login: bool = True) -> None:
        await super().prepare(_redirect_to_login=_redirect_to_login)
        if not self.identity_provider.auth_enabled and not _is_loopback(self.serverapp):
            raise HTTPError(
                403,
                "This server asks for no login and can be reached from other machines, so the class is not shown. "
                "Start it with a token or a password, or with --ip=127.0.0.1.",
            )

    @authenticated
    @authorized
    async def get(self, *arguments: str) -> None:
        """Answer with the view's page, or with a page that says why not."""
        site = replace(self.extension.site, nonce=self.nonce)
        if self.view == "rows":
            arguments += (self.get_query_argument("since", ""),)
        status, content = await asyncio.get_running_loop().run_in_executor(
            self.extension.reader, self.extension.answer, self.view, site, arguments
        )
        self.set_status(status)
        with contextlib.suppress(StreamClosedError):  # the browser has left the page meanwhile
            await self.finish(content)


def _handler(view: str) -> type[_Handler]:
    return type(f"_{view.title()}Handler", (_Handler,), {"view": view})


class Leaderboard(ExtensionApp):
    """The leaderboard as an extension of Jupyter Server, and on its own as `jupyter leaderboard`."""

    name = "under8k_leaderboard"
    app_name = "Under 8k leaderboard"
    description = "A table of the class that follows a running batch, and the details behind each row."
    extension_url = "/leaderboard"
    load_other_extensions = False
    aliases = {"store": "Leaderboard.store", "settings": "Leaderboard.settings_file"} | ExtensionApp.aliases

    store = Unicode("", help="Where results are stored: a file, or postgresql://... Default: as for `autograder`.").tag(
        config=True
    )
    settings_file = Unicode("", help="A TOML file: the order of the ranking, and `best`.").tag(config=True)
    milliseconds = Integer(2000, min=200, help="How often an open table asks for what is new.").tag(config=True)

    @classmethod
    def get_extension_package(cls) -> str:
        return "autograder.leaderboard"

    def initialize_settings(self) -> None:
        assert self.serverapp is not None  # set before Jupyter Server calls this
        self.reader = ThreadPoolExecutor(1, thread_name_prefix="leaderboard")
        root = url_path_join(self.serverapp.base_url, "leaderboard")
        self.site = Site(root, secrets.token_hex(4), self.milliseconds)
        self._class_state: ClassState | None = None
        self.settings["under8k_leaderboard"] = self

    def answer(self, view: str, site: Site, arguments: tuple[str, ...]) -> tuple[int, str | dict[str, Any]]:
        """Status and content, in the reader's thread. Imports PyTorch for the first request, not before."""
        from autograder.leaderboard.pages.render import page
        from autograder.leaderboard.pages.views import VIEWS, NotFound

        try:
            if self._class_state is None:
                if self._is_guest() and (nothing := _describe_missing(self.store)):
                    raise NotFound(nothing)
                self._class_state = self._open()
            self._class_state.refresh()
            return 200, VIEWS[view](self._class_state, site, *arguments)
        except NotFound as error:
            status, title, message = 404, "Not found", str(error)
        except CourseError as error:
            status, title, message = 503, "The class cannot be read", str(error)
        return status, page("message.html", **site.common("", {}, title), message=message)

    def _is_guest(self) -> bool:
        """Whether this is part of another program, such as a student's own JupyterLab."""
        return self.serverapp is not None and self.serverapp.starter_app is not self

    def _open(self) -> ClassState:
        from autograder.leaderboard.class_state import ClassState
        from autograder.leaderboard.pages.views import row_renderer
        from autograder.leaderboard.settings import read_settings
        from autograder.store import open_store

        settings = read_settings(Path(self.settings_file) if self.settings_file else None)
        return ClassState(open_store(self.store or None, read_only=True), settings, row_renderer(self.site))

    def initialize_handlers(self) -> None:
        name = r"(\w+)"
        files = {"path": [str(STATIC), str(plotly_file().parent)], "no_cache_paths": []}
        leaderboard = {"url": self.site.root, "permanent": False}
        self.handlers += [
            ("/leaderboard/static/((?:leaderboard|plotly)[.a-z]*)", FileFindHandler, files),
            (rf"/leaderboard/{name}/rows", _handler("rows")),
            (rf"/leaderboard/{name}/class", _handler("class")),
            (rf"/leaderboard/{name}/attempt/(\d{{1,9}})", _handler("attempt")),
            (rf"/leaderboard/{name}", _handler("table")),
            ("/leaderboard/?", _handler("table")),
            # JupyterLab's menu opens an address relative to the page that it is on
            ("/lab/(?:(?:tree|workspaces)/.*/)?leaderboard", RedirectHandler, leaderboard),
        ]

    async def stop_extension(self) -> None:
        self.reader.shutdown(wait=False, cancel_futures=True)
        if self._class_state is not None:
            self._class_state.store.close()


def _describe_missing(given: str) -> str:
    """A sentence if there is no store, empty if there may be one. Nothing is created by looking."""
    from autograder.store.engine import store_url

    url = store_url(given or None)
    if url.get_backend_name() != "sqlite" or not url.database or Path(url.database).exists():
        return ""
    return f"There is no class on this server: no store at {url.database}. A teacher's `autograder batch` makes one."


def _is_loopback(server: ServerApp | None) -> bool:
    if server is None:
        return False
    if server.sock:
        return True
    try:
        return server.ip == "localhost" or ipaddress.ip_address(server.ip).is_loopback
    except ValueError:  # "" and "*" are all addresses
        return False


main = Leaderboard.launch_instance

if __name__ == "__main__":
    main()
