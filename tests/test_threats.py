"""What docs/threats.md says: what is imported, pickled, seen and logged, and what is not."""

import asyncio
import contextvars
import io
import logging
import os
import pickle
import pickletools
import re
import subprocess
import sys
import threading
from pathlib import Path

import programs
import pytest
from aliases import WaitUntil
from pace import scaled

import sideloop
from sideloop import LoopManager, Runner, run_sync

SECRET = "correct horse battery staple"


class AsyncVault:
    def __init__(self, token: str) -> None:
        self.token = token

    async def open(self) -> str:
        return self.token


Vault = sideloop.synced(AsyncVault)
open_vault = sideloop.synced(AsyncVault.open)


def command(directory: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    variables = {
        name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"
    } | variables
    return subprocess.run(
        [sys.executable, "-m", "sideloop", *words],
        cwd=directory,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=scaled(60),
        check=False,
    )


class TestThePackage:
    def test_opens_no_port_starts_no_process_and_writes_no_file(self) -> None:
        ended = programs.run("audited", flags=("-B", "-W", "error"))
        assert (ended.stdout, ended.stderr, ended.code) == ("as it should be\n", "", 0)


class TestTheCommandLine:
    def test_imports_the_module_from_the_current_directory(self, tmp_path: Path) -> None:
        (tmp_path / "trap.py").write_text("print('imported')\nasync def run(): return 1\n")
        ended = command(tmp_path, "run", "trap:run")
        assert ended.stdout == "imported\n1\n"

    @pytest.mark.parametrize("safe", [False, True])
    def test_takes_its_own_imports_from_there_unless_told_not_to(
        self, tmp_path: Path, safe: bool
    ) -> None:
        if safe and sys.version_info < (3, 11):
            pytest.skip("PYTHONSAFEPATH came with CPython 3.11")
        (tmp_path / "argparse.py").write_text("raise SystemExit('trapped')\n")
        ended = command(tmp_path, "run", "--help", **({"PYTHONSAFEPATH": "1"} if safe else {}))
        assert ("trapped" in ended.stderr) != safe

    @pytest.mark.parametrize("annotation", ["", ": str", ": int", ": list[int]", ": object"])
    def test_evaluates_no_argument(self, tmp_path: Path, annotation: str) -> None:
        (tmp_path / "app.py").write_text(f"async def run(text{annotation}): return repr(text)\n")
        ended = command(tmp_path, "run", "app:run", "__import__('pathlib').Path('seen').touch()")
        assert ended.returncode in (0, 2), ended.stderr
        assert not (tmp_path / "seen").exists()


class TestPickles:
    def test_of_classes_and_functions_have_their_names_alone(self) -> None:
        for twin in (Vault, open_vault):
            texts = [text for _, text, _ in pickletools.genops(pickle.dumps(twin)) if text]
            names = [text for text in texts if isinstance(text, str)]
            assert {__name__} < set(names)
            for name in names:
                assert re.fullmatch(r"[\w.:]+", name), name

    def test_of_objects_have_all_that_they_hold(self) -> None:
        assert SECRET.encode() in pickle.dumps(Vault(SECRET))


class TestContextVariables:
    def test_are_seen_by_background_tasks_for_as_long_as_they_live(
        self, manager: LoopManager
    ) -> None:
        user = contextvars.ContextVar("user", default="nobody")
        release = asyncio.Event()

        async def serve() -> str:
            await release.wait()
            return user.get()

        async def start() -> "asyncio.Task[str]":
            return asyncio.create_task(serve())

        async def end(task: "asyncio.Task[str]") -> str:
            release.set()
            return await task

        token = user.set("alice")
        task = manager.run_sync(start)
        user.reset(token)
        assert manager.run_sync(end, task) == "alice"

    @pytest.mark.parametrize("back", [False, True])
    def test_stay_in_the_call_unless_they_are_asked_back(self, back: bool) -> None:
        user = contextvars.ContextVar("user", default="nobody")

        async def sign_in() -> None:
            user.set("alice")

        def ask() -> str:
            with LoopManager(copy_context_back=back) as manager:
                manager.run_sync(sign_in)
                return user.get()

        assert contextvars.copy_context().run(ask) == ("alice" if back else "nobody")


class TestHooks:
    def test_leave_what_is_kept_by_threads_to_the_next_one(self) -> None:
        kept = threading.local()

        class Hooked(sideloop.synced(AsyncVault)):  # type: ignore[misc]  # a class made at run time
            def open(self) -> str:
                before = getattr(kept, "token", "")
                kept.token = self.token
                return before

        async def opened_by(vault: AsyncVault) -> str:
            return await vault.open()

        opened = sideloop.synced(opened_by)
        opened(Hooked(SECRET))
        assert opened(Hooked("another")) == SECRET


class TestWhatIsLogged:
    @pytest.fixture
    def release(self) -> threading.Event:
        return threading.Event()

    def test_has_no_values(
        self,
        release: threading.Event,
        caplog: pytest.LogCaptureFixture,
        wait_until: WaitUntil,
    ) -> None:
        async def open_slowly(token: str) -> None:
            copied = token.encode()
            while not release.is_set():
                await asyncio.sleep(0.005)
            assert copied

        dumped = io.StringIO()
        with caplog.at_level(logging.WARNING, "sideloop"), Runner(slow_call_warning=0.01) as runner:
            caller = threading.Thread(target=runner.run, args=(open_slowly, SECRET))
            caller.start()
            wait_until(lambda: "open_slowly" in caplog.text)
            sideloop.dump(dumped)
            release.set()
            caller.join()
        for text in (caplog.text, dumped.getvalue()):
            assert "open_slowly" in text
            assert "await asyncio.sleep(0.005)" in text
            assert SECRET not in text

    def test_has_the_repr_of_a_callable_without_a_name(
        self, release: threading.Event, wait_until: WaitUntil
    ) -> None:
        class Opener:
            async def __call__(self) -> None:
                while not release.is_set():
                    await asyncio.sleep(0.005)

            def __repr__(self) -> str:
                return f"<opener of {SECRET}>"

        def dumped() -> str:
            text = io.StringIO()
            sideloop.dump(text)
            return text.getvalue()

        caller = threading.Thread(target=run_sync, args=(Opener(),))
        caller.start()
        wait_until(lambda: SECRET in dumped())
        release.set()
        caller.join()
