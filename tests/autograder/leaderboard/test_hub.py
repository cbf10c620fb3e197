"""The leaderboard in a course's shared server under a real JupyterHub: for its graders, and for no student."""

import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from autograder.store import open_store
from tests.support.browsers import NEEDS_CHROMIUM, TIMEOUT_MS, chromium, free_ports, run_server
from tests.support.classroom import ROOT, environment
from tests.support.stores import hand_in

PROXY = "configurable-http-proxy@5.3.0"  # what JupyterHub puts in front of itself; it comes from npm
SYSTEM_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
MAY, MAY_NOT = ("instructor", "ta"), "student"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.registry,
    pytest.mark.browser,
    NEEDS_CHROMIUM,
    pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed: apt-get install nodejs npm"),
]


@pytest.fixture(scope="module")
def proxy():
    """The proxy's program, fetched once into build/."""
    folder = ROOT / "build" / "proxy"
    program = folder / "node_modules" / ".bin" / "configurable-http-proxy"
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--no-audit", "--no-fund", "--no-save", "--prefix", str(folder), PROXY]
        # Node trusts its own list alone, and not what this machine's administrator added
        trusted = {"NODE_EXTRA_CA_CERTS": str(SYSTEM_CERTIFICATES)} if SYSTEM_CERTIFICATES.exists() else {}
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=600, check=False, env=trusted | dict(os.environ)
        )
        assert done.returncode == 0, done.stderr[-2000:]
    return program


@pytest.fixture(scope="module")
def hub(proxy, tmp_path_factory):
    """The documented configuration, with users of the test's own: the hub's address."""
    folder = tmp_path_factory.mktemp("hub")
    url = str(folder / "results.db")
    with open_store(url) as store:
        hand_in(store, "ada")
    front, inner, api, service = free_ports(4)
    (folder / "jupyterhub_config.py").write_text(
        f"""
exec(open({str(ROOT / "docs" / "jupyterhub_config.py")!r}).read())
c.JupyterHub.bind_url = "http://127.0.0.1:{front}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{inner}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api}"
c.ConfigurableHTTPProxy.command = [{str(proxy)!r}]
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = "for this test"
c.Authenticator.allowed_users = {{*{MAY}, {MAY_NOT!r}}}
c.JupyterHub.spawner_class = "simple"
c.JupyterHub.services[0] |= dict(url="http://127.0.0.1:{service}", cwd={str(folder)!r})
# the hub hands a service neither its HOME nor the variables that the tests set
c.JupyterHub.services[0]["environment"] = {{
    "HOME": {str(folder)!r}, "UNDER8K_STORE": {url!r}, "UNDER8K_SECRET": {os.environ["UNDER8K_SECRET"]!r}
}}
c.JupyterHub.services[0]["command"] += ["--allow-root", {f"--ServerApp.root_dir={folder}"!r}]
"""
    )
    base = f"http://127.0.0.1:{front}"
    ready = [f"{base}/hub/health", f"{base}/services/under8k/api"]
    command = [sys.executable, "-W", "ignore", "-m", "jupyterhub"]
    try:
        with run_server(command, folder / "log", ready, cwd=folder, env=environment()):
            yield base
    finally:  # the hub ends its proxy and its service, which live in sessions of their own; where it could not, we do
        for mine in (re.escape(str(folder)), f"configurable-http-proxy.*{api}"):
            subprocess.run(["pkill", "-KILL", "-f", mine], check=False)


@pytest.mark.parametrize("who, status", [*((who, 200) for who in MAY), (MAY_NOT, 403)])
def test_graders_see_the_class_and_a_student_gets_403(hub, who, status):
    with chromium() as browser:
        page = browser.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        page.goto(f"{hub}/hub/login?next=%2Fhub%2Fhome")
        page.fill("input[name=username]", who)
        page.fill("input[name=password]", "for this test")
        page.click("input[type=submit]")
        page.wait_for_url("**/hub/home")
        for place in ("", "/challenge/class", "/challenge/rows", "/challenge/attempt/1"):
            answer = page.goto(f"{hub}/services/under8k/leaderboard{place}")
            assert answer.status == status, page.content()[:2000]
            assert ("ada" in page.inner_text("body")) is (status == 200 and place != "/challenge/class")


def test_without_login_the_hub_asks_for_it(hub):
    with urllib.request.urlopen(f"{hub}/services/under8k/leaderboard/challenge", timeout=60) as answer:
        assert "/hub/login" in answer.url and "ada" not in answer.read().decode()
