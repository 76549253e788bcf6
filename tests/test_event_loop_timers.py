"""Timers: how they are cancelled, and what the garbage collector knows of them."""

import asyncio
import contextvars
import gc
import heapq
import inspect
import random
import weakref
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from interpreters import FREE_THREADED, IN_DEBUG_MODE
from loops import OURS, STANDARD, WITH_BOTH, Loop, turn

import sideloop


class Thing:
    """Something that may be collected."""

    timer: asyncio.TimerHandle | None = None

    def __call__(self) -> None:
        """Be what a timer runs."""


@WITH_BOTH
class TestATimerThatIsCancelled:
    def test_is_not_run_and_lets_go_at_once_of_what_it_would_have(self, loop: Loop) -> None:
        thing = Thing()
        died = weakref.ref(thing)
        timer = loop.call_later(0, thing, thing)
        del thing
        assert timer.cancel() is None  # type: ignore[func-returns-value]
        assert died() is None
        assert timer.cancelled()
        assert "cancelled" in repr(timer)
        turn(loop)

    def test_counts_once_and_only_while_it_is_scheduled(self, loop: Loop) -> None:
        timer, due = loop.call_later(3600, print), loop.call_at(0, int)
        for _ in range(3):
            timer.cancel()
        assert loop._timer_cancelled_count == 1
        turn(loop)
        due.cancel()
        assert due.cancelled()
        assert loop._timer_cancelled_count == 1
        turn(loop)
        assert loop._timer_cancelled_count == 0
        assert not loop._scheduled

    def test_says_what_it_would_have_run_in_debug_mode(self, loop: Loop) -> None:
        before = loop.call_later(3600, print, "before")
        loop.set_debug(True)
        within = loop.call_later(3600, print, "within")
        for timer in (before, within):
            timer.cancel()
            assert "cancelled" in repr(timer)
            assert "print(" in repr(timer)

    def test_takes_no_arguments(self, loop: Loop) -> None:
        timer = loop.call_later(3600, print)
        with pytest.raises(TypeError):
            timer.cancel(1)  # type: ignore[call-arg]
        assert not timer.cancelled()
        assert not inspect.signature(timer.cancel).parameters

    @pytest.mark.parametrize("of_the_class", [True, False], ids=["class", "instance"])
    def test_tells_a_loop_that_has_a_method_for_it(
        self, make: type[Loop], of_the_class: bool
    ) -> None:
        told: list[asyncio.TimerHandle] = []

        class Told(make):  # type: ignore[misc, valid-type]
            def _timer_handle_cancelled(self, timer: asyncio.TimerHandle) -> None:
                assert not timer.cancelled()
                told.append(timer)
                if len(told) > 1:
                    raise LookupError

        loop = Told() if of_the_class else make()
        if not of_the_class:
            method = Told._timer_handle_cancelled.__get__(loop)
            loop._timer_handle_cancelled = method  # type: ignore[method-assign]
        first, second = loop.call_later(3600, print), loop.call_later(3600, print)
        first.cancel()
        with pytest.raises(LookupError):
            second.cancel()
        assert told == [first, second]
        assert first.cancelled()
        assert not second.cancelled()
        loop.close()

    @pytest.mark.parametrize("class_", [asyncio.Handle, asyncio.TimerHandle])
    def test_is_cancelled_by_what_somebody_has_put_there(
        self, loop: Loop, class_: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cancel = class_.cancel
        cancelled: list[asyncio.Handle] = []

        def note(handle: asyncio.Handle) -> None:
            cancelled.append(handle)
            cancel(handle)

        timers = [loop.call_later(3600, print) for _ in range(3)]
        timers[0].cancel()
        with monkeypatch.context() as patched:
            patched.setattr(class_, "cancel", note)
            timers[1].cancel()
        timers[2].cancel()
        assert cancelled == [timers[1]]
        assert all(timer.cancelled() for timer in timers)

    def test_may_be_of_a_class_derived_from_that_of_the_loops(self, loop: Loop) -> None:
        made = type(loop.call_later(3600, print))

        class Own(made):  # type: ignore[misc, valid-type]
            def cancel(self) -> None:
                super().cancel()

        timer = cast("asyncio.TimerHandle", Own(3600, print, (), loop))
        timer.cancel()
        assert timer.cancelled()
        assert loop._timer_cancelled_count == 0

    def test_is_put_away_with_the_others_when_they_are_many(self, loop: Loop) -> None:
        kept = [loop.call_later(3600 + number, print) for number in range(100)]
        timers = [loop.call_later(1800 + number, print) for number in range(100)]
        gone = [timers.pop(number) for number in range(99, 0, -2)] + kept[::2] + kept[1::4]
        for timer in gone:
            timer.cancel()
        assert len(gone) > len(loop._scheduled) / 2
        turn(loop)
        left = [timer for timer in kept + timers if not timer.cancelled()]
        assert sorted(map(id, loop._scheduled)) == sorted(map(id, left))
        in_order = [heapq.heappop(loop._scheduled) for _ in left]
        assert in_order == sorted(left, key=asyncio.TimerHandle.when)


def history(make: type[Loop], seed: int) -> list[object]:
    """What happens to timers that are made, cancelled and due at random, by a clock of its own."""

    class Clock(make):  # type: ignore[misc, valid-type]
        now = 1000.0

        def time(self) -> float:
            return self.now

    def make_one(choose: random.Random) -> None:
        delay = choose.choice([0, 0.25, 0.5, 1, 2, 5, 50])
        timers.append(loop.call_later(delay, fire, len(timers)))

    def fire(number: int) -> None:
        seen.append((number, loop.now))
        if inside.random() < 0.2:
            inside.choice(timers).cancel()
        if inside.random() < 0.2:
            make_one(inside)

    outside, inside = random.Random(seed), random.Random(-seed)
    loop, timers, seen = Clock(), list[asyncio.TimerHandle](), list[object]()
    for _ in range(outside.randrange(3, 12)):
        for _ in range(outside.randrange(60)):
            if outside.random() < 0.6 or not timers:
                make_one(outside)
            else:
                timer = outside.choice(timers)
                seen.append((timer.cancelled(), timer.when()))
                timer.cancel()
        loop.now += outside.choice([0, 0.25, 0.5, 1, 4])
        loop.set_debug(outside.random() < 0.3)
        turn(loop)
        seen.append((len(loop._scheduled), loop._timer_cancelled_count))
    loop.close()
    return [*seen, *(timer.cancelled() for timer in timers)]


class TestTimersAtRandom:
    @pytest.mark.parametrize("seed", range(1, 81))
    def test_have_the_same_happen_to_them_as_on_asyncios_loop(self, seed: int) -> None:
        assert history(OURS, seed) == history(STANDARD, seed)


context_of = contextvars.ContextVar[Thing]("context_of")


def in_a_circle(loop: asyncio.AbstractEventLoop, delay: float) -> "weakref.ref[Thing]":
    """Make a timer that refers to what holds it, as its callback and by its context."""
    thing = Thing()
    context = contextvars.copy_context()
    context.run(context_of.set, thing)
    thing.timer = loop.call_later(delay, thing, context=context)
    return weakref.ref(thing)


def cancel(thing: "weakref.ref[Thing]") -> None:
    found = thing()
    assert found is not None
    assert found.timer is not None
    found.timer.cancel()


async def fired(loop: Any) -> list["weakref.ref[Thing]"]:
    things = [in_a_circle(loop, 0) for _ in range(3)]
    await asyncio.sleep(0.01)
    return things


async def cancelled_and_first(loop: Any) -> list["weakref.ref[Thing]"]:
    things = [in_a_circle(loop, 1) for _ in range(3)]
    for thing in things:
        cancel(thing)
    await asyncio.sleep(0.01)
    return things


async def cancelled_with_many(loop: Any) -> list["weakref.ref[Thing]"]:
    first = loop.call_later(0.5, print)
    things = [in_a_circle(loop, 1) for _ in range(200)]
    for thing in things:
        cancel(thing)
    await asyncio.sleep(0.01)
    first.cancel()
    return things


async def taken_out_of_the_list(loop: Any) -> list["weakref.ref[Thing]"]:
    things = [in_a_circle(loop, 1) for _ in range(3)]
    loop._scheduled.clear()
    things.append(in_a_circle(loop, 1))
    loop._scheduled.clear()
    return things


async def taken_with_the_list(loop: Any) -> list["weakref.ref[Thing]"]:
    things = [in_a_circle(loop, 1) for _ in range(3)]
    loop._scheduled = []
    return things


class TestATimerInACircle:
    @pytest.mark.parametrize(
        "leave",
        [
            fired,
            cancelled_and_first,
            cancelled_with_many,
            taken_out_of_the_list,
            taken_with_the_list,
        ],
        ids=lambda leave: leave.__name__,
    )
    @WITH_BOTH
    def test_is_collected_when_it_has_left_the_heap_of_a_loop_that_runs(
        self,
        loop: Loop,
        leave: Callable[[Any], Awaitable[list["weakref.ref[Thing]"]]],
    ) -> None:
        async def main() -> list[Thing | None]:
            things = await leave(loop)
            gc.collect()
            return [thing() for thing in things]

        assert not any(loop.run_until_complete(main()))

    @WITH_BOTH
    def test_is_collected_with_a_loop_that_has_run_and_is_dropped(self, make: type[Loop]) -> None:
        async def main() -> "weakref.ref[Thing]":
            return in_a_circle(asyncio.get_running_loop(), 3600)

        def run() -> list["weakref.ref[Thing]"]:
            loop = make()
            return [loop.run_until_complete(main()) for _ in range(3)]

        died = run()
        with pytest.warns(ResourceWarning):
            gc.collect()
        gc.collect()
        assert [thing() for thing in died] == [None] * 3

    @WITH_BOTH
    def test_is_collected_when_its_loop_is_closed(self, loop: Loop) -> None:
        async def main() -> "weakref.ref[Thing]":
            return in_a_circle(loop, 3600)

        died = loop.run_until_complete(main())
        loop.close()
        gc.collect()
        assert died() is None


@pytest.mark.skipif(FREE_THREADED, reason="without the lock the collector looks at all objects")
@pytest.mark.skipif(IN_DEBUG_MODE, reason="timers keep a stack there, and are asyncio's")
class TestTheCollector:
    """Knows no timer that waits in a loop that runs, where it would find nothing."""

    def test_knows_a_timer_of_a_loop_that_does_not_run(self, loop: Loop) -> None:
        async def schedule() -> asyncio.TimerHandle:
            timer = loop.call_later(3600, print)
            assert not gc.is_tracked(timer)
            return timer

        assert gc.is_tracked(loop.call_later(3600, print))
        timer = loop.run_until_complete(schedule())
        assert gc.is_tracked(timer)
        assert gc.is_tracked(loop.call_later(3600, print))
        again = loop.run_until_complete(schedule())
        assert gc.is_tracked(again)
        assert len(loop._scheduled) == 4

    def test_knows_all_once_somebody_has_got_the_list(self, loop: Loop) -> None:
        async def main() -> None:
            timer = loop.call_later(3600, print)
            assert not gc.is_tracked(timer)
            assert timer in loop._scheduled
            assert gc.is_tracked(timer)
            assert gc.is_tracked(loop.call_later(3600, print))

        loop.run_until_complete(main())
        loop.run_until_complete(asyncio.sleep(0))

    def test_knows_those_of_a_loop_that_its_callers_drive(self) -> None:
        async def main() -> bool:
            return gc.is_tracked(asyncio.get_running_loop().call_later(3600, print))

        manager = sideloop.LoopManager(drive="caller")
        assert manager.run_sync(main)
        manager.close()
        assert not sideloop.run_sync(main)
