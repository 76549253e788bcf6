"""The cells that are not right, and why: what a hook at an entry begins with."""

ASYNCIOS_STEP = (
    "raised out of the step of asyncio's own task, which never ends then, on any loop; an exit "
    "ends the loop"
)

KNOWN: dict[str, str] = {
    "a future's add_done_callback, awaited": ASYNCIOS_STEP,
    "a future's get_loop, awaited": ASYNCIOS_STEP,
    "a future's _asyncio_future_blocking, awaited": ASYNCIOS_STEP,
}
