"""What names in a file mean, by what it imports."""

import ast
from collections.abc import Mapping

_SAME = {
    "asyncio.runners.run": "asyncio.run",
    "asyncio.runners.Runner": "asyncio.Runner",
    "asyncio.tasks.run_coroutine_threadsafe": "asyncio.run_coroutine_threadsafe",
    "asyncio.events.set_event_loop_policy": "asyncio.set_event_loop_policy",
    "multiprocessing.context.get_context": "multiprocessing.get_context",
    "synchronicity.synchronizer.Synchronizer": "synchronicity.Synchronizer",
    "unsync.unsync.unsync": "unsync.unsync",
}
"""Where libraries have a name once more."""


def imported(tree: ast.Module) -> dict[str, str]:
    """What the names of a file mean that it imports, wherever it does."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                whole = alias.name if alias.asname else alias.name.partition(".")[0]
                names[alias.asname or whole] = whole
        elif isinstance(node, ast.ImportFrom):
            # Of its own package nothing is looked for.
            module = "." if node.level else node.module
            for alias in node.names:
                names[alias.asname or alias.name] = f"{module}.{alias.name}"
    return names


def dotted(node: ast.expr, names: Mapping[str, str]) -> str:
    """The whole name of what is imported, such as `asyncio.run`; empty for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in names:
        return ""
    name = ".".join([names[node.id], *reversed(parts)])
    return _SAME.get(name, name)
