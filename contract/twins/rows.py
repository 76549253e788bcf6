"""The rows: what a sync user expects, each a function that tries it with one tool's client.

A row passes by returning nothing or "yes". What it returns else is what the table says.
"""

import asyncio
import contextlib
import inspect
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twins.library import user
from twins.outcome import SECONDS, NotOfferedError, OtherwiseError, expect, in_child

Try = Callable[[Any], str | bool | None]

MAKES = "What there is for sync users"
ADDS = "What sync users add"
RUNS = "Where it runs"
WRONG = "When things go wrong"


@dataclass(frozen=True)
class Row:
    """One row of the table."""

    part: str
    says: str
    attempt: Try
    seconds: float = SECONDS

    @property
    def name(self) -> str:
        """What it is called on the command line."""
        return self.attempt.__name__


ROWS: list[Row] = []


def row(part: str, says: str, seconds: float = SECONDS) -> Callable[[Try], Try]:
    """A row of the table."""

    def add(attempt: Try) -> Try:
        ROWS.append(Row(part, says, attempt, seconds))
        return attempt

    return add


@row(MAKES, "an async method is a call")
def method(tool: Any) -> bool:
    """A call."""
    return bool(tool.Client().add(1, 2) == 3)


@row(MAKES, "an async generator is a `for` loop")
def generator(tool: Any) -> bool:
    """A loop, to its end."""
    return list(tool.Client().stream(3)) == [0, 1, 2]


@row(MAKES, "a loop that is left and closed runs the generator's `finally`, which awaits")
def closed_generator(tool: Any) -> bool:
    """A loop, and an end before its end."""
    client = tool.Client()
    with contextlib.closing(iter(client.stream(3))) as numbers:
        next(numbers)
    return bool(client.events() == ["closed"])


@row(MAKES, "`async with client` is `with client`")
def context_manager(tool: Any) -> bool:
    """A block."""
    with tool.Client() as client:
        expect(client.add(1, 2) == 3)
    return bool(client.events() == ["entered", "left"])


@row(MAKES, "what `@asynccontextmanager` makes is a `with` block, too")
def session(tool: Any) -> bool:
    """A block of a method's."""
    client = tool.Client()
    with client.session() as item:
        expect(item.read() == "item 0")
    return bool(client.events() == ["ended"])


@row(MAKES, "an async property is a property")
def async_property(tool: Any) -> bool:
    """An attribute."""
    return bool(tool.Client().size == 3)


@row(MAKES, "an attribute of the object is one of the sync object")
def attribute(tool: Any) -> bool:
    """A plain attribute."""
    return bool(tool.Client().name == "shop")


@row(MAKES, "an object that a method returns has sync methods")
def returned(tool: Any) -> bool:
    """An object."""
    return bool(tool.Client().get(1).read() == "item 1")


@row(MAKES, "so have those in lists and dictionaries")
def returned_inside(tool: Any) -> bool:
    """Objects inside of values."""
    return [item.read() for item in tool.Client().get_all(2)["items"]] == ["item 0", "item 1"]


@row(MAKES, "they are instances of a class that users can name")
def instances(tool: Any) -> bool:
    """`isinstance`."""
    return isinstance(tool.Client().get(1), tool.Item)


@row(MAKES, "one async object is one sync object")
def identity(tool: Any) -> bool:
    """`is`."""
    client = tool.Client()
    return bool(client.get(1).owner() is client)


@row(MAKES, "signature and documentation are kept")
def introspection(tool: Any) -> bool:
    """`inspect`."""
    add = tool.Client.add
    return list(inspect.signature(add).parameters)[-2:] == ["a", "b"] and add.__doc__ == "Add."


@row(MAKES, "mypy knows that `client.add(1, 2)` is an `int`", seconds=60)
def typed(tool: Any) -> bool:
    """What a type checker says."""
    return bool(tool.type_of_sum() == "int")


@row(MAKES, "async users of the same object await it on a loop of their own")
def elsewhere(tool: Any) -> bool:
    """The same object, for async users."""
    return asyncio.run(tool.await_elsewhere(tool.Client())) == 3


@row(ADDS, "a method that a user's class overrides is what the library calls")
def override(tool: Any) -> bool:
    """A subclass, with a sync method."""

    class Own(tool.Client):  # type: ignore[misc]
        def label(self, number: int) -> str:
            return f"own {number}"

    return bool(Own().labels(2) == ["own 0", "own 1"])


@row(ADDS, "a setting that a user's class has is what the library reads")
def setting(tool: Any) -> bool:
    """A subclass, with an attribute."""

    class Own(tool.Client):  # type: ignore[misc]
        prefix = "own"

    return bool(Own().labels(2) == ["own 0", "own 1"])


@row(ADDS, "a sync function is passed where an async one is asked for")
def callback(tool: Any) -> bool:
    """A callback."""
    return bool(tool.Client().each(str) == ["0", "1", "2"])


@row(ADDS, "and may call the client that waits for it")
def callback_that_calls(tool: Any) -> bool:
    """A callback that calls again."""
    client = tool.Client()
    return bool(client.each(lambda n: client.get(n).read()) == ["item 0", "item 1", "item 2"])


@row(RUNS, "eight threads use one client, which has an `asyncio.Lock`")
def threads(tool: Any) -> bool:
    """Threads."""
    client = tool.Client()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: client.get(n).read(), range(40)))
    return found == [f"item {n}" for n in range(40)]


@row(RUNS, "called under a running loop, as in a notebook")
def running_loop(tool: Any) -> bool:
    """A loop of the caller's."""
    client = tool.Client()

    async def main() -> Any:
        return client.get(1).read()

    return asyncio.run(main()) == "item 1"


@row(RUNS, "async, sync and async code call each other, ten deep")
def nested(tool: Any) -> bool:
    """Calls in calls."""

    def sync(depth: int) -> int:
        return depth if depth == 10 else int(tool.call(step, depth + 1))

    async def step(depth: int) -> int:
        await asyncio.sleep(0)
        return sync(depth)

    return sync(0) == 10


@row(RUNS, "two awaits at the same time take as long as one")
def concurrent(tool: Any) -> bool:
    """`asyncio.gather`."""
    client = tool.Client()
    begin = time.monotonic()
    client.both()
    return time.monotonic() - begin < 0.35


@row(RUNS, "the library may await one that has no sync version")
def third_party(tool: Any) -> bool:
    """What nobody has translated."""
    return bool(tool.call(asyncio.wait_for, asyncio_future(), 1) == "done")


async def asyncio_future() -> str:
    """Something async of somebody else's."""
    await asyncio.sleep(0)
    return "done"


@row(RUNS, "context variables of the caller are seen")
def context_in(tool: Any) -> bool:
    """In."""
    user.set("me")
    return bool(tool.Client().who() == "me")


@row(RUNS, "and those that it sets are the caller's after the call")
def context_back(tool: Any) -> str | bool:
    """And out."""
    tool.Client().sign_in("me")
    if user.get() == "me":
        return True
    if not hasattr(tool, "with_context_back"):
        return False
    option, client = tool.with_context_back()
    client.sign_in("me")
    return f"with `{option}`" if user.get() == "me" else "no"


@row(RUNS, "no thread but the caller's")
def no_thread(tool: Any) -> str | bool:
    """Threads that there are."""
    found: set[threading.Thread] = set()

    def note() -> None:
        found.add(threading.current_thread())
        found.update(threading.enumerate())

    tool.Client().run(note)
    if len(found) == 1:
        return True
    if not hasattr(tool, "without_thread"):
        return False
    option, client = tool.without_thread()
    found = set()
    client.run(lambda: found.add(threading.current_thread()))
    return f"with `{option}`" if found == {threading.current_thread()} else "no"


@row(RUNS, "no event loop, so nothing of one to pay for")
def no_loop(tool: Any) -> bool:
    """Whether a loop runs."""

    def runs() -> bool:
        try:
            return asyncio.get_running_loop() is not None
        except RuntimeError:
            return False

    return not tool.Client().run(runs)


@row(RUNS, "async code for trio")
def on_trio(tool: Any) -> bool:
    """Another library than asyncio."""
    if not hasattr(tool, "call_on_trio"):
        raise NotOfferedError
    import trio

    async def main() -> float:
        await trio.sleep(0)
        return trio.current_time()

    return isinstance(tool.call_on_trio(main), float)


@row(
    RUNS,
    "`asgiref.sync.sync_to_async` in it runs on the caller's thread, where Django's connection is",
)
def thread_sensitive(tool: Any) -> bool:
    """What Django needs."""
    from asgiref.sync import sync_to_async

    async def where() -> Any:
        return await sync_to_async(threading.get_ident)()

    return bool(tool.call(where) == threading.get_ident())


@row(RUNS, "a fork's child makes a client of its own, while the parent has one")
def fork(tool: Any) -> str:
    """A child, and its own."""
    client = tool.Client()
    expect(client.add(1, 2) == 3)
    return in_child(lambda: tool.Client().get(1).read() == "item 1")


@row(WRONG, "the parent's client in a fork's child")
def inherited(tool: Any) -> str:
    """A child, and its parent's."""
    client = tool.Client()
    expect(client.get(1).read() == "item 1")
    return in_child(lambda: client.get(1).read() == "item 1")


@row(WRONG, "Ctrl-C: `finally` blocks that await end before KeyboardInterrupt is raised")
def interrupt(tool: Any) -> bool:
    """A signal."""
    client = tool.Client()
    sending = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    sending.start()
    try:
        client.wait()
    except KeyboardInterrupt:
        return bool(client.events() == ["cleaned up"])
    return False


@row(WRONG, "sync code that the library calls on its loop calls the client")
def own_loop(tool: Any) -> bool:
    """A call that could never end on one loop."""
    client = tool.Client()
    return bool(client.run(lambda: client.get(1).read()) == "item 1")


@row(WRONG, "frames of the tool's own in the traceback of an error")
def frames(tool: Any) -> str:
    """What users have to read past."""
    authors = {"rows.py", "library.py", "by_hand.py"}
    try:
        tool.Client().fail()
    except KeyError as error:
        files = [Path(frame.filename) for frame in traceback.extract_tb(error.__traceback__)]
        return str(sum(file.name not in authors for file in files))
    raise OtherwiseError
