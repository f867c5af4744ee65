"""A wheel carries the licence of all code that is compiled into it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOTICES = (ROOT / "THIRD-PARTY-NOTICES.txt").read_text(encoding="utf-8")
COMPILED_IN, _, IN_NO_WHEEL = NOTICES.partition("in no wheel\n")


def crates() -> list[tuple[str, str]]:
    """The name and version of each crate of others that ``Cargo.lock`` has."""
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text(encoding="utf-8"))
    return [(p["name"], p["version"]) for p in lock["package"] if "source" in p]


def test_each_crate_has_a_notice_or_is_in_no_wheel() -> None:
    missing = [
        f"{name} {version}"
        for name, version in crates()
        if not (
            re.search(rf"^{name} {re.escape(version)}: \S", COMPILED_IN, re.MULTILINE)
            or f"\n{name} {version}\n" in IN_NO_WHEEL
        )
    ]
    assert not missing, "run `python tools/notices.py`"


def test_each_crate_that_is_compiled_in_is_in_the_lock_file() -> None:
    named = re.findall(r"^(\S+) (\d\S*) \(.*\), http", COMPILED_IN, re.MULTILINE)
    assert named
    assert set(named) <= set(crates()), "run `python tools/notices.py`"


@pytest.mark.parametrize(
    "owner",
    [
        "Meta Platforms, Inc.",  # Zstandard
        "The Blosc Development Team",
        "Ariya Hidayat",  # FastLZ, in c-blosc
        "Kiyoshi Masui",  # Bitshuffle, in c-blosc
        "Mark Adler",  # zlib-ng, in c-blosc
        "Yann Collet",  # LZ4
        "The Snappy-Rust Authors",
        "Eric Biggers",  # libdeflate
        "the fiat-crypto authors",  # in ring
        "Brian Smith",  # ring, webpki
        "The Rust Project Developers",
        "PyO3 Project and Contributors",
    ],
)
def test_the_owner_of_vendored_code_is_named(owner: str) -> None:
    assert owner.lower() in COMPILED_IN.lower()


@pytest.mark.skipif(
    not (shutil.which("cargo") and (Path(sys.executable).parent / "maturin").exists()),
    reason="needs cargo and maturin",
)
def test_the_metadata_of_a_wheel_carry_both_licence_files(tmp_path: Path) -> None:
    maturin = Path(sys.executable).parent / "maturin"
    subprocess.run(
        [maturin, "pep517", "write-dist-info", "--metadata-directory", tmp_path],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (metadata,) = tmp_path.glob("*.dist-info")
    for name in ("LICENSE", "THIRD-PARTY-NOTICES.txt"):
        assert (metadata / "licenses" / name).read_bytes() == (ROOT / name).read_bytes()
        assert f"License-File: {name}\n" in (metadata / "METADATA").read_text(encoding="utf-8")
