"""jupyter_core from PyPI, unmodified, on sideloop."""

import pytest
from process import run

BEFORE = """
from sideloop.compat import jupyter_core as drop_in
drop_in.install(); drop_in.install()
from jupyter_core import utils
from jupyter_core.utils import run_sync
"""

AFTER = """
from jupyter_core import utils
from jupyter_core.utils import run_sync
theirs = [run_sync]
from sideloop.compat import jupyter_core as drop_in
drop_in.install(); drop_in.install()
assert run_sync is not theirs[0] and run_sync is utils.run_sync
"""

COMMON = """
import asyncio, threading, time
import sideloop

async def where(*args, **kwargs):
    "Documented."
    await asyncio.sleep(0)
    return args, kwargs, asyncio.get_running_loop(), threading.current_thread()
"""

installs = pytest.mark.parametrize("install", [BEFORE, AFTER], ids=["before", "after"])


@installs
class TestRunSync:
    def test_runs_on_the_threads_own_loop(self, install: str) -> None:
        uses = """
        wrapped = run_sync(where)
        assert (wrapped.__doc__, wrapped.__name__) == ("Documented.", "where")
        loop = utils.ensure_event_loop()
        expected = ((1,), {"async_fn": 2}, loop, threading.main_thread())
        assert wrapped(1, async_fn=2) == expected
        assert loop.run_until_complete(where())[2] is loop
        with sideloop.timeout(0.05):
            try:
                run_sync(asyncio.sleep)(60)
            except TimeoutError:
                print("over")
        """
        assert run(install, COMMON, uses) == ["over"]

    def test_has_one_loop_for_each_thread(self, install: str) -> None:
        uses = """
        import contextvars
        wrapped = run_sync(where)
        own = utils.ensure_event_loop()
        assert isinstance(own, sideloop.EventLoop) and wrapped()[2] is own
        assert asyncio.get_event_loop_policy().get_event_loop() is own
        found = []
        def call():
            found.append(utils.ensure_event_loop())
            found.append(wrapped()[2])
            found.append(wrapped()[3])
        thread = threading.Thread(target=call)
        thread.start(); thread.join()
        assert found[0] is found[1] is not own and found[2] is thread and found[0].is_closed()
        # In its context, but of another thread: that one's loop, as by the original.
        thread = threading.Thread(target=contextvars.copy_context().run, args=(call,))
        thread.start(); thread.join()
        assert found[3] is found[4] is own and found[5] is thread and not own.is_closed()
        own.close()
        assert wrapped()[2] is utils.ensure_event_loop() is not own
        async def inside():
            return utils.ensure_event_loop() is asyncio.get_running_loop()
        assert contextvars.Context().run(asyncio.run, inside())
        print("ok")
        """
        assert run(install, COMMON, uses) == ["ok"]

    def test_runs_on_the_loop_that_was_set(self, install: str) -> None:
        uses = """
        loop = asyncio.new_event_loop()
        utils._loop.set(loop)
        wrapped = run_sync(where)
        assert wrapped()[2] is utils.ensure_event_loop() is loop
        running = threading.Thread(target=loop.run_forever)
        running.start()
        assert wrapped()[2] is not loop
        loop.call_soon_threadsafe(loop.stop)
        running.join()
        assert wrapped()[2:] == (loop, threading.main_thread())
        loop.close()
        print("ok")
        """
        assert run(install, COMMON, uses) == ["ok"]

    def test_has_another_one_in_a_forks_child(self, install: str) -> None:
        uses = """
        import os
        wrapped = run_sync(where)
        own = wrapped()[2]
        child = os.fork()
        if not child:
            found = wrapped()[2]
            right = found is utils.ensure_event_loop() is not own
            right = right and found.run_until_complete(where())[2] is found
            os._exit(0 if right and wrapped()[2] is found else 1)
        assert os.waitpid(child, 0)[1] == 0 and wrapped()[2] is own
        print("ok")
        """
        assert run(install, COMMON, uses) == ["ok"]

    def test_ends_with_the_interpreter(self, install: str) -> None:
        uses = """
        async def late():
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0)
                print("unwound", flush=True)
        async def begin():
            global task
            task = asyncio.create_task(late())
            await asyncio.sleep(0)
        run_sync(begin)()
        """
        assert run(install, COMMON, uses) == ["unwound"]

    def test_runs_beside_a_loop_that_runs(self, install: str) -> None:
        uses = """
        wrapped = run_sync(where)
        async def main():
            found = wrapped(1)
            assert found[2] is not asyncio.get_running_loop()
            assert found[3] is not threading.current_thread()
            async def deeper():
                return wrapped(2)[2]
            assert run_sync(deeper)() is not found[2]
            return found[2]
        first = asyncio.run(main())
        async def fail(): raise KeyError("of the user's")
        async def failing():
            try:
                run_sync(fail)()
            except KeyError:
                return "ok"
        print(asyncio.run(failing()))
        """
        assert run(install, COMMON, uses) == ["ok"]

    def test_keeps_threads_of_one_name_apart(self, install: str) -> None:
        uses = """
        wrapped = run_sync(where)
        found = []
        both = threading.Barrier(2)
        async def main():
            found.append(wrapped()[2])
            both.wait(20)
        def run(): asyncio.run(main())
        threads = [threading.Thread(target=run, name="same") for _ in range(2)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        assert found[0] is not found[1]
        print("ok")
        """
        assert run(install, COMMON, uses) == ["ok"]

    def test_is_taken_out_again(self, install: str) -> None:
        uses = """
        ours = run_sync(where)
        drop_in.uninstall(); drop_in.uninstall()
        assert utils.run_sync.__module__ == "jupyter_core.utils" and utils._runner_map == {}
        assert type(utils._runner_map) is dict
        assert ours()[3] is threading.main_thread()
        assert utils.run_sync(where)()[3] is threading.main_thread()
        with drop_in.installed():
            assert utils.run_sync.__module__ == "sideloop.compat.jupyter_core"
        print("ok")
        """
        assert run(install, COMMON, uses) == ["ok"]


class TestWhatWasWrappedBefore:
    def test_runs_on_sideloop_where_a_loop_runs(self) -> None:
        uses = """
        from jupyter_core.utils import run_sync
        wrapped = run_sync(where)
        from sideloop.compat import jupyter_core as drop_in
        drop_in.install()
        async def main():
            return wrapped(1)[2]
        assert isinstance(asyncio.run(main()), sideloop.EventLoop)
        assert wrapped(1)[3] is threading.main_thread()
        print("ok")
        """
        assert run(COMMON, uses) == ["ok"]
