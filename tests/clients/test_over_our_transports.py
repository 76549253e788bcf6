"""Clients and servers as PyPI and Debian have them, on our loop and its native transports."""

import asyncio
import contextlib
import shutil
import socket
import ssl
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import aiosqlite
import asyncpg
import grpc
import httpx
import postgres
import psycopg
import pytest
import redis.asyncio
import redis.exceptions
import trustme
import uvicorn
import websockets
from pace import scaled
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

import sideloop

BIG = bytes(range(256)) * 20_000

Run = Callable[..., Any]


@pytest.fixture(params=["thread", "caller"])
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """Calls an async function, on a loop of ours on a thread or on the caller's."""
    with contextlib.closing(sideloop.LoopManager(drive=request.param)) as manager:

        def call(async_fn: Callable[..., Any], *args: Any) -> Any:
            async def on_ours() -> Any:
                assert type(asyncio.get_running_loop()) is sideloop.EventLoop
                return await asyncio.wait_for(async_fn(*args), scaled(60))

            return manager.run_sync(on_ours)

        yield call


class Postgres:
    """A server, by a Unix socket, and by TCP with TLS."""

    def __init__(self, folder: Path, port: int, trusting: ssl.SSLContext) -> None:
        self.port, self.trusting = port, trusting
        self.by_socket = {"host": str(folder), "port": port, "user": "postgres"}
        self.by_tls = {**self.by_socket, "host": "localhost"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def served() -> Generator[Postgres]:
    authority = trustme.CA()
    shown = authority.issue_cert("localhost")
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    port = free_port()

    def settings(folder: Path) -> dict[str, object]:
        key, chain = folder / "key.pem", folder / "chain.pem"
        shown.private_key_pem.write_to_path(str(key))
        chain.write_bytes(b"".join(pem.bytes() for pem in shown.cert_chain_pems))
        key.chmod(0o600)
        return {
            "listen_addresses": "localhost",
            "port": port,
            "ssl": "on",
            "ssl_key_file": key,
            "ssl_cert_file": chain,
        }

    with postgres.running(settings) as folder:
        yield Postgres(folder, port, trusting)


@pytest.fixture(params=["socket", "tls"])
def options(request: pytest.FixtureRequest, served: Postgres) -> dict[str, Any]:
    if request.param == "socket":
        return served.by_socket
    return {**served.by_tls, "ssl": served.trusting}


class TestAsyncpg:
    def test_writes_and_reads(self, run: Run, options: dict[str, Any]) -> None:
        async def use() -> None:
            connection = await asyncpg.connect(**options)
            layers = str(type(connection._transport))
            assert "StreamTransport" in layers or "SSLTransport" in layers, layers
            await connection.execute("create temp table items (n int, data bytea)")
            rows = [(n, bytes([n % 256]) * n) for n in range(1000)]
            await connection.executemany("insert into items values ($1, $2)", rows)
            await connection.copy_records_to_table("items", records=[(-1, BIG)])
            assert await connection.fetchval("select data from items where n = -1") == BIG
            async with connection.transaction():
                cursor = connection.cursor("select n, data from items where n >= 0 order by n")
                assert [tuple(row) async for row in cursor] == rows
            out: list[bytes] = []

            async def take(piece: bytes) -> None:
                out.append(piece)

            await connection.copy_from_query("select n from items order by n", output=take)
            assert b"".join(out).split() == [b"%d" % n for n in range(-1, 1000)]
            await connection.close()

        run(use)

    def test_goes_on_after_a_query_that_was_cancelled(
        self, run: Run, options: dict[str, Any]
    ) -> None:
        async def use() -> None:
            connection = await asyncpg.connect(**options)
            with pytest.raises(asyncio.TimeoutError):
                await connection.fetch("select pg_sleep(60)", timeout=0.1)
            assert await connection.fetchval("select 22") == 22
            await connection.close()

        run(use)

    def test_hears_that_the_server_has_ended_its_connection(
        self, run: Run, options: dict[str, Any]
    ) -> None:
        async def use() -> None:
            connection, other = [await asyncpg.connect(**options) for _ in range(2)]
            task = asyncio.ensure_future(connection.fetch("select pg_sleep(60)"))
            await asyncio.sleep(0.05)
            number = connection.get_server_pid()
            assert await other.fetchval("select pg_terminate_backend($1)", number)
            with pytest.raises((asyncpg.AdminShutdownError, asyncpg.ConnectionDoesNotExistError)):
                await task
            await other.close()

        run(use)

    def test_shares_a_pool_and_is_notified(self, run: Run, options: dict[str, Any]) -> None:
        async def use() -> None:
            async with asyncpg.create_pool(**options, min_size=2, max_size=5) as pool:
                answers = await asyncio.gather(
                    *(pool.fetchval("select $1::int", n) for n in range(200))
                )
                assert answers == list(range(200))
                heard: asyncio.Queue[str] = asyncio.Queue()

                def hear(*told: Any) -> None:
                    heard.put_nowait(told[-1])

                async with pool.acquire() as listening:
                    await listening.add_listener("news", hear)
                    await pool.execute("notify news, 'hello'")
                    assert await heard.get() == "hello"
                    await listening.remove_listener("news", hear)

        run(use)


class TestPsycopg:
    def test_writes_and_reads(self, run: Run, served: Postgres) -> None:
        async def use() -> None:
            connection = await psycopg.AsyncConnection.connect(**served.by_socket)
            async with connection, connection.cursor() as cursor:
                await cursor.execute("create temp table items (n int, data bytea)")
                rows = [(n, bytes([n % 256]) * n) for n in range(1000)]
                await cursor.executemany("insert into items values (%s, %s)", rows)
                async with cursor.copy("copy items from stdin (format binary)") as copy:
                    copy.set_types(["int4", "bytea"])
                    await copy.write_row((-1, BIG))
                await cursor.execute("select n, data from items order by n")
                assert await cursor.fetchone() == (-1, BIG)
                assert [row async for row in cursor] == rows
                with pytest.raises(psycopg.errors.DivisionByZero):
                    await cursor.execute("select 1 / 0")

        run(use)

    def test_goes_on_after_a_query_that_was_cancelled(self, run: Run, served: Postgres) -> None:
        async def use() -> None:
            connection = await psycopg.AsyncConnection.connect(**served.by_socket, autocommit=True)
            async with connection:
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(connection.execute("select pg_sleep(60)"), 0.1)
                cursor = await connection.execute("select 22")
                assert await cursor.fetchone() == (22,)

        run(use)


@pytest.fixture(scope="module")
def keys() -> Generator[Path]:
    """The socket of a redis-server of our own."""
    command = shutil.which("redis-server")
    if command is None:
        pytest.skip("no Redis here: apt-get install redis-server")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "socket"
        options = ("--port", "0", "--unixsocket", str(path), "--save", "", "--dir", folder)
        process = subprocess.Popen([command, *options], stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            while "eady to accept connections" not in (line := process.stdout.readline()):
                assert line, "redis-server has ended"
            yield path
        finally:
            process.terminate()
            process.communicate(timeout=scaled(30))


class TestRedis:
    def test_writes_reads_and_waits(self, run: Run, keys: Path) -> None:
        async def use() -> None:
            async with redis.asyncio.Redis(unix_socket_path=str(keys)) as client:
                await client.set("big", BIG)
                assert await client.get("big") == BIG
                async with client.pipeline(transaction=True) as pipeline:
                    for n in range(1000):
                        pipeline.set(f"key {n}", n)
                    assert await pipeline.execute() == [True] * 1000
                found = await asyncio.gather(*(client.get(f"key {n}") for n in range(50)))
                assert found == [b"%d" % n for n in range(50)]
                assert await client.blpop(["nothing"], timeout=0.1) is None
                waiting = asyncio.ensure_future(client.blpop(["something"], timeout=30))
                await asyncio.sleep(0.05)
                await client.rpush("something", "here")
                assert await waiting == (b"something", b"here")
                with pytest.raises(redis.exceptions.ResponseError):
                    await client.incr("big")

        run(use)

    def test_publishes_and_subscribes(self, run: Run, keys: Path) -> None:
        async def use() -> None:
            async with (
                redis.asyncio.Redis(unix_socket_path=str(keys)) as client,
                client.pubsub(ignore_subscribe_messages=True) as heard,
            ):
                await heard.subscribe("news")
                # The server's word that it has.
                await heard.get_message(timeout=1)
                for n in range(100):
                    await client.publish("news", n)
                told = []
                async for message in heard.listen():
                    told.append(int(message["data"]))
                    if len(told) == 100:
                        break
                assert told == list(range(100))

        run(use)


class TestAiosqlite:
    def test_writes_and_reads(self, run: Run, tmp_path: Path) -> None:
        async def use() -> None:
            async with aiosqlite.connect(tmp_path / "data") as connection:
                await connection.execute("create table items (n integer, data blob)")
                rows = [(n, bytes(n)) for n in range(1000)]
                await connection.executemany("insert into items values (?, ?)", rows)
                await connection.commit()
                async with connection.execute("select n, data from items order by n") as cursor:
                    assert [row async for row in cursor] == rows
                answers = await asyncio.gather(
                    *(connection.execute_fetchall("select ?", (n,)) for n in range(100))
                )
                assert [list(answer) for answer in answers] == [[(n,)] for n in range(100)]

        run(use)


class TestGrpc:
    def test_calls_and_streams(self, run: Run) -> None:
        async def double(request: bytes, context: object) -> bytes:
            return request * 2

        async def count(request: bytes, context: object) -> AsyncIterator[bytes]:
            for n in range(int(request)):
                yield b"%d" % n

        handlers = {
            "Double": grpc.unary_unary_rpc_method_handler(double),
            "Count": grpc.unary_stream_rpc_method_handler(count),
        }

        async def use() -> None:
            server = grpc.aio.server()
            server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler("Numbers", handlers),)
            )
            port = server.add_insecure_port("127.0.0.1:0")
            await server.start()
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                ask = channel.unary_unary("/Numbers/Double")
                big = BIG[: 1 << 20]
                assert await ask(big) == big * 2
                answers = await asyncio.gather(*(ask(b"%d" % n) for n in range(200)))
                assert answers == [b"%d" % n * 2 for n in range(200)]
                stream = channel.unary_stream("/Numbers/Count")(b"1000")
                assert [item async for item in stream] == [b"%d" % n for n in range(1000)]
            await server.stop(None)

        run(use)


class Streamed:
    """An application of starlette's that streams both ways, and says when it was left."""

    def __init__(self) -> None:
        self.left = asyncio.Event()
        self.application = Starlette(
            routes=[
                Route("/echo", self._echo, methods=["POST"]),
                Route("/endless", self._endless),
                WebSocketRoute("/talk", self._talk),
            ]
        )

    async def _echo(self, request: Request) -> StreamingResponse:
        # Not both at once: a response that is streamed takes what comes, to hear when it is left.
        pieces = [piece async for piece in request.stream()]
        assert len(pieces) > 3

        async def back() -> AsyncIterator[bytes]:
            for piece in pieces:
                yield piece

        return StreamingResponse(back())

    async def _endless(self, _: Request) -> StreamingResponse:
        async def pieces() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"x" * 1000
                    await asyncio.sleep(0)
            finally:
                self.left.set()

        return StreamingResponse(pieces())

    async def _talk(self, talk: WebSocket) -> None:
        await talk.accept()
        async for message in talk.iter_bytes():
            await talk.send_bytes(message)


class TestUvicorn:
    @pytest.mark.parametrize("http", ["h11", "httptools"])
    def test_streams_both_ways_with(self, http: str, run: Run) -> None:
        async def use() -> None:
            streamed = Streamed()
            config = uvicorn.Config(
                streamed.application, port=0, http=http, ws="websockets-sansio", log_level="error"
            )
            server = uvicorn.Server(config)
            serving = asyncio.ensure_future(server.serve())
            while not server.started:
                assert not serving.done()
                await asyncio.sleep(0.01)
            port = server.servers[0].sockets[0].getsockname()[1]

            async def pieces() -> AsyncIterator[bytes]:
                for start in range(0, len(BIG), 50_000):
                    yield BIG[start : start + 50_000]

            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
                answers = await asyncio.gather(
                    *(client.post("/echo", content=pieces()) for _ in range(4))
                )
                assert [answer.content for answer in answers] == [BIG] * 4
                async with client.stream("GET", "/endless") as response:
                    async for piece in response.aiter_raw():
                        assert set(piece) == {ord("x")}
                        break
                await streamed.left.wait()
            async with websockets.connect(f"ws://127.0.0.1:{port}/talk", max_size=None) as talk:
                for message in (b"", b"hello", BIG):
                    await talk.send(message)
                    assert await talk.recv() == message
            server.should_exit = True
            await serving

        run(use)
