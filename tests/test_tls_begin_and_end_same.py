"""TLS on native transports begins and ends as on asyncio's own, whatever goes wrong."""

import asyncio
import inspect
import logging
import ssl
import sys
from asyncio import sslproto
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import pytest
from connections import BufferedRecorder, Recorder, pair
from secured import Peer, contexts, layer, loop_of, since_311

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="asyncio's own elsewhere"),
    since_311,
]

FIELDS = (
    *("_state", "_app_state", "_conn_lost", "_eof_received", "_server_side", "_server_hostname"),
    *("_app_transport_created", "_app_protocol_is_buffer", "_write_buffer_size"),
    *("_ssl_handshake_timeout", "_ssl_shutdown_timeout", "_handshake_start_time"),
    *("_incoming_high_water", "_incoming_low_water"),
    *("_outgoing_high_water", "_outgoing_low_water"),
    *("_ssl_writing_paused", "_ssl_reading_paused", "_app_reading_paused", "_app_writing_paused"),
)
HELD = (
    *("_waiter", "_transport", "_app_transport", "_app_protocol"),
    *("_handshake_timeout_handle", "_shutdown_timeout_handle"),
)


def kept(over: Any) -> list[Any]:
    """What asyncio's methods find there."""
    return [
        *(getattr(over, name) for name in FIELDS),
        *(getattr(over, name) is None for name in HELD),
        list(over._write_backlog),
        sorted(over._extra),
    ]


class Meddled(ssl.SSLObject):
    """What makes records, with a method that fails, or does something else before."""

    fails: tuple[str, BaseException] | None = None
    acts: tuple[str, Callable[[], object]] | None = None

    def _meddle(self, name: str) -> Any:
        if self.fails is not None and self.fails[0] == name:
            raise self.fails[1]
        done = getattr(ssl.SSLObject, name)(self)
        if self.acts is not None and self.acts[0] == name:
            self.acts[1]()
        return done

    def do_handshake(self) -> None:
        return self._meddle("do_handshake")

    def getpeercert(self) -> Any:  # type: ignore[override]  # asyncio passes nothing
        return self._meddle("getpeercert")

    def cipher(self) -> Any:
        return self._meddle("cipher")

    def unwrap(self) -> Any:
        return self._meddle("unwrap")


def plain(context: dict[str, Any]) -> str:
    """An error without the line of CPython's own that has raised it."""
    return repr(context.get("exception")).partition(" (_ssl.c")[0]


def logged(record: logging.LogRecord) -> tuple[str, Any]:
    """A message, and of what its traceback is. What is named there is ours or asyncio's."""
    error = record.exc_info and record.exc_info[0]
    return str(record.msg), error


@dataclass
class Seen:
    """What is seen of a connection from its beginning to its end."""

    outcome: Any = None
    notes: list[Any] = field(default_factory=list[Any])
    told: Any = None
    reports: list[Any] = field(default_factory=list[Any])
    logged: list[tuple[str, Any]] = field(default_factory=list[tuple[str, Any]])


@dataclass
class Way:
    """What happens to it."""

    protocol: Callable[[], Any] = Recorder
    acts: dict[str, Callable[..., Any]] = field(default_factory=dict[str, Callable[..., Any]])
    fails: tuple[str, BaseException] | None = None
    in_engine: tuple[str, Callable[[Any], object]] | None = None
    """What is done with the transport when a method of the engine has succeeded."""
    between: Callable[[asyncio.AbstractEventLoop, "asyncio.Task[Any]"], object] | None = None
    """Called when the first message of the handshake has left."""
    end: Callable[[Any, Peer], object] = lambda transport, _: transport.close()
    server_side: bool = False
    options: dict[str, Any] = field(default_factory=dict[str, Any])


def follow(way: Way, transports: str) -> Seen:
    """Go that way with these transports."""
    loop = loop_of(transports)
    seen = Seen()
    loop.set_exception_handler(
        lambda _, context: seen.reports.append(
            # A callback is named with its class.
            (
                context["message"].split("(")[0].replace("TlsProtocol", "SSLProtocol"),
                plain(context),
                sys.exc_info()[1] is context.get("exception"),
            )
        )
    )
    handler = logging.Handler()
    handler.emit = lambda record: seen.logged.append(logged(record))  # type: ignore[method-assign]
    server, client = contexts.__wrapped__()
    own = server if way.server_side else client
    made: list[Any] = []
    if way.fails is not None:
        own.sslobject_class = type("Failing", (Meddled,), {"fails": way.fails})
    if way.in_engine is not None:
        name, act = way.in_engine
        acts = (name, lambda: act(made[0]._app_transport))
        own.sslobject_class = type("Acting", (Meddled,), {"acts": acts})
    ours, theirs = pair("unix")
    peer = Peer(theirs, client if way.server_side else server, server_side=not way.server_side)
    told = way.protocol()
    told.acts.update(way.acts)
    make = type(loop)._make_ssl_transport  # type: ignore[attr-defined]  # pyright: ignore

    def note(*args: Any, **options: Any) -> Any:
        transport = make(loop, *args, **options)
        made.append(layer(transport))
        seen.notes.append(("made", kept(made[0])))
        return transport

    def connect() -> Any:
        if way.server_side:
            return loop.connect_accepted_socket(lambda: told, ours, ssl=server, **way.options)
        name = way.options.pop("server_hostname", "localhost")
        return loop.create_connection(
            lambda: told, sock=ours, ssl=client, server_hostname=name, **way.options
        )

    async def main() -> None:
        with mock.patch.object(loop, "_make_ssl_transport", note):
            task = asyncio.ensure_future(connect())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        if way.between is not None:
            way.between(loop, task)
        for _ in range(200):
            peer.turn()
            await asyncio.sleep(0)
            if task.done():
                break
        seen.notes.append(("begun", task.done(), made and kept(made[0])))
        if task.done() and not task.cancelled() and task.exception() is None:
            transport, _ = await task
            try:
                ended = way.end(transport, peer)
                if inspect.isawaitable(ended):
                    await ended
            except (ValueError, RuntimeError) as error:
                seen.notes.append(repr(error))
            seen.notes.append(("ending", kept(made[0]), transport.is_closing()))
            for _ in range(20):
                peer.turn()
                await asyncio.sleep(0.001)
            peer.say_end()
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        seen.outcome = "cancelled" if task.cancelled() else repr(task.exception())
        seen.outcome = seen.outcome.partition(" (_ssl.c")[0]

    logger = logging.getLogger("asyncio")
    logger.addHandler(handler)
    try:
        loop.run_until_complete(main())
    finally:
        logger.removeHandler(handler)
        theirs.close()
        for _ in range(3):
            loop.run_until_complete(asyncio.sleep(0.001))
        seen.told = [
            event if type(event[-1]) is bytes else (event[0], *map(repr, event[1:]))
            for event in told.events
        ]
        seen.notes.append(("ended", made and kept(made[0])))
        if made and made[0]._transport is not None:
            made[0]._transport.abort()
            loop.run_until_complete(asyncio.sleep(0))
        loop.close()
    return seen


def fail() -> None:
    """For a protocol that raises."""
    raise ValueError("of the protocol")


def fail_of_system() -> None:
    """For a protocol that raises what asyncio only logs, in debug mode."""
    raise OSError("of the system")


def unwrap_otherwise(transport: Any, _: Peer) -> None:
    """Do not wait for what the peer says, as some do."""
    engine = transport.get_extra_info("ssl_object")
    with mock.patch.object(engine, "unwrap", return_value=None):
        transport.close()


async def abort_while_it_flushes(transport: Any, peer: Peer) -> None:
    """What is left is read when the transport is closed, and the protocol aborts then."""
    transport.pause_reading()
    peer.send(b"bye")
    for _ in range(5):
        await asyncio.sleep(0.001)
    transport.resume_reading()
    transport.get_protocol().acts["data_received"] = lambda _: transport.abort()
    transport.close()


def close(transport: Any, peer: Peer) -> None:
    """The peer ends first."""
    peer.say_end()
    transport.write(b"too late?")


WAYS = {
    "plain": Way(),
    "server": Way(server_side=True),
    "buffered": Way(protocol=BufferedRecorder),
    "timeouts": Way(options={"ssl_handshake_timeout": 7, "ssl_shutdown_timeout": 0.5}),
    "no name": Way(options={"server_hostname": ""}),
    "handshake raises TLS": Way(fails=("do_handshake", ssl.SSLError(1, "broken"))),
    "handshake raises": Way(fails=("do_handshake", ValueError("broken"))),
    "certificate": Way(fails=("getpeercert", ssl.CertificateError("not that one"))),
    "no certificate": Way(fails=("getpeercert", ValueError("none"))),
    "cipher": Way(fails=("cipher", ValueError("none"))),
    "unwrap raises TLS": Way(fails=("unwrap", ssl.SSLError(1, "broken"))),
    "unwrap raises": Way(fails=("unwrap", ValueError("broken"))),
    "protocol raises": Way(acts={"connection_made": fail}),
    "end raises": Way(acts={"eof_received": fail}),
    "keeps open": Way(acts={"eof_received": lambda: True}),
    "lost raises": Way(acts={"connection_lost": lambda _: fail()}),
    "cancelled": Way(between=lambda _, task: task.cancel()),
    "debug mode": Way(between=lambda loop, _: loop.set_debug(True)),
    "debug mode at the end": Way(
        end=lambda transport, peer: (
            transport._loop.set_debug(True),
            transport.close(),
            peer.send_raw(bytes(20)),
        )
    ),
    "debug mode, end raises": Way(
        acts={"eof_received": fail_of_system},
        end=lambda transport, _: (transport._loop.set_debug(True), transport.close()),
    ),
    "engine aborts": Way(in_engine=("do_handshake", lambda transport: transport.abort())),
    "engine closes": Way(in_engine=("do_handshake", lambda transport: transport.close())),
    "certificate aborts": Way(in_engine=("getpeercert", lambda transport: transport.abort())),
    "cipher aborts": Way(in_engine=("cipher", lambda transport: transport.abort())),
    "unwrap aborts": Way(in_engine=("unwrap", lambda transport: transport.abort())),
    "unwrap of its own": Way(end=unwrap_otherwise),
    "aborts while it flushes": Way(end=abort_while_it_flushes),
    "abort": Way(end=lambda transport, _: transport.abort()),
    "twice": Way(end=lambda transport, _: (transport.close(), transport.close())),
    "both": Way(end=lambda transport, _: (transport.close(), transport.abort())),
    "peer": Way(end=lambda _, peer: peer.say_end()),
    "peer writes": Way(end=lambda _, peer: (peer.send(b"bye"), peer.say_end())),
    "peer first": Way(end=close),
    "peer leaves": Way(end=lambda _, peer: peer.sock.close()),
    "peer half closes": Way(end=lambda _, peer: peer.sock.shutdown(1)),
    "garbage": Way(end=lambda _, peer: peer.send_raw(bytes(20))),
    "buffered keeps open": Way(
        protocol=BufferedRecorder,
        acts={"eof_received": lambda: True},
        end=lambda _, peer: (peer.send(b"bye"), peer.say_end()),
    ),
}


BOTH = ("native", "asyncio")


def refused(why: str, transports: str, *args: Any, **options: Any) -> str:
    """What is said when a transport of these is to be made."""
    loop: Any = loop_of(transports)
    ours, theirs = pair("unix")
    with ours, theirs, pytest.raises(ValueError, match=why) as raised:
        loop._make_ssl_transport(ours, Recorder(), *args, **options)
    loop.close()
    return str(raised.value)


class TestAConnection:
    @pytest.mark.parametrize("name", WAYS)
    def test_begins_and_ends_as_asyncios_does(self, name: str) -> None:
        found = []
        for transports in BOTH:
            way = WAYS[name]
            found.append(follow(Way(**{**vars(way), "options": {**way.options}}), transports))
        assert found[0] == found[1]

    @pytest.mark.parametrize("limit", ["ssl_handshake_timeout", "ssl_shutdown_timeout"])
    @pytest.mark.parametrize("seconds", [0, -1.5])
    def test_refuses_a_limit_of_no_time(self, limit: str, seconds: float) -> None:
        refuse = "should be a positive number"
        found = [refused(refuse, tls, contexts()[1], **{limit: seconds}) for tls in BOTH]
        assert found[0] == found[1]

    def test_of_a_server_needs_a_context(self) -> None:
        refuse = "needs a valid SSLContext"
        found = [refused(refuse, tls, None, server_side=True) for tls in BOTH]
        assert found[0] == found[1]

    @pytest.mark.parametrize("side", [None, "yes", [], 1.5, 2], ids=repr)
    def test_takes_what_asyncios_takes_for_a_side(self, side: Any) -> None:
        found = []
        for transports in BOTH:
            loop: Any = loop_of(transports)
            ours, theirs = pair("unix")
            try:
                transport = loop._make_ssl_transport(
                    ours, Recorder(), contexts()[0], server_side=side
                )
            except (TypeError, ssl.SSLError) as error:  # newer ones say what the context is for
                found.append(str(error).partition(" (_ssl.c")[0])
                ours.close()
            else:
                found.append(repr(layer(transport)._server_side))
                loop.run_until_complete(asyncio.sleep(0.001))
                transport.abort()
                loop.run_until_complete(asyncio.sleep(0.001))
            theirs.close()
            loop.close()
        assert found[0] == found[1]

    def test_warns_by_asyncios_logger(self) -> None:
        for transports in BOTH:
            with mock.patch.object(sslproto, "logger") as logger:
                follow(Way(acts={"eof_received": lambda: True}), transports)
            logger.warning.assert_called_once()

    def test_tells_the_same_of_a_clients_own_context(self) -> None:
        found = []
        for transports in BOTH:
            loop: Any = loop_of(transports)
            ours, theirs = pair("unix")
            transport = loop._make_ssl_transport(
                ours, Recorder(), None, server_hostname="localhost"
            )
            context = transport.get_extra_info("sslcontext")
            found.append((context.check_hostname, context.verify_mode, kept(layer(transport))))
            loop.run_until_complete(asyncio.sleep(0))
            transport.abort()
            for _ in range(3):
                loop.run_until_complete(asyncio.sleep(0.001))
            theirs.close()
            loop.close()
        assert found[0] == found[1]

    @pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
    @pytest.mark.parametrize("where", ["connection_made", "eof_received"])
    def test_lets_an_exit_out_of_the_loop(self, where: str, error: type[BaseException]) -> None:
        def leave() -> None:
            raise error

        for transports in BOTH:
            way = Way(acts={where: leave})
            with pytest.raises(error):
                follow(way, transports)
