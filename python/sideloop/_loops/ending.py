"""The last of a loop: whoever waits for it is told, and it is closed."""

from sideloop._loops.loop import Loop, live
from sideloop._loops.unwind import report


def end(loop: Loop) -> BaseException | None:
    """Fail the calls that still wait, close the loop, strike it off: each, whatever one raises.

    Returns the first exception that came out of that, if one did: on the main thread it may be a
    signal handler's.
    """
    raised: list[BaseException] = []
    try:
        untold = loop.core.finish_all()
        if untold is not None:
            message = f"this ended the loop of runner {loop.core.name!r}, and nobody waited"
            report(loop.loop, message, untold)
    except BaseException as error:
        raised.append(error)
    # Again if it fails: what a close has done it does not do twice, and what is left it does.
    for _ in range(2):
        try:
            loop.loop.close()
        except BaseException as error:
            raised.append(error)
        else:
            break
    live.discard(loop)
    return raised[0] if raised else None


def report_end(loop: Loop, raised: BaseException | None) -> None:
    """Tell the exception handler what ending the loop has raised, where nobody else can be told."""
    if raised is not None:
        report(loop.loop, f"the loop of runner {loop.core.name!r} could not be closed", raised)
