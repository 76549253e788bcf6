"""Calls that would wait for each other: refused, with both call sites."""

import asyncio
import contextlib
import pickle
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from aliases import WaitUntil
from pace import scaled

import sideloop
from sideloop import DeadlockError, LoopManager, Runner, run_on, run_sync


@pytest.fixture
def first() -> Iterator[Runner]:
    with Runner(name="first") as runner:
        yield runner


@pytest.fixture
def second() -> Iterator[Runner]:
    with Runner(name="second") as runner:
        yield runner


async def answer() -> int:
    return 42


class TestACallThatWouldCloseACircle:
    def test_is_refused_with_both_call_sites(self, first: Runner, second: Runner) -> None:
        async def back() -> int:
            return first.run(answer)  # the second site

        async def there() -> int:
            return second.run(back)  # the first site

        with pytest.raises(DeadlockError) as raised:
            first.run(there)

        message = str(raised.value)
        source = Path(__file__).read_text(encoding="utf-8").splitlines()
        first_site, second_site = (
            next(number for number, line in enumerate(source, 1) if line.endswith(what))
            for what in ("  # the first site", "  # the second site")
        )
        assert f"{__file__}:{first_site} in there()" in message
        assert f"{__file__}:{second_site} in back()" in message
        assert "runner 'first', whose loop waits for" in message
        assert "back() on runner 'second'" in message

    @pytest.mark.parametrize("beside", ["sideloop_extra/client.py", "sideloop.py"])
    def test_is_refused_with_a_site_beside_our_package(
        self, first: Runner, second: Runner, beside: str
    ) -> None:
        """A file of the user's may begin with the name of our folder."""
        file = Path(sideloop.__file__).parents[1] / beside
        names: dict[str, Any] = {"second": second, "first": first, "answer": answer}
        source = "def there(back): second.run(back)\n\ndef back(): first.run(answer)"
        exec(compile(source, str(file), "exec"), names)

        async def back() -> None:
            names["back"]()

        async def there() -> None:
            names["there"](back)

        with pytest.raises(DeadlockError) as raised:
            first.run(there)

        assert f"{file}:1 in there()" in str(raised.value)
        assert f"{file}:3 in back()" in str(raised.value)

    def test_is_refused_with_the_site_of_a_caller_that_is_waking_the_loop(
        self, first: Runner, wait_until: WaitUntil
    ) -> None:
        """Where that is Python code of asyncio's, it is not where the call was made."""
        bell, drain = socket.socketpair()
        bell.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                bell.send(bytes(1 << 16))
        bell.setblocking(True)
        loop: Any = asyncio.SelectorEventLoop()
        own_bell = loop._csock

        async def turns() -> None:
            while True:
                await asyncio.sleep(0.001)

        def is_waking() -> bool:
            frame = sys._current_frames()[caller[0]]
            return frame.f_code.co_name == "_write_to_self"

        async def back() -> int:
            loop._csock = own_bell
            try:
                wait_until(is_waking)
                return first.run(answer)
            finally:
                drain.close()

        caller: list[int] = []

        async def there() -> int:
            caller.append(threading.get_ident())
            loop._csock = bell
            return second.run(back)

        with bell, drain, Runner(name="second", loop_factory=lambda: loop) as second:
            second.submit(turns)
            with pytest.raises(DeadlockError, match=r"test_deadlock\.py:\d+ in there\(\)"):
                first.run(there)

    def test_is_refused_through_a_longer_chain(self, first: Runner, second: Runner) -> None:
        with Runner(name="third") as third:

            async def c() -> int:
                return first.run(answer)

            async def b() -> int:
                return third.run(c)

            async def a() -> int:
                return second.run(b)

            with pytest.raises(
                DeadlockError, match=r"'second'.*which waits for .* on runner 'third'"
            ):
                first.run(a)

    def test_is_refused_when_the_loop_is_its_own(self, first: Runner) -> None:
        async def own() -> int:
            return first.run(answer)

        with pytest.raises(DeadlockError, match="own loop thread"):
            first.run(own)

    def test_is_refused_through_a_loop_that_a_caller_drives(self, first: Runner) -> None:
        with Runner(name="driven", drive="caller") as driven:

            async def back() -> int:
                return first.run(answer)

            async def there() -> int:
                return driven.run(back)

            # Driven by the thread of `first`, whose loop is blocked meanwhile.
            async def make_it_theirs() -> None:
                with pytest.raises(
                    DeadlockError, match=r"'first', whose loop waits for .*'driven'"
                ):
                    driven.run(back)
                driven.close()

            first.run(make_it_theirs)

    def test_leaves_the_runners_usable(self, first: Runner, second: Runner) -> None:
        async def back() -> int:
            return first.run(answer)

        async def there() -> int:
            try:
                return second.run(back)
            except DeadlockError:
                return second.run(answer) + 1

        assert first.run(there) == 43
        assert first.run(answer) == second.run(answer) == 42


def lines_of(function: Callable[..., object], ends: str) -> str:
    """The line of this file that ends so, as errors name it."""
    source = Path(__file__).read_text(encoding="utf-8").splitlines()
    number = next(number for number, line in enumerate(source, 1) if line.endswith(ends))
    return f"{__file__}:{number} in {function.__name__}()"


class TestTheGraph:
    def test_has_a_box_for_each_loop_and_an_arrow_for_each_call(
        self, first: Runner, second: Runner
    ) -> None:
        with Runner(name="third") as third:

            async def c() -> int:
                return first.run(answer)  # the arrow to the first

            async def b() -> int:
                return third.run(c)  # the arrow to the third

            async def a() -> int:
                return second.run(b)  # the arrow to the second

            with pytest.raises(DeadlockError) as raised:
                first.run(a)

        arrows = [
            ("loop0 -> loop1", b, lines_of(a, "  # the arrow to the second")),
            ("loop1 -> loop2", c, lines_of(b, "  # the arrow to the third")),
            ("loop2 -> loop0", answer, lines_of(c, "  # the arrow to the first")),
        ]
        drawn = [
            f'  {arrow} [label="waits for {__name__}.{waited.__qualname__}()\\ncalled at {site}'
            for arrow, waited, site in arrows
        ]
        assert raised.value.graph().splitlines() == [
            "digraph deadlock {",
            "  node [shape=box];",
            """  loop0 [label="runner 'first'"];""",
            """  loop1 [label="runner 'second'"];""",
            """  loop2 [label="runner 'third'"];""",
            f'{drawn[0]}"];',
            f'{drawn[1]}"];',
            f'{drawn[2]}\\nrefused", style=dashed];',
            "}",
        ]

    def test_of_a_loop_that_would_wait_for_itself_is_one_box(self, first: Runner) -> None:
        async def own() -> int:
            return first.run(answer)  # the arrow to itself

        with pytest.raises(DeadlockError) as raised:
            first.run(own)

        graph = raised.value.graph()
        assert graph.count("loop0 -> loop0") == graph.count("->") == 1
        assert f'{lines_of(own, "  # the arrow to itself")}\\nrefused"' in graph

    def test_is_kept_by_pickle(self, first: Runner) -> None:
        async def own() -> int:
            return first.run(answer)

        with pytest.raises(DeadlockError) as raised:
            first.run(own)

        back = pickle.loads(pickle.dumps(raised.value))
        assert back.graph() == raised.value.graph()

    def test_of_an_error_that_a_user_has_made_is_empty(self) -> None:
        assert "loop" not in DeadlockError("no").graph()

    @pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz is not installed")
    @pytest.mark.parametrize("name", ["plain", 'with "quotes"', "back\\slash\\", "two\nlines", "ä"])
    def test_is_drawn_by_graphviz(self, name: str) -> None:
        with Runner(name=name) as runner:

            async def own() -> int:
                return runner.run(answer)

            with pytest.raises(DeadlockError) as raised:
                runner.run(own)

        drawn = subprocess.run(
            ["dot", "-Tplain"],
            input=raised.value.graph(),
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=True,
        )
        assert "edge loop0 loop0" in drawn.stdout
        assert drawn.stderr == ""


class TestCallsThatCloseNoCircle:
    def test_may_go_to_a_runner_that_waited_before(self, first: Runner, second: Runner) -> None:
        async def there() -> int:
            return second.run(answer)

        async def other_way() -> int:
            return first.run(answer)

        assert first.run(there) == 42
        assert second.run(other_way) == 42

    def test_may_pass_through_the_default_runners_at_any_depth(self, first: Runner) -> None:
        async def deep(depth: int) -> int:
            return run_sync(deep, depth - 1) if depth else 0

        async def there() -> int:
            return run_sync(deep, 5)

        assert first.run(there) == 0

    def test_may_come_from_a_thread_that_a_waiting_loop_awaits(self, first: Runner) -> None:
        async def there() -> int:
            # The loop is not blocked: it awaits the thread, whose call it serves.
            return await asyncio.to_thread(first.run, answer)

        assert first.run(there) == 42

    def test_may_share_a_runner_among_threads(self) -> None:
        manager = LoopManager(scope="process")

        async def nested() -> int:
            return manager.run_sync(answer)

        async def threads() -> list[int]:
            calls = [asyncio.to_thread(manager.run_sync, nested) for _ in range(8)]
            return await asyncio.gather(*calls)

        assert manager.run_sync(threads) == [42] * 8
        manager.close()


Ask = Callable[[], Awaitable[object]]
Link = Callable[[Ask], object]


def within_a_limit(sync_fn: Callable[[], object]) -> object:
    """What a function returns or raises: a thread that waits for ever is left behind."""
    came: list[object] = []

    def run() -> None:
        try:
            came.append(sync_fn())
        except BaseException as error:
            came.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(scaled(20))
    assert came, "it hangs"
    return came[0]


class Guests:
    """Loops that others run, each on a thread of its own."""

    def __init__(self) -> None:
        self.loops = [asyncio.new_event_loop() for _ in range(2)]
        self.threads = [threading.Thread(target=loop.run_forever) for loop in self.loops]
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        for loop, thread in zip(self.loops, self.threads, strict=True):
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


@pytest.fixture
def guests() -> Iterator[Guests]:
    guests = Guests()
    yield guests
    guests.stop()


async def one_item(ask: Ask) -> AsyncGenerator[object, None]:
    yield await ask()


async def nested(inner: asyncio.AbstractEventLoop, ask: Ask) -> object:
    """Has another loop run inside of the one that runs."""
    outer = asyncio.get_running_loop()
    task: Any = asyncio.current_task()
    # Since CPython 3.14 a thread has one current task, whatever its loops.
    asyncio.tasks._leave_task(outer, task)
    asyncio._set_running_loop(None)
    try:
        return inner.run_until_complete(ask())
    finally:
        asyncio._set_running_loop(outer)
        asyncio.tasks._enter_task(outer, task)


class TestACircleOverLoopsThatOthersRun:
    @pytest.mark.parametrize(
        "through",
        [
            "a b a",
            "a runner a",
            "runner a runner",
            "a manager a",
            "a b runner a",
            "a iterate a",
            "a map a",
            "a submit a",
            "a exception a",
            "runner submit runner",
            "a driven a",
            "runner a driven runner",
        ],
    )
    def test_is_refused(self, guests: Guests, through: str) -> None:
        a, b = guests.loops
        runner, manager = Runner(), LoopManager()

        def drive(ask: Ask) -> object:
            with Runner(drive="caller") as driven:
                return driven.run(ask)

        links: dict[str, Link] = {
            "a": lambda ask: run_on(a, ask),
            "b": lambda ask: run_on(b, ask),
            "runner": runner.run,
            "manager": manager.run_sync,
            "iterate": lambda ask: list(manager.iterate(one_item(ask))),
            "map": lambda ask: list(manager.map(lambda _: ask(), [1])),
            "submit": lambda ask: manager.submit(ask).result(),
            "exception": lambda ask: manager.submit(ask).exception(),
            "driven": drive,
        }

        def ask_through(links: list[Link]) -> object:
            async def next_link() -> object:
                return ask_through(links[1:]) if links[1:] else await answer()

            return links[0](next_link)

        def ask() -> object:
            found = ask_through([links[name] for name in through.split()])
            if isinstance(found, BaseException):
                raise found
            return found

        came = within_a_limit(ask)
        assert isinstance(came, DeadlockError)
        assert "they would wait for each other" in str(came)
        # All of them go on.
        assert run_on(a, answer) == runner.run(answer) == manager.run_sync(answer) == 42
        runner.close()
        manager.close()

    def test_is_seen_whichever_loop_has_run_there_before(
        self, first: Runner, second: Runner
    ) -> None:
        """What asyncio says of a thread is kept until it says something else."""

        async def to_first() -> object:
            return first.run(answer)

        async def by_turns() -> list[object]:
            inner = asyncio.new_event_loop()
            found: list[object] = []
            for _ in range(3):
                found.append(second.run(answer))
                try:
                    await nested(inner, to_first)
                except DeadlockError:
                    found.append("refused inside")
                try:
                    await nested(inner, lambda: run_on_it(inner))
                except DeadlockError:
                    found.append("refused by the inner one")
                try:
                    first.run(answer)
                except DeadlockError:
                    found.append("refused")
            inner.close()
            return found

        async def run_on_it(loop: asyncio.AbstractEventLoop) -> object:
            assert second.run(answer) == 42
            return second.run(back_to, loop)

        async def back_to(loop: asyncio.AbstractEventLoop) -> object:
            return run_on(loop, answer)

        for thread in (ThreadPoolExecutor(1) for _ in range(2)):
            with thread:
                came = thread.submit(first.run, by_turns).result(scaled(20))
            each = [42, "refused inside", "refused by the inner one", "refused"]
            assert came == each * 3
        assert first.run(answer) == 42

    @pytest.mark.parametrize("kind", ["guests", "runners"])
    def test_that_two_threads_close_at_once_is_seen_by_one_of_them(
        self, guests: Guests, kind: str
    ) -> None:
        runners = Runner(), Runner()
        ways: list[Link] = [runner.run for runner in runners]
        if kind == "guests":
            ways = [lambda ask, loop=loop: run_on(loop, ask) for loop in guests.loops]  # type: ignore[misc]
        for _ in range(20):
            both_there = threading.Barrier(2)

            async def other_way(other: Link, both_there: threading.Barrier = both_there) -> object:
                both_there.wait(scaled(20))
                try:
                    return other(answer)
                except DeadlockError as error:
                    return error

            calls = [
                lambda here=here, there=there: here(lambda: other_way(there))
                for here, there in [ways, ways[::-1]]
            ]
            with ThreadPoolExecutor(2) as threads:
                waits = [threads.submit(within_a_limit, call) for call in calls]
            came = [wait.result() for wait in waits]
            assert any(isinstance(it, DeadlockError) for it in came)
            assert all(isinstance(it, DeadlockError) or it == 42 for it in came)
        for runner in runners:
            runner.close()

    @pytest.mark.parametrize("drive", ["thread", "caller"])
    @pytest.mark.parametrize("entry", ["run", "iterate"])
    def test_is_refused_under_the_loop_that_the_caller_runs_as_in_jupyter(
        self, drive: Any, entry: str
    ) -> None:
        def ask() -> object:
            async def main() -> object:
                outer = asyncio.get_running_loop()

                async def needs_outer() -> int:
                    return run_on(outer, answer)

                with Runner(name="inner", drive=drive) as inner:
                    if entry == "run":
                        return inner.run(needs_outer)
                    return list(inner.iterate(one_item(needs_outer)))

            return asyncio.run(main())

        came = within_a_limit(ask)
        assert isinstance(came, DeadlockError)
        assert "on runner 'inner'" in str(came)

    def test_is_refused_where_another_loop_runs_inside_of_it(self) -> None:
        """As nest_asyncio has it: what the inner loop waits for keeps the outer one, too."""
        outer, inner = asyncio.new_event_loop(), asyncio.new_event_loop()

        async def call() -> int:
            return run_on(outer, answer)

        came = within_a_limit(lambda: outer.run_until_complete(nested(inner, call)))
        outer.close()
        inner.close()
        assert isinstance(came, DeadlockError)

    def test_is_refused_where_another_loop_runs_inside_of_a_runners(
        self, first: Runner, second: Runner
    ) -> None:
        inner = asyncio.new_event_loop()

        async def needs_inner() -> int:
            return run_on(inner, answer)

        async def call() -> int:
            return second.run(needs_inner)

        came = within_a_limit(lambda: first.run(nested, inner, call))
        inner.close()
        assert isinstance(came, DeadlockError)

    def test_is_none_when_the_call_that_was_waited_for_has_ended(self, first: Runner) -> None:
        """Its thread goes on in a moment, and the loop with it."""
        came: Future[int] = Future()

        async def call_back(loop: asyncio.AbstractEventLoop) -> None:
            for _ in range(3):
                await asyncio.sleep(0)
            came.set_result(run_on(loop, answer))

        async def leave_behind(loop: asyncio.AbstractEventLoop) -> asyncio.Task[None]:
            return asyncio.create_task(call_back(loop))

        async def main() -> int:
            task = first.run(leave_behind, asyncio.get_running_loop())
            outcome = await asyncio.wrap_future(came)
            assert task
            return outcome

        assert within_a_limit(lambda: asyncio.run(main())) == 42
