"""The extension's layers: a folder, or a file beside them, imports only what stands below it.

Read from the sources. A method is an arrow that no import shows, so types show methods only in
their own layer; what is done with them elsewhere is a function, which has to be imported.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCES = Path(__file__).parent.parent / "crates" / "sideloop-py" / "src"

# From the way in to the ground.
LAYERS = (
    "lib",
    "face",
    "caller",
    "loop_side",
    "host",
    "finish",
    "send",
    "model",
    "tasks",
    "tls",
    "transport",
    "event_loop",
    "entry",
    "policy",
    "translate",
    "python",
    "system",
)

# Whose files import each other, and why; the files of any other layer form no circle.
KNOTS = {
    "model": "a call, its runner, a host and a router hold each other",
    "event_loop": "one class, whose methods stand in several files",
}


def code(file: Path) -> str:
    """The file without its comments."""
    return re.sub(r"//.*", "", file.read_text(encoding="utf-8"))


def layer(file: Path, sources: Path) -> str:
    return file.relative_to(sources).parts[0].removesuffix(".rs")


def paths(text: str) -> Iterator[list[str]]:
    """What is named from the crate's root: `crate::a::b` is one, `crate::{a::b, c}` are two."""
    for found in re.finditer(r"\bcrate::(?:\{([^}]*)\}|([\w:]+))", text):
        for path in (found[1] or found[2]).split(","):
            if names := [name for name in path.strip().split("::") if name]:
                yield names


def upward(sources: Path) -> list[str]:
    """The arrows from a layer to one above it."""
    found = []
    for file in sorted(sources.rglob("*.rs")):
        own = layer(file, sources)
        if own not in LAYERS:
            found.append(f"{own} is no layer")
            continue
        text, above = code(file), LAYERS[: LAYERS.index(own)]
        if own != "lib" and "super::super" in text:
            found.append(f"{file.relative_to(sources)} climbs out of its folder")
        found += [
            f"{file.relative_to(sources)} imports {names[0]}"
            for names in paths(text)
            if names[0] in above
        ]
    return found


def shown(sources: Path) -> list[str]:
    """The methods that a type shows outside of its own layer."""
    texts = {file: code(file) for file in sorted(sources.rglob("*.rs"))}
    homes: dict[str, set[str]] = defaultdict(set)
    for file, text in texts.items():
        for name in re.findall(r"\b(?:struct|enum) (\w+)", text):
            homes[name].add(layer(file, sources))
    found = []
    for file, text in texts.items():
        for block in re.finditer(r"^impl(?:<[^>]*>)? (\w+)[^\n]*\{\n(.*?)^\}", text, re.M | re.S):
            if layer(file, sources) in homes[block[1]]:
                continue
            found += [
                f"{file.relative_to(sources)} shows {block[1]}::{method}"
                for method in re.findall(r"^ +pub\b.*?\bfn (\w+)", block[2], re.M)
            ]
    return found


def circles(sources: Path) -> list[str]:
    """The files of a layer that come back to themselves by their imports."""
    found = []
    for folder in sorted(path for path in sources.iterdir() if path.is_dir()):
        if folder.name in KNOTS:
            continue
        files = {file.stem: code(file) for file in folder.glob("*.rs") if file.stem != "mod"}
        imports = {
            name: {
                *re.findall(r"\bsuper::(\w+)", text),
                *(path[1] for path in paths(text) if path[0] == folder.name and len(path) > 1),
            }
            & set(files)
            for name, text in files.items()
        }
        while ends := [name for name in imports if not imports[name]]:
            imports = {
                name: targets.difference(ends)
                for name, targets in imports.items()
                if name not in ends
            }
        if imports:
            found.append(f"{folder.name}: {', '.join(sorted(imports))}")
    return found


def asking(sources: Path) -> list[str]:
    """The files outside of `system` that are compiled in another way for another system, or not."""
    asks = re.compile(
        r"\bcfg(?:_attr)?!?\([^)]*\b(?:target_\w+|unix|windows)\b|\bstd::os::(?!raw\b)"
        r"|\b(?:libc|rustix)::"
    )
    return [
        str(file.relative_to(sources))
        for file in sorted(sources.rglob("*.rs"))
        if layer(file, sources) != "system" and asks.search(code(file))
    ]


class TestTheExtension:
    def test_has_these_layers_and_no_others(self) -> None:
        assert {layer(file, SOURCES) for file in SOURCES.rglob("*.rs")} == set(LAYERS)

    def test_imports_only_downwards(self) -> None:
        assert upward(SOURCES) == []

    def test_shows_methods_only_where_their_type_is(self) -> None:
        assert shown(SOURCES) == []

    def test_asks_which_system_it_is_in_one_layer(self) -> None:
        assert asking(SOURCES) == []

    def test_has_circles_only_in_the_model_and_the_loop(self) -> None:
        assert circles(SOURCES) == []


class TestTheReading:
    """What would hide an arrow if it were read wrongly."""

    @pytest.fixture
    def sources(self, tmp_path: Path) -> Path:
        for name, text in {
            "lib.rs": "mod host;\n",
            "host/mod.rs": "mod one;\n",
            "host/one.rs": "use super::two::f;\nuse crate::model::Call;\n",
            "host/two.rs": "use crate::{entry::Entry, python};\n",
            "model/call.rs": "struct Call;\nimpl Call {\n    pub(crate) fn name() {}\n}\n",
        }.items():
            file = tmp_path / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
        return tmp_path

    def test_finds_nothing_where_there_is_nothing(self, sources: Path) -> None:
        assert (upward(sources), shown(sources), circles(sources)) == ([], [], [])
        assert asking(sources) == []

    @pytest.mark.parametrize(
        "line",
        [
            "use crate::face::router;",
            "use crate::{\n    entry::Entry,\n    face::router,\n};",
            "fn f() { crate::face::router::run() }",
        ],
    )
    def test_finds_an_import_from_above(self, sources: Path, line: str) -> None:
        (sources / "model" / "call.rs").write_text(line)
        assert upward(sources) == ["model/call.rs imports face"]

    def test_finds_a_way_out_of_a_folder(self, sources: Path) -> None:
        (sources / "model" / "call.rs").write_text("use super::super::face::router;")
        assert upward(sources) == ["model/call.rs climbs out of its folder"]

    def test_finds_a_file_in_no_layer(self, sources: Path) -> None:
        (sources / "other.rs").write_text("")
        assert upward(sources) == ["other is no layer"]

    @pytest.mark.parametrize(
        "line",
        [
            '#[cfg(target_os = "linux")]',
            "#[cfg(not(unix))]",
            "use std::os::fd::RawFd;",
            "use rustix::io::Errno;",
        ],
    )
    def test_finds_what_depends_on_the_system(self, sources: Path, line: str) -> None:
        (sources / "model" / "call.rs").write_text(line)
        (sources / "system").mkdir()
        (sources / "system" / "clock.rs").write_text(line)
        assert asking(sources) == ["model/call.rs"]

    def test_finds_a_method_shown_elsewhere(self, sources: Path) -> None:
        method = "impl Call {\n    /// About it.\n    pub(crate) fn go() {\n    }\n}\n"
        (sources / "host" / "two.rs").write_text(method)
        assert shown(sources) == ["host/two.rs shows Call::go"]

    def test_finds_two_files_that_import_each_other(self, sources: Path) -> None:
        (sources / "host" / "two.rs").write_text("use super::one::g;")
        assert circles(sources) == ["host: one, two"]
