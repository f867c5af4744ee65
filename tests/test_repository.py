"""Contributors find the files, commands and tests that the pages name, and the counts count."""

from __future__ import annotations

import json
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "CONTRIBUTING.md", ROOT / "docs/contributing.md", ROOT / "tests/README.md")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_for_contributors_names_exist(page: Path) -> None:
    named = re.findall(
        r"`((?:src|rust|tests|tools|docs|examples|news)/[\w./-]*)`", page.read_text("utf-8")
    )
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_contributing_fits_on_one_screen() -> None:
    assert len((ROOT / "CONTRIBUTING.md").read_text("utf-8").splitlines()) <= 60


def test_a_citation_names_this_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert f"\nversion: {project['version']}\n" in (ROOT / "CITATION.cff").read_text("utf-8")


def test_every_module_of_tests_is_in_the_index() -> None:
    index = (ROOT / "tests/README.md").read_text("utf-8")
    modules = {path.stem for path in (ROOT / "tests").rglob("test_*.py")}
    assert modules == set(re.findall(r"^\| `(test_\w+)` \|", index, re.MULTILINE)), (
        "run `python tools/tests_index.py`"
    )


def test_a_count_above_its_bound_fails_and_bounds_can_be_lowered(tmp_path: Path) -> None:
    # The tool counts in the tree that it lies in: here a small one.
    tool = tmp_path / "tools" / "house.py"
    package = tmp_path / "src" / "zarr"
    for directory in (tool.parent, package):
        directory.mkdir(parents=True)
    shutil.copy(ROOT / "tools/house.py", tool)
    (package / "one.py").write_text("from typing import Any\n\nx: Any = 1\n")
    (package / "two.py").write_text("import zarr.one\n\nzarr.one._x = 2\n")
    bounds = tool.with_name("house.json")
    names = json.loads((ROOT / "tools/house.json").read_text())
    bounds.write_text(json.dumps({**dict.fromkeys(names, 10**9), "modules": 1}))
    done = subprocess.run(
        [sys.executable, tool, "--lower"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert re.findall(r"^(.*?) .* too many$", done.stdout, re.MULTILINE) == ["modules"]
    lowered = json.loads(bounds.read_text())
    assert lowered["modules"] == 1
    assert lowered["lines"] == 6
    assert lowered["lines with Any"] == 2
    assert lowered["private attributes of other modules"] == 1


@pytest.mark.parametrize(
    ("begin", "rest", "clauses"),
    [
        ("What", " is stored is read.", 1),
        ("It ends. Whoever", " waits goes on.", 1),
        ("* Who", " asks: nobody", 1),
        ("What", " is a chunk?", 0),
        ("## What", " to do", 0),
        ("The store, whose values are small, and the reader, who", " waits.", 0),
    ],
)
def test_noun_clauses_are_told_from_questions(begin: str, rest: str, clauses: int) -> None:
    pattern: Any = runpy.run_path(str(ROOT / "tools/house.py"))["NOUN_CLAUSE"]
    assert len(pattern.findall(begin + rest)) == clauses


#: The modules of the engine that may name an operating system's functions.
SEAM = {f"rust/engine/src/files/{name}.rs" for name in ("system", "unix", "windows")}


def test_functions_of_an_operating_system_are_named_behind_the_seam_alone() -> None:
    names = re.compile(r"\b(?:std::os::\w+|rustix::(?:fs|io|buffer)|windows_sys|libc)\b")
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted(ROOT.glob("rust/*/src/**/*.rs"))
        if str(path.relative_to(ROOT)) not in SEAM
        for name in names.findall(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_python_calls_no_functions_of_one_operating_system() -> None:
    imports = re.compile(
        r"^\s*(?:import|from) (fcntl|msvcrt|winreg|pwd|grp|resource)\b", re.MULTILINE
    )
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted((ROOT / "src/zarr").rglob("*.py"))
        for name in imports.findall(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_a_line_says_why_code_is_for_one_operating_system() -> None:
    bare = []
    for path in sorted(ROOT.glob("rust/*/src/**/*.rs")):
        if str(path.relative_to(ROOT)) in SEAM:
            continue
        lines = path.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines):
            chosen = re.search(
                r"cfg(_attr)?\(.*(target_os|target_vendor|\bunix\b|\bwindows\b)", line
            )
            reasons = "//" in line, lines[number - 1].lstrip().startswith("//")
            if chosen and not any(reasons):
                bare.append(f"{path.relative_to(ROOT)}, line {number + 1}: {line.strip()}")
    assert bare == []
