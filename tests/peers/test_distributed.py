"""distributed's sync methods, unmodified, on sideloop."""

import asyncio
from collections.abc import Iterator
from typing import Any

import distributed.utils
import pytest
from distributed import Client, LocalCluster

import sideloop
from sideloop.compat import distributed as drop_in


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with (
        drop_in.installed(),
        LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=1, processes=False, dashboard_address=None
        ) as cluster,
        Client(cluster) as client,  # type: ignore[no-untyped-call]
    ):
        assert distributed.utils.sync.__module__ == "sideloop.compat.distributed"
        yield client


class TestAClient:
    def test_computes(self, client: Any) -> None:
        futures = client.map(lambda number: 2 * number, range(10))
        assert client.gather(futures) == [2 * number for number in range(10)]
        assert client.submit(sum, [1, 2]).result() == 3

    def test_is_limited(self, client: Any) -> None:
        with pytest.raises(TimeoutError):
            client.sync(asyncio.sleep, 60, callback_timeout="50 ms")
        with pytest.raises(TimeoutError), sideloop.timeout(0.05):
            client.sync(asyncio.sleep, 60)

    def test_refuses_to_wait_on_its_own_loop(self, client: Any) -> None:
        async def wait() -> None:
            client.sync(asyncio.sleep, 0, asynchronous=False)

        with pytest.raises(RuntimeError, match="from thread of running loop"):
            client.sync(wait)

    def test_is_given_its_own_bridge_back(self, client: Any) -> None:
        drop_in.uninstall()
        assert distributed.utils.sync.__module__ == "distributed.utils"
        assert client.sync(asyncio.sleep, 0, "slept") == "slept"
        drop_in.install()
        assert client.sync(asyncio.sleep, 0, "slept") == "slept"
