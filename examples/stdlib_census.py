"""A census of the standard library: a local flytekit workflow over real source files.

It copies files of the running interpreter's own library into a store, counts them, tidies their
comments, and shelves everything in one catalogue. Each value that flytekit translates here crosses
its sync-to-async bridge, many of them nested: a FlyteFile inside a dataclass is translated by sync
code that already runs on a loop thread.

flytekit reads annotations at run time, so this module must not import `annotations` from
`__future__`. Importing it defines tasks and starts nothing.
"""

import hashlib
import io
import shutil
import sysconfig
import tempfile
import tokenize
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
from flytekit import FlyteContextManager, dynamic, eager, map_task, task, workflow
from flytekit.types.directory import FlyteDirectory
from flytekit.types.file import FlyteFile
from flytekit.types.structured.structured_dataset import StructuredDataset

# Not the library's own text, or (tests) partly not decodable on purpose.
SKIPPED = {"__pycache__", "ensurepip", "idlelib", "lib2to3", "site-packages", "test", "tests"}
# Larger files would spend the demonstration's time in the tokenizer instead of in the bridge.
SMALLEST, LARGEST = 500, 30_000


@dataclass
class Shelf:
    """The chosen files of one package.

    Attributes:
        package: Name of the package; empty for top-level modules.
        sources: Its files, their tree kept.
    """

    package: str
    sources: FlyteDirectory


@dataclass
class Summary:
    """What the census found, in a few figures.

    Attributes:
        files: How many files were read.
        packages: How many packages they belong to, top-level modules counted as one.
        lines: Lines in all of them.
        words: Words, that is, runs of characters other than white space.
        comments: Comments, as Python's own tokenizer sees them.
        longest: Path of the file with most lines.
    """

    files: int
    packages: int
    lines: int
    words: int
    comments: int
    longest: str


@dataclass
class Catalogue:
    """Everything the census leaves behind, passed between tasks as one value.

    Attributes:
        summary: The figures.
        report: The figures, in words.
        table: One row a file.
        tidied: The tidied files as one tree.
        pages: The same files one by one, by their path in that tree.
    """

    summary: Summary
    report: FlyteFile
    table: StructuredDataset
    tidied: FlyteDirectory
    pages: dict[str, FlyteFile]


@task
def gather(wanted: int) -> list[Shelf]:
    """Copy `wanted` library files, spread evenly over the sorted list, one shelf a package."""
    library = Path(sysconfig.get_path("stdlib"))
    eligible = [
        path
        for path in sorted(library.rglob("*.py"))
        if SKIPPED.isdisjoint(path.relative_to(library).parts)
        and SMALLEST <= path.stat().st_size <= LARGEST
    ]
    if len(eligible) < wanted:
        raise ValueError(f"{library} has {len(eligible)} eligible files, {wanted} wanted: ask less")
    copies: dict[str, Path] = {}
    for number in range(wanted):
        source = eligible[number * len(eligible) // wanted].relative_to(library)
        package = source.parts[0] if len(source.parts) > 1 else ""
        target = copies.setdefault(package, scratch()) / source
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(library / source, target)
    return [Shelf(package, shelved(tree)) for package, tree in sorted(copies.items())]


@task
def tidy(shelf: Shelf) -> Shelf:
    """Write every comment of every file on the shelf as `# text`, single-spaced, and as UTF-8."""
    source, target = Path(shelf.sources), scratch()
    for path in sorted(source.rglob("*.py")):
        tidied = target / path.relative_to(source)
        tidied.parent.mkdir(parents=True, exist_ok=True)
        tidied.write_text(with_tidy_comments(read(path)), encoding="utf-8", newline="\n")
    return Shelf(shelf.package, shelved(target))


@task
def measure(shelf: Shelf) -> pd.DataFrame:
    """Count one shelf: a row a file, in order of path."""
    root = Path(shelf.sources)
    return pd.DataFrame(
        {
            "path": path.relative_to(root).as_posix(),
            "package": shelf.package,
            "lines": text.count("\n"),
            "words": len(text.split()),
            "comments": len(comments(text)),
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in sorted(root.rglob("*.py"))
        for text in [read(path)]
    )


@task
def merge(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Put the shelves' tables into one, in order of path."""
    return pd.concat(tables).sort_values("path", ignore_index=True)


@dynamic
def count(shelves: list[Shelf]) -> pd.DataFrame:
    """Measure each shelf in a task of its own, decided at run time."""
    return merge(tables=[measure(shelf=shelf) for shelf in shelves])


@task
def summarise(table: pd.DataFrame) -> Summary:
    """Add the table up."""
    return Summary(
        files=len(table),
        packages=int(table["package"].nunique()),
        lines=int(table["lines"].sum()),
        words=int(table["words"].sum()),
        comments=int(table["comments"].sum()),
        longest=str(table.loc[table["lines"].idxmax(), "path"]),
    )


@task
def write_report(summary: Summary, table: pd.DataFrame) -> FlyteFile:
    """Say the figures in words, with the five largest packages."""
    largest = table.groupby("package")["lines"].sum().sort_values(ascending=False, kind="stable")
    lines = [f"{name}: {figure}" for name, figure in asdict(summary).items()]
    lines += [f"{name or '(top level)'}: {total} lines" for name, total in largest.head(5).items()]
    path = scratch() / "report.txt"
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return FlyteFile(str(path), remote_path=address())


@task
def catalogue(
    summary: Summary, report: FlyteFile, table: StructuredDataset, shelves: list[Shelf]
) -> Catalogue:
    """Shelve every tidied file in one tree, and each one by itself."""
    tree = scratch()
    for shelf in shelves:
        shutil.copytree(shelf.sources, tree, dirs_exist_ok=True)
    pages = {
        path.relative_to(tree).as_posix(): FlyteFile(str(path), remote_path=address())
        for path in sorted(tree.rglob("*.py"))
    }
    return Catalogue(summary, report, table, shelved(tree), pages)


@workflow
def census(wanted: int) -> Catalogue:
    """Gather, tidy, count, and catalogue."""
    shelves = gather(wanted=wanted)
    tidied = map_task(tidy)(shelf=shelves)
    table = count(shelves=shelves)
    summary = summarise(table=table)
    report = write_report(summary=summary, table=table)
    return catalogue(summary=summary, report=report, table=table, shelves=tidied)


@task
def digest_tree(tree: FlyteDirectory) -> dict[str, str]:
    """Digest a tree that comes back from the store as a whole."""
    root = Path(tree)
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*.py"))
    }


@task
async def digest_pages(pages: dict[str, FlyteFile]) -> dict[str, str]:
    """Digest files that come back one by one, each by a sync call made on the loop thread."""
    return {
        path: hashlib.sha256(Path(page).read_bytes()).hexdigest() for path, page in pages.items()
    }


@eager
async def audit(found: Catalogue) -> dict[str, str]:
    """Read the catalogue back both ways, from a coroutine; the two must agree."""
    whole = digest_tree(tree=found.tidied)
    single = await digest_pages(pages=found.pages)
    if whole != single:
        raise ValueError(f"tree and pages differ: {sorted(whole.items() ^ single.items())[:4]}")
    return single


def scratch() -> Path:
    """Return a new directory; it lives where flytekit keeps its local files."""
    return Path(tempfile.mkdtemp())


def address() -> str:
    """Return a new address in the store.

    A local execution uploads only what names its destination: without one, flytekit passes the
    local path along and copies nothing.
    """
    access = FlyteContextManager.current_context().file_access
    return access.join(access.raw_output_prefix, access.get_random_string())


def shelved(tree: Path) -> FlyteDirectory:
    """Return the directory, to be uploaded when flytekit translates it."""
    return FlyteDirectory(str(tree), remote_directory=address())


def read(path: Path) -> str:
    """Read a source file in the encoding it declares, its line ends made one newline each."""
    with tokenize.open(path) as file:
        return file.read()


def comments(text: str) -> list[tokenize.TokenInfo]:
    """Find the comments as Python's tokenizer does; a `#` inside a string is none."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [token for token in tokens if token.type == tokenize.COMMENT]


def with_tidy_comments(text: str) -> str:
    """Rewrite the comments; one always reaches to the end of its line."""
    lines = text.split("\n")
    for comment in comments(text):
        row, column = comment.start
        words = comment.string.lstrip("#").split()
        lines[row - 1] = lines[row - 1][:column] + " ".join(["#", *words])
    return "\n".join(lines)
