"""`python -m sideloop doctor`, where libraries with drop-ins are, from PyPI, unmodified."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pace import scaled


def report(folder: Path, source: str = "") -> dict[str, Any]:
    """What it says after the import of a module with this source."""
    (folder / "app.py").write_text(source, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "sideloop", "doctor", "--json", "--import", "app"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=scaled(100),
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def library(found: dict[str, Any], name: str) -> dict[str, Any]:
    (one,) = [one for one in found["libraries"] if one["library"] == name]
    return dict(one)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What it says of what is installed, when nothing is used."""
    return report(tmp_path_factory.mktemp("bare"))


class TestTheLibraries:
    @pytest.mark.parametrize(
        ("name", "drop_in"),
        [
            ("fsspec", "fsspec"),
            ("jupyter_core", "jupyter_core"),
            ("nest-asyncio", "nest_asyncio"),
            ("zarr", "zarr"),
        ],
    )
    def test_are_found_with_their_drop_ins(
        self, bare: dict[str, Any], name: str, drop_in: str
    ) -> None:
        found = library(bare, name)
        assert found["drop_in"] == f"sideloop.compat.{drop_in}"
        assert found["drop_in_knows"]
        assert not found["loaded"]
        assert not found["drop_in_installed"]

    def test_are_read_to_the_last_file(self, bare: dict[str, Any]) -> None:
        # But for moto's copy of a cloud's policies.
        assert [one["where"].split("/")[0] for one in bare["not_read"]] in ([], ["moto"])
        assert bare["read"]["files"] > 1000

    def test_are_told_apart_from_what_others_have(self, bare: dict[str, Any]) -> None:
        names = {one["library"] for one in bare["libraries"]}
        turns = [one for one in bare["places"] if one["kind"] in ("run", "run_until_complete")]
        # aiohttp's fixtures for pytest turn a loop.
        assert "aiohttp" in {one["distribution"] for one in turns} - names
        assert names.isdisjoint(one["distribution"] for one in turns)

    def test_leave_the_process_as_it_is(self, bare: dict[str, Any]) -> None:
        assert bare["process"]["patched"] == bare["process"]["loops"] == []


class TestAModuleThatUsesThem:
    def test_shows_the_loop_of_fsspec_and_its_drop_in(self, tmp_path: Path) -> None:
        source = """
import asyncio
from fsspec.asyn import get_loop, sync
sync(get_loop(), asyncio.sleep, 0)
"""
        found = report(tmp_path, source)
        (loop,) = found["process"]["loops"]
        assert (loop["thread"], loop["runs"], loop["sideloop"]) == ("fsspecIO", True, False)
        assert loop["instead"] == "from sideloop.compat import fsspec; fsspec.install()"
        assert [one["name"] for one in found["places"] if one["distribution"] is None] == [
            "fsspec.asyn.sync"
        ]

    def test_shows_that_the_drop_in_is_installed(self, tmp_path: Path) -> None:
        source = """
import asyncio
from sideloop.compat import fsspec
fsspec.install()
from fsspec.asyn import get_loop, sync
sync(get_loop(), asyncio.sleep, 0)
"""
        found = report(tmp_path, source)
        (loop,) = found["process"]["loops"]
        assert (loop["sideloop"], loop["instead"]) == (True, "nothing")
        assert library(found, "fsspec")["drop_in_installed"]

    def test_shows_what_nest_asyncio_has_replaced(self, tmp_path: Path) -> None:
        source = """
import asyncio, nest_asyncio
async def main(): nest_asyncio.apply()
asyncio.run(main())
"""
        (patch,) = report(tmp_path, source)["process"]["patched"]
        assert patch["by"] == "nest_asyncio"
        assert "asyncio.run" in patch["names"]
        assert patch["instead"] == (
            "from sideloop.compat import nest_asyncio; nest_asyncio.install()"
        )

    def test_shows_that_ours_has_replaced_less(self, tmp_path: Path) -> None:
        source = """
from sideloop.compat import nest_asyncio as drop_in
drop_in.install()
import nest_asyncio
nest_asyncio.apply()
"""
        found = report(tmp_path, source)
        (patch,) = found["process"]["patched"]
        assert patch["by"] == "sideloop"
        assert patch["instead"] == "nothing: a drop-in is installed"
        assert set(patch["names"]) == {
            "asyncio.run",
            "asyncio.base_events.BaseEventLoop.run_until_complete",
        }
