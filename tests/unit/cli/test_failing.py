"""How the command `zarr` fails: a line or two, a code, and nothing half done."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from typer.testing import CliRunner

import zarr
from zarr.cli import exit_codes
from zarr.cli.commands import app
from zarr.cli.errors import explain

if TYPE_CHECKING:
    from pathlib import Path

RUN = "import sys; sys.argv[0] = 'zarr'; from zarr.cli import entry; "


def program(*arguments: Any, code: str = "", **more: Any) -> subprocess.CompletedProcess[str]:
    """The command as a program of its own; `code` runs before it."""
    command = [sys.executable, "-c", f"{RUN}{code}\nentry()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **more)


@pytest.mark.parametrize("command", ["info", "tree", "consolidate"])
def test_a_path_that_is_no_store_is_an_error_of_two_lines(command: str, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    for place in (tmp_path / "none", tmp_path / "plain"):
        done = CliRunner().invoke(app, [command, str(place)])
        assert done.exit_code == 2
        assert done.stdout == ""
        assert done.stderr.startswith("zarr: ")
        assert "Traceback" not in done.stderr
        assert len(done.stderr.splitlines()) <= 2
        assert place.name in done.stderr


def test_the_traceback_is_there_where_it_is_asked_for(tmp_path: Path) -> None:
    done = program("info", tmp_path, "--traceback")
    assert done.returncode == 2
    assert "Traceback" in done.stderr


def test_an_unknown_command_or_option_is_refused_with_the_nearest(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["trea", str(tmp_path)])
    assert done.exit_code == 2
    assert "tree" in done.stderr
    wrong = ["tree", str(tmp_path), "--option", "nonsense"]
    assert CliRunner().invoke(app, wrong).exit_code == 2


def test_output_that_nobody_reads_ends_the_command_in_silence(tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "a", shape=4, dtype="i4")
    code = "import os; read, write = os.pipe(); os.close(read); os.dup2(write, 1)"
    done = program("info", tmp_path / "a", code=code)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_ends_the_command_with_a_word(tmp_path: Path) -> None:
    zarr.create_group(tmp_path / "a")
    code = f"""
import zarr, os
def interrupted(*args, **kwargs):
    os.kill(os.getpid(), {int(signal.SIGINT)})
    while True: pass
import zarr.api.synchronous as api
api.consolidate_metadata = interrupted
"""
    done = program("consolidate", tmp_path / "a", code=code)
    assert done.returncode == 130
    assert done.stderr.split() == ["zarr:", "interrupted"]


def test_names_that_would_steer_a_terminal_are_shown_as_escapes(tmp_path: Path) -> None:
    name = "a\x1b]0;owned\x07\u202e"
    zarr.create_group(tmp_path / "g").create_group(name)
    place = str(tmp_path / "g")
    for arguments in (["tree", place], ["ls", place], ["info", place, "--path", f"{name}/b"]):
        shown = CliRunner().invoke(app, arguments).output.replace("\n", "")
        assert "\\x1b" in shown
        assert shown.isprintable()


def test_output_in_ascii_says_all_in_escapes(tmp_path: Path) -> None:
    zarr.create_group(tmp_path / "g").create_group("naïve")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = program("tree", tmp_path / "g", env=environment)
    assert done.returncode == 0, done.stderr
    assert "`-- na\\xefve" in done.stdout
    zarr.create_array(tmp_path / "w", data=np.array(["…", "a→b"]))
    done = program("cat", tmp_path / "w", "--format", "csv", env=environment)
    assert done.stdout.split() == ["\\u2026", "a\\u2192b"]  # values are never changed


def test_options_of_one_run_do_not_reach_the_next(tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "a", data=np.arange(3))
    assert CliRunner().invoke(app, ["info", str(tmp_path / "b"), "--traceback"]).exit_code == 2
    result = CliRunner().invoke(app, ["info", str(tmp_path / "b")])
    assert result.exit_code == 2
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "/a/b"), ("/a/b", "Ask its owner")),
        (OSError(errno.ENOSPC, "No space left on device"), ("No space left", "Make room")),
        (TimeoutError("no answer"), ("no answer", "again")),
        (KeyError("x"), ("there is no 'x'",)),
        (AssertionError(), ("AssertionError", "--traceback")),
        (ValueError("one\ntwo\x1b[0m"), ("one two\\x1b[0m",)),
        (ImportError("pip install zarr[arrow]"), ("pip install zarr[arrow]",)),
    ],
)
def test_an_error_says_in_two_lines_what_to_do(error: Exception, words: tuple[str, ...]) -> None:
    message = explain(error)
    assert len(message.splitlines()) <= 2
    assert all(word in message for word in words)


def test_an_error_that_tells_a_whole_document_is_cut() -> None:
    assert len(explain(ValueError("x" * 10**6))) < 2000


def test_the_codes_are_those_that_shells_know() -> None:
    codes = exit_codes.FINE, exit_codes.FOUND, exit_codes.FAILED
    assert (*codes, exit_codes.INTERRUPTED, exit_codes.CUT_OFF) == (0, 1, 2, 130, 141)


def test_a_small_command_imports_little(tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "a", shape=4, dtype="i4")
    heavy = ("pydantic", "rich", "asyncio", "tqdm", "zarr.api.open")
    told = (
        f"import atexit; atexit.register(lambda: print([n for n in {heavy} if n in sys.modules]))"
    )
    done = program("info", tmp_path / "a", code=told)
    assert done.stdout.splitlines()[-1] == "[]"
    done = program("--help", code=told.replace("'rich'", "'numpy'"))
    assert done.stdout.splitlines()[-1] == "[]"
