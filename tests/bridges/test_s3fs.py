"""s3fs from PyPI, unmodified, on sideloop's loop, with an S3 of moto's on this machine."""

import pytest
from process import run

S3 = """
import logging, warnings
logging.getLogger("werkzeug").setLevel(logging.ERROR)
warnings.simplefilter("ignore")  # botocore's own
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
host, port = server.get_host_and_port()
OPTIONS = dict(key="of", secret="a test", endpoint_url=f"http://{host}:{port}")
"""

BEFORE = """
from sideloop.compat import fsspec as drop_in
drop_in.install()
import s3fs
"""

AFTER = """
import s3fs
from sideloop.compat import fsspec as drop_in
drop_in.install()
"""


@pytest.mark.parametrize("install", [BEFORE, AFTER], ids=["before", "after"])
class TestS3:
    def test_is_read_and_written(self, install: str) -> None:
        uses = """
        import fsspec.asyn, sideloop, threading
        fs = s3fs.S3FileSystem(**OPTIONS)
        assert isinstance(fs.loop, sideloop.EventLoop) and fs.loop is fsspec.asyn.get_loop()
        fs.mkdir("bucket")
        fs.pipe({f"bucket/{n}": b"of %d" % n for n in range(20)})
        assert len(fs.ls("bucket")) == 20
        many = fs.cat([f"bucket/{n}" for n in range(20)])
        assert many["bucket/7"] == b"of 7" and len(many) == 20
        with fs.open("bucket/large", "wb") as file:
            file.write(b"x" * (6 << 20)); file.write(b"end")
        with fs.open("bucket/large") as file:
            file.seek(-5, 2)
            assert file.read() == b"xxend"
        try:
            fs.info("bucket/none")
        except FileNotFoundError as error:
            print("missing")
        found = []
        def look(): found.append(fs.cat_file("bucket/1"))
        threads = [threading.Thread(target=look) for _ in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        assert found == [b"of 1"] * 8
        fs.rm("bucket", recursive=True)
        assert fs.ls("") == []
        print("ok")
        """
        assert run(S3, install, uses) == ["missing", "ok"]

    def test_keeps_arrays_of_zarr(self, install: str) -> None:
        pytest.importorskip("zarr", reason="is for CPython 3.11 and later")
        uses = """
        from sideloop.compat import zarr as zarr_drop_in
        zarr_drop_in.install()
        import numpy, zarr
        fs = s3fs.S3FileSystem(asynchronous=True, **OPTIONS)
        s3fs.S3FileSystem(**OPTIONS).mkdir("arrays")
        store = zarr.storage.FsspecStore(fs, path="arrays/one")
        array = zarr.create_array(store, shape=(40, 40), chunks=(10, 10), dtype="i4")
        array[:] = numpy.full((40, 40), 22)
        again = zarr.open_array(store, mode="r")
        assert int(again[:].sum()) == 22 * 1600 and int(again[39, 39]) == 22
        zarr.core.sync.sync(fs._s3.close())  # what is asynchronous is the user's to close
        print("ok")
        """
        assert run(S3, install, uses) == ["ok"]
