"""FastAPI, with twins as its endpoints and dependencies."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import fastapi
from fastapi.testclient import TestClient

from sideloop import LoopManager


async def fetch(n: int, by: Annotated[int, "note"] = 1) -> dict[str, int]:
    return {"n": n * by}


class TestFastApi:
    def test_calls_twins_in_worker_threads(self) -> None:
        manager = LoopManager(scope="process")

        class AsyncShop:
            def __init__(self, name: str = "shop") -> None:
                self.name = name

            async def get(self, n: int) -> dict[str, int]:
                await asyncio.sleep(0)
                return {"n": n}

            @classmethod
            async def make(cls, n: int) -> int:
                return n

            @staticmethod
            async def double(n: int) -> int:
                return 2 * n

        ended = []

        async def session(n: int) -> AsyncIterator[int]:
            yield n
            ended.append(n)

        shop = manager.synced(AsyncShop)
        twins = {
            "function": manager.synced(fetch),
            "method": shop().get,
            "classmethod": shop.make,
            "staticmethod": shop.double,
        }
        app = fastapi.FastAPI()
        for path, twin in twins.items():
            app.get(f"/{path}")(twin)

            def depending(found: Any = fastapi.Depends(twin)) -> Any:  # noqa: B008  # as is usual
                return found

            app.get(f"/depends/{path}")(depending)

        def in_session(n: int = fastapi.Depends(manager.synced(session))) -> list[int]:
            return [n, *ended]

        app.get("/session")(in_session)
        with TestClient(app) as client:
            for path, value in (
                ("function", {"n": 3}),
                ("method", {"n": 3}),
                ("classmethod", 3),
                ("staticmethod", 6),
            ):
                for start in ("", "depends/"):
                    response = client.get(f"/{start}{path}?n=3")
                    assert (response.status_code, response.json()) == (200, value), start + path
                assert client.get(f"/{path}?n=x").status_code == 422
            assert client.get("/session?n=4").json() == [4]
        assert ended == [4]
        manager.close()
