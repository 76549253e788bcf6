"""A circle of waits, as a `DeadlockError` keeps it: drawn in DOT, the language of graphviz."""

from collections.abc import Sequence

Wait = tuple[str, str, str]
"""A loop that waits, for which call, and where that was made. The next in the circle runs it."""


def drawn(circle: Sequence[Wait]) -> str:
    """The circle in DOT: a box for each loop, an arrow for each call, the refused one dashed."""
    lines = ["digraph deadlock {", "  node [shape=box];"]
    lines += [f"  loop{place} [label={_quoted(wait[0])}];" for place, wait in enumerate(circle)]
    for place, (_, call, site) in enumerate(circle):
        last = place == len(circle) - 1
        label = _quoted(f"waits for {call}", f"called at {site}", *(["refused"] if last else []))
        style = ", style=dashed" if last else ""
        lines.append(f"  loop{place} -> loop{(place + 1) % len(circle)} [label={label}{style}];")
    return "\n".join([*lines, "}", ""])


def _quoted(*lines: str) -> str:
    """A text of lines: in DOT a backslash and a quote are not themselves."""
    escaped = [line.replace("\\", "\\\\").replace('"', '\\"') for line in lines]
    return '"' + "\\n".join(escaped) + '"'
