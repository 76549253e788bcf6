"""Celery's jobs, which call async code: `celery --app jobs worker`."""

import os
from typing import Any

import queues
import store
from celery.signals import worker_process_init

app = queues.application()


@worker_process_init.connect
def begin(**_: Any) -> None:
    """What each child of prefork does first."""
    store.renew()


@app.task(name="answer")
def answer(path: str) -> str:
    """Ask the async functions."""
    return store.answer(path)


@app.task(name="fail")
def fail() -> None:
    """Raise what async code raises."""

    async def missing() -> None:
        raise LookupError(os.getpid())

    store.manager.run_sync(missing)
