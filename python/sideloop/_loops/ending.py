"""The last of a loop: whoever waits for it is told, and it is closed."""

from sideloop._loops.loop import Loop, live
from sideloop._loops.unwind import report


def end(loop: Loop) -> None:
    """Fail the calls that still wait, close the loop, strike it off: each, whatever one raises."""
    name = loop.core.name
    try:
        untold = loop.core.finish_all()
    except BaseException as error:
        untold = error
    if untold is not None:
        report(loop.loop, f"this ended the loop of runner {name!r}, and nobody waited", untold)
    # Again if it fails: what a close has done it does not do twice, and what is left it does.
    for _ in range(2):
        try:
            loop.loop.close()
        except BaseException as error:
            report(loop.loop, f"the loop of runner {name!r} could not be closed", error)
        else:
            break
    live.discard(loop)
