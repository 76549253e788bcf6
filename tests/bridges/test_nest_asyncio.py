"""nest_asyncio from PyPI, unmodified, on sideloop."""

import pytest
from process import run

BEFORE = """
from sideloop.compat import nest_asyncio as drop_in
drop_in.install(); drop_in.install()
import nest_asyncio
"""

AFTER = """
import nest_asyncio
from nest_asyncio import apply
from sideloop.compat import nest_asyncio as drop_in
drop_in.install(); drop_in.install()
"""

COMMON = """
import asyncio, threading
import sideloop

async def where(*args):
    await asyncio.sleep(0)
    return asyncio.get_running_loop(), threading.current_thread()
"""

installs = pytest.mark.parametrize("install", [BEFORE, AFTER], ids=["before", "after"])


@installs
class TestApply:
    def test_has_calls_work_where_a_loop_runs(self, install: str) -> None:
        uses = """
        nest_asyncio.apply(); nest_asyncio.apply()
        async def main():
            loop = asyncio.get_running_loop()
            assert asyncio.run(where())[0] is not loop
            assert loop.run_until_complete(where())[0] is not loop
            async def deeper():
                return asyncio.run(where())[1]
            assert asyncio.run(deeper()) is not threading.current_thread()
            await asyncio.sleep(0)
            return loop
        assert isinstance(asyncio.run(main()), asyncio.AbstractEventLoop)
        assert not hasattr(asyncio, "_nest_patched")
        print("ok")
        """
        assert run(install, COMMON, uses) == ["ok"]

    def test_refuses_to_wait_for_what_the_running_loop_has_to_do(self, install: str) -> None:
        uses = """
        nest_asyncio.apply()
        async def main():
            loop = asyncio.get_running_loop()
            task = asyncio.ensure_future(where())
            try:
                loop.run_until_complete(task)
            except sideloop.DeadlockError:
                print("refused")
            await task
            assert loop.run_until_complete(task)[0] is loop
            other = asyncio.new_event_loop()
            assert other.run_until_complete(where()) == (other, threading.current_thread())
            other.close()
        asyncio.run(main())
        """
        assert run(install, COMMON, uses) == ["refused"]

    def test_changes_nothing_where_no_loop_runs(self, install: str) -> None:
        uses = """
        nest_asyncio.apply()
        loop = asyncio.new_event_loop()
        assert loop.run_until_complete(where()) == (loop, threading.main_thread())
        loop.close()
        assert asyncio.run(where(), debug=True)[1] is threading.main_thread()
        print("ok")
        """
        assert run(install, COMMON, uses) == ["ok"]

    def test_is_taken_out_again(self, install: str) -> None:
        uses = """
        before = asyncio.run, asyncio.BaseEventLoop.run_until_complete
        nest_asyncio.apply()
        assert asyncio.run is not before[0]
        drop_in.uninstall(); drop_in.uninstall()
        assert (asyncio.run, asyncio.BaseEventLoop.run_until_complete) == before
        assert nest_asyncio.apply.__module__ == "nest_asyncio"
        print("ok")
        """
        assert run(install, COMMON, uses) == ["ok"]


class TestInstall:
    def test_is_refused_where_the_original_has_patched_asyncio(self) -> None:
        uses = """
        import nest_asyncio
        async def main(): nest_asyncio.apply()
        asyncio.run(main())
        from sideloop.compat import nest_asyncio as drop_in
        try:
            drop_in.install()
        except RuntimeError as error:
            print(str(error)[:31])
        """
        assert run(COMMON, uses) == ["nest_asyncio.apply() was called"]
