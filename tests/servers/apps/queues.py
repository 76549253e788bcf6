"""Celery's queues, in folders beside each other: for who asks, and for the workers."""

from pathlib import Path

from celery import Celery


def application(folder: Path = Path()) -> Celery:
    """An application whose queues are in this folder."""
    folder = folder.absolute()
    names = ("waiting", "control", "answers")
    waiting, control, answers = (folder / name for name in names)
    for one in (waiting, control, answers):
        one.mkdir(exist_ok=True)
    app = Celery("jobs", broker="filesystem://", backend=answers.as_uri())
    app.conf.broker_transport_options = {
        "data_folder_in": str(waiting),
        "data_folder_out": str(waiting),
        "control_folder": str(control),
        "store_processed": False,
    }
    app.conf.worker_prefetch_multiplier = 1
    return app
