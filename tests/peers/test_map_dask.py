"""The map on a dask cluster of several worker processes on loopback."""

import asyncio
import itertools
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Executor
from pathlib import Path

import pytest
from distributed import Client, LocalCluster

import sideloop

WORKERS = 3


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with (
        LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=WORKERS,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            silence_logs=False,
        ) as cluster,
        Client(cluster) as client,  # type: ignore[no-untyped-call]
    ):
        yield client


@pytest.fixture
def executor(client: Client) -> Executor:
    found: Executor = client.get_executor()
    return found


async def double(n: int) -> int:
    await asyncio.sleep(0.001)
    return 2 * n


async def where(n: int) -> int:
    await asyncio.sleep(0.05)
    return os.getpid()


async def fail_at_thirty(n: int) -> int:
    if n == 30:
        raise ValueError(n)
    return n


def noting_runs(directory: Path, seconds: float):  # type: ignore[no-untyped-def]  # sent by value
    """An async function that leaves a line for each run, in a file of its worker's."""

    async def note(n: int) -> int:
        with (directory / str(os.getpid())).open("a") as runs:
            runs.write(f"{n}\n")
        await asyncio.sleep(seconds)
        return 2 * n

    return note


def runs_in(directory: Path) -> "Counter[int]":
    return sum(map(runs_of, directory.iterdir()), Counter())


def runs_of(worker: Path) -> "Counter[int]":
    return Counter(int(line) for line in worker.read_text().split())


class TestOnACluster:
    @pytest.mark.parametrize("ordered", [True, False])
    def test_each_item_is_answered_once(self, executor: Executor, ordered: bool) -> None:
        answers = sideloop.map(double, range(2000), limit=16, executor=executor, ordered=ordered)
        found = list(answers)
        assert sorted(found) == [2 * n for n in range(2000)]
        assert not ordered or found == sorted(found)

    def test_items_run_in_all_worker_processes(self, executor: Executor) -> None:
        found = set(sideloop.map(where, range(60), limit=2, executor=executor))
        assert len(found) == WORKERS
        assert os.getpid() not in found

    def test_items_may_be_without_end(self, executor: Executor) -> None:
        with sideloop.map(double, itertools.count(), limit=5, executor=executor) as answers:
            assert [next(answers) for _ in range(500)] == [2 * n for n in range(500)]

    def test_equal_items_are_each_run(self, executor: Executor, tmp_path: Path) -> None:
        note = noting_runs(tmp_path, 0)
        assert list(sideloop.map(note, [7] * 40, limit=4, executor=executor)) == [14] * 40
        assert runs_in(tmp_path) == {7: 40}

    def test_the_first_error_is_raised_in_its_place(self, executor: Executor) -> None:
        answers = sideloop.map(fail_at_thirty, range(1000), limit=8, executor=executor)
        assert [next(answers) for _ in range(30)] == list(range(30))
        with pytest.raises(ValueError, match="30") as raised:
            next(answers)
        assert "in fail_at_thirty" in str(raised.value.__cause__)
        assert list(answers) == []

    def test_a_function_that_cannot_be_sent_is_a_clear_error(self, executor: Executor) -> None:
        lock = threading.Lock()

        async def hold(n: int) -> object:
            return lock

        with pytest.raises(TypeError, match=r"hold\(\).* cannot be sent to the workers"):
            next(sideloop.map(hold, [1], executor=executor))
        assert list(sideloop.map(double, [1], executor=executor)) == [2]


class TestAWorkerThatIsKilled:
    @pytest.mark.parametrize("ordered", [True, False])
    def test_has_its_shards_run_elsewhere_and_each_item_answered_once(
        self, executor: Executor, tmp_path: Path, ordered: bool
    ) -> None:
        note = noting_runs(tmp_path, 0.2)
        answers = sideloop.map(note, range(600), limit=10, executor=executor, ordered=ordered)
        found = [next(answers) for _ in range(50)]
        victim = busiest(tmp_path)
        os.kill(victim, signal.SIGKILL)
        found.extend(answers)
        assert sorted(found) == [2 * n for n in range(600)]
        assert not ordered or found == sorted(found)
        runs = runs_in(tmp_path)
        assert set(runs) == set(range(600))
        again = {n for n, times in runs.items() if times > 1}
        assert again, "the worker was killed when it had nothing to do"
        assert again <= set(runs_of(tmp_path / str(victim)))


def busiest(directory: Path) -> int:
    """The worker that has begun an item last."""
    deadline = time.monotonic() + 20
    before = set(directory.iterdir())
    sizes = {file: file.stat().st_size for file in before}
    while time.monotonic() < deadline:
        for file in directory.iterdir():
            if file.stat().st_size != sizes.get(file, 0):
                return int(file.name)
    raise AssertionError("no worker begins anything")
