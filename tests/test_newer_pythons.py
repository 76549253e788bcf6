"""What newer CPythons have brought, on our loops: each skipped where it is not there yet."""

import asyncio
import contextlib
import contextvars
import io
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import programs
import pytest
from pace import scaled

import sideloop
from sideloop import EventLoop


def since(*version: int) -> pytest.MarkDecorator:
    text = ".".join(map(str, version))
    return pytest.mark.skipif(sys.version_info < version, reason=f"new in CPython {text}")


@pytest.fixture(params=["thread", "caller"])
def runner(request: pytest.FixtureRequest) -> Iterator[sideloop.Runner]:
    with sideloop.Runner(drive=request.param) as runner:
        yield runner


@since(3, 14)
class TestTheCallGraph:
    def test_shows_what_awaits_a_task_down_to_the_call(self, runner: sideloop.Runner) -> None:
        library: Any = asyncio
        graphs: list[str] = []

        async def innermost() -> None:
            printed = io.StringIO()
            library.print_call_graph(file=printed)
            graphs.extend((library.format_call_graph(), printed.getvalue()))

        async def outermost() -> None:
            await asyncio.create_task(innermost(), name="the inner task")

        runner.run(outermost)
        assert len(graphs) == 2
        for graph in graphs:
            shown = re.findall(r"(?:async )?(innermost|outermost)\(\)", graph)
            assert shown == ["innermost", "outermost"]
            assert "'the inner task'" in graph
            assert "Awaited by" in graph

    def test_shows_a_task_from_another_thread(self) -> None:
        library: Any = asyncio
        tasks: list[asyncio.Task[Any] | None] = []
        begun, enough = threading.Event(), asyncio.Event()

        async def waits() -> None:
            tasks.append(asyncio.current_task())
            begun.set()
            await enough.wait()

        with sideloop.Runner() as runner:
            future = runner.submit(waits)
            assert begun.wait(programs.TIME_LIMIT)
            graph = library.capture_call_graph(tasks[0])
            assert graph is not None
            names = [entry.frame.f_code.co_name for entry in graph.call_stack]
            # Below it, what the event waits with.
            assert names[-1] == "waits"
            runner.run(to_set(enough))
            future.result(programs.TIME_LIMIT)


def to_set(event: asyncio.Event) -> Callable[[], Any]:
    async def set_it() -> None:
        event.set()

    return set_it


WAITING = """
import asyncio, sys, threading
import sideloop

async def waits_for_ever():
    await asyncio.Event().wait()

async def awaits_a_task():
    task = asyncio.create_task(waits_for_ever(), name="the inner task")
    await asyncio.sleep(0)
    print("begun", flush=True)
    await task

def in_a_thread(target, *args):
    threading.Thread(target=target, args=args).start()

{how}
"""

WAYS = {
    "a call that its caller drives": 'sideloop.Runner(drive="caller").run(awaits_a_task)',
    "a loop of ours": "asyncio.run(awaits_a_task(), loop_factory=sideloop.new_event_loop)",
    "a call": "sideloop.run_sync(awaits_a_task)",
    "asyncio's loop": "asyncio.run(awaits_a_task())",
    "asyncio's loop, in a thread": "in_a_thread(asyncio.run, awaits_a_task())",
}


def seen_from_outside(command: str, how: str) -> list[str]:
    """The names that `python -m asyncio` shows of a process that waits in this way."""
    program = WAITING.format(how=WAYS[how])
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            seen = subprocess.run(
                [sys.executable, "-m", "asyncio", command, str(process.pid)],
                capture_output=True,
                text=True,
                check=False,
                timeout=scaled(programs.TIME_LIMIT),
            )
        finally:
            process.kill()
    if "ermission" in seen.stderr:
        pytest.skip("this user may not look into another process")
    assert (seen.returncode, seen.stderr) == (0, "")
    return re.findall("awaits_a_task|waits_for_ever|the inner task", seen.stdout)


@since(3, 14)
@pytest.mark.parametrize("command", ["pstree", "ps"])
class TestWhatPstreeShows:
    @pytest.mark.parametrize("how", ["a call that its caller drives", "a loop of ours"])
    def test_is_the_same_as_of_asyncios_loop(self, command: str, how: str) -> None:
        seen = seen_from_outside(command, how)
        assert set(seen) == {"awaits_a_task", "waits_for_ever", "the inner task"}
        assert seen == seen_from_outside(command, "asyncio's loop")

    def test_of_a_loop_thread_is_the_same_as_of_any_thread(self, command: str) -> None:
        """CPython 3.14 shows nothing of those."""
        seen = seen_from_outside(command, "a call")
        assert seen == seen_from_outside(command, "asyncio's loop, in a thread")
        expected = {"awaits_a_task", "waits_for_ever", "the inner task"}
        assert set(seen) == (expected if sys.version_info >= (3, 15) else set())


BUSY = """
import asyncio, sys, time
import sideloop

def is_busy(until):
    while time.monotonic() < until:
        pass

async def innermost():
    is_busy(time.monotonic() + 0.02)

async def outermost():
    end = time.monotonic() + 1
    while time.monotonic() < end:
        await asyncio.create_task(innermost(), name="the inner task")

async def named():
    asyncio.current_task().set_name("the outer task")
    await outermost()

match sys.argv[1]:
    case "a call":
        sideloop.run_sync(named)
    case "a call that its caller drives":
        sideloop.Runner(drive="caller").run(named)
    case "a loop of ours":
        asyncio.run(named(), loop_factory=sideloop.new_event_loop)
"""


@since(3, 15)
class TestTheSamplingProfiler:
    @pytest.mark.parametrize("how", ["a call", "a call that its caller drives", "a loop of ours"])
    def test_sees_who_awaits_what_is_busy(self, how: str, tmp_path: Path) -> None:
        program, stacks = tmp_path / "busy.py", tmp_path / "stacks"
        program.write_text(BUSY, encoding="utf-8")
        profiler = (sys.executable, "-m", "profiling.sampling", "run")
        done = subprocess.run(
            [*profiler, "--async-aware", "--collapsed", "-o", stacks, program, how],
            capture_output=True,
            text=True,
            check=False,
            timeout=scaled(programs.TIME_LIMIT),
        )
        if "ermission" in done.stderr:
            pytest.skip("this user may not look into another process")
        assert done.returncode == 0, done.stderr
        counts = {
            stack: int(count)
            for line in stacks.read_text(encoding="utf-8").splitlines()
            for stack, _, count in [line.rpartition(" ")]
        }
        most = max(counts, key=counts.__getitem__)
        shown = re.findall("the outer task|named|outermost|the inner task|innermost|is_busy", most)
        assert shown == [
            "the outer task",
            "named",
            "outermost",
            "the inner task",
            "innermost",
            "is_busy",
        ]


@since(3, 12)
class TestEagerTasks:
    def test_in_a_call_are_done_when_they_do_not_wait(self, runner: sideloop.Runner) -> None:
        async def answer() -> int:
            return 42

        async def asks() -> tuple[bool, int]:
            loop = asyncio.get_running_loop()
            loop.set_task_factory(asyncio.eager_task_factory)
            task = asyncio.create_task(answer())
            done = task.done()
            loop.set_task_factory(None)
            return done, await task

        assert runner.run(asks) == (True, 42)

    @since(3, 14)
    def test_by_keyword_start_at_once_or_not(self, runner: sideloop.Runner) -> None:
        create: Any = asyncio.create_task

        async def asks() -> list[int]:
            order: list[int] = []

            async def note(number: int) -> None:
                order.append(number)

            late = create(note(3))
            eager = create(note(1), eager_start=True)
            assert eager.done()
            order.append(2)
            await late
            return order

        assert runner.run(asks) == [1, 2, 3]


@since(3, 12)
class TestMonitoring:
    def test_sees_each_start_and_end_of_what_a_call_runs(self, runner: sideloop.Runner) -> None:
        monitoring: Any = getattr(sys, "monitoring", None)
        events = monitoring.events
        seen: list[str] = []

        async def watched() -> int:
            await asyncio.sleep(0)
            return 1

        async def fails() -> int:
            raise ValueError

        async def caller() -> None:
            assert await watched() == 1
            with contextlib.suppress(ValueError):
                await fails()

        runner.run(caller)
        codes = {one.__code__: one.__name__ for one in (caller, watched, fails)}
        kinds = {
            events.PY_START: "start",
            events.PY_RETURN: "return",
            events.PY_YIELD: "yield",
            events.PY_RESUME: "resume",
            events.PY_UNWIND: "unwind",
        }
        monitoring.use_tool_id(monitoring.PROFILER_ID, "test")
        try:
            for event, kind in kinds.items():

                def note(code: Any, *_: object, kind: str = kind) -> None:
                    if code in codes:
                        seen.append(f"{codes[code]} {kind}")

                monitoring.register_callback(monitoring.PROFILER_ID, event, note)
            monitoring.set_events(monitoring.PROFILER_ID, sum(kinds))
            runner.run(caller)
        finally:
            monitoring.set_events(monitoring.PROFILER_ID, 0)
            for event in kinds:
                monitoring.register_callback(monitoring.PROFILER_ID, event, None)
            monitoring.free_tool_id(monitoring.PROFILER_ID)
        assert seen == [
            "caller start",
            "watched start",
            "watched yield",
            "caller yield",
            "caller resume",
            "watched resume",
            "watched return",
            "fails start",
            "fails unwind",
            "caller return",
        ]


WHOSE: contextvars.ContextVar[str] = contextvars.ContextVar("whose", default="nobody's")


class Notes(asyncio.Protocol):
    """Notes in whose context it is told what, and writes more than a socket takes at once."""

    def __init__(self, notes: list[tuple[str, str]], over: "asyncio.Future[None]") -> None:
        self._notes = notes
        self._over = over

    def _note(self, what: str) -> None:
        note = (what, WHOSE.get())
        if note not in self._notes:
            self._notes.append(note)

    def connection_made(self, transport: Any) -> None:
        self._note("made")
        transport.write(bytes(1 << 23))

    def data_received(self, data: bytes) -> None:  # noqa: ARG002  # its signature
        self._note("received")

    def pause_writing(self) -> None:
        self._note("paused")

    def resume_writing(self) -> None:
        self._note("resumed")

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # its signature
        self._note("lost")
        self._over.set_result(None)


async def talk() -> list[set[tuple[str, str]]]:
    """A server's and a client's protocol tell each other much, and both end."""
    loop = asyncio.get_running_loop()
    notes: list[list[tuple[str, str]]] = [[], []]
    ends: list[asyncio.Future[None]] = [loop.create_future(), loop.create_future()]
    WHOSE.set("the server's")
    server = await loop.create_server(lambda: Notes(notes[0], ends[0]), "127.0.0.1", 0)
    WHOSE.set("the client's")
    host, port = server.sockets[0].getsockname()
    transport, _ = await loop.create_connection(lambda: Notes(notes[1], ends[1]), host, port)
    WHOSE.set("others'")
    for made in notes:
        while not {"received", "resumed"} <= {what for what, _ in made}:
            await asyncio.sleep(0.001)
    transport.close()
    await asyncio.gather(*ends)
    server.close()
    return [set(made) for made in notes]


class TestTheContextOfAConnection:
    """Since CPython 3.15 it is that in which its server was made, or it itself begun."""

    @pytest.mark.parametrize("transports", ["asyncio", "native"])
    def test_is_the_same_as_on_asyncios_loop(self, transports: Any) -> None:
        found = []
        for loop in (asyncio.SelectorEventLoop(), EventLoop(transports=transports)):
            with contextlib.closing(loop):
                found.append(loop.run_until_complete(talk()))
        assert found[1] == found[0]
        if sys.version_info >= (3, 15):
            assert [{whose for _, whose in notes} for notes in found[1]] == [
                {"the server's"},
                {"the client's"},
            ]


EVERY_MODULE = """
import importlib.util, pkgutil, sys
import sideloop

# What needs more than the package does, or is a program.
others = ("sideloop.testing", "sideloop.__main__", "sideloop._cli")
if importlib.util.find_spec("mypy") is None:
    others += ("sideloop._stubs.",)
for module in pkgutil.walk_packages(sideloop.__path__, "sideloop."):
    if not module.name.startswith(others):
        importlib.import_module(module.name)

async def add(a, b):
    return a + b

async def items():
    yield 1

for drive in ("thread", "caller"):
    with sideloop.Runner(drive=drive) as runner:
        assert runner.run(add, 10, b=12) == 22
        assert list(runner.iterate(items())) == [1]
        assert drive == "caller" or runner.submit(add, 1, 2).result() == 3
assert sideloop.run_sync(add, 10, b=12) == 22
print("done")
"""


class TestWarnings:
    @pytest.mark.parametrize("mode", [(), ("-X", "dev")], ids=["plain", "dev"])
    def test_are_none_in_any_module_or_call(self, mode: tuple[str, ...]) -> None:
        """Not even for what a later CPython removes, which the asyncio of this one tells."""
        done = subprocess.run(
            [sys.executable, *mode, "-W", "error", "-c", EVERY_MODULE],
            capture_output=True,
            text=True,
            check=False,
            timeout=scaled(programs.TIME_LIMIT),
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
