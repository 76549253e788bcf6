"""An ASGI application that calls sync code, for uvicorn and hypercorn."""

import asyncio
import os
from typing import Any

import store


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Ask sync code: on the server's loop, which waits; on a thread; and by `.aio`."""
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    path = scope["path"]
    if path.startswith("/double"):
        text = store.answer(path)
    elif path.startswith("/aio"):
        found = await store.store.double.aio(int(path.rpartition("/")[2]))
        text = f"{os.getpid()} {found}"
    else:
        text = await asyncio.to_thread(store.answer, path)
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})
