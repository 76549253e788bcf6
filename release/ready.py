"""Whether what is checked out may be released under a tag: `python release/ready.py v0.1.0`.

What a release cannot take back is asked before anything is built.
"""

import re
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Say what is wrong, all of it."""
    (tag,) = sys.argv[1:]
    problems = list(problems_with(tag))
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    sys.exit(1 if problems else 0)


def problems_with(tag: str, root: Path = ROOT) -> Generator[str]:
    """What has to be done before the tag can be a release."""
    project = (root / "pyproject.toml").read_text(encoding="utf-8")
    version = _find(r'^version = "(.+)"', project)
    if tag != f"v{version}":
        yield f"the tag is {tag}, and the version is {version}, whose tag is v{version}"
    heading = _find(r"^## (.+)", (root / "CHANGELOG.md").read_text(encoding="utf-8"))
    if not re.fullmatch(rf"{re.escape(version)}, \d{{4}}-\d\d-\d\d", heading):
        yield f"CHANGELOG.md begins with {heading!r}, and not with the version and its day"
    if changed := _git(root, "status", "--porcelain"):
        yield f"what is checked out has changes:\n{changed.rstrip()}"


def _find(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    assert found is not None, pattern
    return found[1]


def _git(root: Path, *words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=root, capture_output=True, text=True, check=True
    ).stdout


if __name__ == "__main__":
    main()
