"""What a release is made by: the workflow, the lists it builds from, and what it asks first."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, ClassVar

import pytest

ROOT = Path(__file__).parents[1]
WORKFLOW = (ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8")
PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

JOBS = dict(
    re.findall(
        r"^  (\w+):\n((?: {4}.*\n|\n)+)", WORKFLOW[WORKFLOW.index("\njobs:\n") :], re.MULTILINE
    )
)


class TestTheWorkflow:
    def test_does_nothing_that_cannot_be_done_without_it(self) -> None:
        commands = re.findall(r"^ +(?:- )?run: +(.*)", WORKFLOW, re.MULTILINE)
        assert len(commands) >= 9
        for command in commands:
            found = re.match(r"(scripts/[\w-]+)( |$)", command)
            assert found is not None, command
            assert (ROOT / found[1]).stat().st_mode & 0o100, found[1]

    def test_takes_each_action_by_its_commit(self) -> None:
        actions = re.findall(r"uses: (.*)", WORKFLOW)
        assert len(actions) >= 12
        for action in actions:
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action

    def test_takes_one_version_of_an_action(self) -> None:
        versions: dict[str, set[str]] = {}
        for name, version in re.findall(r"uses: (.+)@(.+)", WORKFLOW):
            versions.setdefault(name, set()).add(version)
        assert {name: len(found) for name, found in versions.items()} == dict.fromkeys(versions, 1)

    def test_makes_wheels_for_every_cpython_that_is_named(self) -> None:
        named = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', PROJECT)
        found = re.search(r"^ +python: \[(.*)\]", WORKFLOW, re.MULTILINE)
        assert found is not None
        made = re.findall(r'"([\d.]+t?)"', found[1])
        assert [one for one in made if not one.endswith("t")] == named
        assert "3.14t" in made

    def test_attests_what_is_made_for_every_system(self) -> None:
        systems = [re.findall(r"^ {10}- ([\w-]+)$", JOBS[job], re.MULTILINE) for job in JOBS]
        made, attested = (found for found in systems if found)
        assert len(made) == 7
        assert made == attested

    def test_asks_before_it_builds_and_attests_before_it_publishes(self) -> None:
        needs = {name: re.search(r"needs: (.*)", text) for name, text in JOBS.items()}
        order = {name: found and found[1] for name, found in needs.items()}
        assert order == {
            "ready": None,
            "sdist": "ready",
            "wheels": "sdist",
            "attest": "[sdist, wheels]",
            "pypi": "attest",
            "crates": "pypi",
            "page": "crates",
        }

    def test_publishes_tags_alone(self) -> None:
        # What comes after `attest` is not run where that is not.
        assert "if: github.ref_type == 'tag'" in JOBS["attest"]

    def test_lets_no_job_do_more_than_it_has_to(self) -> None:
        assert "\npermissions: {}\n" in WORKFLOW
        writing = {
            name: re.findall(r"^ {6}([\w-]+): write", text, re.MULTILINE)
            for name, text in JOBS.items()
        }
        assert {name: found for name, found in writing.items() if found} == {
            "attest": ["id-token", "attestations"],
            "pypi": ["id-token"],
            "crates": ["id-token"],
            "page": ["contents"],
        }

    def test_has_no_password(self) -> None:
        assert "secrets." not in WORKFLOW


def test_the_page_of_releases_names_what_there_is() -> None:
    page = (ROOT / "docs/releases.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:scripts|release)/[\w.-]+)", page))
    assert len(named) >= 6
    assert [name for name in named if not (ROOT / name).exists()] == []


class TestTheListOfCrates:
    @pytest.fixture
    def listed(self) -> list[list[str]]:
        lines = (ROOT / "release/crates.txt").read_text(encoding="utf-8").splitlines()
        return [line.split() for line in lines if not line.startswith("#")]

    def test_names_no_registry(self, listed: list[list[str]]) -> None:
        assert len(listed) > 10
        for name, version, checksum in listed:
            assert re.fullmatch(r"[\w-]+", name)
            assert re.fullmatch(r"\d+\.\d+\.\d+[\w.+-]*", version)
            assert re.fullmatch(r"[0-9a-f]{64}", checksum)

    def test_has_the_versions_that_the_manifest_pins(self, listed: list[list[str]]) -> None:
        cargo = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
        extension = (ROOT / "crates/sideloop-py/Cargo.toml").read_text(encoding="utf-8")
        pinned = dict(re.findall(r'^([\w-]+) = "=([\d.]+)"', cargo, re.MULTILINE))
        used = set(re.findall(r"^([\w-]+)(?:\.workspace| = \{ workspace)", extension, re.MULTILINE))
        versions = {name: version for name, version, _ in listed}
        compared = pinned.keys() & used & versions.keys()
        assert {"itoa", "pyo3", "rustc-hash", "rustix"} <= compared
        for name in compared:
            assert versions[name] == pinned[name], f"{name}: scripts/lock renews the list"

    def test_goes_with_the_licences(self, listed: list[list[str]]) -> None:
        text = (ROOT / "LICENSE-THIRD-PARTY").read_text(encoding="utf-8")
        linked = re.findall(r"^  ([\w-]+) (\S+), (.*)$", text, re.MULTILINE)
        assert len(linked) > 5
        versions = {name: version for name, version, _ in listed}
        for name, version, licence in linked:
            assert versions[name] == version, f"{name}: scripts/lock renews the licences"
            assert "MIT" in licence


class TestWhatAuditwheelSays:
    """Of a wheel for glibc, and of one for musl."""

    GLIBC: ClassVar[dict[str, Any]] = {
        "wheel": "a.whl",
        "overall_tag": "manylinux_2_17_x86_64",
        "sym_tag": "manylinux_2_17_x86_64",
        "versioned_symbols": {"libgcc_s.so.1": ["GCC_3.0"], "libc.so.6": ["GLIBC_2.17"]},
        "external_libs": {},
    }
    MUSL: ClassVar[dict[str, Any]] = {
        "wheel": "a.whl",
        "overall_tag": "linux_x86_64",
        "sym_tag": "musllinux_1_2_x86_64",
        "versioned_symbols": {},
        "external_libs": {"libc.so": None},
    }

    @pytest.mark.parametrize(
        ("tag", "audit", "said"),
        [
            ("manylinux_2_17", GLIBC, ""),
            ("manylinux_2_17", GLIBC | {"overall_tag": "manylinux_2_28_x86_64"}, "manylinux_2_28"),
            ("manylinux_2_17", GLIBC | {"versioned_symbols": {}}, "an unwinder of its own"),
            ("musllinux_1_2", MUSL, ""),
            ("musllinux_1_2", MUSL | {"sym_tag": "linux_x86_64"}, "not musllinux_1_2"),
            (
                "musllinux_1_2",
                MUSL | {"external_libs": {"libc.so": None, "libgcc_s.so.1": None}},
                "more than musl: libgcc_s.so.1",
            ),
        ],
    )
    def test_is_what_a_wheel_may_be_named_by(
        self, tag: str, audit: dict[str, Any], said: str
    ) -> None:
        ended = subprocess.run(
            [sys.executable, ROOT / "release/audited.py", tag],
            input=json.dumps(audit),
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == bool(said)
        assert said in ended.stderr
        assert bool(said) == bool(ended.stderr)


class Wheel:
    """A wheel with what is asked of one, and hardly anything else."""

    def __init__(self, directory: Path) -> None:
        info = "sideloop-0.1.0.dist-info"
        self.sbom = f"{info}/sboms/sideloop-py.cyclonedx.json"
        self.files = {
            "sideloop/__init__.py": b"",
            "sideloop/py.typed": b"",
            "sideloop/_sideloop.pyi": b"",
            "sideloop/_sideloop.cpython-311-x86_64-linux-gnu.so": b"\x7fELF",
            f"{info}/licenses/LICENSE-APACHE": b"",
            f"{info}/licenses/LICENSE-MIT": b"",
            f"{info}/licenses/LICENSE-THIRD-PARTY": b"",
        }
        self.lists("pyo3", "sideloop-core")
        self._path = directory / "sideloop-0.1.0-cp311-cp311-linux_x86_64.whl"

    def lists(self, *names: str) -> None:
        """Have these crates listed in it."""
        text = (ROOT / "release/crates.txt").read_text(encoding="utf-8")
        versions = dict(re.findall(r"^([\w-]+) (\S+) [0-9a-f]{64}$", text, re.MULTILINE))
        found = [{"name": name, "version": versions.get(name, "0.1.0")} for name in names]
        self.files[self.sbom] = json.dumps({"bomFormat": "CycloneDX", "components": found}).encode()

    def problems(self) -> list[str]:
        with zipfile.ZipFile(self._path, "w") as wheel:
            for name, content in self.files.items():
                wheel.writestr(name, content)
        ended = subprocess.run(
            [sys.executable, ROOT / "release/contents.py", self._path],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return [line.partition(".whl: ")[2] for line in ended.stderr.splitlines()]


class TestWhatIsInAWheel:
    @pytest.fixture
    def wheel(self, tmp_path: Path) -> Wheel:
        return Wheel(tmp_path)

    def test_is_as_it_should_be(self, wheel: Wheel) -> None:
        assert wheel.problems() == []

    @pytest.mark.parametrize(
        "name", ["sideloop/py.typed", "sideloop-0.1.0.dist-info/licenses/LICENSE-THIRD-PARTY"]
    )
    def test_is_missed(self, wheel: Wheel, name: str) -> None:
        del wheel.files[name]
        assert wheel.problems() == [f"no {Path(name).name}" if "info" in name else f"no {name}"]

    def test_has_no_other_package_beside_it(self, wheel: Wheel) -> None:
        wheel.files["tests/__init__.py"] = b""
        (problem,) = wheel.problems()
        assert "'tests'" in problem

    def test_has_no_path_of_the_machine_that_built_it(self, wheel: Wheel) -> None:
        wheel.files["sideloop/_sideloop.cpython-311-x86_64-linux-gnu.so"] = (
            f"at {Path.home()}/src/lib.rs".encode()
        )
        (problem,) = wheel.problems()
        assert f"has paths of {Path.home()}" in problem

    def test_has_no_crate_that_is_not_listed(self, wheel: Wheel) -> None:
        wheel.lists("pyo3", "left-pad")
        (problem,) = wheel.problems()
        assert "[('left-pad', '0.1.0')]" in problem

    def test_has_the_list_of_its_crates(self, wheel: Wheel) -> None:
        del wheel.files[wheel.sbom]
        assert wheel.problems() == ["no list of crates (dist-info/sboms)"]


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")
class TestWhetherItMayBeReleased:
    def asked(self, root: Path, tag: str) -> list[str]:
        ended = subprocess.run(
            [sys.executable, root / "release/ready.py", tag],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        problems = ended.stderr.splitlines()
        assert ended.returncode == (1 if problems else 0)
        return problems

    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        """A repository that may be, with version 0.1.0."""
        for name in ("release/ready.py", "pyproject.toml", "CHANGELOG.md"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text((ROOT / name).read_text(encoding="utf-8"))
        project = tmp_path / "pyproject.toml"
        project.write_text(re.sub(r'(?m)^version = ".*"', 'version = "0.1.0"', project.read_text()))
        changelog = tmp_path / "CHANGELOG.md"
        changelog.write_text(re.sub(r"(?m)^## .*", "## 0.1.0, 2027-01-15", changelog.read_text()))
        git = ["git", "-c", "user.name=tester", "-c", "user.email=", "-c", "commit.gpgsign=false"]
        for words in (
            ["init", "--quiet"],
            ["add", "--all"],
            ["commit", "--quiet", "-m", "A release"],
        ):
            subprocess.run([*git, *words], cwd=tmp_path, check=True)
        return tmp_path

    def test_it_may_with_a_day_and_the_versions_tag(self, root: Path) -> None:
        assert self.asked(root, "v0.1.0") == []

    def test_it_may_not_under_another_tag(self, root: Path) -> None:
        assert self.asked(root, "v0.2.0") == [
            "error: the tag is v0.2.0, and the version is 0.1.0, whose tag is v0.1.0"
        ]

    def test_it_may_not_while_the_changelog_has_no_day_for_it(self, root: Path) -> None:
        changelog = root / "CHANGELOG.md"
        changelog.write_text(changelog.read_text().replace("2027-01-15", "unreleased"))
        first, *_ = self.asked(root, "v0.1.0")
        assert first.startswith("error: CHANGELOG.md begins with '0.1.0, unreleased', and not with")

    def test_it_may_not_with_changes_that_are_not_committed(self, root: Path) -> None:
        (root / "new.txt").touch()
        assert self.asked(root, "v0.1.0") == [
            "error: what is checked out has changes:",
            "?? new.txt",
        ]


@pytest.mark.skipif(os.name != "posix", reason="gh is stood in for by a shell script")
class TestThePageOfARelease:
    def made(self, tools: Path, tag: str) -> "subprocess.CompletedProcess[str]":
        """Make it with a gh that shows what it was asked, and the notes."""
        (tools / "gh").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\ncat target/notes.md\n')
        (tools / "gh").chmod(0o755)
        return subprocess.run(
            [ROOT / "scripts/release-page", tag, "one.whl", "two.whl"],
            env=os.environ | {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def test_has_what_the_changelog_says_of_it_and_the_files(self, tmp_path: Path) -> None:
        version = re.search(r'^version = "(.+)"', PROJECT, re.MULTILINE)
        assert version is not None
        made = self.made(tmp_path, f"v{version[1]}")
        assert made.returncode == 0, made.stderr
        asked, _, notes = made.stdout.partition("two.whl\n")
        assert asked.split("\n")[:4] == ["release", "create", f"v{version[1]}", "--verify-tag"]
        assert "one.whl" in asked
        assert "Calling:" in notes
        assert "\n## " not in notes

    def test_is_not_made_of_a_version_that_the_changelog_does_not_have(
        self, tmp_path: Path
    ) -> None:
        made = self.made(tmp_path, "v9.9.9")
        assert made.returncode == 1
        assert made.stderr == "error: CHANGELOG.md has nothing of 9.9.9\n"
