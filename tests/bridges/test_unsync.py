"""unsync from PyPI, unmodified, on sideloop."""

import pytest
from process import PAGES, TOLD, run

BEFORE = """
from sideloop.compat import unsync as drop_in
drop_in.install(); drop_in.install()
from unsync import Unfuture, unsync
"""

AFTER = """
from unsync import Unfuture, unsync

@unsync
async def decorated_before(*args):
    import asyncio
    return asyncio.get_running_loop()

from sideloop.compat import unsync as drop_in
drop_in.install(); drop_in.install()
assert decorated_before().result() is unsync.loop, "what was decorated before is served, too"
"""

COMMON = (
    TOLD
    + """
import asyncio, concurrent.futures, contextvars, os, threading, time
import sideloop

@unsync
async def where(*args, **kwargs):
    "Documented."
    await asyncio.sleep(0)
    return args, kwargs, asyncio.get_running_loop(), threading.current_thread()

unwound = []
begun = threading.Event()

@unsync
async def late(seconds=60.0):
    begun.set()
    try:
        await asyncio.sleep(seconds)
        return "ended"
    finally:
        await asyncio.sleep(0.01)
        unwound.append(True)
"""
)

installs = pytest.mark.parametrize("install", [BEFORE, AFTER], ids=["before", "after"])


@installs
class TestUnsync:
    def test_runs_coroutines_on_a_runner(self, install: str) -> None:
        uses = """
        assert (where.__doc__, where.__name__) == ("Documented.", "where")
        assert isinstance(unsync.loop, sideloop.EventLoop) and unsync.loop is unsync.loop
        assert unsync.thread.name == "unsync" and unsync.thread.is_alive()
        future = where(1, async_fn=2)
        assert isinstance(future, Unfuture) and isinstance(future.future, asyncio.Future)
        found = future.result(20)
        assert found == ((1,), {"async_fn": 2}, unsync.loop, unsync.thread), found
        assert future.done() and future.result() is found
        variable = contextvars.ContextVar("variable", default="default")
        variable.set("set")
        @unsync
        async def read(): return variable.get()
        assert read().result() == "set"
        class Has:
            @unsync
            async def method(self): return self
        has = Has()
        assert has.method().result() is has
        print("ok")
        """
        assert run(install, COMMON, uses) == ["ok"]

    def test_has_coroutines_await_all_kinds_of_its_futures(self, install: str) -> None:
        uses = """
        @unsync
        def in_a_thread(): return threading.current_thread()
        @unsync
        async def fan_out(given):
            many = [where(number) for number in range(100)]
            threads = {await in_a_thread() for _ in range(3)}
            assert unsync.thread not in threads
            return [(await one)[0][0] for one in many], await given, await Unfuture.from_value(22)
        found = fan_out(late(0.01).then(lambda ended: ended + " then")).result(20)
        assert found == (list(range(100)), "ended then", 22)
        @unsync
        async def waits(): return where().result()
        assert type(told(waits().result)) is asyncio.InvalidStateError, "as before"
        @unsync
        async def has_waited():
            future = where(3)
            await future
            return future.result()
        assert has_waited().result(20)[0] == (3,)
        print("ok")
        """
        assert run(install, COMMON, uses) == ["ok"]

    def test_raises_what_the_coroutine_raises(self, install: str) -> None:
        uses = """
        import gc, logging
        logging.raiseExceptions = True
        error = KeyError("of the user's")
        @unsync
        async def fail(): raise error
        future = fail()
        assert told(future.result) is error and told(future.result) is error
        @unsync
        async def awaits(): await fail()
        assert told(awaits().result) is error
        assert isinstance(told(late().result, timeout=0.05), concurrent.futures.TimeoutError)
        fail(); del future, error
        where().result(); gc.collect()  # and nothing is said of an exception never retrieved
        print("ok")
        """
        assert run(install, COMMON, uses) == ["ok"]

    def test_is_cancelled_from_either_side(self, install: str) -> None:
        uses = """
        for side in ("concurrent_future", "future"):
            begun.clear(); unwound.clear()
            future = late()
            begun.wait()
            if side == "future":
                unsync.loop.call_soon_threadsafe(future.future.cancel)
            else:
                future.concurrent_future.cancel()
            assert isinstance(
                told(future.result, 20), (asyncio.CancelledError, concurrent.futures.CancelledError)
            )
            concurrent.futures.wait([future.concurrent_future], 20)
            assert unwound == [True]
            @unsync
            async def awaits(): await future
            told(awaits().result, 20)
            assert future.future.cancelled()
        print("ok")
        """
        assert run(install, COMMON, uses) == ["ok"]

    def test_does_not_hang_where_the_original_does(self, install: str) -> None:
        uses = """
        @unsync
        async def leave(): raise SystemExit(3)
        @unsync
        async def stop():
            asyncio.get_running_loop().stop()
            await asyncio.sleep(60)
        @unsync
        async def circle():
            with sideloop.Runner() as other:
                async def back(): return where().result()
                return other.run(back)
        loop = unsync.loop
        for function in (leave, circle, stop):
            print(type(told(lambda: function().result(20))).__name__)
        assert unsync.loop is not loop, "a loop that was stopped is replaced"
        assert where().result()[2] is unsync.loop
        """
        assert run(install, COMMON, uses) == ["SystemExit", "DeadlockError", "LoopStoppedError"]

    def test_works_in_a_forks_child(self, install: str) -> None:
        uses = """
        loop = where().result()[2]
        child = os.fork()
        assert (where().result(20)[2] is loop) == bool(child)
        if child:
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        print("ok", flush=True)
        """
        assert run(install, COMMON, uses) == ["ok", "ok"]

    def test_unwinds_what_is_left_at_exit(self, install: str) -> None:
        uses = """
        @unsync
        async def left():
            try:
                begun.set()
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0.01)
                print("unwound")
        left()
        begun.wait()
        print("end")
        """
        assert run(install, COMMON, uses) == ["end", "unwound"]

    def test_fetches_pages_as_its_documentation_shows(self, install: str) -> None:
        uses = """
        import urllib.request, aiohttp
        @unsync
        async def fetch(session, page):
            async with session.get(f"{address}/{page}") as answer:
                return await answer.read()
        @unsync
        def download(page):
            with urllib.request.urlopen(f"{address}/{page}") as answer:
                return answer.read()
        @unsync
        async def both(pages):
            async with aiohttp.ClientSession() as session:
                fetched = [fetch(session, page) for page in pages]
                downloaded = [download(page) for page in pages]
                return [await one for one in fetched] == [await one for one in downloaded]
        assert both(range(20)).result(30) is True
        server.shutdown(); server.server_close()
        print("ok")
        """
        assert run(install, COMMON, PAGES, uses) == ["ok"]


class TestInstall:
    def test_is_taken_out_again_while_calls_run(self) -> None:
        uses = """
        loop = unsync.loop
        future = late(0.2)
        begun.wait()
        drop_in.uninstall(); drop_in.uninstall()
        assert Unfuture.__init__.__module__ == "unsync.unsync"
        assert where().result()[2] is loop is unsync.loop, "the loop that is there stays"
        assert isinstance(where().future, asyncio.Task), "by unsync's own bridge"
        assert future.result(20) == "ended" and unwound == [True]
        with drop_in.installed():
            assert not isinstance(where().future, asyncio.Task)
            with drop_in.installed():
                pass
            assert not isinstance(where().future, asyncio.Task)
        assert isinstance(where().future, asyncio.Task)
        where().result()
        print("ok")
        """
        assert run(BEFORE, COMMON, uses) == ["ok"]

    def test_keeps_a_loop_that_is_there(self) -> None:
        uses = """
        from unsync import unsync
        theirs = unsync.loop
        from sideloop.compat import unsync as drop_in
        drop_in.install()
        assert unsync.loop is theirs and not isinstance(theirs, sideloop.EventLoop)
        assert where().result()[2] is theirs and not isinstance(where().future, asyncio.Task)
        where().result()
        print("ok")
        """
        assert run("from unsync import unsync", COMMON, uses) == ["ok"]

    def test_may_be_given_the_runner(self) -> None:
        uses = """
        runner = sideloop.Runner(name="shared", loop_factory=asyncio.new_event_loop)
        drop_in.install(runner)
        assert where().result()[2] is runner.loop is unsync.loop
        print("ok")
        """
        before = "from sideloop.compat import unsync as drop_in; from unsync import unsync"
        assert run(before, COMMON, uses) == ["ok"]

    def test_refuses_what_it_does_not_know(self) -> None:
        uses = """
        import sys
        from unsync import Unfuture, unsync
        module = sys.modules["unsync.unsync"]
        theirs = Unfuture.__init__
        def other(self): "Not as it was."
        Unfuture.__init__ = other
        from sideloop.compat import unsync as drop_in
        try:
            drop_in.install()
        except RuntimeError as error:
            assert "knows unsync 1.4" in str(error), error
            assert "1.4.0 has Unfuture.__init__(self), so nothing was replaced" in str(error)
        else:
            raise AssertionError("not refused")
        assert Unfuture.__init__ is other
        assert type(unsync).loop.fget.__module__ == "unsync.unsync"
        Unfuture.__init__ = theirs
        drop_in.install()
        assert Unfuture.__init__ is not theirs
        print("ok")
        """
        assert run(uses) == ["ok"]
