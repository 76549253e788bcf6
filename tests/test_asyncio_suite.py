"""CPython's own tests of asyncio pass on our loop, says asyncio_suite/, which sees what fails."""

import faulthandler
import os
import subprocess
import sys
from pathlib import Path

import pytest
from asyncio_suite.modules import find_modules
from pace import scaled

pytestmark = [
    pytest.mark.skipif(not find_modules(), reason="installed without the tests of the library"),
    pytest.mark.timeout(1500),
]

STAND_INS = "asyncio_suite.stand_ins"


@pytest.fixture(autouse=True)
def _no_dump_while_we_wait() -> None:
    # It takes longer than pytest.ini's faulthandler_timeout, and dumps what hangs by itself.
    faulthandler.cancel_dump_traceback_later()


def run_suite(*options: str) -> tuple[int, str]:
    """Run it, and return its exit code and what it has printed."""
    tests = Path(__file__).parent
    with subprocess.Popen(
        [sys.executable, "-m", "asyncio_suite", *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tests)},
    ) as child:
        try:
            output, _ = child.communicate()
        except BaseException:
            child.terminate()
            raise
    return child.returncode, output


class TestOurLoop:
    def test_passes_what_the_standard_loop_passes(self) -> None:
        code, output = run_suite()
        assert code == 0, output
        assert output.rstrip().endswith(" passed, 0 failed"), output

    def test_passes_it_with_asyncios_transports(self) -> None:
        modules = ["buffered_proto", "sendfile", "server", "sslproto", "streams"]
        modules += ["base_events", "events", "selector_events", "sock_lowlevel"]
        if sys.version_info >= (3, 11):
            modules.append("ssl")
        code, output = run_suite(
            "--config=loops",
            "--loop=asyncio_suite.standard:StandardTransportsLoop",
            *(f"--module=test_{module}" for module in modules),
        )
        assert code == 0, output
        assert output.rstrip().endswith(" passed, 0 failed"), output


class TestTheSuite:
    def test_finds_nothing_in_a_loop_that_changes_nothing(self) -> None:
        code, output = run_suite(
            "--module=test_queues",
            f"--loop={STAND_INS}:TransparentLoop",
            f"--core={STAND_INS}:TransparentCore",
        )
        assert code == 0, output
        assert output.rstrip().endswith(" passed, 0 failed"), output

    def test_finds_a_loop_that_runs_callbacks_backward(self) -> None:
        code, output = run_suite(
            "--module=test_queues",
            f"--loop={STAND_INS}:BackwardLoop",
            f"--core={STAND_INS}:BackwardCore",
        )
        assert code == 1, output
        assert "* bases  test.test_asyncio.test_queues.QueueGetTests" in output
        # CPython 3.10 makes the loops of these tests from the base classes.
        if sys.version_info >= (3, 11):
            assert "* loops  test.test_asyncio.test_queues.QueueGetTests" in output

    def test_puts_what_is_made_from_the_base_classes_on_the_core(self) -> None:
        code, output = run_suite(
            "--module=test_futures",
            "--test=CFutureDoneCallbackTests.",
            f"--loop={STAND_INS}:TransparentLoop",
            f"--core={STAND_INS}:BackwardCore",
        )
        assert code == 1, output
        assert "* loops" not in output
        assert "* bases  test.test_asyncio.test_futures.CFutureDoneCallbackTests" in output

    def test_goes_on_past_a_test_that_hangs(self) -> None:
        code, output = run_suite(
            "--module=test_server",
            "--config=loops",
            f"--loop={STAND_INS}:StuckLoop",
            f"--test-limit={scaled(2)}",
            "--reruns=0",
        )
        assert code == 1, output
        assert "test_start_unix_server_1\n  hung" in output
        assert "in create_unix_server" in output, "no dump of the threads"
        assert not output.rstrip().endswith("\n0 passed, 1 failed"), output
