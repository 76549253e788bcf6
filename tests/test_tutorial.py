"""The tutorial: its files and its commands, from first to last."""

import os
import sysconfig
from pathlib import Path

import pytest
from transcripts import DOCS, Command, File, run, steps, write

# What pip would fetch is here already: sideloop as it is tested, and the tools of its tests.
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


@pytest.mark.timeout(400)
def test_every_step_does_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in OFFLINE.items():
        monkeypatch.setenv(name, value)
    done = []
    for step in steps(DOCS / "tutorial.md"):
        if isinstance(step, File):
            write(step, tmp_path)
        elif not step.typed.startswith("pip install"):
            run(step, tmp_path)
            done.append(step.typed)
            if step.typed == "python -m venv user":
                give_what_is_here(tmp_path / "user")
    assert "user/bin/python user.py" in done


def give_what_is_here(environment: Path) -> None:
    """Have an environment find what this one has installed."""
    site = environment / "lib" / Path(sysconfig.get_path("purelib")).parts[-2] / "site-packages"
    (site / "tested.pth").write_text(sysconfig.get_path("purelib") + os.linesep)


def test_nothing_is_left_out() -> None:
    """What the test does not run installs what is there already."""
    left = [
        step.typed
        for step in steps(DOCS / "tutorial.md")
        if isinstance(step, Command) and step.typed.startswith("pip install")
    ]
    assert left == ["pip install sideloop", 'pip install "sideloop[stubs]" hatchling']
