"""Twins of async clients from PyPI, unmodified, in the hosts that sync code runs in."""

import os
import signal
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import programs
import pytest
from examples import EXAMPLES, example_of

HOSTS = Path(__file__).with_name("hosts")


@pytest.fixture(scope="module", params=EXAMPLES)
def example(request: pytest.FixtureRequest) -> Any:
    return example_of(request.param)


@pytest.fixture(scope="module")
def address(example: Any) -> Generator[str]:
    with example.serve() as address:
        yield address


def run(host: str, *args: object) -> None:
    ended = programs.run(HOSTS / host, *args, flags=())
    assert (ended.code, ended.stdout, ended.stderr) == (0, "ok\n", "")


class TestAClientOfAnAsyncLibrary:
    def test_is_used_by_eight_threads(self, example: Any, address: str) -> None:
        run("threads", example.__name__, address)

    def test_serves_the_def_endpoints_of_fastapi(self, example: Any, address: str) -> None:
        run("endpoint", example.__name__, address)

    def test_works_in_a_notebook(self, example: Any, address: str) -> None:
        run("notebook", example.__name__, address)

    @pytest.mark.parametrize("method", ["fork", "spawn"])
    def test_works_in_a_process_pool(self, example: Any, address: str, method: str) -> None:
        run("pool", example.__name__, address, method)

    def test_works_in_the_threads_of_forked_workers(
        self, example: Any, address: str, tmp_path: Path
    ) -> None:
        path = tmp_path / "socket"
        with programs.Program(
            HOSTS / "prefork", example.__name__, address, path, flags=()
        ) as program:
            program.wait_for("listens")
            found = get_each(path, range(40))
            program.send(signal.SIGTERM)
            ended = program.finish()
        assert [text for _, text in found] == [example.answer(n) for n in range(40)]
        assert 1 <= len({process for process, _ in found}) <= 2
        assert (ended.code, ended.stdout, ended.stderr) == (0, "", "")


def get_each(path: Path, questions: range) -> list[tuple[int, str]]:
    def get(n: int) -> tuple[int, str]:
        # A connection for each, so that both workers get some.
        with httpx.Client(transport=httpx.HTTPTransport(uds=os.fspath(path)), timeout=20) as client:
            process, _, found = client.get(f"http://workers/{n}").text.partition(" ")
            return int(process), found

    with ThreadPoolExecutor(8) as threads:
        return list(threads.map(get, questions))
