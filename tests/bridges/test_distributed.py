"""distributed's sync methods, unmodified, on sideloop."""

import asyncio
from collections.abc import Iterator
from typing import Any

import distributed.utils
import pytest
from distributed import Client, LocalCluster
from process import run

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


CLUSTER = """
import logging, operator, os
os.environ["DASK_LOGGING__DISTRIBUTED"] = "critical"  # it says of each worker what it does
from sideloop.compat import distributed as drop_in
drop_in.install()
import dask, dask.bag
import distributed.utils
from distributed import Client, LocalCluster, as_completed

assert distributed.utils.sync.__module__ == "sideloop.compat.distributed"

def fail(): raise KeyError("of the worker's")

if __name__ == "__main__":
    with LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=":0",
        silence_logs=logging.CRITICAL,
    ) as cluster, Client(cluster) as client:
        client.wait_for_workers(2)
        assert len(client.run(dict)) == 2, "two processes"
        numbers = client.map(operator.neg, range(100))
        assert sorted(future.result() for future in as_completed(numbers)) == [
            -number for number in reversed(range(100))
        ]
        bag = dask.bag.from_sequence(range(100), npartitions=8)
        assert bag.map(operator.neg).sum().compute() == -4950
        [kept] = client.scatter([list(range(1000))])
        assert client.submit(sum, kept).result() == 499500
        try:
            client.submit(fail).result()
        except KeyError as error:
            print(error.args[0])
        cluster.scale(3)
        client.wait_for_workers(3)
        client.restart()
        assert client.submit(operator.add, 1, 2).result() == 3
    print("ok")
"""


class TestAClusterOfProcesses:
    def test_works_through_the_sync_methods_of_its_client(self) -> None:
        assert run(CLUSTER) == ["of the worker's", "ok"]
