"""The Jupyter Server extension: `/leaderboard`, behind the login of the server that it runs in."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jupyter_server.base.handlers import FileFindHandler, JupyterHandler
from jupyter_server.extension.application import ExtensionApp
from jupyter_server.utils import url_path_join
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, RedirectHandler, authenticated
from traitlets import Integer, Unicode

from autograder.leaderboard import views
from autograder.leaderboard.classroom import Classroom
from autograder.leaderboard.render import page
from autograder.leaderboard.settings import read_settings
from autograder.store import open_store
from course.errors import CourseError

HERE = Path(__file__).parent
# Plotly sets styles on single elements; whole sheets and scripts come from this server alone, and nothing from others
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "style-src-attr 'unsafe-inline'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    ]
)


class _Handler(JupyterHandler):
    """Reads the class in a thread of its own, so that the server's other users do not wait."""

    @property
    def content_security_policy(self) -> str:
        return POLICY

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

    async def tell(self, view, *arguments) -> None:
        """Answer with what the view makes, or with a page that says why not."""

        def work():
            return view(self.board.classroom(), self.board.site, *arguments)

        try:
            found = await asyncio.get_running_loop().run_in_executor(self.board.reader, work)
        except LookupError as error:
            self.message(404, "Not found", str(error.args[0]))
        except CourseError as error:
            self.message(503, "The class cannot be read", str(error))
        else:
            with contextlib.suppress(StreamClosedError):  # the browser has gone on meanwhile
                await self.finish(found)

    def message(self, status: int, title: str, words: str) -> None:
        self.set_status(status)
        site = self.board.site
        self.finish(page("message.html", **site.common("", {}, title), words=words))


class _Front(_Handler):
    @authenticated
    async def get(self):
        await self.tell(views.front)


class _Table(_Handler):
    @authenticated
    async def get(self, assignment: str):
        await self.tell(views.table, assignment)


class _Rows(_Handler):
    @authenticated
    async def get(self, assignment: str):
        since = self.get_query_argument("since", "")
        await self.tell(views.rows, assignment, since)


class _Class(_Handler):
    @authenticated
    async def get(self, assignment: str):
        await self.tell(views.class_view, assignment)


class _Attempt(_Handler):
    @authenticated
    async def get(self, assignment: str, number: str):
        await self.tell(views.attempt, assignment, int(number))


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
        self.site = views.Site(root, secrets.token_hex(4), self.milliseconds)
        self._classroom: Classroom | None = None
        self.settings["under8k_leaderboard"] = self

    def classroom(self) -> Classroom:
        """Opened by the first who asks, in the reader's thread. Raises StoreError, UsageError."""
        if self._classroom is None:
            settings = read_settings(Path(self.settings_file) if self.settings_file else None)
            self._classroom = Classroom(open_store(self.store or None), settings, views.row_renderer(self.site))
        return self._classroom

    def initialize_handlers(self) -> None:
        name = r"(\w+)"
        files = {"path": [str(HERE / "static"), str(views.plotly_file().parent)], "no_cache_paths": []}
        self.handlers += [
            ("/leaderboard/static/((?:leaderboard|plotly)[.a-z]*)", FileFindHandler, files),
            (rf"/leaderboard/{name}/rows", _Rows),
            (rf"/leaderboard/{name}/class", _Class),
            (rf"/leaderboard/{name}/attempt/(\d{{1,9}})", _Attempt),
            (rf"/leaderboard/{name}", _Table),
            ("/leaderboard/?", _Front),
            # JupyterLab's menu opens a relative address, from wherever it stands
            ("/lab/(?:.*/)?leaderboard", RedirectHandler, {"url": self.site.root}),
        ]

    async def stop_extension(self) -> None:
        self.reader.shutdown()
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
