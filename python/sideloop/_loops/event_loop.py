"""The event loop: asyncio's selector loop with its scheduling and transports in Rust."""

import _socket
import asyncio.format_helpers
import contextvars
import inspect
import itertools
import selectors
import sys
from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, get_args

# What the extension imports, too: not at first use, since a signal handler that calls may come in
# the middle of that import.
import sideloop._loops.foreign_future  # pyright: ignore[reportUnusedImport]
import sideloop._loops.task_factory  # noqa: F401  # see above  # pyright: ignore[reportUnusedImport]
from sideloop._loops.hubs import hubs
from sideloop._loops.system import HAS_EPOLL, LOOPS_OF
from sideloop._sideloop import LoopCore, know_methods

# Not at first use: a signal handler that calls may come in the middle of that import.
if TYPE_CHECKING or HAS_EPOLL:
    from sideloop._loops.numeric import addresses_of, is_numeric
    from sideloop._loops.selector import ForkAwareSelector, HubSelector
    from sideloop._loops.tls import make_room, makes_tls, starting_tls
    from sideloop._loops.transports import (
        DatagramTransport,
        ReadPipeTransport,
        StreamTransport,
        WritePipeTransport,
        check_unused,
        fits_datagrams,
        fits_pipes,
        prepare,
    )
    from sideloop._sideloop import (
        accept_ready,
        begin_transport,
        fits,
        make_tls,
        start_connecting,
        start_receiving,
    )

# What is used of them is private: typeshed knows little of it.
base_events: Any = asyncio.base_events
format_helpers: Any = asyncio.format_helpers

# Since CPython 3.13 the text of a callback shows its arguments only in debug mode.
_TEXT_TAKES_DEBUG = "debug" in inspect.signature(format_helpers._format_callback_source).parameters

_RUN_IN_EXECUTOR = base_events.BaseEventLoop.run_in_executor

_numbers = itertools.count(1)

Transports = Literal["asyncio", "native"]

DEFAULT_TRANSPORTS: Transports = "native"
"""Which transports a loop has unless it is said."""


class EventLoop(LoopCore, asyncio.SelectorEventLoop):
    """An asyncio event loop whose scheduling and transports run in Rust.

    A drop-in for `asyncio.SelectorEventLoop`: protocols, streams, TLS contexts, subprocesses,
    signals, executors and debug mode are asyncio's own.

    Args:
        selector: What to wait with. `selectors.EpollSelector` is polled natively, any other one
            through its own `select`.
        transports: What moves the bytes of TCP, UDP and Unix stream sockets, and of pipes:
            `"native"` for ours, in Rust, where the socket is a plain one, on Linux; `"asyncio"` for
            its own. What is written to a native stream in one turn of the loop leaves together,
            with the end of the turn.

    Raises:
        ValueError: There are no such transports.

    >>> import asyncio, sideloop
    >>> async def main() -> str:
    ...     return type(asyncio.get_running_loop()).__name__
    >>> loop = sideloop.new_event_loop()
    >>> loop.run_until_complete(main())
    'EventLoop'
    >>> loop.close()
    """

    # Ctrl-C may come while a loop is made; one that is half made is closed all the same. It begins
    # as a closed one, which asyncio's constructor opens.
    _ssock = _csock = _default_executor = None
    _signal_handlers: MappingProxyType[int, Any] = MappingProxyType({})
    _number = 0
    # Made by the first connection with TLS: `tls.py`.
    _tls_room: memoryview | None = None

    def __init__(
        self,
        selector: selectors.BaseSelector | None = None,
        *,
        transports: Transports = DEFAULT_TRANSPORTS,
    ) -> None:
        if transports not in get_args(Transports):
            raise ValueError(
                f"transports is {transports!r}, for a new EventLoop: pass 'asyncio' or 'native'"
            )
        self._number = next(_numbers)
        self._has_native_transports = HAS_EPOLL and transports == "native"
        if self._has_native_transports:
            prepare()
            self._keep_registrations()
        try:
            super().__init__(selector if selector is not None else _default_selector())
        except BaseException:
            # Not left to the collector, where asyncio says that nobody has closed it. A method of
            # a class of the user's would find less than it knows.
            super().close()
            raise

    if sys.version_info >= (3, 12) and not TYPE_CHECKING:

        def _run_forever_setup(self):
            # In some versions what fails here is not cleaned up after: the loop would be said to
            # run for ever, where a signal handler raises.
            is_elsewhere = self.is_running() or asyncio._get_running_loop() is not None
            try:
                super()._run_forever_setup()
            except BaseException:
                if not is_elsewhere:
                    self._run_forever_cleanup()
                raise

    _nest_patched = True
    """nest_asyncio takes it that this class is nested already, and it is: by `run_nested`."""

    if not TYPE_CHECKING:  # whose types are asyncio's

        def run_until_complete(self, future):
            if hasattr(asyncio, "_nest_patched") and asyncio._get_running_loop() is self:
                return run_nested(self, future)
            return super().run_until_complete(future)

    if HAS_EPOLL and not TYPE_CHECKING:  # whose types are asyncio's

        def _make_socket_transport(self, sock, protocol, waiter=None, **options):
            if self._has_native_transports and fits(self, sock):
                check_unused(self, sock)
                return StreamTransport(self, sock, protocol, waiter, **options)
            return super()._make_socket_transport(sock, protocol, waiter, **options)

        def _make_ssl_transport(self, rawsock, *args, server_side=False, **options):
            make = super()._make_ssl_transport
            if self._has_native_transports and makes_tls(self, rawsock, make):
                check_unused(self, rawsock)
                return make_tls(self, rawsock, *args, server_side=server_side, **options)
            return make(rawsock, *args, server_side=server_side, **options)

        def _make_tls_room(self):
            self._tls_room = make_room()
            return self._tls_room

        async def start_tls(self, transport, *args, **options):
            start = super().start_tls
            if self._has_native_transports:
                start = starting_tls(self, transport, start)
            return await start(transport, *args, **options)

        def _make_datagram_transport(self, sock, protocol, *args, **options):
            if self._has_native_transports and fits_datagrams(self, sock):
                check_unused(self, sock)
                return DatagramTransport(self, sock, protocol, *args, **options)
            return super()._make_datagram_transport(sock, protocol, *args, **options)

        def _make_read_pipe_transport(self, pipe, protocol, waiter=None, extra=None):
            if self._has_native_transports and fits_pipes(self):
                return ReadPipeTransport(self, pipe, protocol, waiter, extra)
            return super()._make_read_pipe_transport(pipe, protocol, waiter, extra)

        def _make_write_pipe_transport(self, pipe, protocol, waiter=None, extra=None):
            if self._has_native_transports and fits_pipes(self):
                return WritePipeTransport(self, pipe, protocol, waiter, extra)
            return super()._make_write_pipe_transport(pipe, protocol, waiter, extra)

        def _start_serving(
            self,
            protocol_factory,
            sock,
            sslcontext=None,
            server=None,
            backlog=100,
            *timeouts,
            **options,
        ):
            what = (protocol_factory, sock, sslcontext, server, backlog, *timeouts)
            if self._has_native_transports and fits(self, sock):
                self._add_reader(sock.fileno(), accept_ready, self, what, options)
            else:
                super()._start_serving(*what, **options)

        async def create_connection(self, protocol_factory, host=None, port=None, **options):
            started = None
            if self._has_native_transports and (not options or _is_of_tls(options)):
                started = start_connecting(self, host, port)
            if started is None:
                return await super().create_connection(protocol_factory, host, port, **options)
            sock, connected = started
            if connected is not None:
                try:
                    await connected
                except BaseException:
                    self._remove_writer(sock.fileno())
                    sock.close()
                    raise
            if options:
                if options.get("server_hostname") is None:
                    options["server_hostname"] = host
                make = self._create_connection_transport
                return await make(sock, protocol_factory, **options)
            protocol = protocol_factory()
            waiter = self.create_future()
            transport = begin_transport(self, sock, protocol, waiter)
            try:
                await waiter
            except BaseException:
                transport.close()
                raise
            return transport, protocol

        async def sock_recv(self, sock, n):
            receiving = start_receiving(self, sock, n) if self._has_native_transports else None
            if receiving is None:
                return await super().sock_recv(sock, n)
            if type(receiving) is bytes:
                return receiving
            received, handle = receiving
            fd = sock.fileno()
            try:
                return await received
            finally:
                # Else somebody else reads from it by now.
                if not handle.cancelled():
                    self._remove_reader(fd)

        async def getaddrinfo(self, host, port, *, family=0, type=0, proto=0, flags=0):  # noqa: A002  # asyncio names it
            if self._has_native_transports and self._answers_at_once(host, port):
                return addresses_of(host, port, family, type, proto, flags)
            options = {"family": family, "type": type, "proto": proto, "flags": flags}
            return await super().getaddrinfo(host, port, **options)

        def _answers_at_once(self, host, port):
            return (
                is_numeric(host, port)
                and not self._debug
                # Whoever has replaced that wants to be asked.
                and getattr(self.run_in_executor, "__func__", None) is _RUN_IN_EXECUTOR
            )

    # The pipe to oneself is needed for signal handlers alone: calls from other threads ring a bell
    # that costs one descriptor instead of two. A selector that cannot hear the bell needs the pipe.

    def _make_self_pipe(self) -> None:
        self._ssock = self._csock = None
        if self._hears_bell:
            self._internal_fds += 1
        elif hubs() is None:
            self._open_self_pipe()
        else:
            # Not the sockets of gevent and eventlet, which are their thread's hub's: this one is
            # made on the caller's, and closed on the loop's.
            watched: Any = self
            ssock, csock = _socket.socketpair()
            ssock.setblocking(False)
            csock.setblocking(False)
            watched._ssock, watched._csock = ssock, csock
            self._internal_fds += 1
            watched._add_reader(ssock.fileno(), watched._read_from_self)

    def _open_self_pipe(self) -> None:
        # Its reader would keep what the maker of the loop has in its context.
        contextvars.Context().run(super()._make_self_pipe)

    def _close_self_pipe(self) -> None:
        if self._hears_bell:
            self._internal_fds -= 1
        if self._csock is not None:
            super()._close_self_pipe()

    def add_signal_handler(self, sig: int, callback: Callable[..., object], *args: object) -> None:
        self._check_closed()
        if self._csock is None:
            self._open_self_pipe()
        super().add_signal_handler(sig, callback, *args)

    def __repr__(self) -> str:
        # Numbered: some libraries keep things for each loop by its text (fsspec does).
        return super().__repr__().replace("EventLoop", f"EventLoop-{self._number}", 1)


know_methods(EventLoop)

_TLS_OPTIONS = {
    name
    for name in inspect.signature(asyncio.SelectorEventLoop.create_connection).parameters
    if name == "server_hostname" or name.startswith("ssl")
}


def _is_of_tls(options: dict[str, Any]) -> bool:
    """Whether these ask for TLS, and for nothing else."""
    return bool(options.get("ssl")) and options.keys() <= _TLS_OPTIONS


def _default_selector() -> selectors.BaseSelector:
    if not HAS_EPOLL:
        # On those systems no selector is a file that a fork's child shares, as epoll is.
        own = sys.platform == LOOPS_OF
        return selectors.DefaultSelector() if own else selectors.SelectSelector()
    patched = hubs()
    return ForkAwareSelector() if patched is None else HubSelector(patched)


_tasks: Any = asyncio.tasks

# nest_asyncio has tasks made in Python. Since CPython 3.14 those have a current one of their own.
_CURRENT_TASKS = [(_tasks.current_task, _tasks._enter_task, _tasks._leave_task)]
if sys.version_info >= (3, 14):
    _CURRENT_TASKS.append((_tasks._py_current_task, _tasks._py_enter_task, _tasks._py_leave_task))


def run_nested(loop: Any, future: Any) -> Any:
    """Turn a loop that runs already until the future is done, as nest_asyncio lets others do.

    What that puts in place of a loop's methods would not hear the calls that come to ours.
    """
    task: asyncio.Future[Any] = asyncio.ensure_future(future, loop=loop)
    if task is not future:
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    outer: list[tuple[Callable[..., object], Any]] = []
    for current, enter, leave in _CURRENT_TASKS:
        if (running := current(loop)) is not None:
            leave(loop, running)
            outer.append((enter, running))
    try:
        while not task.done() and not loop._stopping:
            loop._run_once()
    finally:
        for enter, running in outer:
            enter(loop, running)
    if not task.done():
        raise RuntimeError("Event loop stopped before Future completed.")
    return task.result()


def new_event_loop() -> EventLoop:
    """A new `EventLoop`, for whatever takes a loop factory. Does not set the current loop.

    >>> import asyncio, sideloop
    >>> loop = sideloop.new_event_loop()
    >>> loop.run_until_complete(asyncio.sleep(0, "slept"))
    'slept'
    >>> loop.close()
    """
    return EventLoop()


def report_callback_error(
    loop: asyncio.AbstractEventLoop, handle: Any, error: BaseException
) -> None:
    """Tell the loop's exception handler what a callback raised, as `asyncio.Handle` does."""
    debug = {"debug": loop.get_debug()} if _TEXT_TAKES_DEBUG else {}
    text = format_helpers._format_callback_source(handle._callback, handle._args, **debug)
    context: dict[str, Any] = {
        "message": f"Exception in callback {text}",
        "exception": error,
        "handle": handle,
    }
    if handle._source_traceback:
        context["source_traceback"] = handle._source_traceback
    loop.call_exception_handler(context)


def report_slow_callback(handle: asyncio.Handle, took: float) -> None:
    """Log a callback that has blocked its loop for long, as asyncio does in debug mode."""
    text = base_events._format_handle(handle)
    base_events.logger.warning("Executing %s took %.3f seconds", text, took)
