"""A client in the `def` endpoints of FastAPI, which uvicorn's threads run."""

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
from typing import Any

import uvicorn
from fastapi import FastAPI

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

    return app


def get(url: str, n: int) -> str:
    """What the service says."""
    with urllib.request.urlopen(f"{url}/ask/{n}", timeout=20) as answer:
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
        server.should_exit = True
        serving.join()
    assert answers == list(map(example.answer, QUESTIONS)), answers
    print("ok")


if __name__ == "__main__":
    main()
