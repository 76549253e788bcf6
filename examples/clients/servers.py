"""The servers that the clients here talk to: each on this machine, for the length of a block."""

import contextlib
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

STARTS_WITHIN = 20.0


def missing(serve: object) -> str:
    """What to do before a server can be started here; nothing, mostly."""
    if serve is redis and shutil.which("redis-server") is None:
        return "redis-server is not installed: on Debian, apt-get install redis-server"
    return ""


@contextlib.contextmanager
def redis() -> Generator[str]:
    """Debian's redis-server, with nothing kept on disk."""
    if needed := missing(redis):
        raise RuntimeError(needed)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/redis"
        command = [
            "redis-server",
            "--port",
            "0",
            "--unixsocket",
            path,
            "--save",
            "",
            "--dir",
            folder,
        ]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
            try:
                _wait_for(lambda: _listens(path))
                yield f"unix://{path}"
            finally:
                server.terminate()


@contextlib.contextmanager
def pages() -> Generator[str]:
    """Plain HTTP: a page says its path; `/lines` has a hundred lines, `/401` asks who is there."""
    with _served(_Pages) as address:
        yield address


@contextlib.contextmanager
def chat() -> Generator[str]:
    """Answers as OpenAI's API does, and says what it is told, word by word if asked to stream."""
    with _served(_Chat) as address:
        yield f"{address}/v1"


@contextlib.contextmanager
def buckets() -> Generator[str]:
    """Amazon's S3, as moto plays it."""
    program = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", port := _free_port()]
    with subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _wait_for(lambda: _listens(("127.0.0.1", int(port))))
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


@contextlib.contextmanager
def echo() -> Generator[str]:
    """A WebSocket server that sends back what it gets."""
    from websockets.sync.server import ServerConnection, serve

    def answer(connection: ServerConnection) -> None:
        for message in connection:
            connection.send(message)

    with serve(answer, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def answer(self, body: bytes, kind: str = "application/json", status: int = 200) -> None:
        """Send all of an answer."""
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Pages(_Handler):
    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/lines":
            self.answer(b"".join(b"line %d\n" % n for n in range(100)), "text/plain")
        elif path == "/401" and self.headers.get("authorization") != "Bearer fresh":
            self.answer(b"who is there?", "text/plain", 401)
        else:
            self.answer(self.path.encode(), "text/plain")


class _Chat(_Handler):
    FILES = 7

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        if path != "/v1/files":
            self.answer(b'{"error": {"message": "there is none"}}', status=404)
            return
        after = int(query["after"][0].removeprefix("file-")) if "after" in query else -1
        end = min(after + 1 + int(query["limit"][0]), self.FILES)
        files = [self._file(n) for n in range(after + 1, end)]
        self._say({"object": "list", "data": files, "has_more": end < self.FILES})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        words = asked["messages"][-1]["content"].split()
        if not asked.get("stream"):
            message = {"role": "assistant", "content": " ".join(words)}
            self._say(self._completion(message=message, finish_reason="stop"))
            return
        deltas = [*({"content": word} for word in words), {}]
        ends = [*(None for _ in words), "stop"]
        said = [
            self._completion(".chunk", delta=delta, finish_reason=end)
            for delta, end in zip(deltas, ends, strict=True)
        ]
        events = [*(json.dumps(one) for one in said), "[DONE]"]
        self.answer("".join(f"data: {one}\n\n" for one in events).encode(), "text/event-stream")

    def _say(self, answer: dict[str, Any]) -> None:
        self.answer(json.dumps(answer).encode())

    @staticmethod
    def _completion(kind: str = "", **choice: Any) -> dict[str, Any]:
        head = {"id": "chat-1", "object": f"chat.completion{kind}", "created": 1, "model": "parrot"}
        return {**head, "choices": [{"index": 0, **choice}]}

    @staticmethod
    def _file(n: int) -> dict[str, Any]:
        head = {"id": f"file-{n}", "object": "file", "created_at": 1, "bytes": 1}
        return {**head, "filename": f"{n}.jsonl", "purpose": "batch", "status": "processed"}


@contextlib.contextmanager
def _served(handler: type[_Handler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True  # they wait for more on connections that clients keep
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def _listens(address: Any) -> bool:
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as probe:
        return probe.connect_ex(address) == 0


def _wait_for(condition: Any) -> None:
    end = time.monotonic() + STARTS_WITHIN
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the server did not start")
        time.sleep(0.01)
