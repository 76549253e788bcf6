"""A client in the cells of a notebook, under whose kernel a loop runs already."""

import sys
import tempfile
from typing import Any

import nbformat
from nbclient import NotebookClient
from traitlets.config import Config

CELLS = """
import {name} as example
client = example.connect({address!r})
example.ask(client, 1)
---
[example.ask(client, n) for n in range(20)] == [example.answer(n) for n in range(20)]
---
import asyncio
found = await asyncio.gather(*(asyncio.to_thread(example.ask, client, n) for n in range(8)))
found == [example.answer(n) for n in range(8)]
---
with example.connect({address!r}) as client:
    print(example.ask(client, 2) == example.answer(2))
"""


def said(cell: Any) -> str:
    """What a cell has put out, if it is nothing but text."""
    return "".join(
        output["text"] if output["output_type"] == "stream" else output["data"]["text/plain"]
        for output in cell.outputs
    ).strip()


def main() -> None:
    """Run the notebook."""
    _, name, address = sys.argv
    cells = [
        nbformat.v4.new_code_cell(cell)
        for cell in CELLS.format(name=name, address=address).split("---")
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    with tempfile.TemporaryDirectory() as folder:
        # Of TCP the kernel warns. Unless told, the kernels of a directory share one address.
        over_ipc = Config(KernelManager={"transport": "ipc", "ip": f"{folder}/kernel"})
        NotebookClient(notebook, config=over_ipc, timeout=60).execute()
    outputs = [said(cell) for cell in notebook.cells]
    assert len(outputs[0]) > 3, outputs
    assert outputs[1:] == ["True", "True", "True"], outputs
    print("ok")


if __name__ == "__main__":
    main()
