"""Draw the pictures of the documents: a call's path, the exit, and a circle of waits.

    python site/draw.py [--check]

They are SVGs in docs/images. The circle is that of a real DeadlockError: its program is here, and
its graph is kept as deadlock.dot, of which graphviz makes the picture. With --check nothing is
written, and what is not as it would be drawn is named; graphviz is not needed for that.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterable
from html import escape
from pathlib import Path

import sideloop

IMAGES = Path(__file__).parents[1] / "docs" / "images"

# Those of the charts (benches/_chart.py).
INK, FAINT, OURS, LANE, LINE = "#22282d", "#6b757e", "#c8501e", "#f1f4f6", "#c9cfd4"

WIDTH = 900

CIRCLE = """\
import sideloop

accounts, orders = sideloop.Runner(name="accounts"), sideloop.Runner(name="orders")

async def balance() -> int:
    return 100

async def order() -> int:
    return accounts.run(balance)

async def buy() -> int:
    return orders.run(order)

accounts.run(buy)
"""
"""The program of docs/when-it-hangs.md: whose line is where it is here."""


class Drawing:
    """Boxes, arrows and texts on a white ground, which is readable in a dark page, too."""

    def __init__(self, title: str, height: int) -> None:
        self._title, self._height = title, height
        self._parts: list[str] = []

    def lane(self, left: int, width: int, name: str) -> None:
        """Where a thread is."""
        self._parts.append(
            f'<rect x="{left}" y="10" width="{width}" height="{self._height - 20}" rx="8" '
            f'fill="{LANE}"/>'
        )
        self.text(left + 16, 36, name, colour=FAINT)

    def box(self, left: int, top: int, name: str, lines: Iterable[str], width: int = 340) -> None:
        """A station: its word, and what happens there."""
        said = list(lines)
        height = 30 + 17 * len(said)
        self._parts.append(
            f'<rect x="{left}" y="{top}" width="{width}" height="{height}" rx="5" fill="#fff" '
            f'stroke="{LINE}"/>'
        )
        self.text(left + 12, top + 20, name, weight="bold", colour=OURS)
        for place, line in enumerate(said):
            self.text(left + 12, top + 38 + 17 * place, line)

    def text(
        self, left: int, base: int, said: str, weight: str = "normal", colour: str = INK
    ) -> None:
        """A line of text."""
        self._parts.append(
            f'<text x="{left}" y="{base}" font-weight="{weight}" fill="{colour}">{escape(said)}'
            f"</text>"
        )

    def arrow(self, *points: tuple[int, int]) -> None:
        """A line from the first point to the last, where it has its head."""
        way = " ".join(f"{x},{y}" for x, y in points)
        self._parts.append(
            f'<polyline points="{way}" fill="none" stroke="{INK}" stroke-width="1.5" '
            f'marker-end="url(#head)"/>'
        )

    def svg(self) -> str:
        """All of it."""
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self._height}"',
                'font-family="DejaVu Sans, Verdana, sans-serif" font-size="13" role="img">',
                f"<title>{escape(self._title)}</title>",
                '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8"',
                f'markerHeight="8" orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="{INK}"/>',
                "</marker></defs>",
                f'<rect width="{WIDTH}" height="{self._height}" fill="#fff"/>',
                *self._parts,
                "</svg>",
                "",
            ]
        )


def call() -> str:
    """A call's path: seven stations on two threads."""
    drawing = Drawing("The path of a call", 500)
    drawing.lane(10, 380, "caller's thread")
    drawing.lane(510, 380, "loop thread")
    drawing.box(30, 50, "1 api", ["run_sync(async_fn, a=1)"])
    drawing.box(30, 125, "2 manager", ["which runner serves this thread, at this depth?"])
    drawing.box(30, 200, "3 runner", ["owns one loop; puts the call in"])
    drawing.box(410, 200, "4 entry", ["queue,", "bell"], width=80)
    drawing.box(
        530, 200, "5 task", ["async_fn is called here, in a copy", "of the caller's context"]
    )
    drawing.box(530, 310, "6 outcome", ["value or exception, captured"])
    drawing.box(30, 310, "7 hand-off", ["the caller waits, and lets Python go on", "meanwhile"])
    drawing.box(30, 410, "1 api", ["returns the value, or raises the exception"])
    drawing.arrow((200, 97), (200, 123))
    drawing.arrow((200, 172), (200, 198))
    drawing.arrow((370, 224), (408, 224))
    drawing.arrow((490, 224), (528, 224))
    drawing.arrow((700, 264), (700, 308))
    drawing.arrow((530, 334), (372, 334))
    drawing.arrow((200, 374), (200, 408))
    return drawing.svg()


def exit_() -> str:
    """The interpreter's exit: what happens to loops, and when."""
    drawing = Drawing("The exit", 460)
    drawing.lane(10, 430, "the interpreter")
    drawing.lane(460, 430, "sideloop")
    theirs, ours = 30, 480
    drawing.box(theirs, 50, "the main thread ends", ["of the program's own code"], width=390)
    drawing.box(
        ours,
        50,
        "first phase",
        [
            "tasks on loops where nobody calls any more are",
            "cancelled, and clean up within their grace",
        ],
        width=390,
    )
    drawing.box(
        theirs, 160, "executors end", ["and threads that are no daemons are waited for"], 390
    )
    drawing.box(theirs, 240, "atexit handlers", ["may still call"], 390)
    drawing.box(
        ours,
        240,
        "second phase",
        [
            "every loop unwinds, is closed, and its thread joined;",
            "what will not stop within the grace is named in a",
            "log warning, and left behind",
        ],
        width=390,
    )
    drawing.box(theirs, 370, "modules are torn down", ["in any order; __del__ methods run"], 390)
    drawing.box(
        ours,
        370,
        "a call is refused",
        ["with PythonFinalizationError (before 3.13: RuntimeError)"],
        width=390,
    )
    drawing.arrow((420, 80), (478, 80))
    drawing.arrow((480, 105), (440, 105), (440, 180), (422, 180))
    drawing.arrow((225, 207), (225, 238))
    drawing.arrow((420, 265), (478, 265))
    drawing.arrow((480, 310), (440, 310), (440, 390), (422, 390))
    drawing.arrow((420, 400), (478, 400))
    return drawing.svg()


def circle() -> str:
    """Who waits for whom in the program above, as the error that it raises tells it."""
    names: dict[str, object] = {"__name__": "shop"}
    try:
        exec(compile(CIRCLE, "shop.py", "exec"), names)
    except sideloop.DeadlockError as error:
        return error.graph()
    finally:
        for runner in (names["accounts"], names["orders"]):
            assert isinstance(runner, sideloop.Runner)
            runner.close()
    raise AssertionError("the program raises no DeadlockError")


def by_graphviz(graph: str) -> str:
    """The picture of a graph."""
    # Without room of its own a label touches its arrow, and the next one.
    graph = re.sub(r'(-> .*label=")(.*?)(")', _with_room, graph)
    fonts = ["-Nfontname=Helvetica", "-Efontname=Helvetica", "-Nfontsize=13", "-Efontsize=11"]
    colours = [f"-Ncolor={LINE}", f"-Ecolor={INK}", f"-Efontcolor={INK}", f"-Nfontcolor={OURS}"]
    drawn = subprocess.run(
        ["dot", "-Tsvg", "-Gpad=0.2", "-Gbgcolor=white", "-Granksep=1.2", *fonts, *colours],
        input=graph,
        capture_output=True,
        text=True,
        check=True,
    )
    # Which version has drawn it is nobody's business.
    return re.sub(r"<!-- Generated by.*?-->\n", "", drawn.stdout, flags=re.DOTALL)


def _with_room(label: re.Match[str]) -> str:
    before, said, after = label.groups()
    space = 2 * "\N{NO-BREAK SPACE}"
    return before + r"\n".join(f"{space}{line}{space}" for line in said.split(r"\n")) + after


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args().check
    pictures = {"call.svg": call(), "exit.svg": exit_(), "deadlock.dot": circle()}
    if not check:
        pictures["deadlock.svg"] = by_graphviz(pictures["deadlock.dot"])
    stale = [name for name, text in pictures.items() if not _is(IMAGES / name, text)]
    for name in stale:
        if check:
            print(f"docs/images/{name} is not as site/draw.py draws it")
        else:
            (IMAGES / name).write_text(pictures[name], encoding="utf-8")
            print(f"drew docs/images/{name}")
    return 1 if check and stale else 0


def _is(file: Path, text: str) -> bool:
    return file.exists() and file.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
