"""synchronicity from PyPI, unmodified, on sideloop: a client such as Modal's, built with it."""

import subprocess
import sys
from pathlib import Path

import pytest
from pace import scaled
from process import PAGES, TOLD, run

BEFORE = """
from sideloop.compat import synchronicity as drop_in
drop_in.install(); drop_in.install()
from synchronicity import Synchronizer
synchronizer = Synchronizer()
"""

AFTER = """
from synchronicity import Synchronizer
synchronizer = Synchronizer()
from sideloop.compat import synchronicity as drop_in
drop_in.install(); drop_in.install()
"""

COMMON = (
    TOLD
    + """
import asyncio, concurrent.futures, contextlib, contextvars, os, signal, threading, time
import sideloop

unwound = []
begun = threading.Event()
variable = contextvars.ContextVar("variable", default="default")

async def _where(*args):
    await asyncio.sleep(0)
    return args, asyncio.get_running_loop(), threading.current_thread(), variable.get()

async def _late(seconds=60.0):
    begun.set()
    try:
        await asyncio.sleep(seconds)
        return "ended"
    finally:
        await asyncio.sleep(0.01)
        unwound.append(True)

where, late = synchronizer.create_blocking(_where), synchronizer.create_blocking(_late)
"""
)

CLIENT = (
    """
class _Function:
    def __init__(self, client, name):
        self.client, self.name = client, name
    async def remote(self, *args):
        return await self.client.request(f"/{self.name}/{args[0]}")
    async def map(self, items):
        for item in items:
            yield await self.remote(item)

class _Client:
    def __init__(self, address): self.address = address
    async def __aenter__(self):
        import aiohttp
        self.session = aiohttp.ClientSession()
        return self
    async def __aexit__(self, *reason):
        await self.session.close()
    async def request(self, path):
        async with self.session.get(self.address + path) as answer:
            return await answer.text()
    async def function(self, name):
        return _Function(self, name)
    async def watch(self, callback):
        return await callback(self), [await callback(number) for number in range(3)]
    @classmethod
    async def made(cls, address): return cls(address)

Function = synchronizer.create_blocking(_Function, "Function")
Client = synchronizer.create_blocking(_Client, "Client")
"""
    + PAGES
)

installs = pytest.mark.parametrize("install", [BEFORE, AFTER], ids=["before", "after"])


@installs
class TestASynchronizer:
    def test_runs_on_a_runner_of_its_own(self, install: str) -> None:
        uses = """
        variable.set("set")
        args, loop, thread, seen = where(1)
        assert args == (1,) and isinstance(loop, sideloop.EventLoop) and seen == "set"
        assert thread.name == "synchronizer" and thread is synchronizer._thread
        assert where(2)[1] is loop is synchronizer._get_loop()
        assert where(3, _future=True).result(20)[1] is loop
        other = Synchronizer()
        assert other.create_blocking(_where)()[1] is not loop
        synchronizer._close_loop()
        assert loop.is_closed() and not thread.is_alive()
        assert not where(4)[1].is_closed(), "the next call has a new one"
        print("ok")
        """
        assert run(install, COMMON, uses) == ["ok"]

    def test_serves_async_callers(self, install: str) -> None:
        uses = """
        async def main():
            loop = asyncio.get_running_loop()
            found = await where.aio(1)
            assert found[0] == (1,) and found[1] is synchronizer._get_loop() is not loop
            task = asyncio.create_task(late.aio())
            await loop.run_in_executor(None, begun.wait)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
                raise AssertionError("not cancelled")
            assert unwound == [True], "it was waited for"
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(late.aio(), 0.05)
                raise AssertionError("not limited")
            async def _inside(): return await where.aio(2)
            assert (await synchronizer.create_blocking(_inside).aio())[0] == (2,)
            error = KeyError("of the user's")
            async def _fail(): raise error
            try:
                await synchronizer.create_blocking(_fail).aio()
            except KeyError as raised:
                assert raised is error
        asyncio.run(main())
        print("ok")
        """
        assert run(install, COMMON, uses) == ["ok"]

    def test_raises_what_the_original_raises(self, install: str) -> None:
        uses = """
        import gc, traceback, warnings
        warnings.simplefilter("error")
        def raiser(error):
            async def _fail(): raise error
            return synchronizer.create_blocking(_fail)
        errors = KeyError("of the user's"), SystemExit(3), KeyboardInterrupt(), TimeoutError()
        for error in errors:
            assert told(raiser(error)) is error
        lines = traceback.extract_tb(told(raiser(KeyError())).__traceback__)
        assert {line.filename for line in lines} == {"<string>"}, "no frame of theirs, nor of ours"
        async def _inside(): return where()
        assert "Deadlock detected" in str(told(synchronizer.create_blocking(_inside)))
        assert type(told(raiser(asyncio.CancelledError()))) is concurrent.futures.CancelledError
        assert where(1)[0] == (1,)
        gc.collect()
        print("ok")
        """
        assert run(install, COMMON, uses) == ["ok"]

    def test_is_cancelled_by_ctrl_c_and_time_limits(self, install: str) -> None:
        uses = """
        def interrupt():
            begun.wait()
            os.kill(os.getpid(), signal.SIGINT)
        threading.Thread(target=interrupt).start()
        assert type(told(late)) is KeyboardInterrupt and unwound == [True]
        with contextlib.suppress(TimeoutError), sideloop.timeout(0.05):
            late()
            raise AssertionError("not limited")
        assert unwound == [True, True]
        async def _returns():
            begun.set()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(60)
            return "in spite of it"
        begun.clear()
        threading.Thread(target=interrupt).start()
        assert type(told(synchronizer.create_blocking(_returns))) is KeyboardInterrupt
        begun.clear()
        future = late(_future=True)
        begun.wait()
        future.cancel()
        assert not concurrent.futures.wait([future], 20).not_done and unwound == [True] * 3
        assert where(1)[0] == (1,)
        print("ok")
        """
        assert run(install, COMMON, uses) == ["ok"]

    def test_does_not_hang_where_the_original_does(self, install: str) -> None:
        uses = """
        async def _stop():
            asyncio.get_running_loop().stop()
            await asyncio.sleep(60)
        async def _circle():
            with sideloop.Runner() as other:
                async def back(): return where()
                return other.run(back)
        loop = where()[1]
        for async_fn in (_circle, _stop):
            print(type(told(synchronizer.create_blocking(async_fn))).__name__)
        assert where()[1] is not loop, "a loop that was stopped is replaced"
        """
        assert run(install, COMMON, uses) == ["DeadlockError", "LoopStoppedError"]

    def test_works_in_a_forks_child(self, install: str) -> None:
        uses = """
        loop = where()[1]
        child = os.fork()
        assert (where()[1] is loop) == bool(child)
        if child:
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        print("ok", flush=True)
        """
        assert run(install, COMMON, uses) == ["ok", "ok"]

    def test_unwinds_what_is_left_at_exit(self, install: str) -> None:
        uses = """
        async def _left():
            try:
                begun.set()
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0.01)
                print("unwound")
        future = synchronizer.create_blocking(_left)(_future=True)
        begun.wait()
        print("end")
        """
        assert run(install, COMMON, uses) == ["end", "unwound"]


@installs
class TestAClient:
    def test_of_http_works_from_sync_and_async_code(self, install: str) -> None:
        uses = """
        client = Client.made(address)
        assert type(client) is Client
        with client as entered:
            assert entered is client
            function = client.function("double")
            assert type(function) is Function and function.remote(1) == "of /double/1"
            assert list(function.map(range(3))) == [f"of /double/{n}" for n in range(3)]
            answers = []
            def call(): answers.append(function.remote("b"))
            threads = [threading.Thread(target=call) for _ in range(8)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
            assert answers == ["of /double/b"] * 8
            async def main():
                assert await function.remote.aio(2) == "of /double/2"
                assert [n async for n in function.map.aio(range(2))] == [
                    "of /double/0", "of /double/1"
                ]
                many = await asyncio.gather(*(function.remote.aio(n) for n in range(20)))
                assert many == [f"of /double/{n}" for n in range(20)]
            asyncio.run(main())
            steps = function.map(range(10))
            assert next(steps) == "of /double/0"
            steps.close()
            def callback(given):
                # A sync function of the user's, which may use the client again.
                return given.request("/again") if isinstance(given, Client) else given * 2
            found = client.watch(synchronizer.create_callback(callback))
            assert found == ("of /again", [0, 2, 4])
            async def async_callback(given):
                await asyncio.sleep(0)
                return 22
            assert client.watch(synchronizer.create_callback(async_callback)) == (22, [22] * 3)
        server.shutdown(); server.server_close()
        print("ok")
        """
        assert run(install, COMMON, CLIENT, uses) == ["ok"]


class TestAClientSuchAsModals:
    def test_works_as_on_synchronicitys_own_bridge(self) -> None:
        program = Path(__file__).with_name("functions.py")

        def said(whose: str) -> str:
            done = subprocess.run(
                [sys.executable, "-X", "faulthandler", program, whose],
                capture_output=True,
                text=True,
                timeout=scaled(60),
                check=False,
            )
            assert (done.returncode, done.stderr) == (0, ""), done.stderr
            return done.stdout

        ours = said("ours")
        assert ours == said("theirs")
        assert ours.splitlines()[-1] == "True"


class TestInstall:
    def test_is_taken_out_again_while_calls_run(self) -> None:
        uses = """
        loop = where()[1]
        answers = []
        under_way = threading.Thread(target=lambda: answers.append(late(0.2)))
        under_way.start()
        begun.wait()
        drop_in.uninstall(); drop_in.uninstall()
        assert Synchronizer._get_loop.__module__ == "synchronicity.synchronizer"
        import synchronicity.exceptions
        assert not [root for root in synchronicity.exceptions._skip_module_roots
                    if "sideloop" in str(root)]
        assert where()[1] is loop, "the loop that is there stays"
        under_way.join()
        assert answers == ["ended"] and unwound == [True]
        with drop_in.installed():
            assert where()[1] is loop
            with drop_in.installed():
                pass
            assert Synchronizer._get_loop.__module__ == "sideloop.compat.synchronicity"
        thread = synchronizer._thread
        synchronizer._close_loop()
        assert loop.is_closed() and not thread.is_alive(), "by synchronicity's own method"
        assert not isinstance(where()[1], sideloop.EventLoop)
        print("ok")
        """
        assert run(BEFORE, COMMON, uses) == ["ok"]

    def test_keeps_a_loop_that_is_there(self) -> None:
        uses = """
        theirs = where()[1]
        from sideloop.compat import synchronicity as drop_in
        drop_in.install()
        assert where()[1] is theirs and not isinstance(theirs, sideloop.EventLoop)
        with contextlib.suppress(TimeoutError), sideloop.timeout(0.05):
            late()
            raise AssertionError("not limited")
        assert unwound == [True], "calls come to it by ours"
        async def main(): return await where.aio()
        assert asyncio.run(main())[1] is theirs
        print("ok")
        """
        before = "from synchronicity import Synchronizer; synchronizer = Synchronizer()"
        assert run(before, COMMON, uses) == ["ok"]

    def test_refuses_what_it_does_not_know(self) -> None:
        uses = """
        from synchronicity import Synchronizer
        theirs = Synchronizer._run_function_sync, Synchronizer._get_loop
        def other(self, coro, interface, original_func): "As in 0.7."
        Synchronizer._run_function_sync = other
        from sideloop.compat import synchronicity as drop_in
        try:
            drop_in.install()
        except RuntimeError as error:
            assert "knows synchronicity 0.12" in str(error), error
            assert "interface, original_func), so nothing was replaced" in str(error), error
        else:
            raise AssertionError("not refused")
        assert Synchronizer._run_function_sync is other and Synchronizer._get_loop is theirs[1]
        Synchronizer._run_function_sync = theirs[0]
        drop_in.install()
        assert Synchronizer._get_loop is not theirs[1]
        print("ok")
        """
        assert run(uses) == ["ok"]
