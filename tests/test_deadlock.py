"""Calls that would wait for each other: refused, with both call sites."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import sideloop
from sideloop import DeadlockError, LoopManager, Runner, run_sync


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
