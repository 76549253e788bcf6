"""Sources: a module's own stub, in which nothing is wrapped yet."""

import ast
import functools
import importlib.util
import inspect
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType

from sideloop._stubs.errors import StubError
from sideloop._stubs.improve import complete, improve

_STUBGEN = "from mypy.stubgen import main; main()"


def source_path(module: ModuleType) -> Path:
    """The file that a module is written in.

    Raises:
        StubError: It has none: it is built in, or an extension.
    """
    path = inspect.getsourcefile(module)
    if path is None:
        raise StubError(
            f"module {module.__name__!r} has no Python source to read signatures from; wrap a "
            f"class or function of a module that has"
        )
    return Path(path)


@functools.cache
def source_tree(module: ModuleType) -> ast.Module:
    """What the module's author wrote, of which the stub leaves out the bodies."""
    return ast.parse(source_path(module).read_bytes())


@functools.cache
def stub_tree(module: ModuleType) -> ast.Module:
    """The module's stub, by stubgen. In a process of its own: it reads `sys.argv`."""
    path = source_path(module)
    if importlib.util.find_spec("mypy") is None:
        raise StubError('this needs mypy, for its stubgen: pip install "sideloop[stubs]"')
    with tempfile.TemporaryDirectory() as folder:
        options = ("--parse-only", "--include-private", "--quiet", "--output", folder)
        ended = subprocess.run(
            [sys.executable, "-c", _STUBGEN, *options, str(path.resolve())],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        written = list(Path(folder).rglob("*.pyi"))
        if ended.returncode != 0 or len(written) != 1:
            said = (ended.stderr + ended.stdout).strip()
            raise StubError(f"stubgen wrote no stub of {path}: {said}")
        tree = ast.parse(written[0].read_text(encoding="utf-8"))
    improve(tree, source_tree(module))
    complete(tree)
    return tree
