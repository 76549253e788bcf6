"""Tries each row with each tool, and writes docs/comparison-twins.md.

python -m twins                     try all, and write the page
python -m twins ROW [TOOL ...]      try one row
python -m twins.attempt ROW TOOL    one cell, in this process
"""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

from twins import cost
from twins.attempt import tool_of
from twins.outcome import SECONDS
from twins.rows import ROWS, Row

TOOLS = ("twin", "synchronicity", "asgiref", "anyio", "flyte", "unasync")

PAGE = Path(__file__).parents[2] / "docs" / "comparison-twins.md"

HEAD = """\
# Twins beside what others make

An author has written an async library, and owes its users a sync one. What do they get, by what
tool? Each cell is what came of a try, in a process of its own: `scripts/comparison` runs
`contract/twins` and writes this page, and the tests run sideloop's column. The library is
`contract/twins/library.py`.

{tools}

*by hand*: it works once the author has written a class or function around the tool's calls, as in
`contract/twins/by_hand.py`. *hangs*: not done after {seconds:.0f} seconds. An error's name is what
the user got.
"""

TAIL = """\
## Where others are ahead

- unasync's result needs no loop and no thread when it runs, and a call costs a function call. The
  price is paid when the library is built: all that its sources await needs a sync version, and
  nothing waits at the same time as something else.
- asgiref gives context variables back unasked.
- anyio runs trio's code as it runs asyncio's.
- With synchronicity, asgiref and anyio a fork's child may use a client of the parent's, which had
  nothing open here. sideloop raises an error that says to make another one: what a client has open
  is the parent's.

`python benches/twin.py` has the cost of calls and values in full.
"""


def main(arguments: list[str]) -> None:
    """Try."""
    if arguments:
        (row,) = [row for row in ROWS if row.name == arguments[0]]
        for tool in arguments[1:] or TOOLS:
            sys.stdout.write(f"{tool:14} {attempt(row, tool)}\n")
        return
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """The text of the page."""
    tools = [tool_of(name) for name in TOOLS]
    said = "\n".join(f"- {tool.NAME} {version_of(tool)}: {tool.SAYS}" for tool in tools)
    parts = [HEAD.format(tools=said, seconds=SECONDS)]
    heading = f"| | {' | '.join(tool.NAME for tool in tools)} |\n|{'---|' * (len(tools) + 1)}\n"
    for part in dict.fromkeys(row.part for row in ROWS):
        lines = [cells(row) for row in ROWS if row.part == part]
        if part == ROWS[-1].part:
            lines.append(f"| a call, beside a twin's | {' | '.join(cost.ratios(TOOLS))} |")
        parts.append(f"## {part}\n\n{heading}" + "\n".join(lines) + "\n")
    return "\n".join([*parts, TAIL])


def cells(row: Row) -> str:
    """A line of the table."""
    found = [attempt(row, tool) for tool in TOOLS]
    sys.stdout.write(f"{row.name:20} {found}\n")
    sys.stdout.flush()
    return f"| {row.says} | {' | '.join(found)} |"


def attempt(row: Row, tool: str) -> str:
    """What comes of a row with a tool."""
    command = [sys.executable, "-m", "twins.attempt", row.name, tool]
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=row.seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return "hangs"
    said = ended.stdout.strip().rpartition("\n")[2]
    return said or f"ended with {ended.returncode}"


def version_of(tool: ModuleType) -> str:
    """The version of its distribution."""
    return version(str(tool.DISTRIBUTION))


if __name__ == "__main__":
    main(sys.argv[1:])
