"""zarr 3 from PyPI, unmodified, on sideloop."""

import pytest
from process import run

pytest.importorskip("zarr")

BEFORE = """
from sideloop.compat import zarr as drop_in
drop_in.install(); drop_in.install()
import zarr, zarr.core.sync as bridge
"""

AFTER = """
import zarr, zarr.core.sync as bridge
from sideloop.compat import zarr as drop_in
drop_in.install(); drop_in.install()
"""

COMMON = """
import asyncio, os, tempfile, threading, time
import numpy
import sideloop
import zarr.api.synchronous, zarr.core.array
for module in (zarr.api.synchronous, zarr.core.array):
    assert module.sync is bridge.sync, module

async def where():
    await asyncio.sleep(0)
    return asyncio.get_running_loop()
"""

installs = pytest.mark.parametrize("install", [BEFORE, AFTER], ids=["before", "after"])


@installs
class TestSync:
    def test_runs_on_a_runner(self, install: str) -> None:
        uses = """
        loop = bridge.sync(where())
        assert isinstance(loop, sideloop.EventLoop) and loop is bridge.loop[0]
        assert bridge.iothread[0].name == "zarr_io"
        async def numbers():
            for number in range(3):
                yield number
        assert bridge.collect_aiterator(numbers()) == (0, 1, 2)
        print("ok")
        """
        assert run(install, COMMON, uses) == ["ok"]

    def test_raises_what_the_original_raises(self, install: str) -> None:
        uses = """
        import gc, warnings
        warnings.simplefilter("error")
        error = KeyError("of the user's")
        unwound = []
        async def fail(): raise error
        async def late():
            try:
                await asyncio.sleep(60)
            finally:
                unwound.append(True)
        async def inside(): bridge.sync(where())
        def told(*call, **options):
            try:
                bridge.sync(*call, **options)
            except BaseException as raised:
                return raised
        assert told(fail()) is error
        assert isinstance(told(late(), timeout=0.1), TimeoutError) and unwound
        assert type(told(inside())) is bridge.SyncError
        closed = asyncio.new_event_loop(); closed.close()
        assert str(told(where(), closed)) == "Loop is not running"
        assert type(told(where(), 22)) is TypeError
        gc.collect()
        print("ok")
        """
        assert run(install, COMMON, uses) == ["ok"]

    @pytest.mark.parametrize("workers", [None, 2])
    def test_serves_arrays_on_files(self, install: str, workers: "int | None") -> None:
        uses = f"""
        workers = zarr.config.set({{"threading.max_workers": {workers}}})
        with workers, tempfile.TemporaryDirectory() as folder:
            group = zarr.create_group(store=folder)
            array = group.create_array("numbers", shape=(100, 100), chunks=(10, 10), dtype="i8")
            values = numpy.arange(10_000).reshape(100, 100)
            array[:] = values
            again = zarr.open_group(folder, mode="r")["numbers"]
            assert (again[:] == values).all() and (again[5:20, ::7] == values[5:20, ::7]).all()
            found = []
            def add(): found.append(int(again[:].sum()))
            threads = [threading.Thread(target=add) for _ in range(8)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
            assert found == [int(values.sum())] * 8
        assert (bridge._executor is None) == {workers is None}
        print("ok")
        """
        assert run(install, COMMON, uses) == ["ok"]

    def test_works_in_a_forks_child(self, install: str) -> None:
        uses = """
        loop = bridge.sync(where())
        child = os.fork()
        assert (bridge.sync(where()) is loop) == bool(child)
        if child:
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        print("ok", flush=True)
        """
        assert run(install, COMMON, uses) == ["ok", "ok"]

    def test_is_taken_out_again(self, install: str) -> None:
        uses = """
        loop = bridge.sync(where())
        drop_in.uninstall(); drop_in.uninstall()
        assert bridge.sync.__module__ == "zarr.core.sync" and zarr.core.array.sync is bridge.sync
        assert bridge.sync(where()) is loop
        with drop_in.installed():
            assert zarr.core.array.sync.__module__ == "sideloop.compat.zarr"
            assert bridge.sync(where()) is loop
        print("ok")
        """
        assert run(install, COMMON, uses) == ["ok"]


class TestWithFsspec:
    def test_shares_one_runner(self) -> None:
        uses = """
        import sideloop
        from sideloop.compat import fsspec as files, zarr as arrays
        runner = sideloop.Runner(name="shared")
        files.install(runner)
        arrays.install(runner)
        import fsspec, numpy, tempfile, zarr
        with tempfile.TemporaryDirectory() as folder:
            place = {"store": f"file://{folder}/a", "storage_options": {"auto_mkdir": True}}
            array = zarr.create_array(**place, shape=(100,), chunks=(10,), dtype="i8")
            array[:] = numpy.arange(100)
            assert zarr.open_array(**place, mode="r")[:].sum() == 4950
            assert fsspec.filesystem("file").exists(f"{folder}/a/zarr.json")
        import zarr.core.sync, fsspec.asyn
        assert zarr.core.sync.loop[0] is runner.loop is fsspec.asyn.get_loop()
        print("ok")
        """
        assert run(uses) == ["ok"]
