"""uvicorn and hypercorn: async servers, whose applications call sync code."""

import signal
from pathlib import Path

import pytest
from serving import check_answers, serving

UVICORN = (
    *("-m", "uvicorn", "--host", "127.0.0.1", "--port", "{port}", "--log-level", "warning"),
    "asgi:application",
)
HYPERCORN = (
    *("-m", "hypercorn", "--bind", "127.0.0.1:{port}", "--log-level", "warning"),
    "asgi:application",
)


@pytest.mark.parametrize("workers", ["1", "2"])
class TestAnAsyncServer:
    def test_of_uvicorns_serves_sync_code(self, workers: str, tmp_path: Path) -> None:
        with serving(tmp_path, *UVICORN, "--workers", workers) as server:
            processes = check_answers(server, "double", "twin", "aio")
            assert len(processes) <= int(workers)
            assert server.stop(signal.SIGINT) in (0, 130, -signal.SIGINT)
            assert "Traceback" not in server.log

    def test_of_hypercorns_serves_sync_code(self, workers: str, tmp_path: Path) -> None:
        with serving(tmp_path, *HYPERCORN, "--workers", workers) as server:
            processes = check_answers(server, "double", "twin", "aio")
            assert len(processes) <= int(workers)
            assert (server.stop(), server.log) == (0, "")


class TestAThreadOfTheServer:
    @pytest.mark.parametrize("command", [UVICORN, HYPERCORN], ids=["uvicorn", "hypercorn"])
    def test_waits_for_its_call_alone(self, command: tuple[str, ...], tmp_path: Path) -> None:
        with serving(tmp_path, *command) as server:
            found = server.get_all(["/meet/4"] * 4)
            assert {text for _, text in found} == {"4"}


class TestHypercorn:
    def test_serves_a_wsgi_application(self, tmp_path: Path) -> None:
        command = (*HYPERCORN[:-1], "wsgi:wsgi:application")
        with serving(tmp_path, *command) as server:
            assert len(check_answers(server, "double", "twin")) == 1
            assert (server.stop(), server.log) == (0, "")
