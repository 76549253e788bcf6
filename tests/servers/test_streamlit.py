"""Streamlit, which runs a page from its top for each visitor, on a thread of its own."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pace import scaled
from serving import APPS, TIME_LIMIT, Server, serving
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

STREAMLIT = (
    *("-m", "streamlit", "run", str(APPS / "page.py")),
    *("--server.address", "127.0.0.1", "--server.port", "{port}", "--server.headless", "true"),
    *("--browser.gatherUsageStats", "false", "--server.fileWatcherType", "none"),
)


def visit(server: Server, query: str = "", *, times: int = 1) -> list[list[str]]:
    """The texts of the page, each time that a visitor has it run, as a browser does."""
    address = f"ws://127.0.0.1:{server.port}/_stcore/stream"
    with connect(address, open_timeout=scaled(TIME_LIMIT)) as socket:
        found = []
        for _ in range(times):
            asked = BackMsg()
            asked.rerun_script.query_string = query
            socket.send(asked.SerializeToString())
            found.append(list(_texts(socket)))
        return found


def _texts(socket: object) -> Iterator[str]:
    while True:
        said = ForwardMsg()
        said.ParseFromString(socket.recv(scaled(TIME_LIMIT)))  # type: ignore[attr-defined]
        kind = said.WhichOneof("type")
        if kind == "script_finished":
            return
        if kind == "delta":
            element = said.delta.new_element
            assert element.WhichOneof("type") == "text", element
            yield element.text.body


class TestStreamlit:
    def test_runs_pages_that_call_async_code(self, tmp_path: Path) -> None:
        with serving(tmp_path, *STREAMLIT, HOME=str(tmp_path)) as server:
            for texts in visit(server, times=3):
                assert [text.partition(" ")[2] for text in texts] == ["22", "22"]
                assert str(os.getpid()) not in {text.partition(" ")[0] for text in texts}
            assert server.stop() == 0
            assert "Traceback" not in server.log

    def test_goes_on_while_calls_of_its_visitors_wait(self, tmp_path: Path) -> None:
        with (
            serving(tmp_path, *STREAMLIT, HOME=str(tmp_path)) as server,
            ThreadPoolExecutor(4) as threads,
        ):
            visits = list(threads.map(lambda _: visit(server, "others=4"), range(4)))
            assert [texts[-1].partition(" ")[2] for (texts,) in visits] == ["4"] * 4
