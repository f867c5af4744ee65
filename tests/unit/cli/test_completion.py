"""Completion in the shells themselves: of commands, stores, paths in them and values."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import zarr

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = (
    "$(touch owned)",
    "`touch owned`",
    "\\$(touch owned)",
    "'; touch owned; '",
    "a\nb",
    "c\x1bd",
)
# Each shell is given the words of a line, and prints those that may stand at its end. The menu of
# zsh, _arguments, is replaced by one that evaluates the words likewise, and prints them.
SHELLS = {
    "bash": """
        source {script}; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        _zarr_completion zarr; printf '%s\\n' "${{COMPREPLY[@]}}"
    """,
    "zsh": """
        autoload -Uz compinit; compinit -u -D; source {script}
        words=({words}); CURRENT=${{#words}}
        _files() {{ :; }}
        _arguments() {{ eval "found=${{1[6,-2]}}"; print -rl -- "${{found[@]%%:*}}" }}
        _zarr_completion
    """,
    "fish": "source {script}; complete -C {line}",
}


def script(shell: str, directory: Path) -> str:
    """The file of the completion of a shell."""
    code = "import sys; sys.argv[0] = 'zarr'; from zarr.cli import entry; entry()"
    program = directory / "bin" / "zarr"
    program.parent.mkdir(exist_ok=True)
    program.write_text(
        f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c {shlex.quote(code)} "$@"\n'
    )
    program.chmod(0o755)
    asked = {**os.environ, "_ZARR_COMPLETE": f"source_{shell}"}
    done = subprocess.run([program], env=asked, capture_output=True, text=True, check=True)
    path = directory / f"completion.{shell}"
    path.write_text(done.stdout)
    return str(path)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    root = zarr.create_group(tmp_path / "weather.zarr")
    root.create_group("climate").create_array("temperature", shape=3, dtype="f4")
    for name in HOSTILE:
        if "\\" not in name:
            root.create_group(name)
        (tmp_path / name.replace("/", "")).mkdir()
    return tmp_path


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_one_that_the_shell_understands(shell: str, directory: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    option = "--no-execute" if shell == "fish" else "-n"
    done = subprocess.run([shell, option, script(shell, directory)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def completed(shell: str, directory: Path, *words: str) -> list[str]:
    """The words that may stand in the place of the last one."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    code = SHELLS[shell].format(
        script=shlex.quote(script(shell, directory)),
        words=" ".join(shlex.quote(word) for word in ("zarr", *words)),
        line=shlex.quote(" ".join(("zarr", *words))),
    )
    path = f"{directory / 'bin'}{os.pathsep}{os.environ['PATH']}"
    options = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
    done = subprocess.run(
        [shell, *options, "-c", code],
        cwd=directory,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    return [line.partition("\t")[0] for line in done.stdout.splitlines()]


@pytest.mark.parametrize("shell", SHELLS)
def test_commands_stores_paths_and_values_are_completed(shell: str, directory: Path) -> None:
    assert "info" in completed(shell, directory, "inf")
    assert completed(shell, directory, "info", "weath") == ["weather.zarr/"]
    assert completed(shell, directory, "info", "weather.zarr", "--path", "climate/") == [
        "climate/temperature"
    ]
    assert completed(shell, directory, "cat", "weather.zarr", "--format", "n") == ["npy"]


@pytest.mark.parametrize("shell", SHELLS)
def test_names_are_never_code(shell: str, directory: Path) -> None:
    for words in (("info", ""), ("info", "weather.zarr", "--path", "")):
        found = completed(shell, directory, *words)
        assert {"weather.zarr/", "climate/"}.intersection(found)
        assert not [each for each in found if "owned" in each or not each.isprintable()]
    assert not list(directory.rglob("owned"))
