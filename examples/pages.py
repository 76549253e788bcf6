"""A synchronous script with a real async client.

It reads the Python standard library's sources over HTTP, from a server that it starts in a process
of its own, and checks each page against the file on disk. The script is plain synchronous code; the
client is aiohttp, which is async only. Three ways to call the one from the other:

- one by one: `run_sync(client.fetch, link)`, with one session kept across all calls;
- in batches: one `run_sync` of a coroutine that fetches many pages at once;
- nested: a coroutine uses a synchronous library (here `re.sub`, whose callback cannot be async),
  and the callback calls `run_sync` in its turn.

Run it with `python examples/pages.py`. It needs aiohttp and tqdm.
"""

import ast
import asyncio
import contextlib
import hashlib
import html
import re
import signal
import subprocess
import sys
import sysconfig
import time
import warnings
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import aiohttp
from aiohttp import web
from tqdm import tqdm  # type: ignore[import-untyped]  # it ships no types

import sideloop
from sideloop import run_sync

PAGE_COUNT = 400
ONE_BY_ONE_COUNT = 200
BATCH_SIZE = 25
EXPLAINED_COUNT = 60
TIME_LIMIT = 60.0

Item = TypeVar("Item")

# The server. It knows nothing of sideloop.


def library() -> dict[str, Path]:
    """Find the pages: standard library sources by their link, top-level modules first."""
    root = Path(sysconfig.get_path("stdlib"))
    foreign = {"test", "tests", "idle_test", "site-packages", "dist-packages", "__pycache__"}
    names = (path.relative_to(root) for path in root.rglob("*.py"))
    own = sorted((len(name.parts), name) for name in names if foreign.isdisjoint(name.parts))
    return {f"/{name.as_posix()}": root / name for _, name in own[:PAGE_COUNT]}


async def serve() -> None:
    """Serve the pages on a free port, print the port, and end when stdin is closed."""
    pages = library()

    async def index(_: web.Request) -> web.Response:
        items = (f'<li><a href="{html.escape(link)}">{html.escape(link)}</a>' for link in pages)
        return web.Response(text=f"<ul>{''.join(items)}</ul>", content_type="text/html")

    async def page(request: web.Request) -> web.FileResponse:
        if request.path not in pages:
            raise web.HTTPNotFound
        return web.FileResponse(pages[request.path])

    app = web.Application()
    app.add_routes([web.get("/", index), web.get("/{link:.+}", page)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


@contextlib.contextmanager
def server() -> Generator[str]:
    """Run `serve` in another process, and yield its URL."""
    with subprocess.Popen(
        [sys.executable, __file__, "serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="ascii",
    ) as process:
        assert process.stdout is not None  # for the type checker
        port = process.stdout.readline().strip()
        if not port:
            raise RuntimeError("the server ended before it listened; its traceback is above")
        yield f"http://127.0.0.1:{port}"
        # Leaving the block closes stdin, and waits for the server to end by that.


# The async client.


class PageClient:
    """Fetches pages over one aiohttp session, which belongs to the loop that fetches first."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session: aiohttp.ClientSession | None = None

    async def fetch(self, link: str) -> bytes:
        """Fetch one page."""
        if self._session is None:
            self._session = aiohttp.ClientSession(self._url)
        async with self._session.get(link) as response:
            response.raise_for_status()
            return await response.read()

    async def fetch_all(self, links: Sequence[str]) -> list[bytes]:
        """Fetch several pages at once."""
        return await asyncio.gather(*(self.fetch(link) for link in links))

    async def close(self) -> None:
        """Close the session, on the loop to which it belongs."""
        if self._session is not None:
            await self._session.close()


@contextlib.contextmanager
def page_client(url: str) -> Generator[PageClient]:
    """Yield a client, and close it where it was used.

    Whichever depth this block runs at, its `run_sync` calls are all served by one loop: in plain
    code by one, inside of a coroutine by another, one below. So a session never changes its loop,
    as long as the client is not taken out of its block.
    """
    client = PageClient(url)
    try:
        yield client
    finally:
        run_sync(client.close)


# The synchronous script.


@dataclass
class Reader:
    """Reads pages, and checks and counts what it gets."""

    url: str
    pages: dict[str, Path]
    byte_count: int = 0
    page_count: int = 0
    nested_count: int = 0

    def check(self, link: str, body: bytes) -> None:
        """Compare a page with its file."""
        expected = hashlib.sha256(self.pages[link].read_bytes()).hexdigest()
        if hashlib.sha256(body).hexdigest() != expected:
            raise RuntimeError(f"{link} arrived damaged: its sha256 is not the file's")
        self.page_count += 1
        self.byte_count += len(body)

    def read_one_by_one(self, client: PageClient, links: Sequence[str]) -> None:
        """Fetch each page in a call of its own."""
        for link in progress(links, "one by one"):
            self.check(link, run_sync(client.fetch, link))

    def read_in_batches(self, client: PageClient, links: Sequence[str]) -> None:
        """Fetch a batch of pages in each call."""
        starts = range(0, len(links), BATCH_SIZE)
        for batch in progress([links[i : i + BATCH_SIZE] for i in starts], "in batches"):
            for link, body in zip(batch, run_sync(client.fetch_all, batch), strict=True):
                self.check(link, body)

    def read_explained(self, client: PageClient, links: Sequence[str]) -> int:
        """Fetch pages and write beside each import what the imported module is for.

        Returns:
            The number of imports explained.
        """
        return sum(run_sync(self.explain, client, link) for link in progress(links, "nested"))

    async def explain(self, client: PageClient, link: str) -> int:
        """Fetch a page and explain its imports; runs on a loop thread."""
        body = await client.fetch(link)
        self.check(link, body)

        # While re.sub runs, this loop is blocked, and so is the session that belongs to it: the
        # callback's calls are served by the loop below, where they need a session of their own.
        with page_client(self.url) as nested_client:

            def comment(match: re.Match[str]) -> str:
                purpose = self.purpose(nested_client, match["module"])
                return f"{match[0]}  # {purpose}" if purpose else match[0]

            _, count = re.subn(r"(?m)^import (?P<module>\w+)$", comment, body.decode())
        return count

    def purpose(self, nested_client: PageClient, module: str) -> str:
        """Look up what a module is for: the first line of its documentation, if it has a page."""
        for link in (f"/{module}.py", f"/{module}/__init__.py"):
            if link in self.pages:
                body = run_sync(nested_client.fetch, link)
                self.nested_count += 1
                self.check(link, body)
                return first_line(body)
        return ""


def first_line(source: bytes) -> str:
    """Read the first line of a module's docstring."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some old modules have invalid escapes
        docstring = ast.get_docstring(ast.parse(source)) or ""
    return docstring.partition("\n")[0]


def progress(items: Sequence[Item], title: str) -> Iterable[Item]:
    """Show how far it is: as a bar for a person, as a few lines for a log."""
    if sys.stderr.isatty():
        yield from tqdm(items, desc=title, leave=False)
        return
    for number, item in enumerate(items):
        if number % 100 == 0:
            print(f"{title}: {number} of {len(items)}")
        yield item


def main() -> None:
    """Read the library in three ways, and sum up."""
    with server() as url, page_client(url) as client, sideloop.timeout(TIME_LIMIT):
        reader = Reader(url, library())
        index = run_sync(client.fetch, "/").decode()
        links = [html.unescape(link) for link in re.findall(r'href="([^"]+)"', index)]
        one_by_one, batched = links[:ONE_BY_ONE_COUNT], links[ONE_BY_ONE_COUNT:]

        started = time.perf_counter()
        reader.read_one_by_one(client, one_by_one)
        one_by_one_done = time.perf_counter()
        reader.read_in_batches(client, batched)
        batched_done = time.perf_counter()
        explained_count = reader.read_explained(client, links[:EXPLAINED_COUNT])
        explained_done = time.perf_counter()

    megabytes = reader.byte_count / 1e6
    print(f"read {reader.page_count} pages, {megabytes:.1f} MB, all with the sha256 of their files")
    print(f"  one by one  {one_by_one_done - started:6.2f} s  {len(one_by_one)} pages, a call each")
    print(
        f"  in batches  {batched_done - one_by_one_done:6.2f} s  {len(batched)} pages, up to "
        f"{BATCH_SIZE} in a call"
    )
    print(
        f"  nested      {explained_done - batched_done:6.2f} s  {EXPLAINED_COUNT} pages, and "
        f"{reader.nested_count} more by nested calls, to explain {explained_count} imports"
    )


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        # Ctrl-C in a terminal reaches both processes: the script decides when the server ends.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        asyncio.run(serve())
    else:
        main()
