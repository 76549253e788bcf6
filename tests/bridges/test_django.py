"""A Django project with asgiref's bridge on sideloop: its own tests, by Django's own runner."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import postgres
import pytest
from pace import scaled

PROJECT = Path(__file__).with_name("project")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """What the project's settings are told."""
    if request.param == "sqlite":
        yield {}
    else:
        with postgres.running() as folder:
            yield {"POSTGRES": str(folder)}


def run_its_tests(**environment: str) -> tuple[int, int]:
    """How many have run, and how many of them were skipped. None may fail, or warn."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "manage.py", "test", "--noinput"],
        cwd=PROJECT,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"} | environment,
        capture_output=True,
        text=True,
        timeout=scaled(100),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    ran = re.search(r"^Ran (\d+) tests", done.stderr, re.MULTILINE)
    assert ran is not None, done.stderr
    skipped = re.search(r"skipped=(\d+)", done.stderr)
    return int(ran[1]), int(skipped[1]) if skipped else 0


class TestAProject:
    def test_passes_on_asgirefs_own_bridge_and_on_ours(self, database: dict[str, str]) -> None:
        theirs, ours = (run_its_tests(SIDELOOP=asked, **database) for asked in "01")
        assert ours == theirs
        assert ours[0] >= 20
