"""What several stations' tests need: a manager to test, and ways to wait."""

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import interpreters
import parts
import pytest
import systems
from aliases import LoopFactory, WaitUntil
from hosts import MakeLoop, MakeRunner, options_of
from loops import OURS, Loop
from owners import OWNERS, Owner
from pace import pace, scaled

import sideloop
from sideloop import LoopManager, Runner

TIME_LIMIT = 20.0
"""After this many seconds, on an idle machine, a condition is taken for one that never comes."""

pytest_addoption = parts.add_option

# A shell has what it starts in the background ignore it, and newer versions of `timeout` hand that
# on: programs that are to hear Ctrl-C would inherit it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    return interpreters.left_out(collection_path.name) or None


def pytest_report_header() -> str:
    return f"pace: things take {pace():.2f} times as long as usual"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    parts.select(config, items)
    systems.mark(items)
    interpreters.mark(items)
    usual = float(config.getini("timeout"))
    for item in items:
        own = item.get_closest_marker("timeout")
        limit = scaled(own.args[0] if own else usual)
        item.add_marker(pytest.mark.timeout(limit), append=False)


@pytest.fixture(params=[None, asyncio.new_event_loop], ids=["native", "foreign"])
def loop_factory(request: pytest.FixtureRequest) -> LoopFactory | None:
    """Both ways into a loop: through our selector, and through `call_soon_threadsafe`."""
    return request.param


@pytest.fixture
def manager(loop_factory: LoopFactory | None) -> Generator[LoopManager]:
    manager = LoopManager(loop_factory=loop_factory)
    yield manager
    manager.close()


@pytest.fixture(params=["thread", "process"])
def scoped_manager(request: pytest.FixtureRequest) -> Generator[LoopManager]:
    """One with a loop for each thread, and one with a loop for all."""
    manager = LoopManager(scope=request.param, grace=1)
    yield manager
    manager.close()


@pytest.fixture(params=OWNERS)
def owner(request: pytest.FixtureRequest) -> Generator[Owner]:
    with OWNERS[request.param]() as made:
        yield Owner(made, driven="driven" in request.param)


@pytest.fixture
def runner(loop_factory: LoopFactory | None) -> Generator[Runner]:
    with Runner(name="tested", loop_factory=loop_factory) as runner:
        yield runner


@pytest.fixture
def threads() -> Generator[ThreadPoolExecutor]:
    """Other threads to call from. A test must let its calls end."""
    with ThreadPoolExecutor(max_workers=32) as threads:
        yield threads


@pytest.fixture(scope="session")
def wait_until() -> WaitUntil:
    def wait(condition: Callable[[], object]) -> None:
        end = time.monotonic() + scaled(TIME_LIMIT)
        while not condition():
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.002)

    return wait


@pytest.fixture(autouse=True)
def no_leaks(sideloop_no_leaks: None) -> None:
    """No test leaks a runner, a task or a call."""


@pytest.fixture
def no_thread_left(wait_until: WaitUntil) -> Generator[None]:
    """The test leaves no thread behind."""
    before = set(threading.enumerate())
    yield
    wait_until(lambda: set(threading.enumerate()) <= before)


@pytest.fixture(params=["default", "manager", "driven"])
def synced(request: pytest.FixtureRequest) -> Generator[Any]:
    """What makes a twin, of the default manager, of one of one's own, and of one that is driven."""
    manager = LoopManager(drive="caller") if request.param == "driven" else LoopManager()
    yield sideloop.synced if request.param == "default" else manager.synced
    manager.close()


@pytest.fixture(params=["native", "foreign", "driven"])
def kind(request: pytest.FixtureRequest) -> str:
    """Whose loop it is, and who runs it."""
    return str(request.param)


@pytest.fixture
def make_runner(kind: str) -> Generator[MakeRunner]:
    """Makes runners of that kind, which the test leaves to be closed."""
    runners: list[Runner] = []

    def make(make_loop: MakeLoop = lambda loop_class: loop_class(), debug: bool = False) -> Runner:
        runners.append(Runner(name="tested", debug=debug, **options_of(kind, make_loop)))
        return runners[-1]

    yield make
    for runner in runners:
        runner.close()


@pytest.fixture
def make() -> type[Loop]:
    """The class of `loop`; `WITH_BOTH` gives the standard one as well."""
    return OURS


@pytest.fixture
def loop(make: type[Loop]) -> Generator[Loop]:
    """A loop that nobody has run, closed in the end."""
    loop = make()
    yield loop
    loop.close()
