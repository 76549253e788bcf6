"""A notebook executed by nbclient, unmodified, whose calls jupyter_core's bridge makes sync."""

import pytest
from process import run

NOTEBOOK = """
import nbformat, subprocess
from nbformat.v4 import new_code_cell, new_notebook

CELLS = [
    "from sideloop import run_sync",
    "async def double(n): return 2 * n",
    "print(run_sync(double, 11))",
    "await double(12)",
    "raise KeyError('of the user')",
]

def texts(notebook):
    for cell in notebook.cells:
        for output in cell.outputs:
            yield output.get("text") or output.get("ename") or output["data"]["text/plain"]

def executed(cells, **options):
    notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells])
    client = nbclient.NotebookClient(notebook, kernel_name="python3", **options)
    # Some versions of the kernel have advice to give.
    return client.execute(stderr=subprocess.DEVNULL)
"""

BEFORE = """
from sideloop.compat import jupyter_core as drop_in
drop_in.install()
import nbclient
"""

AFTER = """
import nbclient
from sideloop.compat import jupyter_core as drop_in
drop_in.install()
"""

CALLS = """
import collections
from sideloop._manager.manager import LoopManager
counts = collections.Counter()
def counted(owner, name):
    original = getattr(owner, name)
    def count(*args, **kwargs):
        counts[name] += 1
        return original(*args, **kwargs)
    setattr(owner, name, count)
counted(LoopManager, "run_sync")
counted(LoopManager, "run_awaitable")
"""


@pytest.mark.parametrize("install", [BEFORE, AFTER], ids=["before", "after"])
class TestANotebook:
    def test_is_executed(self, install: str) -> None:
        uses = """
        print(list(texts(executed(CELLS, allow_errors=True))))
        """
        assert run(install, NOTEBOOK, uses) == ["['22\\n', '24', 'KeyError']"]

    def test_is_executed_where_a_loop_runs(self, install: str) -> None:
        uses = """
        import asyncio
        async def main():
            return executed(CELLS[:4])
        print(list(texts(asyncio.run(main()))), counts.total() > 0)
        """
        assert run(install, NOTEBOOK, CALLS, uses) == ["['22\\n', '24'] True"]

    def test_whose_cell_takes_too_long_is_left(self, install: str) -> None:
        uses = """
        import nbclient.exceptions
        try:
            executed(["import time; time.sleep(60)"], timeout=1)
        except nbclient.exceptions.CellTimeoutError:
            print("over")
        """
        assert run(install, NOTEBOOK, uses) == ["over"]
