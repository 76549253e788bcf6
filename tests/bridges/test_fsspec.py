"""fsspec from PyPI, unmodified, on sideloop."""

import pytest
from process import run

BEFORE = """
from sideloop.compat import fsspec as drop_in
drop_in.install(); drop_in.install()
import fsspec, fsspec.asyn
from fsspec.asyn import get_loop, sync
"""

AFTER = """
import fsspec, fsspec.asyn
import fsspec.implementations.http as taken
from fsspec.asyn import get_loop, sync
from sideloop.compat import fsspec as drop_in
drop_in.install(); drop_in.install()
assert taken.sync is sync is fsspec.asyn.sync, "what modules have taken is replaced"
"""

COMMON = """
import asyncio, os, threading, time
import sideloop

async def where(*args, **kwargs):
    await asyncio.sleep(0)
    return args, kwargs, asyncio.get_running_loop(), threading.current_thread()

def ours(loop):
    return isinstance(loop, sideloop.EventLoop)
"""

installs = pytest.mark.parametrize("install", [BEFORE, AFTER], ids=["before", "after"])


@installs
class TestSync:
    def test_runs_on_a_runner(self, install: str) -> None:
        uses = """
        loop = get_loop()
        assert ours(loop) and loop is get_loop() is fsspec.asyn.loop[0]
        assert fsspec.asyn.iothread[0].name == "fsspecIO" and fsspec.asyn.iothread[0].is_alive()
        found = sync(loop, where, 1, timeout=5, async_fn=2)
        assert found == ((1,), {"async_fn": 2}, loop, fsspec.asyn.iothread[0]), found
        print("ok")
        """
        assert run(install, COMMON, uses) == ["ok"]

    def test_raises_what_the_original_raises(self, install: str) -> None:
        uses = """
        loop = get_loop()
        error = KeyError("of the user's")
        async def fail(): raise error
        async def stop(): raise StopAsyncIteration
        async def late(): await asyncio.sleep(60)
        async def inside(): sync(loop, where)
        def told(*call, **options):
            begin = time.monotonic()
            try:
                sync(*call, **options)
            except BaseException as raised:
                assert time.monotonic() - begin < 10
                return raised
        assert told(loop, fail) is error
        assert type(told(loop, stop)) is StopAsyncIteration
        assert type(told(loop, late, timeout=0.1)) is fsspec.asyn.FSTimeoutError
        assert type(told(loop, inside)) is NotImplementedError
        assert str(told(None, where)) == "Loop is not running"
        closed = asyncio.new_event_loop(); closed.close()
        assert str(told(closed, where)) == "Loop is not running"
        async def cancel(): raise asyncio.CancelledError
        assert type(told(loop, cancel)) is asyncio.CancelledError, "and not None"
        with sideloop.timeout(0.1):
            assert isinstance(told(loop, late), fsspec.asyn.FSTimeoutError)
        print("ok")
        """
        assert run(install, COMMON, uses) == ["ok"]

    def test_does_not_hang_where_the_original_does(self, install: str) -> None:
        uses = """
        loop = get_loop()
        async def stop():
            asyncio.get_running_loop().stop()
            await asyncio.sleep(60)
        async def leave(): raise SystemExit(3)
        async def circle():
            other = sideloop.Runner()
            async def back(): sync(loop, where)
            try:
                other.run(back)
            finally:
                other.close()
        for async_fn in (leave, circle, stop):
            try:
                sync(loop, async_fn)
            except BaseException as error:
                print(type(error).__name__)
        assert get_loop() is not loop, "a loop that was stopped is replaced"
        assert sync(get_loop(), where)[2] is get_loop()
        """
        assert run(install, COMMON, uses) == ["SystemExit", "DeadlockError", "LoopStoppedError"]

    def test_works_in_a_forks_child(self, install: str) -> None:
        uses = """
        loop = get_loop()
        sync(loop, where)
        child = os.fork()
        found = sync(get_loop(), where)
        assert found[2] is get_loop() and (found[2] is loop) == bool(child)
        if child:
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        print("ok", flush=True)
        """
        assert run(install, COMMON, uses) == ["ok", "ok"]

    def test_is_taken_out_again(self, install: str) -> None:
        uses = """
        ours_before = [sync]
        loop = get_loop()
        sync(loop, where)
        started = threading.Event()
        async def slow():
            started.set()
            await asyncio.sleep(0.2)
            return "ended"
        answers = []
        under_way = threading.Thread(target=lambda: answers.append(ours_before[0](loop, slow)))
        under_way.start()
        started.wait()
        drop_in.uninstall(); drop_in.uninstall()
        assert fsspec.asyn.sync is not ours_before[0]
        assert fsspec.asyn.sync.__module__ == "fsspec.asyn"
        import fsspec.implementations.http as http
        assert http.sync is fsspec.asyn.sync
        assert fsspec.asyn.sync(loop, where)[2] is loop, "the loop that is there stays"
        under_way.join()
        assert answers == ["ended"]
        with drop_in.installed():
            assert fsspec.asyn.sync.__module__ == "sideloop.compat.fsspec"
            assert http.sync is fsspec.asyn.sync
            with drop_in.installed():
                pass
            assert fsspec.asyn.sync.__module__ == "sideloop.compat.fsspec"
        assert fsspec.asyn.sync.__module__ == "fsspec.asyn"
        print("ok")
        """
        assert run(install, COMMON, uses) == ["ok"]

    def test_serves_the_http_file_system(self, install: str) -> None:
        uses = """
        import functools, http.server
        class Files(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = b"of " + self.path.encode()
                self.send_response(404 if "missing" in self.path else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            do_HEAD = do_GET
            def log_message(self, *said): pass
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        files = fsspec.filesystem("http")
        assert ours(files.loop)
        assert files.cat(f"{address}/a") == b"of /a"
        many = [f"{address}/{number}" for number in range(20)]
        assert files.cat(many) == {one: b"of /" + one.rpartition("/")[2].encode() for one in many}
        try:
            files.cat(f"{address}/missing")
        except FileNotFoundError:
            print("missing")
        found = []
        def cat(): found.append(files.cat(f"{address}/b"))
        threads = [threading.Thread(target=cat) for _ in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        assert found == [b"of /b"] * 8
        server.shutdown()
        print("ok")
        """
        assert run(install, COMMON, uses) == ["missing", "ok"]


class TestInstall:
    def test_keeps_a_loop_that_is_there(self) -> None:
        uses = """
        import fsspec.asyn
        theirs = fsspec.asyn.get_loop()
        from sideloop.compat import fsspec as drop_in
        drop_in.install()
        assert fsspec.asyn.get_loop() is theirs
        assert fsspec.asyn.sync(theirs, where)[2] is theirs
        print("ok")
        """
        assert run(COMMON, uses) == ["ok"]

    def test_may_be_given_the_runner(self) -> None:
        uses = """
        from sideloop.compat import fsspec as drop_in
        runner = sideloop.Runner(name="shared")
        drop_in.install(runner)
        import fsspec.asyn
        assert fsspec.asyn.get_loop() is runner.loop
        print("ok")
        """
        assert run(COMMON, uses) == ["ok"]

    def test_refuses_what_it_does_not_know(self) -> None:
        uses = """
        import warnings
        import fsspec.asyn
        def other(loop, func): "Not as it was."
        theirs = [fsspec.asyn.sync]  # not a name, which would be replaced, too
        fsspec.asyn.sync = other
        from sideloop.compat import fsspec as drop_in
        try:
            drop_in.install()
        except RuntimeError as error:
            assert "knows fsspec 2023.1 to 2026.9" in str(error), error
            assert "2026.9.0 has sync(loop, func), so nothing was replaced" in str(error), error
        assert fsspec.asyn.sync is other and "sideloop" not in fsspec.asyn.get_loop.__module__
        fsspec.asyn.sync = theirs[0]
        drop_in.install()
        assert fsspec.asyn.sync is not theirs[0]
        print("ok")
        """
        assert run(COMMON, uses) == ["ok"]
