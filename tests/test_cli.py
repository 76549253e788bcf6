"""`python -m sideloop`: what the shell sees, that is the exit code, stdout and stderr.

One file, although a long one: each class holds the module that its tests run.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import IO

import pytest
from programs import without_slowness
from transcripts import DOCS, File, run, steps, write

import sideloop

TIME_LIMIT = 60.0
FOREIGN_SETTINGS = {"FORCE_COLOR", "PYTHONSAFEPATH", "PYTHONUNBUFFERED"}

Ended = subprocess.CompletedProcess[str]
"""A command that ended, with all that the shell sees of it."""


class Shell:
    """Runs the command in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def write(self, name: str, text: str) -> None:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def run(self, *texts: str) -> Ended:
        with self.start("run", *texts) as child:
            return finish(child)

    def command(self, *texts: str) -> Ended:
        with self.start(*texts) as child:
            return finish(child)

    @contextlib.contextmanager
    def start(
        self,
        *texts: str,
        stdout: int | IO[str] = subprocess.PIPE,
        environment: dict[str, str] | None = None,
    ) -> Generator["subprocess.Popen[str]"]:
        ours = {"PYTHON_COLORS": "0", "PYTHONIOENCODING": "utf-8", "COLUMNS": "100"}
        theirs = {name: os.environ[name] for name in os.environ.keys() - FOREIGN_SETTINGS}
        with (
            sigint_not_ignored(),
            subprocess.Popen(
                [sys.executable, "-m", "sideloop", *texts],
                cwd=self.directory,
                env=theirs | ours | (environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=subprocess.PIPE,
                encoding="utf-8",
            ) as child,
        ):
            try:
                yield child
            finally:
                child.kill()


def finish(child: "subprocess.Popen[str]") -> Ended:
    stdout, stderr = child.communicate(timeout=TIME_LIMIT)
    return Ended(child.args, child.returncode, stdout, without_slowness(stderr))


@contextlib.contextmanager
def sigint_not_ignored() -> Generator[None]:
    """Let children be interrupted.

    A shell starts background commands with SIGINT ignored, and children inherit that. A
    `preexec_fn` could undo it, but forks through Python code, which warns when there are threads.
    """
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def printed(ended: Ended) -> str:
    """What a command that succeeded printed."""
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def refused(ended: Ended) -> str:
    """What a command that was not run said about it."""
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "Traceback" not in ended.stderr
    return ended.stderr


@pytest.fixture
def shell(tmp_path: Path, request: pytest.FixtureRequest) -> Shell:
    """Make a shell in a directory where the test class's module is `app`."""
    shell = Shell(tmp_path)
    shell.write("app.py", request.cls.MODULE)
    return shell


class TestArguments:
    MODULE = """
async def async_add(a: int, b: int = 2) -> int:
    return a + b

async def show(*args, **kwargs: int):
    return f"{args} {kwargs}"

async def echo(text: str, suffix: str = "") -> str:
    return text + suffix

async def plain(first, second="2"):
    return f"{first!r} {second!r}"

async def positional_only(x: int, /, **kwargs: int):
    return f"{x} {kwargs}"

async def total(*numbers: float):
    return sum(numbers)
"""

    def test_are_taken_by_name(self, shell: Shell) -> None:
        assert printed(shell.run("app:async_add", "a=10", "b=12")) == "22\n"

    def test_are_taken_by_position_in_order(self, shell: Shell) -> None:
        assert printed(shell.run("app:plain", "one", "two")) == "'one' 'two'\n"

    def test_may_stand_before_and_after_options(self, shell: Shell) -> None:
        ended = shell.run("--json", "app:async_add", "1", "--timeout", "50", "b=-5")
        assert printed(ended) == "-4\n"

    def test_that_are_negative_numbers_are_no_options(self, shell: Shell) -> None:
        assert printed(shell.run("app:total", "-1", "-.5", "-1e1")) == "-11.5\n"

    def test_that_are_left_out_have_their_defaults(self, shell: Shell) -> None:
        assert printed(shell.run("app:async_add", "40")) == "42\n"

    def test_without_annotation_stay_text(self, shell: Shell) -> None:
        assert printed(shell.run("app:plain", "first=1", "second=null")) == "'1' 'null'\n"

    def test_of_any_name_go_to_a_function_that_takes_kwargs(self, shell: Shell) -> None:
        assert printed(shell.run("app:show", "x", "a=1", "b=2")) == "('x',) {'a': 1, 'b': 2}\n"

    def test_of_one_name_go_to_a_positional_only_parameter_and_to_kwargs(
        self, shell: Shell
    ) -> None:
        assert printed(shell.run("app:positional_only", "1", "x=2")) == "1 {'x': 2}\n"

    def test_with_an_equals_sign_are_text_when_no_parameter_has_that_name(
        self, shell: Shell
    ) -> None:
        assert printed(shell.run("app:echo", "y=1", "suffix==")) == "y=1=\n"

    def test_after_a_lone_double_dash_are_positional(self, shell: Shell) -> None:
        assert printed(shell.run("app:echo", "--", "text=1", "--json")) == "text=1--json\n"
        assert printed(shell.run("app:show", "a=1", "--", "--", "b=2")) == (
            "('--', 'b=2') {'a': 1}\n"
        )


class TestConversion:
    MODULE = """
import asyncio
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum, IntEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Optional, Union

from pydantic import BaseModel, Field

class Colour(Enum):
    RED = "red"
    TWO = 2

class Level(IntEnum):
    LOW = 1

@dataclass
class Point:
    x: int
    y: float = 0.5

class Box(BaseModel):
    size: int

async def show(values):
    for name, value in values.items():
        print(f"{name} {value!r}")

async def scalars(
    a: int, b: float, c: bool, d: Path, e: date, f: Literal["x", 1], g: Literal["x", 1],
    h: Colour, i: Colour, j: Colour, k: Level, m: Any, n: Annotated[int, Field(gt=0)],
):
    await show(locals())

async def composites(
    a: list[int], b: dict[str, datetime], c: tuple[int, str], d: Point, e: Box, f: set[Path],
):
    await show(locals())

async def unions(
    a: Optional[int], b: "str | None", c: Union[int, str], d: Union[int, str],
    e: Union[list[int], str], f: Optional[Point], g: Union[str, int], h: Optional[int],
):
    await show(locals())
"""

    def test_makes_numbers_flags_paths_dates_and_choices(self, shell: Shell) -> None:
        numbers = ["a=-1", "b=1e3", "c=yes", "d=x/y", "e=2024-05-17"]
        choices = ["f=x", "g=1", "h=red", "i=2", "j=RED", "k=1", "m=1", "n=1"]
        lines = printed(shell.run("app:scalars", *numbers, *choices)).splitlines()
        assert [line.partition(" ")[2] for line in lines] == [
            "-1",
            "1000.0",
            "True",
            "PosixPath('x/y')" if os.name == "posix" else "WindowsPath('x/y')",
            "datetime.date(2024, 5, 17)",
            "'x'",
            "1",
            "<Colour.RED: 'red'>",
            "<Colour.TWO: 2>",
            "<Colour.RED: 'red'>",
            "<Level.LOW: 1>",
            "'1'",
            "1",
        ]

    def test_reads_lists_dicts_tuples_dataclasses_and_models_as_json(self, shell: Shell) -> None:
        ended = shell.run(
            "app:composites",
            "a=[1, 2]",
            'b={"at": "2024-05-17T10:00"}',
            'c=[1, "x"]',
            'd={"x": 3}',
            'e={"size": 4}',
            'f=["x", "x"]',
        )
        assert [line.partition(" ")[2] for line in printed(ended).splitlines()] == [
            "[1, 2]",
            "{'at': datetime.datetime(2024, 5, 17, 10, 0)}",
            "(1, 'x')",
            "Point(x=3, y=0.5)",
            "Box(size=4)",
            "{PosixPath('x')}" if os.name == "posix" else "{WindowsPath('x')}",
        ]

    def test_takes_the_first_type_of_a_union_that_fits(self, shell: Shell) -> None:
        texts = ["a=null", "b=None", "c=10", "d=ten", "e=[1]", 'f={"x": 1}', "g=10", "h=7"]
        lines = printed(shell.run("app:unions", *texts)).splitlines()
        assert [line.partition(" ")[2] for line in lines] == [
            "None",
            "None",
            "10",
            "'ten'",
            "[1]",
            "Point(x=1, y=0.5)",
            "'10'",
            "7",
        ]


class TestAnnotationsThatAreText:
    MODULE = """
from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    from nowhere import Missing

@dataclass
class Point:
    x: int

async def move(point: Point, by: Optional[int] = None, other: Missing = 0) -> Missing:
    return f"{point} {by!r} {other!r}"

class Mover:
    async def __call__(self, by: int):
        return by * 2

    async def move(self, by: int):
        return by * 3

mover = Mover()
partial_move = functools.partial(move, by=5)
"""

    def test_are_resolved(self, shell: Shell) -> None:
        assert printed(shell.run("app:move", '{"x": 1}', "by=5")) == "Point(x=1) 5 0\n"

    @pytest.mark.parametrize(
        ("name", "text", "shown"),
        [
            ("mover", "4", "8\n"),
            ("mover.move", "4", "12\n"),
            ("partial_move", '{"x": 1}', "Point(x=1) 5 0\n"),
        ],
    )
    def test_are_resolved_for_callables_that_are_no_functions(
        self, shell: Shell, name: str, text: str, shown: str
    ) -> None:
        assert printed(shell.run(f"app:{name}", text)) == shown

    def test_that_cannot_be_resolved_are_named(self, shell: Shell) -> None:
        message = refused(shell.run("app:move", '{"x": 1}', "other=3"))
        assert "other (Missing): '3' does not fit: the annotation 'Missing' cannot be" in message
        assert "import what it names outside of `if TYPE_CHECKING:`" in message
        assert "move(point: Point, by: Optional[int] = None, other: Missing = 0)" in message


class TestWrongArguments:
    MODULE = """
import asyncio
from dataclasses import dataclass

@dataclass
class Point:
    x: int

async def async_add(a: int, b: int) -> int:
    return a + b

async def positional_only(x: int, /):
    return x

async def keyword_only(*, size: int):
    return size

async def draw(points: list[Point]): ...

async def unreadable(stream: asyncio.StreamReader): ...
"""

    def test_name_the_parameter_its_type_the_text_and_the_signature(self, shell: Shell) -> None:
        message = refused(shell.run("app:async_add", "a=ten", "b=2"))
        assert message.startswith("error: app:async_add cannot be called with these arguments:\n")
        assert "  a (int): 'ten' does not fit: Input should be a valid integer" in message
        assert message.endswith("signature: async_add(a: int, b: int) -> int\n")

    def test_are_all_named_at_once(self, shell: Shell) -> None:
        message = refused(shell.run("app:async_add", "1", "a=ten", "c=3", "4"))
        assert "  a is given twice: '1' and 'ten'\n" in message
        assert "  there is no parameter 'c'; as a value by position: b (int): 'c=3' does" in message
        assert "  '4' is too much: app:async_add takes 2 values by position\n" in message

    def test_that_are_missing_are_named(self, shell: Shell) -> None:
        message = refused(shell.run("app:async_add", "b=1"))
        assert "a (int) is missing; write a=…" in message
        assert "size (int) is missing; write size=…" in refused(shell.run("app:keyword_only"))
        assert "x (int) is missing; write a value" in refused(shell.run("app:positional_only"))

    def test_that_are_too_many_are_named(self, shell: Shell) -> None:
        message = refused(shell.run("app:async_add", "1", "2", "3"))
        assert "  '3' is too much: app:async_add takes 2 values by position\n" in message

    def test_that_are_misspelt_names_suggest_the_right_one(self, shell: Shell) -> None:
        message = refused(shell.run("app:keyword_only", "sizes=3"))
        assert "there is no parameter 'sizes' (did you mean size=?)" in message

    def test_by_the_name_of_a_positional_only_parameter_say_so(self, shell: Shell) -> None:
        message = refused(shell.run("app:positional_only", "x=1"))
        assert "x is positional-only; write '1' without x=" in message

    def test_that_should_be_json_say_so_and_where(self, shell: Shell) -> None:
        message = refused(shell.run("app:draw", "1,2"))
        assert "points (list[app.Point])" in message
        assert "this type is written as JSON text" in message
        assert "0: x: Input should be a valid integer" in refused(
            shell.run("app:draw", 'points=[{"x": "y"}]')
        )

    def test_of_types_that_no_text_can_make_say_so(self, shell: Shell) -> None:
        message = refused(shell.run("app:unreadable", "x"))
        assert "stream (asyncio.streams.StreamReader)" in message
        assert "a value of this type cannot be made of text" in message

    def test_that_look_like_options_are_told_where_to_go(self, shell: Shell) -> None:
        message = refused(shell.run("app:async_add", "--bogus"))
        assert "there is no option '--bogus'; write a value that begins with - after --" in message

    @pytest.mark.parametrize("seconds", ["soon", "0", "-1", "nan", "inf"])
    def test_for_the_time_limit_are_refused(self, shell: Shell, seconds: str) -> None:
        message = refused(shell.run("app:async_add", "1", "2", f"--timeout={seconds}"))
        assert f"{seconds!r} is not a number of seconds above 0" in message


class TestTarget:
    MODULE = """
import functools

value = 1

async def async_add(a: int, b: int = 2) -> int:
    return a + b

def logged(async_fn):
    @functools.wraps(async_fn)
    def wrapper(*args, **kwargs):
        return async_fn(*args, **kwargs)
    return wrapper

decorated = logged(async_add)

def sync_add(a: int, b: int = 2) -> int:
    return a + b

async def generate():
    yield 1

class Store:
    async def search(self): ...

    @classmethod
    async def create(cls, size: int) -> str:
        return f"{cls.__name__} {size}"

    class Inner:
        @staticmethod
        async def version() -> str:
            return "1"
"""

    @pytest.mark.parametrize(
        ("name", "text", "shown"),
        [("decorated", "a=1", "3\n"), ("Store.create", "4", "Store 4\n")],
    )
    def test_may_be_anything_that_returns_an_awaitable(
        self, shell: Shell, name: str, text: str, shown: str
    ) -> None:
        assert printed(shell.run(f"app:{name}", text)) == shown

    def test_may_be_deep_inside_of_packages_and_classes(self, shell: Shell) -> None:
        shell.write("package/__init__.py", "")
        shell.write("package/tools.py", "from app import Store")
        assert printed(shell.run("package.tools:Store.Inner.version")) == "1\n"

    @pytest.mark.parametrize(
        ("target", "remedy"),
        [
            ("app", "'app' names no function; write module:function, for example app:function"),
            ("app.async_add", "for example app:async_add"),
            ("app.py:async_add", "'app.py' is a file; name the module: app:async_add"),
            ("./lib/app.py", "for example lib.app:function"),
            ("app:", "'app:' is not module:function, '' is no name"),
            (".app:async_add", "'' is no name"),
            ("app:async_add(1)", "'async_add(1)' is no name"),
            ("appp:async_add", "there is no module 'appp'"),
            ("appp:async_add", "did you mean app"),
            ("app.async_add:run", "'app' is a module, not a package; did you mean app:async_add?"),
            ("asyncio.queue:Queue", "package 'asyncio' has no module 'queue'; did you mean queues"),
            ("app:asyn_add", "module 'app' has no 'asyn_add'; did you mean async_add"),
            ("app:xyz", "its async functions: async_add"),
            ("app:Store.creat", "app:Store has no 'creat'; did you mean create?"),
            ("app:Store.search", "app:Store.search is a method and needs an instance of Store"),
            ("app:Store", "app:Store is a class; name an async function"),
            ("app:value", "app:value is an int, not a function; name an async function"),
            ("app:generate", "app:generate is an async generator"),
            ("app:sync_add", "app:sync_add cannot be called with these arguments"),
        ],
    )
    def test_that_cannot_be_run_says_what_to_write(
        self, shell: Shell, target: str, remedy: str
    ) -> None:
        assert remedy in refused(shell.run(target))

    def test_that_is_not_async_says_what_to_write(self, shell: Shell) -> None:
        message = refused(shell.run("app:sync_add", "a=1"))
        assert "app:sync_add is not async: it returned an int, not an awaitable" in message
        assert "write `async def sync_add(...)`" in message


class TestImport:
    MODULE = "import not_there_at_all"

    def test_that_fails_inside_of_the_module_shows_its_traceback(self, shell: Shell) -> None:
        ended = shell.run("app:run")
        assert (ended.returncode, ended.stdout) == (1, "")
        lines = ended.stderr.splitlines()
        assert lines[0] == "Traceback (most recent call last):"
        assert "app.py" in lines[1]
        assert lines[-1] == "ModuleNotFoundError: No module named 'not_there_at_all'"
        assert "importlib" not in ended.stderr
        assert "_cli" not in ended.stderr

    def test_of_a_package_that_imports_what_it_lacks_shows_its_traceback(
        self, shell: Shell
    ) -> None:
        shell.write("package/__init__.py", "import package.absent")
        ended = shell.run("package.absent:run")
        assert ended.returncode == 1
        assert "import package.absent" in ended.stderr
        assert "No module named 'package.absent'" in ended.stderr

    def test_that_meets_a_syntax_error_shows_the_line(self, shell: Shell) -> None:
        shell.write("typo.py", "async def run(:\n")
        ended = shell.run("typo:run")
        assert (ended.returncode, ended.stdout) == (1, "")
        assert "async def run(:" in ended.stderr
        assert "SyntaxError" in ended.stderr
        assert "_cli" not in ended.stderr

    def test_that_exits_has_its_exit_code(self, shell: Shell) -> None:
        shell.write("leaves.py", "raise SystemExit(7)")
        ended = shell.run("leaves:run")
        assert (ended.returncode, ended.stdout, ended.stderr) == (7, "", "")


class TestFailure:
    MODULE = """
import asyncio
import sys

class Abort(BaseException): ...

async def fail():
    print("before")
    await asyncio.sleep(0)
    raise ValueError("no such luck")

async def fail_twice():
    try:
        await fail()
    except ValueError as error:
        raise LookupError("outer") from error

async def abort():
    raise Abort("now")

def fail_at_once():
    raise TypeError("not today")

async def stop_the_loop():
    asyncio.get_running_loop().stop()
    await asyncio.sleep(600)

async def leave(code: "int | str"):
    await asyncio.sleep(0)
    sys.exit(code)
"""

    def test_shows_the_traceback_of_user_code_only(self, shell: Shell) -> None:
        ended = shell.run("app:fail")
        assert (ended.returncode, ended.stdout) == (1, "before\n")
        lines = ended.stderr.splitlines()
        assert lines[0] == "Traceback (most recent call last):"
        assert "app.py" in lines[1]
        assert lines[1].endswith("in fail")
        assert lines[-1] == "ValueError: no such luck"
        assert "sideloop" not in ended.stderr

    def test_shows_its_cause_too(self, shell: Shell) -> None:
        ended = shell.run("app:fail_twice")
        assert ended.returncode == 1
        assert "ValueError: no such luck" in ended.stderr
        assert "LookupError: outer" in ended.stderr
        assert "sideloop" not in ended.stderr

    @pytest.mark.parametrize(
        ("name", "last"), [("abort", "app.Abort: now"), ("fail_at_once", "TypeError: not today")]
    )
    def test_of_any_kind_ends_with_exit_code_1(self, shell: Shell, name: str, last: str) -> None:
        ended = shell.run(f"app:{name}")
        assert ended.returncode == 1
        assert ended.stderr.splitlines()[-1] == last
        assert "sideloop" not in ended.stderr

    def test_of_sideloop_itself_hides_the_command(self, shell: Shell) -> None:
        ended = shell.run("app:stop_the_loop")
        assert ended.returncode == 1
        assert "LoopStoppedError: loop.stop() ended the event loop" in ended.stderr
        assert "_cli" not in ended.stderr

    @pytest.mark.parametrize(("code", "stderr"), [("0", ""), ("3", ""), ("bye", "bye\n")])
    def test_by_sys_exit_has_its_exit_code(self, shell: Shell, code: str, stderr: str) -> None:
        ended = shell.run("app:leave", code)
        expected = int(code) if code.isdigit() else 1
        assert (ended.returncode, ended.stdout, ended.stderr) == (expected, "", stderr)


class TestTimeout:
    MODULE = """
import asyncio
import sideloop

async def wait():
    print("running")
    try:
        await asyncio.sleep(600)
    finally:
        await asyncio.sleep(0)
        print("unwound")

async def quick():
    await asyncio.sleep(0)
    return "done"

async def own_timeout():
    raise TimeoutError("the other side was too slow")

async def fail_to_unwind():
    try:
        await asyncio.sleep(600)
    finally:
        raise ValueError("no such luck")

async def nested():
    return sideloop.run_sync(wait)
"""

    def test_cancels_the_task_and_is_one_line_after_it_has_unwound(self, shell: Shell) -> None:
        ended = shell.run("app:wait", "--timeout", "1.5")
        assert (ended.returncode, ended.stdout) == (1, "running\nunwound\n")
        assert ended.stderr == (
            "TimeoutError: app:wait did not return within 1.5 seconds, so it was cancelled\n"
        )

    def test_reaches_nested_calls_and_is_still_one_line(self, shell: Shell) -> None:
        ended = shell.run("app:nested", "--timeout", "1.5")
        assert (ended.returncode, ended.stdout) == (1, "running\nunwound\n")
        assert ended.stderr == (
            "TimeoutError: app:nested did not return within 1.5 seconds, so it was cancelled\n"
        )

    def test_shows_what_went_wrong_while_the_task_unwound(self, shell: Shell) -> None:
        ended = shell.run("app:fail_to_unwind", "--timeout", "1.5")
        lines = ended.stderr.splitlines()
        assert ended.returncode == 1
        assert lines[-2] == "ValueError: no such luck"
        assert lines[-1].startswith("TimeoutError: app:fail_to_unwind did not return within 1.5")
        assert "sideloop" not in ended.stderr

    def test_does_not_matter_to_a_function_that_is_in_time(self, shell: Shell) -> None:
        assert printed(shell.run("app:quick", "--timeout=50")) == "done\n"

    def test_of_the_function_itself_keeps_its_traceback(self, shell: Shell) -> None:
        ended = shell.run("app:own_timeout", "--timeout=50")
        assert ended.returncode == 1
        assert ended.stderr.startswith("Traceback")
        assert ended.stderr.endswith("TimeoutError: the other side was too slow\n")


class TestCtrlC:
    MODULE = """
import asyncio
import time

async def wait():
    print("running", flush=True)
    try:
        await asyncio.sleep(600)
    finally:
        await asyncio.sleep(0.05)
        print("unwound", flush=True)

async def raise_it():
    raise KeyboardInterrupt
"""
    SLOW_MODULE = """
import time
print("importing", flush=True)
while True:  # a signal just before a sleep does not end that
    time.sleep(0.05)
"""

    def test_lets_the_task_unwind_and_is_quiet(self, shell: Shell) -> None:
        ended = interrupt(shell, "app:wait", "running\n")
        assert (ended.returncode, ended.stdout, ended.stderr) == (130, "unwound\n", "")

    def test_before_the_time_limit_is_no_timeout(self, shell: Shell) -> None:
        ended = interrupt(shell, "app:wait", "running\n", "--timeout=500")
        assert (ended.returncode, ended.stdout, ended.stderr) == (130, "unwound\n", "")

    def test_is_quiet_during_the_import(self, shell: Shell) -> None:
        shell.write("slow.py", self.SLOW_MODULE)
        ended = interrupt(shell, "slow:run", "importing\n")
        assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")

    def test_that_the_function_raises_itself_counts_too(self, shell: Shell) -> None:
        ended = shell.run("app:raise_it")
        assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


def interrupt(shell: Shell, target: str, when: str, *options: str) -> Ended:
    with shell.start("run", target, *options) as child:
        assert child.stdout is not None
        line = child.stdout.readline()
        assert line == when, child.communicate()[1]
        child.send_signal(signal.SIGINT)
        return finish(child)


class TestPrinting:
    MODULE = """
import enum
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

class Colour(enum.Enum):
    RED = "red"

@dataclass
class Point:
    x: int
    at: datetime

async def nothing(): ...

async def point():
    return Point(1, datetime(2024, 5, 17))

async def mixed():
    return {"é": [Path("a/b"), Colour.RED, float("nan"), (1, None), b"bytes"]}

async def unserialisable():
    print("it ran")
    return object()

async def many_lines():
    for line in range(100_000):
        print(line)

async def one_line():
    print("x", flush=True)
"""

    def test_shows_text(self, shell: Shell) -> None:
        shown = printed(shell.run("app:point"))
        assert shown == "Point(x=1, at=datetime.datetime(2024, 5, 17, 0, 0))\n"

    def test_shows_nothing_for_none(self, shell: Shell) -> None:
        assert printed(shell.run("app:nothing")) == ""

    def test_as_json_shows_null_for_none(self, shell: Shell) -> None:
        assert printed(shell.run("app:nothing", "--json")) == "null\n"

    def test_as_json_knows_dataclasses_dates_paths_and_enums(self, shell: Shell) -> None:
        assert printed(shell.run("app:point", "--json")) == '{"x":1,"at":"2024-05-17T00:00:00"}\n'
        shown = json.loads(printed(shell.run("app:mixed", "--json")))
        assert shown == {"é": ["a/b", "red", None, [1, None], "bytes"]}

    def test_as_json_says_what_it_cannot_write(self, shell: Shell) -> None:
        ended = shell.run("app:unserialisable", "--json")
        assert (ended.returncode, ended.stdout) == (1, "it ran\n")
        assert ended.stderr.startswith("error: a value of type object was returned, which cannot")
        assert len(ended.stderr.splitlines()) == 1

    @pytest.mark.parametrize("unbuffered", ["", "1"])
    @pytest.mark.parametrize("name", ["point", "many_lines", "one_line"])
    def test_is_quiet_when_nobody_reads(self, shell: Shell, name: str, unbuffered: str) -> None:
        environment = {"PYTHONUNBUFFERED": unbuffered}
        reader, writer = os.pipe()
        os.close(reader)
        try:
            with shell.start("run", f"app:{name}", stdout=writer, environment=environment) as child:
                ended = finish(child)
        finally:
            os.close(writer)
        assert (ended.returncode, ended.stderr) == (1, "")

    def test_is_quiet_when_stdout_is_closed(self, shell: Shell) -> None:
        ended = subprocess.run(
            ["sh", "-c", 'exec "$0" -m sideloop run app:point >&-', sys.executable],
            cwd=shell.directory,
            stderr=subprocess.PIPE,
            timeout=TIME_LIMIT,
        )
        assert (ended.returncode, ended.stderr) == (0, b"")

    @pytest.mark.parametrize("unbuffered", ["", "1"])
    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
    def test_says_that_the_disk_is_full(self, shell: Shell, unbuffered: str) -> None:
        environment = {"PYTHONUNBUFFERED": unbuffered}
        with Path("/dev/full").open("w") as full:  # noqa: SIM117  # the file outlives the command
            with shell.start("run", "app:point", stdout=full, environment=environment) as child:
                ended = finish(child)
        assert ended.returncode == 1
        assert ended.stderr.startswith("error: cannot write to stdout: ")
        assert len(ended.stderr.splitlines()) == 1


class TestHelp:
    MODULE = ""

    def test_names_the_version(self, shell: Shell) -> None:
        assert printed(shell.command("--version")) == f"sideloop {sideloop.__version__}\n"

    def test_names_the_commands(self, shell: Shell) -> None:
        assert "run an async function of a module" in printed(shell.command("--help"))

    def test_of_run_explains_arguments_and_exit_codes(self, shell: Shell) -> None:
        shown = printed(shell.run("--help"))
        for text in ("module:function", "name=value", "-- value", "--timeout SECONDS", "130"):
            assert text in shown

    @pytest.mark.parametrize("texts", [[], ["walk"], ["run"], ["run", "--", "app:run"]])
    def test_is_short_when_the_command_is_incomplete(self, shell: Shell, texts: list[str]) -> None:
        assert refused(shell.command(*texts)).startswith("usage: python -m sideloop")


class TestWithoutPydantic:
    MODULE = """
async def add(a: int, b: int = 2):
    print("it ran")
    return a + b

async def echo(text: str, other=None):
    return text
"""

    @pytest.fixture
    def bare(self, shell: Shell) -> Shell:
        """Hide pydantic behind a module that fails as a missing one does."""
        shell.write(
            "pydantic.py",
            "raise ModuleNotFoundError(\"No module named 'pydantic'\", name='pydantic')",
        )
        return shell

    def test_a_conversion_says_what_to_install(self, bare: Shell) -> None:
        assert 'pip install "sideloop[cli]"' in refused(bare.run("app:add", "1"))

    def test_json_says_what_to_install_before_anything_runs(self, bare: Shell) -> None:
        assert 'pip install "sideloop[cli]"' in refused(bare.run("app:echo", "x", "--json"))

    def test_text_is_passed_all_the_same(self, bare: Shell) -> None:
        assert printed(bare.run("app:echo", "x", "other=y")) == "x\n"


class TestTheGuide:
    def test_shows_what_is_printed(self, tmp_path: Path) -> None:
        typed = []
        for step in steps(DOCS / "guide.md"):
            if isinstance(step, File):
                write(step, tmp_path)
            elif not step.typed.startswith("pip install"):  # what is here already
                run(step, tmp_path)
                typed.append(step.typed)
        assert typed == ["python -m sideloop run hello:async_add a=10 b=12 --timeout 5"]
