"""Sphinx's autodoc and mkdocstrings' griffe, run on a package with twins: what they print."""

import inspect
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import sideloop

ORIGINALS = '''
    """Async clients."""
    from collections.abc import AsyncIterator
    from contextlib import asynccontextmanager
    from typing import Any


    class AsyncPage:
        """A page."""

        async def next(self) -> "AsyncPage | None":
            """The page behind it."""


    class AsyncClient:
        """A client."""

        def __init__(self, url: str, **options: Any) -> None:
            self.url = url

        @classmethod
        def from_env(cls, **options: Any) -> "AsyncClient":
            """As the environment says."""
            return cls("x", **options)

        @staticmethod
        async def check(url: str, *, fast: bool = True) -> bool:
            """Whether it is one."""
            return True

        async def page(self, after: "AsyncPage | None" = None) -> "AsyncPage":
            """The first page."""
            return AsyncPage()

        async def pages(self) -> "AsyncIterator[AsyncPage]":
            """All pages."""
            yield AsyncPage()

        @asynccontextmanager
        async def locked(self) -> "AsyncIterator[AsyncClient]":
            """Alone."""
            yield self

        @property
        async def latest(self) -> "AsyncPage":
            """The last page."""
            return AsyncPage()


    async def connect(url: str) -> AsyncClient:
        """A new client."""
        return AsyncClient(url)
'''

TWINS = '''
    """Sync clients."""
    from sideloop import synced
    from shop import _client

    Page = synced(_client.AsyncPage)
    Client = synced(_client.AsyncClient)
    connect = synced(_client.connect)
'''

NAMED = ("Client", "Page")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    package = tmp_path / "shop"
    package.mkdir()
    for name, source in (("__init__", TWINS), ("_client", ORIGINALS)):
        (package / f"{name}.py").write_text(inspect.cleandoc(source) + "\n")
    return tmp_path


def python(shop: Path, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(shop)}
    ended = subprocess.run(
        [sys.executable, *arguments],
        cwd=shop,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_autodoc_shows_sync_members_and_twins(shop: Path) -> None:
    (shop / "conf.py").write_text('extensions = ["sphinx.ext.autodoc"]\n')
    (shop / "index.rst").write_text(
        "Shop\n====\n\n.. autoclass:: shop.Client\n   :members:\n\n.. autofunction:: shop.connect\n"
    )
    python(shop, "-m", "sphinx", "-q", "-W", "-b", "text", ".", "out")
    text = (shop / "out/index.txt").read_text()
    said = [line.strip() for line in text.splitlines()]
    assert "Async" not in text.replace('alias of "AsyncClient"', ""), text
    assert "async " not in text
    for line in (
        "class shop.Client(url: str, **options: Any)",
        "classmethod from_env(**options: Any) -> Client",
        "static check(url: str, *, fast: bool = True) -> bool",
        "page(after: Page | None = None) -> Page",
        "pages() -> SyncGenerator[Page, Any]",
        "locked() -> SyncContextManager[Client]",
        "property latest: Page",
        "shop.connect(url: str) -> Client",
        "The first page.",
        "The last page.",
        "A new client.",
    ):
        assert line in said, text


READ = """
import sys
import griffe

options = {"stubs": {}, "inspected": {"force_inspection": True}}[sys.argv[1]]
package = griffe.load("shop", search_paths=[".", *sys.path], **options)
client = package["Client"]
for name in ("from_env", "check", "page", "pages", "locked", "latest"):
    member = client[name]
    assert not member.is_alias, name
    shown = getattr(member, "returns", None) or getattr(member, "annotation", None)
    print(name, member.kind.value, str(shown), *sorted(member.labels), sep="|")
    print(name, getattr(member, "docstring", None) and member.docstring.value, sep="|")
connect = package["connect"]
print("connect", connect.kind.value, connect.is_alias)
"""


def test_griffe_shows_sync_members_and_twins_when_it_imports(shop: Path) -> None:
    (shop / "read.py").write_text(READ)
    said = python(shop, "read.py", "inspected").splitlines()
    for line in (
        "from_env|function|Client|classmethod",
        "check|function|bool|staticmethod",
        "page|function|Page",
        "page|The first page.",
        "latest|The last page.",
        "connect function False",
    ):
        assert line in said, said


def test_mkdocstrings_shows_sync_members_and_twins(shop: Path) -> None:
    docs = shop / "docs"
    docs.mkdir()
    (docs / "index.md").write_text("# Shop\n\n::: shop.Client\n\n::: shop.connect\n")
    (shop / "mkdocs.yml").write_text(
        "site_name: shop\n"
        "plugins:\n"
        "- mkdocstrings:\n"
        "    handlers:\n"
        "      python:\n"
        f"        paths: [., {Path(sideloop.__file__).parents[1]}]\n"
        "        options: {force_inspection: true, show_signature_annotations: true,\n"
        "                  show_root_heading: true, filters: ['!^_', '!^aio$']}\n"
    )
    python(shop, "-m", "mkdocs", "build", "-q", "-f", "mkdocs.yml", "-d", str(shop / "site"))
    text = text_of((shop / "site/index.html").read_text())
    for line in (
        "from_env(**options: typing.Any) -> Client",
        "check(url: str, *, fast: bool = True) -> bool",
        "page(after: shop.Page | None = None) -> Page",
        "pages() -> sideloop.SyncGenerator[shop.Page, typing.Any]",
        "connect(url: str) -> Client",
        "The first page.",
        "The last page.",
        "A new client.",
    ):
        assert line in text, text
    assert "-> Async" not in text


def text_of(page: str) -> Any:
    import html
    import re

    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", "", page)))
