"""Written: the text of a stub."""

import ast
import copy
import inspect
import re

_MARK = "sideloop documentation "


def written(tree: ast.Module) -> str:
    """As stubs are laid out: bodies on the line of their `def`, blank lines around classes only."""
    texts: list[str] = []
    tree = copy.deepcopy(tree)  # the stubs of several modules share what they say of an original
    for node in ast.walk(tree):
        body: list[ast.stmt] = getattr(node, "body", []) if isinstance(node, _HOLDERS) else []
        for one in body:
            match one:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    one.value = ast.Name(f"{_MARK}{len(texts)}", ast.Load())
                    texts.append(text)
                case _:
                    pass
    text = ast.unparse(ast.fix_missing_locations(tree))
    text = re.sub(r":\n +\.\.\.$", ": ...", text, flags=re.MULTILINE)
    text = re.sub(r"\n(?=\n +(?:@|def |async def ))", "", text)
    return (
        re.sub(
            rf"^( *){_MARK}(\d+)$",
            lambda found: _quoted(texts[int(found[2])], found[1]),
            text,
            flags=re.MULTILINE,
        )
        + "\n"
    )


_HOLDERS = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.If


def _quoted(text: str, indent: str) -> str:
    text = inspect.cleandoc(text).replace("\\", r"\\").replace('"""', r"\"\"\"")
    if text.endswith('"'):
        text = f'{text[:-1]}\\"'
    lines = [line and indent + line for line in text.split("\n")]
    lines[0] = lines[0].lstrip() if text else ""
    end = f"\n{indent}" if len(lines) > 1 else ""
    return f'{indent}"""' + "\n".join(lines) + f'{end}"""'
