"""Write the notices of the code that is compiled into the wheels.

    python tools/notices.py            writes THIRD-PARTY-NOTICES.txt
    python tools/notices.py --check    fails if that file is not what would be written

The licences are those that each crate's own sources carry, C sources included. Texts that a crate
forgot to bring are in ``tools/notices``. Where there is a choice, the MIT licence is taken.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOTICES = ROOT / "THIRD-PARTY-NOTICES.txt"
TEXTS = ROOT / "tools/notices"
TARGETS = (
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "x86_64-unknown-linux-musl",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
    "x86_64-pc-windows-msvc",
)
LICENCE_FILE = re.compile(r"(licen[cs]e|copying|notice|copyright|unlicense)([-._].*)?", re.I)
#: Directories of C libraries that are not compiled; some have licences of their own.
NOT_COMPILED = {"tests", "examples", "programs", "contrib", "build", "ossfuzz", "doc"}
#: The other licence of a library that offers two, and an overview of code that is not compiled.
NOT_TAKEN = {"zstd-sys": {"zstd/COPYING"}, "lz4-sys": {"liblz4/LICENSE"}}

HEADER = """\
Notices of the code that is compiled into the wheels of zarr
============================================================

Written by tools/notices.py from Cargo.lock and the sources of the crates: do not edit.
Some of it is in the wheels of some platforms only. Where there is a choice, the MIT licence is
taken.

"""
RULE = "-" * 80 + "\n"


def cargo(*arguments: str) -> str:
    """Return the output of a cargo command.

    Parameters
    ----------
    *arguments
        The command and its options.

    Returns
    -------
    str
        Its standard output.

    Raises
    ------
    subprocess.CalledProcessError
        If the command fails.
    """
    command = ["cargo", *arguments, "--locked"]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def compiled_in() -> set[tuple[str, str]]:
    """Return the name and version of each crate whose code is in a wheel."""
    crates = set()
    for target in TARGETS:
        tree = cargo(
            *("tree", "--package", "zarr-core", "--edges", "normal,no-proc-macro"),
            *("--prefix", "none", "--format", "{p}", "--target", target),
        )
        crates |= set(re.findall(r"^(\S+) v(\S+)", tree, re.MULTILINE))
    return {(name, version) for name, version in crates if not name.startswith("zarr-")}


def licence_files(name: str, licence: str, directory: Path) -> list[Path]:
    """Return the licence files of one crate, or raise ``FileNotFoundError`` if there is none."""
    files = [
        path
        for path in sorted(directory.rglob("*"))
        if path.is_file()
        and LICENCE_FILE.fullmatch(path.name)
        and not NOT_COMPILED & set(path.relative_to(directory).parts[:-1])
        and path.relative_to(directory).as_posix() not in NOT_TAKEN.get(name, ())
    ]
    if re.search(r"\bMIT\b", licence) and re.search(r" OR |/", licence):
        files = [path for path in files if "mit" in path.name.lower()] or files
    added = TEXTS / f"{name}.txt"
    files += [added] if added.exists() else []
    if not files:
        raise FileNotFoundError(f"{name} brings no licence: add its text as {added}")
    return files


def notices() -> str:
    """Return the text of the notices."""
    crates = compiled_in()
    metadata = json.loads(cargo("metadata", "--format-version", "1"))
    packages = {(package["name"], package["version"]): package for package in metadata["packages"]}
    index: list[str] = []
    uses: dict[str, list[str]] = {}  # the files that hold a text, by that text without its spaces
    texts: dict[str, str] = {}
    for name, version in sorted(crates):
        package = packages[name, version]
        licence = package["license"].replace("/", " OR ").replace("  ", " ")
        index.append(f"{name} {version} ({licence}), {package['repository']}\n")
        directory = Path(package["manifest_path"]).parent
        for path in licence_files(name, licence, directory):
            text = path.read_text(encoding="utf-8").strip("\n\f ")
            lines = [line.rstrip() for line in text.splitlines()]
            same = " ".join(text.split())
            texts.setdefault(same, "\n".join(lines) + "\n")
            of = path.name if path.parent == TEXTS else path.relative_to(directory).as_posix()
            uses.setdefault(same, []).append(f"{name} {version}: {of}\n")
    library = (TEXTS / "rust-standard-library.txt").read_text(encoding="utf-8")
    index.append("The Rust standard library (MIT OR Apache-2.0), https://www.rust-lang.org\n")
    uses["standard library"] = ["The Rust standard library\n"]
    texts["standard library"] = library
    not_in = sorted(
        f"{name} {version}\n" for name, version in packages if (name, version) not in crates
    )
    return "".join(
        [
            HEADER,
            *index,
            *(part for key in uses for part in ("\n", RULE, *uses[key], RULE, "\n", texts[key])),
            "\n" + RULE + "Crates that only build or test: in no wheel\n" + RULE + "\n",
            *(line for line in not_in if not line.startswith("zarr-")),
        ]
    )


def main() -> int:
    """Write the file, or compare it. Return the exit status."""
    text = notices()
    if sys.argv[1:] != ["--check"]:
        NOTICES.write_text(text, encoding="utf-8")
    elif not NOTICES.exists() or NOTICES.read_text(encoding="utf-8") != text:
        print(f"{NOTICES.name} is out of date: run `python tools/notices.py`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
