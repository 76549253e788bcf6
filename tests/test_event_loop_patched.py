"""A method that is replaced on a loop, or on its class, is called, as on asyncio's own."""

import asyncio
import functools
import socket
from collections.abc import Callable
from typing import Any

import programs
import pytest
from loops import OURS, WITH_BOTH, on_another_thread, turn


def read(loop: Any) -> None:
    near, far = socket.socketpair()
    with near, far:
        far.send(b"x")
        loop.add_reader(near, near.recv, 1)
        turn(loop)
        loop.remove_reader(near)


def read_by_what_was_cancelled(loop: Any) -> None:
    near, far = socket.socketpair()
    with near, far:
        far.send(b"x")
        loop._add_reader(near.fileno(), near.recv, 1).cancel()
        turn(loop)


def write_by_what_was_cancelled(loop: Any) -> None:
    near, far = socket.socketpair()
    with near, far:
        loop._add_writer(near.fileno(), print).cancel()
        turn(loop)


def write(loop: Any) -> None:
    near, far = socket.socketpair()
    with near, far:
        loop.add_writer(near, print)
        loop.remove_writer(near)


def sleep(loop: Any) -> None:
    loop.run_until_complete(asyncio.sleep(0.001))


def take_a_step(loop: Any) -> None:
    loop.run_until_complete(asyncio.sleep(0))


def call_from_another_thread(loop: Any) -> None:
    on_another_thread(lambda: loop.call_soon_threadsafe(int))
    turn(loop)


def ask_from_another_thread(loop: Any) -> None:
    asked: list[Any] = []
    on_another_thread(
        lambda: asked.append(asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop))
    )
    while not asked[0].done():
        turn(loop)


def make_a_task(loop: Any) -> None:
    loop.run_until_complete(asyncio.ensure_future(asyncio.sleep(0), loop=loop))


def cancel_a_timer(loop: Any) -> None:
    loop.call_later(60, int).cancel()


def wait_for_a_timer(loop: Any) -> None:
    loop.call_at(asyncio.BaseEventLoop.time(loop) + 0.001, loop.stop)
    loop.run_forever()


def call_later(loop: Any) -> None:
    loop.call_later(60, int)


def call_soon(loop: Any) -> None:
    loop.call_soon(int)


# What makes a loop call each of its own methods.
TRIGGERS: list[tuple[str, Callable[[Any], None]]] = [
    ("time", call_later),
    ("time", wait_for_a_timer),
    ("call_at", call_later),
    ("call_later", sleep),
    ("call_soon", take_a_step),
    ("call_soon_threadsafe", ask_from_another_thread),
    ("create_future", sleep),
    ("create_task", make_a_task),
    ("_run_once", turn),
    ("_process_events", read),
    ("_add_callback", read),
    ("_add_reader", read),
    ("_remove_reader", read),
    ("_remove_reader", read_by_what_was_cancelled),
    ("_remove_writer", write_by_what_was_cancelled),
    ("_add_writer", write),
    ("_remove_writer", write),
    ("_write_to_self", call_from_another_thread),
    ("_timer_handle_cancelled", cancel_a_timer),
    ("is_running", turn),
    ("is_closed", lambda loop: loop.close()),
]

UNSEEN: list[tuple[str, Callable[[Any], None]]] = [
    ("_call_soon", call_soon),
    ("_check_closed", call_soon),
    ("get_debug", call_soon),
]
"""What docs/event-loop.md says is not looked at, and what for."""


def looked_at(loop: Any) -> Any:
    """A loop that has been asked for its methods before."""
    turn(loop)
    loop.call_later(60, int).cancel()
    return loop


def noting(loop: Any, name: str, seen: list[str]) -> Callable[..., Any]:
    method = getattr(loop, name)

    def noted(*args: Any, **options: Any) -> Any:
        seen.append(name)
        return method(*args, **options)

    return noted


def on_the_loop(make: type[Any], name: str, seen: list[str]) -> Any:
    loop = looked_at(make())
    setattr(loop, name, noting(loop, name, seen))
    return loop


def in_its_dictionary(make: type[Any], name: str, seen: list[str]) -> Any:
    loop = looked_at(make())
    # A text of its own, which is no attribute's.
    vars(loop)["".join(name)] = noting(loop, name, seen)
    return loop


def in_another_dictionary(make: type[Any], name: str, seen: list[str]) -> Any:
    loop = make()
    # The one before lives on.
    before = vars(looked_at(loop))
    loop.__dict__ = {**before, "before": before, name: noting(loop, name, seen)}
    return loop


def by_a_text_of_another_class(make: type[Any], name: str, seen: list[str]) -> Any:
    class Text(str):
        __slots__ = ()

    loop = looked_at(make())
    vars(loop).update({Text(name): noting(loop, name, seen)})
    return loop


def on_its_class(make: type[Any], name: str, seen: list[str]) -> Any:
    class Own(make):  # type: ignore[misc]
        pass

    loop = looked_at(Own())
    method = getattr(Own, name)

    @functools.wraps(method)
    def noted(self: Any, *args: Any, **options: Any) -> Any:
        seen.append(name)
        return method(self, *args, **options)

    setattr(Own, name, noted)
    return loop


def in_a_subclass(make: type[Any], name: str, seen: list[str]) -> Any:
    def noted(self: Any, *args: Any, **options: Any) -> Any:
        seen.append(name)
        return getattr(super(own, self), name)(*args, **options)

    own = type("Own", (make,), {name: noted})
    return own()


ON_THE_LOOP = [
    on_the_loop,
    in_its_dictionary,
    in_another_dictionary,
    by_a_text_of_another_class,
]

WAYS = pytest.mark.parametrize(
    "patched", [*ON_THE_LOOP, on_its_class, in_a_subclass], ids=lambda way: way.__name__
)


@WAYS
class TestAMethodThatIsReplaced:
    @WITH_BOTH
    @pytest.mark.parametrize(
        ("name", "trigger"), TRIGGERS, ids=lambda it: it if isinstance(it, str) else it.__name__
    )
    @pytest.mark.parametrize("debug", [False, True], ids=["plain", "debug"])
    def test_is_the_one_that_is_called(
        self,
        patched: Callable[[type[Any], str, list[str]], Any],
        name: str,
        trigger: Callable[[Any], None],
        make: type[Any],
        debug: bool,
    ) -> None:
        seen: list[str] = []
        loop = patched(make, name, seen)
        loop.set_debug(debug)
        seen.clear()
        trigger(loop)
        assert seen
        loop.close()

    @pytest.mark.parametrize(
        ("name", "trigger"), UNSEEN, ids=lambda it: it if isinstance(it, str) else it.__name__
    )
    def test_is_not_looked_at_where_the_documentation_says_so(
        self,
        patched: Callable[[type[Any], str, list[str]], Any],
        name: str,
        trigger: Callable[[Any], None],
    ) -> None:
        seen: list[str] = []
        loop = patched(OURS, name, seen)
        loop.set_debug(False)
        seen.clear()
        trigger(loop)
        assert not seen
        loop.set_debug(True)
        trigger(loop)
        assert seen
        loop.close()

    def test_is_forgotten_when_the_old_one_is_back(
        self, patched: Callable[[type[Any], str, list[str]], Any]
    ) -> None:
        seen: list[str] = []
        loop = patched(OURS, "call_at", seen)
        call_later(loop)
        assert seen
        if patched in ON_THE_LOOP:
            del loop.call_at
        else:
            del type(loop).call_at
        seen.clear()
        call_later(loop)
        assert not seen
        loop.close()


class TestAClass:
    def test_that_is_changed_without_end_is_looked_at_each_time(self) -> None:
        class Own(OURS):
            pass

        def call_at(self: Any, when: float, *args: Any, **options: Any) -> Any:
            seen.append(when)
            return OURS.call_at(self, when, *args, **options)

        loop: Any = Own()
        loop.set_debug(False)
        # CPython gives a class no more than a thousand versions.
        for number in range(1500):
            seen: list[float] = []
            Own.call_at = call_at  # type: ignore[method-assign, assignment]
            loop.call_later(60, int).cancel()
            assert len(seen) == 1, number
            del Own.call_at
            loop.call_later(60, int).cancel()
            assert len(seen) == 1, number
        loop.close()

    @pytest.mark.parametrize("base", [OURS, asyncio.SelectorEventLoop, asyncio.BaseEventLoop])
    def test_above_may_have_its_time_replaced(
        self, base: type[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        loop = OURS()
        loop.call_later(60, int).cancel()
        monkeypatch.setattr(base, "time", lambda _: 5.0, raising=False)
        assert loop.call_later(60, int).when() == 65
        loop.close()

    def test_may_be_another_later_on(self) -> None:
        class Own(OURS):
            def time(self) -> float:
                return 7.0

        loop = OURS()
        assert loop.call_later(60, int).when() != 67
        loop.__class__ = Own
        assert loop.call_later(60, int).when() == 67
        loop.close()


@pytest.mark.parametrize("what", ["none_left", "many_changes"])
def test_of_changes_cpython_may_tell_no_more(what: str) -> None:
    ended = programs.run("dictionary_watchers", what)
    assert (ended.lines, ended.code) == (["ok"], 0), ended.stderr
