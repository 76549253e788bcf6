"""The coroutine of the one task in which all steps of an iterator or a context manager run."""

from sideloop._sideloop import Host


async def attend(host: Host) -> None:
    """Attend to the steps. The extension calls it: between that and the task no handler runs."""
    await host
