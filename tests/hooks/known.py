"""The cells that are not right, and why: what a hook at an entry begins with."""

ASYNCIOS_STEP = (
    "raised out of the step of asyncio's own task, which never ends then, on any loop; an exit "
    "ends the loop"
)

METHODS = ("add_done_callback", "get_loop", "_asyncio_future_blocking")

INSIDE_A_COROUTINE = (
    "awaited",
    *(f"returned at {one}" for one in ("map", "synced", "iterate", "enter")),
)

KNOWN = {
    f"a future's {method}, {place}": ASYNCIOS_STEP
    for method in METHODS
    for place in INSIDE_A_COROUTINE
}


def why_not(hook: str, entry: str) -> str | None:
    """Why a hook at an entry is not right, or None where it is."""
    return next(
        (why for begin, why in KNOWN.items() if f"{hook} at {entry}".startswith(begin)), None
    )
