"""What is asyncio's own works on our loop: subprocesses, signals, executors, tasks, forks."""

import asyncio
import contextvars
import logging
import signal
import sys
import threading
import time
import traceback
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor

import loops
import programs
import pytest
from loops import Run

import sideloop

BIG = bytes(range(256)) * 20_000

PIPE = asyncio.subprocess.PIPE


@pytest.fixture(params=loops.PLACES, ids=lambda run: run.__name__)
def run(request: pytest.FixtureRequest) -> Run:
    return request.param


async def python(program: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )


class TestSubprocess:
    def test_exchanges_much_data_by_its_three_pipes(self, run: Run) -> None:
        async def main() -> None:
            child = await python(
                "import sys; data = sys.stdin.buffer.read();"
                "sys.stdout.buffer.write(data); sys.stderr.buffer.write(data[::-1]); sys.exit(7)"
            )
            assert await child.communicate(BIG) == (BIG, BIG[::-1])
            assert child.returncode == 7

        run(main)

    def test_talks_line_by_line(self, run: Run) -> None:
        async def main() -> None:
            child = await python(
                "import sys\nfor line in sys.stdin: print(line.strip().upper(), flush=True)"
            )
            assert child.stdin is not None
            assert child.stdout is not None
            for number in range(50):
                child.stdin.write(b"line %d\n" % number)
                assert await child.stdout.readline() == b"LINE %d\n" % number
            child.stdin.close()
            assert await child.wait() == 0

        run(main)

    def test_is_killed_and_reports_it(self, run: Run) -> None:
        async def main() -> None:
            child = await python("import time; print('ready', flush=True); time.sleep(60)")
            assert child.stdout is not None
            assert await child.stdout.readline() == b"ready\n"
            child.kill()
            assert await child.wait() == -signal.SIGKILL
            await child.communicate()

        run(main)

    def test_that_does_not_exist_is_an_error(self, run: Run) -> None:
        async def main() -> None:
            with pytest.raises(FileNotFoundError):
                await asyncio.create_subprocess_exec("/does/not/exist")

        run(main)

    def test_runs_beside_others(self, run: Run) -> None:
        async def one(code: int) -> int:
            return await (await python(f"raise SystemExit({code})")).wait()

        async def main() -> list[int]:
            return await asyncio.gather(*(one(code) for code in range(6)))

        assert run(main) == list(range(6))

    def test_of_a_shell_gets_the_pipes_too(self, run: Run) -> None:
        async def main() -> tuple[bytes, bytes]:
            child = await asyncio.create_subprocess_shell(
                "cat; echo done >&2", stdin=PIPE, stdout=PIPE, stderr=PIPE
            )
            return await child.communicate(b"through")

        assert run(main) == (b"through", b"done\n")


class TestSignals:
    def test_reach_their_handlers_on_the_main_thread(self) -> None:
        with programs.Program("event_loop", "signals") as program:
            program.wait_for("ready")
            for _ in range(20):
                program.send(signal.SIGUSR1)
                program.wait_for("SIGUSR1")
            program.send(signal.SIGTERM)
            program.wait_for("removed")
            ended = program.finish()
            assert (ended.code, ended.stderr) == (0, "")

    def test_have_no_handlers_on_another_thread(self) -> None:
        async def main() -> None:
            loop = asyncio.get_running_loop()
            with pytest.raises((RuntimeError, ValueError), match="main thread"):
                loop.add_signal_handler(signal.SIGUSR1, print)

        loops.on_a_loop_thread(main)


@pytest.mark.parametrize("how", ["idly", "busily", "timers"])
class TestCtrlC:
    @pytest.mark.skipif(sys.version_info < (3, 11), reason="asyncio.Runner is new in 3.11")
    def test_cancels_the_task_of_a_runner_that_goes_on(self, how: str) -> None:
        with programs.Program("event_loop", "runner", how) as program:
            program.wait_for("ready")
            program.send(signal.SIGINT)
            ended = program.finish()
        assert ended.lines == ["unwound", "KeyboardInterrupt", "goes on"]
        assert (ended.code, ended.stderr) == (0, "")

    def test_leaves_a_loop_that_can_be_run_again(self, how: str) -> None:
        with programs.Program("event_loop", "bare", how) as program:
            program.wait_for("ready")
            program.send(signal.SIGINT)
            ended = program.finish()
        # It may be raised in the task itself, if that runs just then.
        assert sorted(ended.lines) == ["KeyboardInterrupt", "goes on", "unwound"]
        assert (ended.code, ended.stderr) == (0, "")


class TestAForkWhileTheLoopRuns:
    @pytest.mark.parametrize("child", ["leave", "use_a_new_loop", "close_all"])
    def test_leaves_the_parents_server_alone(self, child: str) -> None:
        ended = programs.run("event_loop", "fork", child)
        assert (ended.stdout, ended.stderr) == ("the parent is undisturbed\n", "")
        assert ended.code == 0

    def test_leaves_it_alone_when_the_child_unwinds_through_the_loop(self) -> None:
        # The child says that it leaves the parent's connections and tasks as they are, and should.
        ended = programs.run("event_loop", "exits", flags=())
        assert (ended.stdout, ended.code) == ("the parent is undisturbed\n", 0), ended.stderr


class TestExecutors:
    def test_run_sync_functions_beside_the_loop(self, run: Run) -> None:
        async def main() -> None:
            loop = asyncio.get_running_loop()
            here = threading.get_ident()
            idents = await asyncio.gather(
                *(loop.run_in_executor(None, threading.get_ident) for _ in range(50))
            )
            assert here not in idents
            with ThreadPoolExecutor(2) as pool:
                assert await loop.run_in_executor(pool, sum, range(10)) == 45
            with pytest.raises(ZeroDivisionError):
                await loop.run_in_executor(None, lambda: 1 // 0)

        run(main)

    def test_carry_the_context(self, run: Run) -> None:
        variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")

        async def main() -> str:
            variable.set("carried")
            return await asyncio.to_thread(variable.get)

        assert run(main) == "carried"


class TestTasks:
    @pytest.mark.skipif(sys.version_info < (3, 11), reason="asyncio.timeout is new in 3.11")
    def test_are_cancelled_by_a_timeout(self, run: Run) -> None:
        async def main() -> None:
            async with asyncio.timeout(60):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.005):
                        await asyncio.Event().wait()

        run(main)

    def test_are_cancelled_by_wait_for(self, run: Run) -> None:
        async def main() -> None:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.Event().wait(), 0.005)

        run(main)

    @pytest.mark.skipif(sys.version_info < (3, 11), reason="TaskGroup is new in 3.11")
    def test_of_a_group_end_together(self, run: Run) -> None:
        async def main() -> None:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(asyncio.sleep(0, number)) for number in range(50)]
            assert [task.result() for task in tasks] == list(range(50))

            async def fail() -> None:
                await asyncio.sleep(0)
                raise LookupError

            with pytest.raises(BaseExceptionGroup) as raised:  # noqa: F821, PT012  # new in 3.11; raised by the whole block
                async with asyncio.TaskGroup() as group:
                    waiting = group.create_task(asyncio.Event().wait())
                    group.create_task(fail())
            assert [type(error) for error in raised.value.exceptions] == [LookupError]
            assert waiting.cancelled()

        run(main)

    @pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks are new in 3.12")
    def test_start_at_once_by_the_eager_factory(self, run: Run) -> None:
        async def main() -> None:
            loop = asyncio.get_running_loop()
            loop.set_task_factory(asyncio.eager_task_factory)
            try:
                trace: list[str] = []

                async def note() -> str:
                    trace.append("began")
                    await asyncio.sleep(0)
                    trace.append("ended")
                    return "value"

                async def at_once() -> int:
                    return 22

                task = loop.create_task(note())
                trace.append("created")
                assert await task == "value"
                assert trace == ["began", "created", "ended"]
                assert loop.create_task(at_once()).done()
            finally:
                loop.set_task_factory(None)

        run(main)

    def test_know_their_loop(self, run: Run) -> None:
        async def main() -> None:
            task = asyncio.current_task()
            assert type(task) is asyncio.Task
            assert task.get_loop() is asyncio.get_running_loop()
            assert type(asyncio.get_running_loop()).__mro__[-1] is object
            assert isinstance(asyncio.get_running_loop(), sideloop.EventLoop)
            assert asyncio.all_tasks() == {task}

        run(main)


class TestAsyncGenerators:
    def test_left_open_are_closed_when_the_loop_shuts_down(self) -> None:
        trace: list[str] = []

        async def count() -> AsyncGenerator[int]:
            try:
                yield 1
                yield 2
            finally:
                await asyncio.sleep(0)
                trace.append("closed")

        kept = count()

        async def main() -> int:
            return await kept.__anext__()

        assert loops.on_this_thread(main) == 1
        assert trace == ["closed"]

    def test_that_are_dropped_are_closed_by_the_loop(self, run: Run) -> None:
        trace: list[str] = []

        async def count() -> AsyncGenerator[int]:
            try:
                yield 1
            finally:
                await asyncio.sleep(0)
                trace.append("closed")

        async def main() -> None:
            generator = count()
            await generator.__anext__()
            del generator
            while not trace:
                await asyncio.sleep(0)

        run(main)
        assert trace == ["closed"]


class TestDebugMode:
    def test_warns_of_a_callback_that_takes_long(
        self, run: Run, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def main() -> None:
            loop = asyncio.get_running_loop()
            loop.set_debug(True)
            loop.slow_callback_duration = 0.01
            await asyncio.sleep(0)
            time.sleep(0.02)  # what is warned of
            await asyncio.sleep(0)
            loop.set_debug(False)

        with caplog.at_level(logging.WARNING, "asyncio"):
            run(main)
        warned = [r.getMessage() for r in caplog.records if "Executing <Task" in r.getMessage()]
        assert len(warned) == 1
        assert "main() running at" in warned[0]
        assert " took 0.0" in warned[0]

    def test_tells_where_a_callback_was_scheduled(self) -> None:
        loop = sideloop.new_event_loop()
        loop.set_debug(True)
        contexts: list[dict[str, object]] = []
        loop.set_exception_handler(lambda _, context: contexts.append(context))
        loop.call_soon(lambda: 1 // 0)
        loop.call_soon(loop.stop)
        loop.run_forever()
        loop.close()
        assert f"created at {__file__}" in repr(contexts[0]["handle"])
        source = contexts[0]["source_traceback"]
        assert isinstance(source, traceback.StackSummary)
        assert "loop.call_soon(lambda: 1 // 0)" in source.format()[-1]
