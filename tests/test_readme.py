"""The READMEs that package indexes show: what they say, and where their links lead."""

import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

sys.path.append(str(ROOT / "release"))

import readme  # noqa: E402  # where it is is not known before

OURS = (ROOT / "README.md").read_text("utf-8")
CRATES = {
    name: (ROOT / "crates" / name / "README.md").read_text("utf-8")
    for name in ("core", "sideloop", "sideloop-macros")
}
REPOSITORY = "https://example.org/owner/repository"


class TestWhatTheySay:
    @pytest.mark.parametrize(
        ("text", "table"),
        [(OURS, "Beside other tools"), (CRATES["sideloop"], "From where it may be called")],
        ids=["python", "rust"],
    )
    def test_has_its_order(self, text: str, table: str) -> None:
        assert re.findall(r"^## (.+)", text, re.MULTILINE)[:5] == [
            "Install",
            "Thirty seconds",
            table,
            "What happens when things go wrong",
            "Where next",
        ]

    def test_begins_with_what_is_built_already(self) -> None:
        assert 0 < OURS.index("pip install sideloop\n") < OURS.index("pip install .")

    @pytest.mark.parametrize(
        ("text", "page", "least"),
        [(OURS, "comparison-twins.md", 17), (CRATES["sideloop"], "rust-contexts.md", 12)],
        ids=["python", "rust"],
    )
    def test_has_rows_of_the_page_that_a_script_writes(
        self, text: str, page: str, least: int
    ) -> None:
        tried = (ROOT / "docs" / page).read_text("utf-8").splitlines()
        # Of all the READMEs' tables these alone have seven columns.
        rows = [line for line in text.splitlines() if line.count(" | ") == 6]
        assert len(rows) > least
        assert [row for row in rows if row not in tried] == []


class TestTheirLinks:
    def test_lead_to_files_of_the_version(self) -> None:
        shown = readme.for_index(OURS, readme.Sources(REPOSITORY, "v0.1.0"))
        assert readme.leads_nowhere(shown) == []
        found = re.findall(rf"{REPOSITORY}/(blob|raw)/v0\.1\.0/([^)#]+)", shown)
        assert len(found) > 25
        for way, name in found:
            assert (ROOT / name).is_file(), name
            assert (way == "raw") is name.endswith(".png"), name

    def test_are_texts_where_the_files_are_nowhere(self) -> None:
        shown = readme.for_index(OURS, None)
        assert readme.leads_nowhere(shown) == []
        assert "\n| Tutorial | ten minutes, from" in shown
        assert "![" not in shown

    def test_are_none_in_a_block_of_code(self) -> None:
        text = "[a](b.md)\n```\n[a](b.md)\n```\n"
        assert readme.for_index(text, None) == "a\n```\n[a](b.md)\n```\n"
        assert readme.leads_nowhere(text) == ["b.md"]

    @pytest.mark.parametrize("crate", CRATES)
    def test_of_a_crate_lead_to_its_documentation(self, crate: str) -> None:
        assert readme.leads_nowhere(CRATES[crate]) == []
        lib = (ROOT / "crates/sideloop/src/lib.rs").read_text("utf-8")
        for path in re.findall(r"latest/sideloop/(\w[\w/]*)/index\.html", CRATES[crate]):
            for module in path.split("/"):
                assert f"pub mod {module} " in lib


class TestWhatIsPublished:
    def asked(self, package: Path) -> str:
        ended = subprocess.run(
            [sys.executable, ROOT / "release/readme.py", package],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == (1 if ended.stderr else 0)
        return ended.stderr

    def package(self, folder: Path, kind: str, text: str) -> Path:
        """A package with this README."""
        described = f"Metadata-Version: 2.4\nName: sideloop\n\n{text}"
        path = folder / f"sideloop-0.1.0{kind}"
        if kind == ".whl":
            with zipfile.ZipFile(path, "w") as wheel:
                wheel.writestr("sideloop-0.1.0.dist-info/METADATA", described)
            return path
        name, content = ("README.md", text) if kind == ".crate" else ("PKG-INFO", described)
        with tarfile.open(path, "w:gz") as archive:
            member = tarfile.TarInfo(f"sideloop-0.1.0/{name}")
            member.size = len(content.encode())
            archive.addfile(member, io.BytesIO(content.encode()))
        return path

    @pytest.mark.parametrize("kind", [".whl", ".tar.gz", ".crate"])
    @pytest.mark.parametrize(
        ("link", "target"),
        [
            ("[guide](docs/guide.md)", "docs/guide.md"),
            ("![chart](chart.png)", "chart.png"),
            ("[guide]\n\n[guide]: docs/guide.md", "docs/guide.md"),
            ('<img src="chart.png">', "chart.png"),
            ("[below](#below)", "#below"),
        ],
    )
    def test_has_no_link_within_the_repository(
        self, kind: str, link: str, target: str, tmp_path: Path
    ) -> None:
        said = self.asked(self.package(tmp_path, kind, f"# sideloop\n\n{link}\n"))
        assert f"its README links to {target}, which no index has" in said

    @pytest.mark.parametrize("kind", [".whl", ".tar.gz", ".crate"])
    def test_has_a_readme(self, kind: str, tmp_path: Path) -> None:
        assert "has no README" in self.asked(self.package(tmp_path, kind, ""))
        assert self.asked(self.package(tmp_path, kind, "[guide](https://example.org)")) == ""

    @pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")
    def test_is_made_with_the_address_that_the_workflow_gives(self, tmp_path: Path) -> None:
        subprocess.run(
            [sys.executable, ROOT / "release/stage.py", "--sources", tmp_path / "stage"],
            env=os.environ | {"SIDELOOP_REPOSITORY": REPOSITORY},
            check=True,
        )
        staged = (tmp_path / "stage" / "README.md").read_text("utf-8")
        assert readme.leads_nowhere(staged) == []
        assert f"{REPOSITORY}/blob/v" in staged
        project = (tmp_path / "stage" / "pyproject.toml").read_text("utf-8")
        assert f'[project.urls]\nDocumentation = "{REPOSITORY}/blob/v' in project
        workflow = (ROOT / ".github/workflows/release.yml").read_text("utf-8")
        assert re.search(r"run: scripts/sdist\n +env:\n +SIDELOOP_REPOSITORY: ", workflow)

    def test_looks_into_each_package(self) -> None:
        for script in ("sdist", "wheel", "package"):
            text = (ROOT / "scripts" / script).read_text("utf-8")
            assert re.search(r"^ *\S+ release/readme\.py ", text, re.MULTILINE), script
