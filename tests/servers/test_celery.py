"""celery's workers: processes, threads, greenlets."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pace import scaled
from serving import APPS, TIME_LIMIT, Server, running

sys.path.append(str(APPS))

import queues  # where it is is not known before

POOLS = ("prefork", "threads", "gevent")


@contextmanager
def worker(folder: Path, pool: str, size: int) -> Generator[tuple[Server, Any]]:
    """A worker that is ready, and an application that has it work."""
    command = (
        *("-m", "celery", "--app", "jobs", "--quiet", "worker", "--pool", pool),
        *("--concurrency", str(size), "--loglevel", "warning"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    )
    app = queues.application(folder)
    with running(folder, *command) as server:
        # It answers once it is there.
        assert ask(app, "/double/1")[1] == "2", server.log
        yield server, app


def send(app: Any, path: str) -> Any:
    return app.send_task("answer", (path,))


def ask(app: Any, path: str) -> tuple[int, str]:
    """Who answers, and what."""
    return said(send(app, path))


def said(sent: Any) -> tuple[int, str]:
    process, _, text = sent.get(timeout=scaled(TIME_LIMIT), interval=0.05).partition(" ")
    return int(process), text


@pytest.mark.parametrize("pool", POOLS)
class TestAWorker:
    def test_has_jobs_call_async_code(self, pool: str, tmp_path: Path) -> None:
        with worker(tmp_path, pool, 2) as (server, app):
            sent = [(n, send(app, f"/{way}/{n}")) for n in range(10) for way in ("double", "twin")]
            found = [(n, *said(one)) for n, one in sent]
            assert [text for _, _, text in found] == [str(2 * n) for n, _, _ in found], server.log
            processes = {process for _, process, _ in found}
            assert len(processes) <= (2 if pool == "prefork" else 1)
            assert os.getpid() not in processes
            with pytest.raises(LookupError):
                app.send_task("fail").get(timeout=scaled(TIME_LIMIT), interval=0.05)
            assert server.stop() == 0, server.log
            assert "RunnerClosedError" not in server.log


@pytest.mark.parametrize("pool", ["threads", "gevent"])
class TestAWorkerThatTakesSeveralAtOnce:
    def test_goes_on_while_jobs_wait(self, pool: str, tmp_path: Path) -> None:
        with worker(tmp_path, pool, 4) as (_, app):
            sent = [send(app, "/meet/4") for _ in range(4)]
            assert {said(one)[1] for one in sent} == {"4"}
