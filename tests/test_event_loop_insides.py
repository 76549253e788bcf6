"""What libraries and subclasses look into: handles, queues, overridden methods, selectors."""

import asyncio
import collections
import contextlib
import contextvars
import gc
import io
import selectors
import socket
import threading
import weakref
from collections.abc import Callable, Generator
from typing import Any

import pytest
from loops import OURS, STANDARD, WITH_BOTH, Loop, on_another_thread, turn
from pace import scaled


class TestHandles:
    @WITH_BOTH
    @pytest.mark.parametrize("debug", [False, True], ids=["plain", "debug"])
    def test_are_genuine(self, loop: Loop, debug: bool) -> None:
        loop.set_debug(debug)
        assert type(loop.call_soon(print)) is asyncio.Handle
        assert isinstance(loop.call_soon_threadsafe(print), asyncio.Handle)
        assert isinstance(loop.call_later(1, print), asyncio.TimerHandle)
        timer = loop.call_at(1.5, print, "a")
        assert isinstance(timer, asyncio.TimerHandle)
        assert timer.when() == 1.5
        assert timer.cancelled() is False
        timer.cancel()
        assert timer.cancelled() is True
        loop._ready.clear()

    def test_have_all_that_the_classes_give_them(self, loop: Loop) -> None:
        def state(handle: asyncio.Handle) -> dict[str, object]:
            names = [name for base in type(handle).__mro__ for name in base.__dict__]
            values = {name: getattr(handle, name) for name in names if name[0] == "_" != name[1]}
            values |= {"_loop": None, "_source_traceback": None}
            if "_lock" in values:  # of each handle's own, since CPython 3.14
                values["_lock"] = type(values["_lock"])
            return {name: value for name, value in values.items() if not callable(value)}

        context = contextvars.copy_context()
        other = STANDARD()
        for call in ("call_soon", "call_soon_threadsafe"):
            ours = getattr(loop, call)(print, 1, 2, context=context)
            theirs = getattr(other, call)(print, 1, 2, context=context)
            assert state(ours) == state(theirs)
        ours, theirs = (each.call_at(5.5, print, 1, context=context) for each in (loop, other))
        assert state(ours) == state(theirs)
        assert ours == theirs
        assert hash(ours) == hash(theirs)
        assert repr(ours) == repr(theirs)
        loop._ready.clear()
        other.close()

    @WITH_BOTH
    def test_wait_in_queues_of_asyncios_kind(self, loop: Loop) -> None:
        assert type(loop._scheduled) is list
        queue = loop._ready
        assert not queue
        handles = [loop.call_soon(print, number) for number in range(4)]
        timer = loop.call_later(3600, print)
        assert loop._scheduled == [timer]
        assert len(queue) == 4
        assert list(queue) == handles
        assert handles[2] in queue
        assert (queue[0], queue[-1]) == (handles[0], handles[3])
        queue.remove(handles[2])
        queue.append(handles[2])
        queue.appendleft(queue.pop())
        assert queue.popleft() is handles[2]
        queue.extend([handles[0]])
        assert list(queue) == [handles[0], handles[1], handles[3], handles[0]]
        queue.clear()
        assert not queue
        with pytest.raises(IndexError):
            queue.popleft()
        with pytest.raises(ValueError, match=r"."):
            queue.remove(timer)
        # Some loops' tests and tools put a deque of their own there.
        loop._ready = collections.deque([handles[1]])
        assert list(loop._ready) == [handles[1]]
        loop._ready.clear()

    def test_are_found_by_what_runs_code_and_none_is_lost_meanwhile(self, loop: Loop) -> None:
        class Same:
            """Equal to one handle, and meanwhile the queue changes."""

            def __init__(self, handle: asyncio.Handle, change: Callable[[], object]) -> None:
                self._handle, self._change = handle, change

            def __eq__(self, other: object) -> bool:
                self._change()
                return other is self._handle

            __hash__ = None  # type: ignore[assignment]

        def add_from_another_thread() -> None:
            on_another_thread(lambda: loop.call_soon_threadsafe(ran.append, "added"))

        def fail() -> None:
            raise LookupError

        ran: list[str] = []
        queue = loop._ready
        handle = loop.call_soon(ran.append, "removed")
        loop.call_soon(ran.append, "kept")
        queue.remove(Same(handle, add_from_another_thread))
        # Taken by somebody else in the meantime, once it is found.
        second = loop.call_soon(ran.append, "taken")
        with pytest.raises(ValueError, match="not in the queue"):
            queue.remove(Same(second, lambda: second in queue and queue.pop()))
        with pytest.raises(LookupError):
            queue.remove(Same(second, fail))
        turn(loop)
        assert ran == ["kept", "added"]

    def test_of_a_foreign_make_may_add_timers_while_they_are_pruned(self, loop: Loop) -> None:
        added: list[asyncio.TimerHandle] = []

        class Adding(asyncio.TimerHandle):
            __slots__ = ()

            @property
            def _cancelled(self) -> bool:
                if loop._timer_cancelled_count:
                    added.append(loop.call_at(0.5 + len(added), print))
                return False

            @_cancelled.setter
            def _cancelled(self, cancelled: bool) -> None:
                pass

        timers = [loop.call_at(1e9 + number, print) for number in range(200)]
        foreign = Adding(1e8, print, (), loop)
        foreign._scheduled = True
        loop._scheduled.insert(0, foreign)
        for timer in timers[:150]:
            timer.cancel()
        with contextlib.redirect_stdout(io.StringIO()):
            turn(loop)
            turn(loop)
        assert added
        assert not [timer for timer in added if timer._scheduled], "due, and not run"
        assert set(loop._scheduled) == {foreign, *timers[150:]}
        loop._scheduled.clear()

    @WITH_BOTH
    def test_of_a_foreign_make_run_too(self, loop: Loop) -> None:
        ran: list[str] = []

        class Own(asyncio.Handle):
            __slots__ = ()

            def _run(self) -> None:
                ran.append("own")
                super()._run()

        class OwnTimer(asyncio.TimerHandle):
            __slots__ = ()

        loop._ready.append(Own(ran.append, ("callback",), loop))
        timer = OwnTimer(0.0, ran.append, ("timer",), loop)
        loop._scheduled.append(timer)
        loop.call_at(1.0, ran.append, "genuine")
        turn(loop)
        assert ran == ["own", "callback", "timer", "genuine"] or ran[:2] == ["timer", "genuine"]


SCHEDULE = pytest.mark.parametrize(
    "schedule",
    [
        lambda loop, *callback: loop.call_soon(*callback),
        lambda loop, *callback: loop.call_later(0, *callback),
        lambda loop, *callback: loop.call_soon_threadsafe(*callback),
    ],
    ids=["soon", "later", "threadsafe"],
)


@SCHEDULE
class TestHandlesThatHaveRun:
    """The loop keeps those that nobody holds for the next ones: nobody may notice."""

    @WITH_BOTH
    def test_stay_as_they_are_for_whoever_holds_them(
        self, loop: Loop, schedule: Callable[..., asyncio.Handle]
    ) -> None:
        log: list[int] = []
        held = [schedule(loop, log.append, number) for number in range(50)]
        turn(loop)
        turn(loop)
        assert log == list(range(50))
        again = [schedule(loop, log.append, number) for number in range(50, 100)]
        assert not {id(handle) for handle in held} & {id(handle) for handle in again}
        for handle in held:
            assert "append(" in repr(handle)
            handle.cancel()
        turn(loop)
        turn(loop)
        assert log == list(range(100))

    @WITH_BOTH
    def test_let_go_of_what_they_held(
        self, loop: Loop, schedule: Callable[..., asyncio.Handle]
    ) -> None:
        class Thing:
            def __call__(self, other: "Thing") -> None:
                pass

        def once() -> list[weakref.ref[Thing]]:
            callback, argument = Thing(), Thing()
            schedule(loop, callback, argument)
            return [weakref.ref(callback), weakref.ref(argument)]

        references = [reference for _ in range(20) for reference in once()]
        turn(loop)
        turn(loop)
        assert [reference() for reference in references] == [None] * 40

    @WITH_BOTH
    def test_die_for_their_weak_references(
        self, loop: Loop, schedule: Callable[..., asyncio.Handle]
    ) -> None:
        died: list[object] = []
        references = [weakref.ref(schedule(loop, int), died.append) for _ in range(20)]
        turn(loop)
        turn(loop)
        assert died == references

    def test_are_not_seen_through_the_collector(
        self, loop: Loop, schedule: Callable[..., asyncio.Handle]
    ) -> None:
        def handles() -> list[asyncio.Handle]:
            return [found for found in gc.get_objects() if issubclass(type(found), asyncio.Handle)]

        # Else what other tests have left may go meanwhile.
        gc.collect()
        before = len(handles())
        for _ in range(100):
            schedule(loop, int)
        assert len(handles()) == before + 100
        turn(loop)
        turn(loop)
        assert len(handles()) == before
        schedule(loop, int)
        assert [repr(handle) for handle in handles()]
        assert len(handles()) == before + 1
        turn(loop)

    def test_that_were_found_while_they_let_go_are_not_used_again(
        self, loop: Loop, schedule: Callable[..., asyncio.Handle]
    ) -> None:
        found: list[asyncio.Handle] = []

        class Finder:
            def __call__(self) -> None:
                pass

            def __del__(self) -> None:
                found.extend(
                    one for one in gc.get_objects() if issubclass(type(one), asyncio.Handle)
                )

        schedule(loop, Finder())
        turn(loop)
        turn(loop)
        again = [schedule(loop, int) for _ in range(50)]
        assert not {id(handle) for handle in found} & {id(handle) for handle in again}
        turn(loop)


class TestSubclasses:
    @WITH_BOTH
    def test_may_keep_a_time_of_their_own(self, make: type[Loop]) -> None:
        class Virtual(make):  # type: ignore[misc, valid-type]
            now = 0.0

            def time(self) -> float:
                return self.now

            def _run_once(self) -> None:
                if not self._ready and self._scheduled:
                    self.now = self._scheduled[0]._when
                super()._run_once()

        async def main() -> list[str]:
            done: list[str] = []

            async def sleep(seconds: float, name: str) -> None:
                await asyncio.sleep(seconds)
                done.append(name)

            await asyncio.gather(sleep(7200, "b"), sleep(3600, "a"), sleep(86400, "c"))
            return done

        loop = Virtual()
        assert loop.run_until_complete(main()) == ["a", "b", "c"]
        assert loop.now == 86400
        loop.close()

    @WITH_BOTH
    def test_see_call_later_come_by_their_call_at(self, make: type[Loop]) -> None:
        class Watching(make):  # type: ignore[misc, valid-type]
            def call_at(self, when: float, *args: Any, **options: Any) -> asyncio.TimerHandle:
                seen.append(when - self.time())
                return super().call_at(when, *args, **options)

        seen: list[float] = []
        loop = Watching()
        loop.call_later(5, print)
        loop.close()
        assert seen == [pytest.approx(5, abs=1)]

    @WITH_BOTH
    def test_are_asked_to_wake_themselves(self, make: type[Loop]) -> None:
        class Watching(make):  # type: ignore[misc, valid-type]
            def _write_to_self(self) -> None:
                seen.append(threading.get_ident())
                super()._write_to_self()

        seen: list[int] = []
        loop = Watching()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(scaled(20))
        loop.close()
        assert seen == [threading.get_ident()]

    @WITH_BOTH
    def test_are_given_the_selectors_events(self, make: type[Loop]) -> None:
        class Watching(make):  # type: ignore[misc, valid-type]
            def _process_events(self, events: list[tuple[selectors.SelectorKey, int]]) -> None:
                seen.extend((key.fileobj, mask) for key, mask in events)
                super()._process_events(events)

        seen: list[tuple[object, int]] = []
        loop = Watching()
        near, far = socket.socketpair()
        loop.add_writer(near.fileno(), loop.stop)
        loop.run_forever()
        loop.remove_writer(near)
        loop.close()
        assert (near.fileno(), selectors.EVENT_WRITE) in seen
        near.close()
        far.close()

    @WITH_BOTH
    def test_have_their_run_once_called_for_each_turn(self, make: type[Loop]) -> None:
        turns: list[list[int]] = []

        class Counting(make):  # type: ignore[valid-type, misc]
            def _run_once(self) -> None:
                turns.append([])
                super()._run_once()

        def note(left: int) -> None:
            turns[-1].append(left)
            if left:
                loop.call_soon(note, left - 1)
            else:
                loop.stop()

        loop = Counting()
        loop.call_soon(note, 100)
        loop.run_forever()
        loop.close()
        assert turns == [[left] for left in range(100, -1, -1)]

    @WITH_BOTH
    def test_may_make_the_handles_run_in_their_run_once(self, make: type[Loop]) -> None:
        class Counting(make):  # type: ignore[misc, valid-type]
            turns = 0

            def _run_once(self) -> None:
                self.turns += 1
                super()._run_once()

        loop = Counting()
        turn(loop)
        turn(loop)
        loop.close()
        assert loop.turns == 2


@pytest.mark.parametrize(
    "selector",
    [
        selectors.SelectSelector,
        selectors.PollSelector,
        selectors.EpollSelector,
        selectors.DefaultSelector,
    ],
    ids=lambda selector: selector.__name__,
)
class TestSelectors:
    @pytest.fixture
    def loop(self, selector: Callable[[], selectors.BaseSelector]) -> Generator[Loop]:
        loop = OURS(selector())
        yield loop
        loop.close()

    def test_that_are_passed_in_serve_files_and_timers(self, loop: Loop) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write((await reader.readline()).upper())
            writer.close()
            await writer.wait_closed()

        async def main() -> bytes:
            server = await asyncio.start_server(answer, "127.0.0.1", 0)
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            await asyncio.sleep(0.001)
            writer.write(b"line\n")
            line = await reader.read()
            writer.close()
            await writer.wait_closed()
            server.close()
            await server.wait_closed()
            return line

        assert loop.run_until_complete(asyncio.wait_for(main(), 20)) == b"LINE\n"

    def test_that_are_passed_in_are_woken_from_other_threads(self, loop: Loop) -> None:
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        for _ in range(100):
            ran = threading.Event()
            loop.call_soon_threadsafe(ran.set)
            assert ran.wait(scaled(20))
        loop.call_soon_threadsafe(loop.stop)
        thread.join(scaled(20))
        assert not thread.is_alive()
