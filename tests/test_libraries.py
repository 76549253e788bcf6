"""Libraries of others run on our loop: servers and clients on loopback, also with TLS."""

import asyncio
import contextlib
import gc
import io
import re
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator
from pathlib import Path

import aiohttp
import anyio
import anyio.to_thread
import httpx
import loops
import pytest
import uvicorn
from aiohttp import web
from aliases import WaitUntil
from certificates import Authority
from loops import Run
from pace import scaled
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

import sideloop

BIG = bytes(range(256)) * 20_000

OURS = "sideloop.EventLoop"

PROGRAMS = Path(__file__).with_name("programs")


class Certificates:
    """What a server on loopback shows, and a client that trusts nothing else."""

    def __init__(self) -> None:
        authority = Authority()
        self._shown = authority.issue_cert("127.0.0.1")
        self.server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._shown.configure_cert(self.server)
        self.client = ssl.create_default_context()
        self.client.load_verify_locations(
            cadata=authority.cert_pem.bytes().decode(),
        )

    def write(self, path: Path) -> Path:
        self._shown.private_key_and_cert_chain_pem.write_to_path(str(path))
        return path


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    return Certificates()


@pytest.fixture(params=loops.PLACES, ids=lambda run: run.__name__)
def run(request: pytest.FixtureRequest) -> Run:
    return request.param


@pytest.fixture(params=["plain", "tls"])
def tls(request: pytest.FixtureRequest, certificates: Certificates) -> Certificates | None:
    return certificates if request.param == "tls" else None


@contextlib.asynccontextmanager
async def aiohttp_server(tls: Certificates | None) -> AsyncGenerator[str]:
    async def measure(request: web.Request) -> web.Response:
        assert request.transport is not None
        peer = str(request.transport.get_extra_info("peername"))
        return web.Response(text=str(len(await request.read())), headers={"X-Peer": peer})

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for start in range(0, len(BIG), 100_000):
            await response.write(BIG[start : start + 100_000])
        return response

    async def echo(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_bytes(message.data)
        return socket

    app = web.Application(client_max_size=2 * len(BIG))
    app.add_routes([web.post("/", measure), web.get("/stream", stream), web.get("/echo", echo)])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls.server if tls else None)
        await site.start()
        port = runner.addresses[0][1]
        yield f"http{'s' if tls else ''}://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


def aiohttp_client(tls: Certificates | None) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=tls.client if tls else True),
        timeout=aiohttp.ClientTimeout(20),
    )


class TestAiohttp:
    def test_takes_and_gives_large_bodies(self, run: Run, tls: Certificates | None) -> None:
        async def main() -> None:
            async with aiohttp_server(tls) as url, aiohttp_client(tls) as client:
                async with client.post(url, data=io.BytesIO(BIG)) as response:
                    assert await response.text() == str(len(BIG))
                async with client.get(f"{url}/stream") as response:
                    assert await response.read() == BIG

        run(main)

    def test_answers_many_requests_at_once(self, run: Run, tls: Certificates | None) -> None:
        async def main() -> list[str]:
            async with aiohttp_server(tls) as url, aiohttp_client(tls) as client:

                async def ask(length: int) -> str:
                    async with client.post(url, data=bytes(length)) as response:
                        return await response.text()

                return await asyncio.gather(*(ask(length) for length in range(100)))

        assert run(main) == [str(length) for length in range(100)]

    def test_speaks_websocket(self, run: Run, tls: Certificates | None) -> None:
        async def main() -> None:
            async with (
                aiohttp_server(tls) as url,
                aiohttp_client(tls) as client,
                client.ws_connect(f"{url}/echo") as socket,
            ):
                for number in range(50):
                    await socket.send_bytes(b"%d" % number)
                    assert await socket.receive_bytes() == b"%d" % number

        run(main)

    def test_refuses_a_certificate_it_does_not_trust(
        self, run: Run, certificates: Certificates
    ) -> None:
        async def main() -> None:
            async with aiohttp_server(certificates) as url, aiohttp_client(None) as client:
                with pytest.raises(aiohttp.ClientConnectorCertificateError):
                    await client.get(url)

        run(main)

    def test_keeps_a_session_and_its_connection_across_calls(
        self, tls: Certificates | None
    ) -> None:
        async def open_all(stack: contextlib.AsyncExitStack) -> tuple[aiohttp.ClientSession, str]:
            url = await stack.enter_async_context(aiohttp_server(tls))
            return await stack.enter_async_context(aiohttp_client(tls)), url

        async def post(client: aiohttp.ClientSession, url: str, length: int) -> tuple[str, str]:
            async with client.post(url, data=bytes(length)) as response:
                return await response.text(), response.headers["X-Peer"]

        stack = contextlib.AsyncExitStack()
        client, url = sideloop.run_sync(open_all, stack)
        answers = [sideloop.run_sync(post, client, url, length) for length in range(20)]
        sideloop.run_sync(stack.aclose)
        assert [text for text, _ in answers] == [str(length) for length in range(20)]
        assert len({peer for _, peer in answers}) == 1


def uvicorn_config(tls: Path | None) -> uvicorn.Config:
    return uvicorn.Config(
        "asgi_app:app",
        host="127.0.0.1",
        port=0,
        loop="sideloop:EventLoop",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        ssl_certfile=tls,
    )


def port_of(server: uvicorn.Server) -> int:
    port = server.servers[0].sockets[0].getsockname()[1]
    assert isinstance(port, int)
    return port


@pytest.fixture
def certificate_file(tls: Certificates | None, tmp_path: Path) -> Path | None:
    return tls.write(tmp_path / "server.pem") if tls else None


@pytest.fixture
def asgi_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(PROGRAMS))


@pytest.mark.usefixtures("asgi_path")
class TestUvicornAndHttpx:
    def test_share_a_loop(
        self, run: Run, tls: Certificates | None, certificate_file: Path | None
    ) -> None:
        async def main() -> None:
            server = uvicorn.Server(uvicorn_config(certificate_file))
            serving = asyncio.ensure_future(server.serve())
            while not server.started:
                assert not serving.done()
                await asyncio.sleep(0.001)
            url = f"http{'s' if tls else ''}://127.0.0.1:{port_of(server)}"
            verify = tls.client if tls else True
            async with httpx.AsyncClient(verify=verify, trust_env=False, timeout=20) as client:
                answers = await asyncio.gather(
                    *(client.post(url, content=bytes(length)) for length in range(50)),
                    client.post(url, content=BIG),
                )
            lengths = [*range(50), len(BIG)]
            scheme = "https" if tls else "http"
            assert [answer.text for answer in answers] == [f"{OURS} {scheme} {n}" for n in lengths]
            server.should_exit = True
            await serving

        run(main)

    def test_on_a_thread_by_its_loop_setting(
        self, tls: Certificates | None, certificate_file: Path | None, wait_until: WaitUntil
    ) -> None:
        server = uvicorn.Server(uvicorn_config(certificate_file))
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            wait_until(lambda: server.started or not thread.is_alive())
            url = f"http{'s' if tls else ''}://127.0.0.1:{port_of(server)}"
            verify = tls.client if tls else True
            answer = httpx.post(url, content=b"four", verify=verify, trust_env=False, timeout=20)
        finally:
            server.should_exit = True
            thread.join(scaled(20))
        assert answer.text == f"{OURS} {'https' if tls else 'http'} 4"
        assert not thread.is_alive()

    @pytest.mark.parametrize("factory", ["sideloop:EventLoop", "sideloop:new_event_loop"])
    def test_from_the_command_line(self, factory: str) -> None:
        command = [sys.executable, "-m", "uvicorn", "asgi_app:app", "--app-dir", str(PROGRAMS)]
        options = ["--port", "0", "--loop", factory, "--lifespan", "off", "--no-use-colors"]
        with subprocess.Popen(
            [*command, *options], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as child:
            try:
                assert child.stderr is not None
                found = None
                while found is None:
                    line = child.stderr.readline()
                    assert line, "it ended"
                    found = re.search(r"running on (http://127\.0\.0\.1:\d+)", line)
                answer = httpx.post(found[1], content=b"four", trust_env=False, timeout=20)
                assert answer.text == f"{OURS} http 4"
                child.send_signal(signal.SIGTERM)
                _, rest = child.communicate(timeout=20)
                assert "Finished server process" in rest
                assert "Traceback" not in rest
                assert child.returncode == -signal.SIGTERM
            finally:
                child.kill()


class TestWebsockets:
    # On 3.10 asyncio's TLS transports complain, on any loop, unless they were closed from here.
    @pytest.mark.filterwarnings("ignore:unclosed transport <asyncio.sslproto:ResourceWarning")
    def test_echoes_small_and_large_messages(self, run: Run, tls: Certificates | None) -> None:
        async def echo(connection: ServerConnection) -> None:
            async for message in connection:
                await connection.send(message)

        async def main() -> None:
            async with serve(
                echo, "127.0.0.1", 0, ssl=tls.server if tls else None, max_size=2 * len(BIG)
            ) as server:
                port = next(iter(server.sockets)).getsockname()[1]
                async with connect(
                    f"ws{'s' if tls else ''}://127.0.0.1:{port}",
                    ssl=tls.client if tls else None,
                    max_size=2 * len(BIG),
                    proxy=None,
                ) as client:
                    for number in range(200):
                        await client.send(str(number))
                        assert await client.recv() == str(number)
                    await client.send(BIG)
                    assert await client.recv() == BIG

        run(main)
        gc.collect()

    def test_see_each_other_close(self, run: Run, tls: Certificates | None) -> None:
        async def leave(connection: ServerConnection) -> None:
            await connection.close(4000, "enough")

        async def main() -> None:
            async with serve(leave, "127.0.0.1", 0, ssl=tls.server if tls else None) as server:
                port = next(iter(server.sockets)).getsockname()[1]
                async with connect(
                    f"ws{'s' if tls else ''}://127.0.0.1:{port}",
                    ssl=tls.client if tls else None,
                    proxy=None,
                ) as client:
                    with pytest.raises(ConnectionClosed) as raised:
                        await client.recv()
                    assert raised.value.rcvd is not None
                    assert (raised.value.rcvd.code, raised.value.rcvd.reason) == (4000, "enough")

        run(main)


class TestAnyio:
    """`anyio` finds its own loop through the running one, and starts one through a factory."""

    async def _use(self) -> int:
        done: list[int] = []
        send, receive = anyio.create_memory_object_stream[int](10)

        async def produce() -> None:
            async with send:
                for number in range(10):
                    await send.send(number)

        async with anyio.create_task_group() as group:
            group.start_soon(produce)
            async with receive:
                done.extend([number async for number in receive])
        with anyio.move_on_after(0.01) as scope:
            await anyio.sleep_forever()
        assert scope.cancelled_caught
        return await anyio.to_thread.run_sync(sum, done)

    def test_groups_tasks_cancels_scopes_and_uses_threads(self, run: Run) -> None:
        assert run(self._use) == 45

    def test_starts_our_loop_by_its_backend_options(self) -> None:
        async def main() -> tuple[type, int]:
            return type(asyncio.get_running_loop()), await self._use()

        options = {"loop_factory": sideloop.EventLoop}
        assert anyio.run(main, backend_options=options) == (sideloop.EventLoop, 45)


class TestPytestAsyncio:
    """In a pytest of its own, where the plugin is on."""

    CONFTEST = """
import sideloop

def pytest_asyncio_loop_factories(config, item):
    return {"sideloop": sideloop.EventLoop}
"""

    TESTS = """
import asyncio
import pytest
import pytest_asyncio
import sideloop

@pytest_asyncio.fixture
async def opened():
    assert type(asyncio.get_running_loop()) is sideloop.EventLoop
    yield asyncio.get_running_loop()
    await asyncio.sleep(0)

@pytest.mark.asyncio
async def test_alone():
    await asyncio.sleep(0.001)
    assert type(asyncio.get_running_loop()) is sideloop.EventLoop

@pytest.mark.asyncio
async def test_with_a_fixture(opened):
    assert opened is asyncio.get_running_loop()

@pytest.mark.asyncio(loop_scope="module")
async def test_of_a_module():
    assert type(asyncio.get_running_loop()) is sideloop.EventLoop
"""

    def test_runs_tests_and_fixtures_on_our_loop_by_its_hook(self, tmp_path: Path) -> None:
        (tmp_path / "conftest.py").write_text(self.CONFTEST)
        (tmp_path / "test_ours.py").write_text(self.TESTS)
        (tmp_path / "pytest.ini").write_text(
            "[pytest]\nfilterwarnings = error\nasyncio_default_fixture_loop_scope = function\n"
        )
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "3 passed" in ended.stdout
