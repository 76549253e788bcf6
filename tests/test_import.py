"""Calls made while a module is imported, whose coroutine imports the same module."""

import re
import subprocess
import sys
import threading
from pathlib import Path

import programs
import pytest

CALLS_DURING_ITS_IMPORT = """
import sideloop

VALUE = 1

async def import_me():
    import half_there
    return half_there.VALUE

{call}
"""

PLAIN = "SEEN = sideloop.run_sync(import_me)"
NESTED = """
async def outer():
    return sideloop.run_sync(import_me)

SEEN = sideloop.run_sync(outer)
"""
RUNNER = """
with sideloop.Runner() as runner:
    SEEN = runner.run(import_me)
"""
DRIVEN = """
with sideloop.Runner(drive="caller") as runner:
    SEEN = runner.run(import_me)
"""
SHARED = """
manager = sideloop.LoopManager(scope="process")
SEEN = manager.run_sync(import_me)
manager.close()
"""


@pytest.mark.parametrize("call", [PLAIN, NESTED, RUNNER, DRIVEN, SHARED])
def test_a_coroutine_may_import_the_module_that_its_caller_imports(
    call: str, tmp_path: Path
) -> None:
    (tmp_path / "half_there.py").write_text(CALLS_DURING_ITS_IMPORT.format(call=call))
    (tmp_path / "main.py").write_text(
        "import half_there, sideloop\n"
        "assert half_there.SEEN == 1\n"
        "assert sideloop.run_sync(half_there.import_me) == 1\n"
        "print('done')\n"
    )
    done = programs.run(tmp_path / "main")
    assert (done.code, done.stdout, done.stderr) == (0, "done\n", "")


def test_the_same_loop_serves_a_thread_during_an_import_and_after(tmp_path: Path) -> None:
    (tmp_path / "opens.py").write_text(
        "import asyncio, sideloop\n"
        "async def loop(): return asyncio.get_running_loop()\n"
        "LOOP = sideloop.run_sync(loop)\n"
    )
    (tmp_path / "main.py").write_text(
        "import opens, sideloop\n"
        "assert sideloop.run_sync(opens.loop) is opens.LOOP\n"
        "print('done')\n"
    )
    done = programs.run(tmp_path / "main")
    assert (done.code, done.stdout, done.stderr) == (0, "done\n", "")


def test_an_import_leaves_no_entry_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import _frozen_importlib

    (tmp_path / "calls_once.py").write_text(
        "import asyncio, sideloop\nsideloop.run_sync(asyncio.sleep, 0)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import calls_once  # noqa: F401  # type: ignore[import-not-found]

    blocking_on = _frozen_importlib._blocking_on
    assert not blocking_on.get(threading.get_ident())
    del sys.modules["calls_once"]


def test_the_extension_finds_the_packages_modules_loaded() -> None:
    # A signal handler that called in the middle of such an import would find half a module.
    sources = Path(__file__).parent.parent / "crates" / "sideloop-py" / "src"
    asked = {
        name
        for file in sources.rglob("*.rs")
        for name in re.findall(r'import\("(sideloop[\w.]*)"\)', file.read_text())
    }
    assert "sideloop._loops.task_factory" in asked
    # Loaded when somebody has imported asgiref. What fails for half a module is tried again.
    asked.remove("sideloop._runners.thread_sensitive")
    # Loaded by whoever asks for an errand.
    asked.remove("sideloop._runners.errand")
    show = "import sideloop, sys; print(*(name for name in sys.modules if 'sideloop' in name))"
    shown = subprocess.run(
        [sys.executable, "-c", show], capture_output=True, text=True, check=True, timeout=60
    )
    assert asked <= set(shown.stdout.split())


def test_what_makes_twins_is_loaded_with_the_first_one() -> None:
    code = (
        "import asyncio, sys, sideloop\n"
        "def loaded(): return sorted(name for name in sys.modules if 'sideloop._twins' in name)\n"
        "sideloop.run_sync(asyncio.sleep, 0)\n"
        "print(loaded())\n"
        "sideloop.synced(asyncio.sleep)(0)\n"
        "print('sideloop._twins.wrap' in loaded())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    few, all_of_them = done.stdout.splitlines()
    assert few == "['sideloop._twins', 'sideloop._twins.rename']"
    assert all_of_them == "True"


FIRST_TWIN = """
import importlib.machinery, os, signal, sys, threading, warnings
import sideloop

warnings.filterwarnings('ignore', '.*multi-threaded, use of fork.*', DeprecationWarning)

async def number(): return 1

class During:
    # Called in the middle of the load, where no lock of all imports is held.
    def __init__(self, do):
        self.do = do
        sys.meta_path.insert(0, self)
    def find_spec(self, name, path=None, target=None):
        if name != "sideloop._twins.translator":
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        exec_module = spec.loader.exec_module
        spec.loader.exec_module = lambda module: (self.do(), exec_module(module))
        return spec
"""

IN_A_HANDLER = (
    FIRST_TWIN
    + """
def handler(*_):
    print(sideloop.run_sync(number), sideloop.synced(number)())
signal.signal(signal.SIGUSR1, handler)
def twice():
    for _ in range(2):
        signal.raise_signal(signal.SIGUSR1)
    print("loading")
During(twice)
print(sideloop.synced(number)())
print(signal.getsignal(signal.SIGUSR1) is handler)
"""
)

RAISING_HANDLERS = (
    FIRST_TWIN
    + """
def handler(*_):
    print(sideloop.synced(number)())
    raise ZeroDivisionError
def interrupt():
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGUSR1)
    signal.raise_signal(signal.SIGUSR2)
signal.signal(signal.SIGUSR1, handler)
signal.signal(signal.SIGUSR2, lambda *_: print("SIGUSR2"))
During(interrupt)
try:
    sideloop.synced(number)
except ZeroDivisionError as error:
    print(type(error.__context__).__name__)
print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
print(sideloop.synced(number)())
"""
)

IN_A_FINALIZER = (
    FIRST_TWIN
    + """
class Final:
    def __del__(self):
        try:
            sideloop.synced(number)
        except RuntimeError as error:
            print(error)
During(lambda: Final() and None)
print(sideloop.synced(number)())
"""
)

IN_ANOTHER_THREAD = (
    FIRST_TWIN
    + """
begun, gate = threading.Event(), threading.Event()
def pause():
    begun.set()
    gate.wait()
During(pause)
thread = threading.Thread(target=lambda: print(sideloop.synced(number)(), flush=True))
thread.start()
begun.wait()
child = os.fork()
if not child:
    print(sideloop.synced(number)(), flush=True)
    os._exit(0)
print(os.waitpid(child, 0)[1], flush=True)
gate.set()
thread.join()
print(sideloop.synced(number)())
"""
)

FORKED_BESIDE_IT = (
    FIRST_TWIN
    + """
signal.signal(signal.SIGUSR1, lambda *_: print(sideloop.synced(number)(), flush=True))
children = []
def fork():
    children.append(os.fork())
    if not children[0]:
        signal.raise_signal(signal.SIGUSR1)
        os._exit(0)
def beside():
    signal.raise_signal(signal.SIGUSR1)
    thread = threading.Thread(target=fork)
    thread.start()
    thread.join()
    print(os.waitpid(children[0], 0)[1], flush=True)
During(beside)
print(sideloop.synced(number)())
"""
)

FORKED_IN_IT = (
    FIRST_TWIN
    + """
children = []
During(lambda: children.append(os.fork()))
twin = sideloop.synced(number)
if not children[0]:
    print(twin(), flush=True)
    os._exit(0)
print(os.waitpid(children[0], 0)[1])
print(twin())
"""
)


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (IN_A_HANDLER, ["loading", "1 1", "1", "True"]),
        (RAISING_HANDLERS, ["1", "SIGUSR2", "KeyboardInterrupt", "True", "1"]),
        (IN_A_FINALIZER, ["no twin can be made here: what makes them is just being loaded", "1"]),
        (IN_ANOTHER_THREAD, ["1", "0", "1", "1"]),
        (FORKED_BESIDE_IT, ["1", "0", "1", "1"]),
        (FORKED_IN_IT, ["1", "0", "1"]),
    ],
    ids=[
        "in a handler",
        "by handlers that raise",
        "in a finalizer",
        "while another thread forks",
        "that forks beside it",
        "forking in it",
    ],
)
def test_the_first_twin_may_be_interrupted(program: str, said: list[str], tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(program)
    done = programs.run(tmp_path / "main")
    assert (done.code, done.stderr) == (0, "")
    assert [line[: len(say)] for line, say in zip(done.stdout.splitlines(), said, strict=True)] == (
        said
    )
