"""The contract of the Python face, `contract/python.toml`, and its page, `docs/promises.md`.

`python -m promises` writes the page.
"""

import sys
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]

PAGE = ROOT / "docs" / "promises.md"

CONTRACT: dict[str, Any] = tomllib.loads((ROOT / "contract" / "python.toml").read_text("utf-8"))

HEAD = """\
# Promises

What happens when things go wrong, and the tests that keep each promise. `scripts/promises` writes
this page from `contract/python.toml`, which `tests/test_contract.py` runs.
"""

RUST = "## The Rust crate\n"
"""From this heading on the page is somebody else's."""

CONTEXTS_HEAD = """\
## Where a call may be made

Each caller in a process of its own: with our loop, with uvloop's, and driving the loop itself.
Where it says that it works, the main thread can call afterwards, too.
"""


def page() -> str:
    """The text of `docs/promises.md`."""
    parts = [HEAD, *(_section(section) for section in CONTRACT["section"])]
    rows = [[context["where"], _outcome(context)] for context in CONTRACT["context"]]
    parts.append(f"{CONTEXTS_HEAD}\n{_table(['caller', 'outcome'], rows)}")
    if CONTRACT["open"]:
        parts.append(f"Not kept yet: {'; '.join(CONTRACT['open'])}.\n")
    _, heading, rest = PAGE.read_text("utf-8").partition(RUST)
    return "\n".join([*parts, heading + rest])


def _section(section: dict[str, Any]) -> str:
    rows = [[row["case"], _promised(row), _kept_by(row)] for row in section["promise"]]
    return f"## {section['title']}\n\n{_table(['case', 'promise', 'kept by'], rows)}"


def _promised(row: dict[str, Any]) -> str:
    reduced = f" (`make test`: {row['make_test']})" if "make_test" in row else ""
    return f"{row['promise']}{reduced}"


def _kept_by(row: dict[str, Any]) -> str:
    """The test classes, or tests of none, after their file."""
    files: dict[str, list[str]] = {}
    for test in row["kept_by"]:
        file, name, *_ = test.split("::")
        names = files.setdefault(file, [])
        if name not in names:
            names.append(name)
    return "; ".join(
        f"`{file}`: {', '.join(f'`{name}`' for name in names)}" for file, names in files.items()
    )


def _outcome(context: dict[str, Any]) -> str:
    outcome = _shown(context["outcome"])
    for exception in context.get("except", []):
        outcome += f"; {_shown(exception['outcome'])} {_when(exception)}: {exception['because']}"
    return outcome


def _shown(outcome: str) -> str:
    return "works" if outcome == "22" else f"`{outcome}`"


def _when(exception: dict[str, Any]) -> str:
    since, until = exception.get("since"), exception.get("until")
    words = ["with", exception["kind"]] if "kind" in exception else []
    if since and since == until:
        words += ["on", since]
    elif since:
        words += ["from", since, "on"]
    elif until:
        words += ["up to", until]
    return " ".join(words)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
