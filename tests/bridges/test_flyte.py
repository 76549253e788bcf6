"""flyte 2 from PyPI, unmodified, on sideloop. Few processes, since to import it takes long."""

import pytest
from process import TOLD, run

BEFORE = """
from sideloop.compat import flyte as drop_in
drop_in.install(); drop_in.install()
from flyte.syncify import Syncify, syncify
"""

AFTER = """
from flyte.syncify import Syncify, syncify
from sideloop.compat import flyte as drop_in
drop_in.install(); drop_in.install()
syncify = Syncify(name="another")  # the first one keeps its loop
"""

COMMON = (
    TOLD
    + """
import asyncio, concurrent.futures, contextlib, contextvars, os, signal, threading, time
import sideloop

unwound = []
begun = threading.Event()
variable = contextvars.ContextVar("variable", default="default")

@syncify
async def where(*args):
    await asyncio.sleep(0)
    return args, asyncio.get_running_loop(), threading.current_thread(), variable.get()

@syncify
async def late(seconds=60.0):
    begun.set()
    try:
        await asyncio.sleep(seconds)
        return "ended"
    finally:
        await asyncio.sleep(0.01)
        unwound.append(True)

@syncify
async def items(to):
    try:
        for number in range(to):
            await asyncio.sleep(0)
            yield number
    finally:
        await asyncio.sleep(0)
        unwound.append(asyncio.get_running_loop())
"""
)

installs = pytest.mark.parametrize("install", [BEFORE, AFTER], ids=["before", "after"])


@installs
class TestSyncify:
    def test_runs_on_a_runner(self, install: str) -> None:
        uses = """
        variable.set("set")
        args, loop, thread, seen = where(1)
        assert args == (1,) and isinstance(loop, sideloop.EventLoop) and seen == "set"
        assert thread.name == syncify._bg_loop.thread.name in ("flyte_syncify", "another")
        assert where(2)[1] is loop is syncify._bg_loop.loop
        assert list(items(3)) == [0, 1, 2] and unwound == [loop]
        steps = items(3)
        assert next(steps) == 0
        steps.close()
        assert unwound == [loop] * 2
        class Has:
            @syncify
            async def method(self): return self
            @syncify
            @classmethod
            async def made(cls): return cls()
        has = Has.made()
        assert has.method() is has
        async def main():
            assert asyncio.get_running_loop() is not loop
            assert (await where.aio(1))[1] is loop
            assert [number async for number in items.aio(3)] == [0, 1, 2]
            async for number in items.aio(3):
                break
            task = asyncio.create_task(late.aio())
            await asyncio.get_running_loop().run_in_executor(None, begun.wait)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
                raise AssertionError("not cancelled")
            assert unwound[-1] is True, "it was waited for"
        asyncio.run(main())
        print("ok")
        """
        assert run(install, COMMON, uses) == ["ok"]

    def test_raises_and_is_given_up_as_calls_of_ours(self, install: str) -> None:
        uses = """
        import gc, warnings
        warnings.simplefilter("error")
        def raiser(error):
            @syncify
            async def fail(): raise error
            return fail
        for error in (KeyError("of the user's"), SystemExit(3)):
            assert told(raiser(error)) is error
        @syncify
        async def inside(): return where()
        assert "Deadlock detected" in str(told(inside))
        def interrupt():
            begun.wait()
            os.kill(os.getpid(), signal.SIGINT)
        threading.Thread(target=interrupt).start()
        assert type(told(late)) is KeyboardInterrupt and unwound == [True]
        with contextlib.suppress(TimeoutError), sideloop.timeout(0.05):
            late()
            raise AssertionError("not limited")
        assert unwound == [True, True]
        @syncify
        async def circle():
            with sideloop.Runner() as other:
                async def back(): return where()
                return other.run(back)
        assert type(told(circle)) is sideloop.DeadlockError
        @syncify
        async def stop():
            asyncio.get_running_loop().stop()
            await asyncio.sleep(60)
        loop = where()[1]
        assert type(told(stop)) is sideloop.LoopStoppedError
        assert where()[1] is not loop, "a loop that was stopped is replaced"
        gc.collect()
        child = os.fork()
        assert (where()[1] is syncify._bg_loop.loop) and where(1)[0] == (1,)
        if child:
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        print("ok", flush=True)
        """
        assert run(install, COMMON, uses) == ["ok", "ok"]


WORKFLOW = """
import asyncio
import flyte
from flyte.syncify import syncify

environment = flyte.TaskEnvironment(name="sums")

@environment.task
async def double(number: int) -> int:
    await asyncio.sleep(0.001)
    return 2 * number

@environment.task
def triple(number: int) -> int:
    return 3 * number

@environment.task
async def workflow(to: int) -> list[int]:
    many = await asyncio.gather(*(double(number) for number in range(to)))
    return [*many, await triple.aio(to)]

flyte.init()
run = flyte.with_runcontext(mode="local").run(workflow, 5)
assert run.outputs()[0] == [0, 2, 4, 6, 8, 15], run.outputs()
print(type(syncify._bg_loop.loop).__module__)
"""


class TestALocalRun:
    def test_gives_what_it_gives_on_flytes_own_bridge(self) -> None:
        before = "from sideloop.compat import flyte as drop_in; drop_in.install()"
        assert run(WORKFLOW) == ["asyncio.unix_events"]
        assert run(before, WORKFLOW) == ["sideloop"]


class TestInstall:
    def test_is_taken_out_again_while_calls_run_and_refuses_what_it_does_not_know(self) -> None:
        uses = """
        import flyte.syncify._api as api
        theirs = syncify._bg_loop.loop
        assert not isinstance(theirs, sideloop.EventLoop)
        kept = dict(vars(api._BackgroundLoop))
        def other(self, coroutine): "Not as it was."
        api._BackgroundLoop.aio = other
        from sideloop.compat import flyte as drop_in
        error = told(drop_in.install)
        assert "knows flyte 2.6 to 2.12" in str(error), error
        assert "has _BackgroundLoop.aio(self, coroutine), so nothing was replaced" in str(error)
        assert api._BackgroundLoop.stop is kept["stop"]
        api._BackgroundLoop.aio = kept["aio"]

        drop_in.install()
        assert where()[1] is theirs, "a loop that is there stays"
        with contextlib.suppress(TimeoutError), sideloop.timeout(0.05):
            late()
            raise AssertionError("not limited")
        assert unwound == [True], "calls come to it by ours"
        assert list(items(2)) == [0, 1]
        ours = Syncify(name="ours")
        late_on_ours, where_on_ours = ours(late.fn), ours(where.fn)
        loop = where_on_ours()[1]
        assert isinstance(loop, sideloop.EventLoop)
        begun.clear()
        answers = []
        under_way = threading.Thread(target=lambda: answers.append(late_on_ours(0.2)))
        under_way.start()
        begun.wait()
        drop_in.uninstall(); drop_in.uninstall()
        assert dict(vars(api._BackgroundLoop)) == kept
        under_way.join()
        assert answers == ["ended"]
        assert where_on_ours()[1] is loop and where()[1] is theirs
        with drop_in.installed():
            assert where_on_ours()[1] is loop
            with drop_in.installed():
                pass
            assert api._BackgroundLoop.stop is not kept["stop"]
        assert api._BackgroundLoop.stop is kept["stop"]
        print("ok")
        """
        assert run("from flyte.syncify import Syncify, syncify", COMMON, uses) == ["ok"]
