"""httpx's async client for sync code.

httpx has a sync client, so that its answers can be compared: the twin's are the async client's.
Run it with `python examples/clients/fetch.py`. It needs httpx.
"""

from typing import Any

import httpx
import servers

from sideloop import synced

serve = servers.pages

web = synced(httpx)


def connect(address: str) -> Any:
    """A client, as any code of a sync user makes one."""
    return web.AsyncClient(base_url=address)


def ask(client: Any, n: int) -> str:
    """Ask something whose answer is `answer(n)`, whoever else is asking."""
    return str(client.get("/page", params={"n": n}).text)


def answer(n: int) -> str:
    """What `ask` returns."""
    return f"/page?n={n}"


class Fresh(httpx.Auth):
    """Gets a token when it is needed; a sync user writes what httpx's sync client would call."""

    def auth_flow(self, request: httpx.Request) -> Any:
        """Send the request, and again with a token."""
        response = yield request
        if response.status_code == 401:
            request.headers["authorization"] = "Bearer fresh"
            yield request


def tour(client: Any) -> None:
    """What else a sync program does with it."""
    # A stream is a `with` block, and what is in it a `for` loop.
    with client.stream("GET", "/lines") as response:
        lines = response.aiter_lines()
        print(next(lines), next(lines), sum(1 for _ in lines))

    print(client.get("/401").status_code, client.get("/401", auth=Fresh()).text)

    # Nothing in the annotation of httpx's hooks says that they are awaited: they have to be async.
    seen: list[str] = []

    async def look(request: httpx.Request) -> None:
        seen.append(request.url.path)

    client.event_hooks = {"request": [look]}
    client.get("/seen")
    print(seen)


def main() -> None:
    """Serve, use, close."""
    with serve() as address, connect(address) as client:
        assert ask(client, 1) == answer(1)
        tour(client)


if __name__ == "__main__":
    main()
