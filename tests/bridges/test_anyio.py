"""anyio from PyPI, unmodified, with portals on sideloop."""

import pytest
from process import PAGES, TOLD, run

BEFORE = """
from sideloop.compat import anyio as drop_in
drop_in.install(); drop_in.install()
import anyio, anyio.from_thread
from anyio.from_thread import BlockingPortal, start_blocking_portal
"""

AFTER = """
import anyio, anyio.from_thread
from anyio.from_thread import BlockingPortal, start_blocking_portal
theirs = [BlockingPortal, start_blocking_portal]  # not names, which would be replaced, too
from sideloop.compat import anyio as drop_in
drop_in.install(); drop_in.install()
assert BlockingPortal is not theirs[0] and start_blocking_portal is not theirs[1]
assert anyio.from_thread.BlockingPortal is BlockingPortal, "what modules have taken is replaced"
"""

COMMON = (
    TOLD
    + """
import asyncio, concurrent.futures, contextlib, contextvars, os, signal, threading, time
import sideloop

async def where(*args):
    await anyio.sleep(0)
    return args, asyncio.get_running_loop(), threading.current_thread()

unwound = []
begun = threading.Event()

async def late(seconds=60.0):
    begun.set()
    try:
        await anyio.sleep(seconds)
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.sleep(0.01)
        unwound.append(True)

def interrupt():
    begun.wait()
    os.kill(os.getpid(), signal.SIGINT)

def interrupted(sync_fn, *args):
    begun.clear(); unwound.clear()
    threading.Thread(target=interrupt).start()
    assert type(told(sync_fn, *args)) is KeyboardInterrupt
    assert unwound == [True], "its cleanup has run"
"""
)

installs = pytest.mark.parametrize("install", [BEFORE, AFTER], ids=["before", "after"])


@installs
class TestCall:
    def test_runs_on_a_runner(self, install: str) -> None:
        uses = """
        variable = contextvars.ContextVar("variable", default="default")
        variable.set("set")
        with start_blocking_portal() as portal:
            assert type(portal).__module__ == "sideloop.compat._portal"
            assert isinstance(portal, BlockingPortal)
            args, loop, thread = portal.call(where, 1)
            assert args == (1,) and isinstance(loop, sideloop.EventLoop)
            assert thread.name == f"asyncio-portal-{id(portal):x}", thread
            assert portal.call(where, 2)[1] is loop
            assert portal.call(threading.current_thread) is thread
            assert portal.call(variable.get) == "set"
            assert portal.call(asyncio.sleep, 0, "slept") == "slept"
        assert not thread.is_alive() and loop.is_closed()
        assert str(told(portal.call, where)) == "This portal is not running"
        print("ok")
        """
        assert run(install, COMMON, uses) == ["ok"]

    def test_runs_on_the_loop_of_others(self, install: str) -> None:
        uses = """
        async def main():
            async with BlockingPortal() as portal:
                loop, thread = asyncio.get_running_loop(), threading.current_thread()
                assert await anyio.to_thread.run_sync(portal.call, where, 1) == ((1,), loop, thread)
                assert "from the event loop thread" in str(told(portal.call, where))
                assert "from the event loop thread" in str(told(portal.start_task_soon, where))
        anyio.run(main)
        print("ok")
        """
        assert run(install, COMMON, uses) == ["ok"]

    def test_raises_what_the_function_raises(self, install: str) -> None:
        uses = """
        import gc
        def raiser(error):
            async def fail(): raise error
            return fail
        with start_blocking_portal() as portal:
            for error in (KeyError("of the user's"), SystemExit(3), BaseException("fatal")):
                assert told(portal.call, raiser(error)) is error
                assert told(portal.start_task_soon(raiser(error)).result) is error
                assert told(portal.start_task, lambda task_status: raiser(error)()) is error
            assert type(told(portal.call, next, iter(()))) is StopIteration
            assert type(told(portal.call, raiser(asyncio.CancelledError()))) is (
                concurrent.futures.CancelledError
            )
            assert portal.call(where, 1)[0] == (1,), "the portal goes on"
            async def fail(): raise KeyError
            del error
            gc.collect(); gc.disable()
            told(portal.call, fail)
            assert not [one for one in gc.get_objects() if isinstance(one, KeyError)]
        print("ok")
        """
        assert run(install, COMMON, uses) == ["ok"]

    def test_is_cancelled_by_ctrl_c_and_time_limits(self, install: str) -> None:
        uses = """
        def start(*, task_status): return late()
        with start_blocking_portal() as portal:
            interrupted(portal.call, late)
            interrupted(portal.start_task, start)
            for sync_fn, async_fn in ((portal.call, late), (portal.start_task, start)):
                unwound.clear()
                with contextlib.suppress(TimeoutError), sideloop.timeout(0.1):
                    sync_fn(async_fn)
                    raise AssertionError("not limited")
                assert unwound == [True]
            assert portal.call(where, 1)[0] == (1,)
        print("ok")
        """
        assert run(install, COMMON, uses) == ["ok"]

    def test_does_not_hang_where_the_original_does(self, install: str) -> None:
        uses = """
        async def stop():
            asyncio.get_running_loop().stop()
            await anyio.sleep(60)
        with start_blocking_portal() as portal:
            async def circle():
                other = sideloop.Runner()
                async def back(): portal.call(where)
                try:
                    other.run(back)
                finally:
                    other.close()
            print(type(told(portal.call, circle)).__name__)
            print(type(told(portal.call, stop)).__name__)
        """
        assert run(install, COMMON, uses) == ["DeadlockError", "LoopStoppedError"]

    def test_is_refused_in_a_forks_child(self, install: str) -> None:
        uses = """
        with start_blocking_portal() as portal:
            portal.call(where)
            child = os.fork()
            if not child:
                assert "made before a fork" in str(told(portal.call, where))
                assert "made before a fork" in str(told(portal.start_task_soon, where))
                with start_blocking_portal() as another:
                    assert another.call(where, 1)[0] == (1,)
                raise SystemExit(0)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            assert portal.call(where, 1)[0] == (1,), "the parent's goes on"
        print("ok")
        """
        assert run(install, COMMON, uses) == ["ok"]


@installs
class TestTasks:
    def test_are_started_cancelled_and_named(self, install: str) -> None:
        uses = """
        async def serve(*, task_status):
            task_status.started(anyio.get_current_task().name)
            await late()
        with start_blocking_portal() as portal:
            future, name = portal.start_task(serve, name="server")
            assert name == "server" and not future.done()
            begun.wait()
            assert future.cancel() and future.cancelled()
            assert not concurrent.futures.wait([future], 20).not_done and unwound == [True]
            future = portal.start_task_soon(where, 1)
            assert future.result(20)[0] == (1,)
            assert not future.cancel()
            async def silent(*, task_status): pass
            assert str(told(portal.start_task, silent)) == (
                "Task exited without calling task_status.started()"
            )
        print("ok")
        """
        assert run(install, COMMON, uses) == ["ok"]

    def test_belong_to_the_portals_group(self, install: str) -> None:
        uses = """
        left = []
        with start_blocking_portal() as portal:
            future = portal.start_task_soon(late, 0.1)
        assert unwound == [True] and future.done(), "it was waited for"
        unwound.clear()
        with contextlib.suppress(KeyError), start_blocking_portal() as portal:
            future = portal.start_task_soon(late)
            waits = threading.Thread(target=lambda: left.append(told(portal.call, late)))
            waits.start()
            while portal.call(lambda: len(portal._task_group._tasks)) < 3: time.sleep(0.01)
            raise KeyError
        waits.join()
        assert unwound == [True, True] and future.cancelled()
        assert type(left[0]) is concurrent.futures.CancelledError
        print("ok")
        """
        assert run(install, COMMON, uses) == ["ok"]

    def test_have_cancel_scopes_and_groups_of_their_own(self, install: str) -> None:
        uses = """
        async def scoped():
            with anyio.move_on_after(0.05) as scope:
                await late()
            assert scope.cancelled_caught
            async with anyio.create_task_group() as group:
                group.start_soon(late)
                await anyio.wait_all_tasks_blocked()
                group.cancel_scope.cancel()
            await anyio.sleep(0)
            return "went on"
        async def failing():
            async with anyio.create_task_group() as group:
                group.start_soon(late)
                raise KeyError("of the user's")
        with start_blocking_portal() as portal:
            assert portal.call(scoped) == "went on" and unwound == [True, True]
            error = told(portal.call, failing)
            assert type(error).__name__ == "ExceptionGroup", error
            assert type(error.exceptions[0]) is KeyError and len(unwound) == 3
            scope = portal.call(anyio.CancelScope)
            async def inside():
                with scope:
                    await late()
                return "left"
            future = portal.start_task_soon(inside)
            portal.call(scope.cancel)
            assert future.result(20) == "left"
        print("ok")
        """
        assert run(install, COMMON, uses) == ["ok"]


@installs
class TestWrapAsyncContextManager:
    def test_visits_it_in_one_task(self, install: str) -> None:
        uses = """
        tasks = []
        @contextlib.asynccontextmanager
        async def visited(swallows):
            tasks.append(asyncio.current_task())
            async with anyio.create_task_group() as group:  # which wants one task for both ends
                group.start_soon(anyio.sleep, 0)
                try:
                    yield "entered"
                except KeyError:
                    if not swallows:
                        raise
                finally:
                    tasks.append(asyncio.current_task())
        with start_blocking_portal() as portal:
            with portal.wrap_async_context_manager(visited(True)) as entered:
                assert entered == "entered"
                raise KeyError
            error = KeyError("of the user's")
            def passes():
                with portal.wrap_async_context_manager(visited(False)):
                    raise error
            assert told(passes).exceptions == (error,)
            assert tasks[0] is tasks[1] is not tasks[2] is tasks[3]
        print("ok")
        """
        assert run(install, COMMON, uses) == ["ok"]

    def test_unwinds_on_ctrl_c_at_either_end(self, install: str) -> None:
        uses = """
        class Slow:
            async def __aenter__(self): await late()
            async def __aexit__(self, *reason): raise AssertionError("never entered")
        class Sticky:
            async def __aenter__(self): return self
            async def __aexit__(self, *reason): await late()
        class Fails:
            async def __aenter__(self): raise KeyError("of the user's")
            async def __aexit__(self, *reason): raise AssertionError("never entered")
        with start_blocking_portal() as portal:
            interrupted(portal.wrap_async_context_manager(Slow()).__enter__)
            view = portal.wrap_async_context_manager(Sticky())
            view.__enter__()
            interrupted(view.__exit__, None, None, None)
            assert type(told(portal.wrap_async_context_manager(Fails()).__enter__)) is KeyError
            assert portal.call(where, 1)[0] == (1,)
        print("ok")
        """
        assert run(install, COMMON, uses) == ["ok"]

    def test_leaves_it_when_the_portal_is_cancelled(self, install: str) -> None:
        uses = """
        class Kept:
            async def __aenter__(self): return self
            async def __aexit__(self, *reason): unwound.append(reason)
        with start_blocking_portal() as portal:
            view = portal.wrap_async_context_manager(Kept())
            view.__enter__()
            portal.call(portal.stop, True)
        assert unwound == [(None, None, None)]
        assert type(told(view.__exit__, None, None, None)) is RuntimeError
        print("ok")
        """
        assert run(install, COMMON, uses) == ["ok"]


@installs
class TestRealWork:
    def test_serves_a_client_of_http(self, install: str) -> None:
        uses = """
        import httpx
        provider = anyio.from_thread.BlockingPortalProvider()
        with provider as portal, provider as same:
            assert portal is same
            with portal.wrap_async_context_manager(httpx.AsyncClient()) as client:
                assert portal.call(client.get, f"{address}/a").content == b"of /a"
                pages = [f"{address}/{number}" for number in range(20)]
                futures = [portal.start_task_soon(client.get, page) for page in pages]
                found = [future.result(20).content for future in futures]
                assert found == [f"of /{number}".encode() for number in range(20)]
                answers = []
                def get(): answers.append(portal.call(client.get, f"{address}/b").content)
                threads = [threading.Thread(target=get) for _ in range(8)]
                for thread in threads: thread.start()
                for thread in threads: thread.join()
                assert answers == [b"of /b"] * 8
        server.shutdown(); server.server_close()
        print("ok")
        """
        assert run(install, COMMON, PAGES, uses) == ["ok"]

    def test_leaves_trio_and_worker_threads_to_anyio(self, install: str) -> None:
        uses = """
        import trio
        with start_blocking_portal("trio") as portal:
            assert portal.call(trio.lowlevel.current_trio_token) and portal._ways is None
            future, value = portal.start_task(lambda task_status: started(task_status))
            assert value == 22 and future.result(20) is None
            with portal.wrap_async_context_manager(portal.call(anyio.create_task_group)):
                assert portal.start_task_soon(where_trio).result(20) == "trio"
        async def main():
            def work(): return anyio.from_thread.run(where, 1)[1], anyio.from_thread.run_sync(id, 1)
            assert (await anyio.to_thread.run_sync(work))[0] is asyncio.get_running_loop()
        anyio.run(main)
        assert anyio.from_thread.run.__module__ == "anyio.from_thread"
        print("ok")
        """
        common = """
        async def started(status):
            status.started(22)
        async def where_trio():
            import sniffio
            return sniffio.current_async_library()
        """
        assert run(install, COMMON, common, uses) == ["ok"]

    def test_ends_with_the_interpreter_while_a_portal_is_open(self, install: str) -> None:
        uses = """
        view = start_blocking_portal()
        portal = view.__enter__()
        async def left():
            try:
                begun.set()
                await anyio.sleep(60)
            finally:
                print("unwound")
        future = portal.start_task_soon(left)
        begun.wait()
        print("end")
        """
        assert run(install, COMMON, uses) == ["end", "unwound"]


class TestInstall:
    def test_is_taken_out_again_while_calls_run(self) -> None:
        uses = """
        answers = []
        with start_blocking_portal() as ours:
            running = threading.Thread(target=lambda: answers.append(ours.call(late, 0.2)))
            running.start()
            begun.wait()
            drop_in.uninstall(); drop_in.uninstall()
            assert anyio.from_thread.BlockingPortal.__module__ == "anyio.from_thread"
            assert BlockingPortal is anyio.from_thread.BlockingPortal
            assert ours.call(where, 1)[0] == (1,), "one that is open stays"
            with start_blocking_portal() as theirs:
                assert not isinstance(theirs.call(where)[1], sideloop.EventLoop)
                with drop_in.installed():
                    assert not isinstance(theirs.call(where)[1], sideloop.EventLoop)
                    with drop_in.installed(), start_blocking_portal() as again:
                        assert isinstance(again.call(where)[1], sideloop.EventLoop)
                    assert BlockingPortal.__module__ == "sideloop.compat._portal"
                assert BlockingPortal.__module__ == "anyio.from_thread"
            running.join()
            assert answers == [None] and unwound == [True]
        print("ok")
        """
        assert run(BEFORE, COMMON, uses) == ["ok"]

    def test_refuses_what_it_does_not_know(self) -> None:
        uses = """
        import anyio.from_thread
        theirs = [anyio.from_thread.BlockingPortal.call, anyio.from_thread.start_blocking_portal]
        def other(self, function): "Not as it was."
        anyio.from_thread.BlockingPortal.call = other
        from sideloop.compat import anyio as drop_in
        error = told(drop_in.install)
        assert type(error) is RuntimeError and "knows anyio 4.12 to 4.16" in str(error), error
        assert "has BlockingPortal.call(self, function), so nothing was replaced" in str(error)
        assert anyio.from_thread.start_blocking_portal is theirs[1]
        assert anyio.from_thread.BlockingPortal.__module__ == "anyio.from_thread"
        anyio.from_thread.BlockingPortal.call = theirs[0]
        drop_in.install()
        assert anyio.from_thread.start_blocking_portal is not theirs[1]
        print("ok")
        """
        assert run(COMMON, uses) == ["ok"]

    def test_leaves_alone_what_only_says_that_it_is_a_module(self) -> None:
        uses = """
        import sys, types
        class Library:  # as cffi's
            __class__ = types.ModuleType
        sys.modules["a_library"] = Library()
        import anyio.from_thread
        from sideloop.compat import anyio as drop_in
        drop_in.install()
        print("ok")
        """
        assert run(uses) == ["ok"]
