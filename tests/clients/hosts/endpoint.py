"""A client in the `def` endpoints of FastAPI, which uvicorn's threads run."""

import asyncio
import contextlib
import functools
import importlib
import json
import socket
import sys
import threading
import urllib.request
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI

from sideloop import synced

QUESTIONS = range(40)


def app_of(example: Any, address: str) -> FastAPI:
    """A web service that asks."""
    state: dict[str, Any] = {}

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None, None]:
        # On uvicorn's own loop, which the client neither needs nor knows.
        with example.connect(address) as client:
            state["client"] = client
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/ask/{n}")
    def ask(n: int) -> str:
        return str(example.ask(state["client"], n))

    # Twins as endpoints, and as what endpoints depend on, are `def`s as any other.
    app.get("/twin/{n}")(synced(double))
    app.get("/method/{n}")(Doubler().double)

    @app.get("/depends/{n}")
    def depends(n: Annotated[int, Depends(synced(double))]) -> int:
        return n

    return app


async def double(n: int) -> int:
    """What an endpoint may do without any client."""
    await asyncio.sleep(0)
    return 2 * n


@synced
class Doubler:
    """The same, as an object."""

    async def double(self, n: int) -> int:
        """Double."""
        return await double(n)


def get(url: str, n: int, path: str = "ask") -> str:
    """What the service says."""
    with urllib.request.urlopen(f"{url}/{path}/{n}", timeout=20) as answer:
        return str(json.load(answer))


def main() -> None:
    """Serve, ask, and stop serving."""
    example, address = importlib.import_module(sys.argv[1]), sys.argv[2]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(app_of(example, address), log_level="warning")
        server = uvicorn.Server(config)
        serving = threading.Thread(target=server.run, args=([listener],))
        serving.start()
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(functools.partial(get, url), QUESTIONS))
        doubled = [get(url, 4, path) for path in ("twin", "method", "depends")]
        server.should_exit = True
        serving.join()
    assert answers == list(map(example.answer, QUESTIONS)), answers
    assert doubled == ["8", "8", "8"], doubled
    print("ok")


if __name__ == "__main__":
    main()
