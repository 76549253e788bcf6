"""Debuggers and profilers: what `SIDELOOP_DRIVE=caller` has them follow, and what works without."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import programs
import pytest
from pace import scaled

SCRIPT = programs.DIRECTORY / "traced.py"

ANSWER = str(sum(k * k for k in range(300_000)) + sum(k * k for k in range(300_001)))

DRIVES = ["thread", "caller"]


def line_of(text: str, script: Path = SCRIPT) -> int:
    """The number of the first line with this in it."""
    lines = script.read_text("utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def run(
    *command: object, drive: str | None, given: str = "", directory: Path | None = None
) -> programs.Ended:
    """Run Python with this, told who drives, and given this to read."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("SIDELOOP_DRIVE", "PYTHONBREAKPOINT", "PYTHONASYNCIODEBUG")
    }
    if drive is not None:
        environment["SIDELOOP_DRIVE"] = drive
    begin = time.monotonic()
    ended = subprocess.run(
        [sys.executable, *map(str, command)],
        input=given,
        env=environment | {"HOME": str(directory or "/nowhere")},  # no .pdbrc of anybody's
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=scaled(60),
        check=False,
    )
    seconds = time.monotonic() - begin
    return programs.Ended(ended.returncode, ended.stdout, ended.stderr, seconds)


def asked(program: str, drive: str | None) -> programs.Ended:
    return run("-W", "error", "-c", program, drive=drive)


WHERE = """
import asyncio, contextlib, threading, sideloop
from sideloop import LoopManager, enter, iterate, loop_manager, run_sync, synced

async def here(*_):
    return threading.current_thread() is threading.main_thread()

async def many():
    yield await here()

@contextlib.asynccontextmanager
async def entered():
    yield await here()

class AsyncClient:
    async def get(self):
        return await here()

with enter(entered()) as inside:
    found = [inside]
found += [run_sync(here), synced(here)(), next(iterate(many())), synced(AsyncClient)().get()]
found += sideloop.map(here, range(3))
with LoopManager() as manager:
    own = manager.run_sync(here)
print(loop_manager.drive, set(found), own)
"""


class TestTheVariable:
    @pytest.mark.parametrize("drive", [None, "", "thread"])
    def test_if_it_says_nothing_else_leaves_the_calls_to_threads(self, drive: str | None) -> None:
        ended = asked(WHERE, drive)
        assert (ended.stdout, ended.stderr) == ("thread {False} False\n", "")

    def test_has_calls_of_every_kind_run_on_the_thread_that_makes_them(self) -> None:
        ended = asked(WHERE, "caller")
        assert (ended.stdout, ended.stderr) == ("caller {True} False\n", "")

    @pytest.mark.parametrize("drive", ["Caller", "yes", "caller ", "1"])
    def test_if_it_is_wrong_is_an_error_of_the_import_that_says_what_it_may_be(
        self, drive: str
    ) -> None:
        ended = asked("import sideloop", drive)
        assert ended.code == 1
        message = ended.stderr.splitlines()[-1]
        assert message.startswith("ValueError: the environment variable SIDELOOP_DRIVE is 'thread'")
        assert message.endswith(f"it is {drive!r}")

    def test_has_what_is_submitted_refused(self) -> None:
        program = "import asyncio, sideloop\nsideloop.loop_manager.submit(asyncio.sleep, 0)"
        ended = asked(program, "caller")
        assert ended.code == 1
        assert "RuntimeError: asyncio.tasks.sleep() was not submitted" in ended.stderr

    def test_is_heard_by_the_drop_in_for_flytekit_too(self) -> None:
        program = """
import threading
from sideloop.compat.flytekit import run_sync
async def here():
    return threading.current_thread() is threading.main_thread()
print(run_sync(here))
"""
        assert asked(program, "caller").stdout == "True\n"
        assert asked(program, None).stdout == "False\n"

    def test_leaves_nothing_at_the_end(self) -> None:
        program = """
import asyncio, sideloop
async def leave():
    asyncio.get_running_loop().create_task(background())
async def background():
    try:
        await asyncio.sleep(600)
    finally:
        print("unwound")
sideloop.run_sync(leave)
sideloop.run_sync(asyncio.sleep, 0)
"""
        ended = asked(program, "caller")
        assert (ended.code, ended.stdout, ended.stderr) == (0, "unwound\n", "")


def debugged(drive: str, *commands: str, arguments: tuple[str, ...] = ()) -> list[str]:
    """What pdb says to these, up to the end of the program."""
    ended = run("-m", "pdb", SCRIPT, *arguments, drive=drive, given="\n".join([*commands, "q"]))
    return ended.stdout.split("(Pdb) ")


def functions(stack: str) -> list[str]:
    """The functions of the script in what `where` has written, outermost first."""
    return re.findall(rf"{re.escape(str(SCRIPT))}\(\d+\)(\w+)\(\)", stack)


IN_INNER = f"break {line_of('await asyncio.sleep(0.01)')}"


class TestPdb:
    def test_stops_at_a_break_in_a_coroutine_below_the_call_that_it_serves(self) -> None:
        said = debugged("caller", IN_INNER, "continue", "where", "print(n)", "up", "up", "up")
        assert functions(said[3]) == ["main", "outer", "inner"]
        assert said[4] == "300000\n"
        assert [functions(one) for one in said[5:8]] == [["outer"], [], ["main"]]

    def test_stays_in_the_coroutine_with_next_though_the_loop_turns(self) -> None:
        said = debugged("caller", IN_INNER, "continue", "next", "print(n)")
        assert functions(said[3]) == ["inner"]
        assert 'if "breakpoint"' in said[3]
        assert said[4] == "300000\n"

    def test_steps_into_the_coroutine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # In debug mode asyncio takes a thousand lines to note where a task was made.
        for variable in ("PYTHONASYNCIODEBUG", "PYTHONDEVMODE"):
            monkeypatch.delenv(variable, raising=False)
        at = line_of("return run_sync(outer")
        said = debugged("caller", f"break {at}", "continue", *["step"] * 20)
        stops = [functions(one) for one in said]
        assert ["outer"] in stops
        assert ["inner"] in stops

    def test_can_call_at_its_prompt_inside_of_a_coroutine(self) -> None:
        said = debugged("caller", IN_INNER, "continue", "p run_sync(outer, 3) + 1000")
        assert said[3] == "1019\n"

    def test_does_not_stop_in_a_coroutine_that_a_thread_runs(self) -> None:
        said = debugged("thread", IN_INNER, "continue")
        assert ANSWER in said[2]

    @pytest.mark.parametrize("drive", DRIVES)
    def test_stops_where_a_coroutine_says_breakpoint(self, drive: str) -> None:
        given = "where\nprint(n)\nnext\ncontinue\ncontinue\n"
        ended = run(SCRIPT, "breakpoint", drive=drive, given=given)
        said = ended.stdout.split("(Pdb) ")
        # Below the call only where that drives.
        assert functions(said[1]) == ["main", "outer", "inner"][-3 if drive == "caller" else -2 :]
        assert said[2] == "300000\n"
        assert ended.stdout.endswith(f"{ANSWER}\n")

    @pytest.mark.parametrize("drive", DRIVES)
    def test_looks_at_the_coroutine_that_has_failed(self, drive: str) -> None:
        said = debugged(drive, "continue", "where", "print(n)", arguments=("fail",))
        assert functions(said[2]) == ["main", "outer", "inner"]
        assert said[3] == "300000\n"

    @pytest.mark.parametrize("drive", DRIVES)
    def test_of_pytest_looks_at_the_coroutine_that_has_failed(
        self, drive: str, tmp_path: Path
    ) -> None:
        lines = [
            *("import asyncio, sideloop", "async def fail(n):", "  await asyncio.sleep(0)"),
            *("  assert n == 1", "def test_it():", "  sideloop.run_sync(fail, 2)"),
        ]
        (tmp_path / "test_it.py").write_text("\n".join(lines), "utf-8")
        command = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "--pdb", "test_it.py")
        ended = run(*command, drive=drive, directory=tmp_path, given="print(n + 40)\nq\n")
        assert "(Pdb) 42\n" in ended.stdout


class TestProfilers:
    @pytest.mark.parametrize("drive", DRIVES)
    def test_cprofile_sees_what_the_calling_thread_runs(self, drive: str) -> None:
        ended = run("-m", "cProfile", "-s", "tottime", SCRIPT, drive=drive)
        found = re.search(r"^ +(\d+) .* traced\.py:\d+\(compute\)$", ended.stdout, re.MULTILINE)
        if drive == "caller":
            assert found is not None
            assert found[1] == "2"
        elif sys.version_info < (3, 12):  # since then it hears of other threads
            assert found is None

    @pytest.mark.parametrize("drive", DRIVES)
    def test_pyinstrument_sees_what_the_calling_thread_runs(self, drive: str) -> None:
        pytest.importorskip("pyinstrument")
        ended = run("-m", "pyinstrument", "--show-all", SCRIPT, drive=drive)
        assert ("compute  traced.py" in ended.stdout) is (drive == "caller")
        if drive == "caller":
            tree = re.findall(r"^(.*?)(\w+)  traced\.py:\d+$", ended.stdout, re.MULTILINE)
            depths = {name: len(before) for before, name in tree}
            assert depths["main"] < depths["outer"] < depths["inner"] < depths["compute"]

    @pytest.mark.parametrize("drive", DRIVES)
    def test_line_profiler_sees_the_lines_of_coroutines(self, drive: str, tmp_path: Path) -> None:
        pytest.importorskip("line_profiler")
        script = tmp_path / "profiled.py"
        source = SCRIPT.read_text("utf-8").replace("300_000", "1_000")
        script.write_text(re.sub(r"^((?:async )?def inner)", r"@profile\n\1", source, flags=re.M))
        ended = run("-m", "kernprof", "-l", "-v", script, drive=drive, directory=tmp_path)
        at = line_of("return compute(n)", script)
        assert re.search(rf"^ +{at} +2 .*return compute\(n\)$", ended.stdout, re.MULTILINE), ended

    @pytest.mark.parametrize("drive", DRIVES)
    def test_coverage_sees_the_lines_of_coroutines(self, drive: str, tmp_path: Path) -> None:
        pytest.importorskip("coverage")
        run("-m", "coverage", "run", SCRIPT, drive=drive, directory=tmp_path)
        ended = run("-m", "coverage", "report", "-m", drive=None, directory=tmp_path)
        missed = {line_of("        breakpoint()"), line_of("raise ValueError")}
        (row,) = (line for line in ended.stdout.splitlines() if "traced.py" in line)
        assert set(map(int, re.findall(r"\d+", row.partition("%")[2]))) == missed


class Session:
    """A debugging session as an editor has it, in debugpy's protocol."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._file = connection.makefile("rb")
        self._sent = 0

    def send(self, command: str, **arguments: Any) -> None:
        self._sent += 1
        request = {"seq": self._sent, "type": "request"}
        text = json.dumps({**request, "command": command, "arguments": arguments}).encode()
        self._connection.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(text), text))

    def wait_for(self, name: str) -> dict[str, Any]:
        """The body of the next response to this command, or event of this name."""
        while True:
            length = 0
            while header := self._file.readline().strip():
                length = int(header.partition(b": ")[2])
            if not length:
                raise EOFError(name)
            message = json.loads(self._file.read(length))
            if name in (message.get("event"), message.get("command")):
                body: dict[str, Any] = message.get("body") or {}
                return body

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        self.send(command, **arguments)
        return self.wait_for(command)

    def stack(self, thread: int) -> list[str]:
        """The functions in which a thread has stopped, innermost first."""
        found = self.ask("stackTrace", threadId=thread)["stackFrames"]
        return [frame["name"] for frame in found]


@contextmanager
def attached(drive: str, at: int) -> Iterator[Session]:
    """Attach to the script, which waits for that, with a break in this line."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    debugpy = ["-Xfrozen_modules=off", "-m", "debugpy", "--listen", f"127.0.0.1:{port}"]
    process = subprocess.Popen(
        [sys.executable, *debugpy, "--wait-for-client", SCRIPT],
        env={**os.environ, "SIDELOOP_DRIVE": drive},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with connected(port) as connection:
            session = Session(connection)
            session.ask("initialize", adapterID="test", pathFormat="path")
            session.send("attach", justMyCode=True)
            session.wait_for("initialized")
            session.ask("setBreakpoints", source={"path": str(SCRIPT)}, breakpoints=[{"line": at}])
            session.send("configurationDone")
            yield session
    finally:
        process.kill()
        process.wait()


def connected(port: int) -> socket.socket:
    end = time.monotonic() + scaled(20)
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=scaled(20))
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


@pytest.mark.parametrize("drive", DRIVES)
class TestDebugpy:
    def test_stops_at_a_break_in_a_coroutine(self, drive: str) -> None:
        pytest.importorskip("debugpy")
        with attached(drive, line_of("return compute(n)")) as session:
            thread = session.wait_for("stopped")["threadId"]
            assert session.stack(thread)[:2] == ["inner", "outer"]
            assert ("main" in session.stack(thread)) is (drive == "caller")

    def test_steps_into_the_coroutine_where_the_caller_drives(self, drive: str) -> None:
        pytest.importorskip("debugpy")
        with attached(drive, line_of("return run_sync(outer")) as session:
            thread = session.wait_for("stopped")["threadId"]
            session.send("stepIn", threadId=thread)
            thread = session.wait_for("stopped")["threadId"]
            inside = ["outer", "main", "<module>"]
            assert session.stack(thread)[:3] == inside[0 if drive == "caller" else 2 :]
