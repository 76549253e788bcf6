"""Our errors: they pickle, wherever they come from, and come back whole."""

import asyncio
import concurrent.futures
import copy
import multiprocessing
import pickle
from collections.abc import Callable

import pytest
from pace import scaled

import sideloop
from sideloop import DeadlockError, LoopStoppedError, NestingError, Runner, RunnerClosedError


def closed() -> None:
    runner = Runner(name="r")
    runner.close()
    runner.run(asyncio.sleep, 0)


def cut_off() -> None:
    runner = Runner(name="r")

    async def wait() -> None:
        await asyncio.sleep(60)

    future = runner.submit(wait)
    runner.close()
    future.result(scaled(20))


def stopped() -> None:
    async def stop() -> None:
        asyncio.get_running_loop().stop()
        await asyncio.sleep(5)

    sideloop.run_sync(stop)


def host_gone() -> None:
    loop = asyncio.new_event_loop()

    async def stop() -> None:
        asyncio.get_running_loop().call_soon(loop.stop)
        await asyncio.sleep(60)

    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        started = concurrent.futures.Future[None]()
        loop.call_soon(started.set_result, None)

        def turn() -> None:
            loop.run_forever()
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()

        threads.submit(turn)
        started.result(scaled(20))
        sideloop.run_on(loop, stop)


def dead() -> None:
    with Runner(name="r") as runner:

        async def again() -> None:
            runner.run(asyncio.sleep, 0)

        runner.run(again)


def dead_through_another() -> None:
    with Runner(name="one") as one, Runner(name="two") as two:

        async def back() -> None:
            one.run(asyncio.sleep, 0)

        async def through() -> None:
            two.run(back)

        one.run(through)


def nested() -> None:
    async def again() -> None:
        sideloop.run_sync(again)

    sideloop.run_sync(again)


FAILURES = [
    (RunnerClosedError, closed),
    (RunnerClosedError, cut_off),
    (LoopStoppedError, stopped),
    (LoopStoppedError, host_gone),
    (DeadlockError, dead),
    (DeadlockError, dead_through_another),
    (NestingError, nested),
]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # 3.12 on: a fork with threads
class TestPickling:
    @pytest.mark.parametrize(("kind", "fail"), FAILURES)
    def test_keeps_class_text_and_attributes(
        self, kind: type[Exception], fail: Callable[[], None]
    ) -> None:
        with pytest.raises(kind) as raised:
            fail()
        error = raised.value
        vars(error)["told"] = "what a user has set"
        vars(error)["__notes__"] = ["a note"]
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            back = pickle.loads(pickle.dumps(error, protocol))
            assert type(back) is kind
            assert (str(back), back.args, vars(back)) == (str(error), error.args, vars(error))
        assert str(copy.copy(error)) == str(error)

    def test_of_one_that_a_user_has_derived(self) -> None:
        back = pickle.loads(pickle.dumps(RefusedError("no")))
        assert (type(back), str(back)) == (RefusedError, "no")

    def test_brings_them_through_a_pool_of_multiprocessing(self) -> None:
        with multiprocessing.get_context("fork").Pool(1) as pool:
            for kind, fail in ((RunnerClosedError, closed), (LoopStoppedError, stopped)):
                with pytest.raises(kind):
                    pool.apply_async(fail).get(20)

    def test_brings_them_through_a_pool_of_concurrent_futures(self) -> None:
        context = multiprocessing.get_context("fork")
        with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
            for kind, fail in ((RunnerClosedError, closed), (DeadlockError, dead)):
                with pytest.raises(kind):
                    pool.submit(fail).result(scaled(20))


class RefusedError(RunnerClosedError):
    pass
