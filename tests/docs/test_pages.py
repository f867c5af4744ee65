"""The documentation shows programs that run."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

import zarr

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

BLOCK = re.compile(r"^```python( title=\"([^\"]*)\")?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
CONTINUED = "continued"
GPU = "needs a GPU"


@dataclass
class Program:
    """A block that stands alone, and those that continue it."""

    page: Path
    line: int
    source: str
    needs_gpu: bool = False

    @property
    def name(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def programs(page: Path) -> Iterator[Program]:
    """The programs of a page: a block with the title "continued" needs those above it."""
    text = page.read_text()
    program: Program | None = None
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start(3)) + 1
        if block[2] == CONTINUED:
            assert program, f"{page.name}, line {line}: nothing to continue"
            # Empty lines keep the numbers of lines as they are on the page.
            program.source += "\n" * (line - program.line - program.source.count("\n")) + block[3]
        else:
            if program:
                yield program
            program = Program(page, line, block[3], needs_gpu=block[2] == GPU)
    if program:
        yield program


GALLERY = sorted(set((ROOT / "docs" / "gallery").glob("*.md")) - {ROOT / "docs/gallery/index.md"})
ALL = [program for page in PAGES if page not in GALLERY for program in programs(page)]


# Zarr v3 does not specify consolidated metadata and some data types yet, and zarr says so.
@pytest.mark.filterwarnings("ignore:Consolidated metadata", "ignore:.*does not have a Zarr V3 spec")
@pytest.mark.parametrize("program", ALL, ids=[program.name for program in ALL])
def test_a_program_of_a_page_runs_when_it_is_copied_alone(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if program.needs_gpu and find_spec("cupy") is None:
        pytest.skip("no CuPy, and so no GPU")
    monkeypatch.chdir(tmp_path)
    main = ModuleType("__main__")  # where pickle looks for the program's classes
    monkeypatch.setitem(sys.modules, "__main__", main)
    source = "\n" * (program.line - 1) + program.source
    try:
        exec(compile(source, program.page, "exec"), main.__dict__)
    finally:
        zarr.config.refresh()  # a program's settings end with it


@pytest.mark.parametrize("page", GALLERY, ids=lambda page: page.name)
def test_a_page_of_the_gallery_is_one_program(page: Path, tmp_path: Path) -> None:
    (program,) = programs(page)
    file = tmp_path / "program.py"
    file.write_text(program.source)
    done = subprocess.run(
        [sys.executable, "-W", "error", file.name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_of_python_is_run(page: Path) -> None:
    assert len(re.findall(r"```\s*(?:python|py)\b", page.read_text())) == len(
        BLOCK.findall(page.read_text())
    )


def test_every_link_leads_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if "://" not in target and not target.startswith("reference/"):
                assert (page.parent / target).exists(), f"{page.name} -> {target}"
