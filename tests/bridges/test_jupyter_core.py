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
