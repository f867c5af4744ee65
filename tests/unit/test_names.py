"""Programs that import zarr-python's names find them here, with parameters of the same names.

``names.txt`` lists what the modules of zarr-python 3.4.2 offer and what packages reach for,
``signatures.txt`` the parameters of its functions and methods.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import re
import subprocess
import sys
from collections import Counter
from functools import reduce
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

import zarr

# Members of enumerations are deprecated, but there.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

HERE = Path(__file__).parent
NAMES = (HERE / "names.txt").read_text().split()
SIGNATURES = (HERE / "signatures.txt").read_text().splitlines()


def resolved(dotted: str) -> Any:
    """Resolve a name by ``import`` and attributes."""
    parts = dotted.split(".")
    for count in range(len(parts), 0, -1):
        name = ".".join(parts[:count])
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if not name.startswith(error.name or "?"):
                raise
            continue
        return reduce(getattr, parts[count:], module)
    raise ModuleNotFoundError(dotted)


@pytest.mark.parametrize("area", sorted({".".join(name.split(".")[:3]) for name in NAMES}))
def test_names_resolve(area: str) -> None:
    missing = []
    for name in NAMES:
        if name == area or name.startswith(f"{area}."):
            try:
                resolved(name)
            except (AttributeError, ModuleNotFoundError):
                missing.append(name)
    assert missing == []


def accepts(function: Any, wanted: list[str]) -> bool:
    """Whether a call that is right for the parameters `wanted` is right for a function."""
    ours = inspect.signature(function).parameters.values()
    names = {parameter.name for parameter in ours}
    by_place = [
        parameter.name
        for parameter in ours
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    anything = {parameter.kind for parameter in ours}
    any_place = inspect.Parameter.VAR_POSITIONAL in anything
    any_name = inspect.Parameter.VAR_KEYWORD in anything
    if "*" in wanted:
        at = wanted.index("*")
    else:
        at = next((i for i, name in enumerate(wanted) if name.startswith("*")), len(wanted))
    places = [name for name in wanted[:at] if name != "/"]
    named = [name for name in wanted[at:] if not name.startswith("*")]
    # Names with an underscore in front are not for callers to use.
    same = [
        a == b or a.startswith("_") or b.startswith("_")
        for a, b in zip(places, by_place, strict=False)
    ]
    if not all(same) or (len(by_place) < len(places) and not any_place):
        return False
    return any_name or all(name in names for name in named)


@pytest.mark.parametrize(
    "area", sorted({".".join(line.split("(")[0].split(".")[:3]) for line in SIGNATURES})
)
def test_parameters_have_the_same_names_and_order(area: str) -> None:
    wrong = []
    for line in SIGNATURES:
        name, _, rest = line.partition("(")
        if name != area and not name.startswith(f"{area}."):
            continue
        wanted = [part for part in rest.rstrip(")").split(", ") if part]
        owner, _, attribute = name.rpartition(".")
        function = resolved(name)
        found = inspect.getattr_static(resolved(owner), attribute, None)
        if isinstance(found, classmethod):
            wanted = wanted[1:]
        try:
            good = accepts(function, wanted)
        except ValueError:  # of a class that is not written in Python
            continue
        if not good:
            wrong.append(f"{line} != {inspect.signature(function)}")
    assert wrong == []


def test_a_wrong_parameter_would_be_found() -> None:
    def function(a: Any, b: Any = 0, *, c: Any = 0) -> None: ...

    for good in (["a"], ["a", "b"], ["a", "*", "c"], ["a", "*args", "**kwargs"], ["a", "*", "b"]):
        assert accepts(function, good)
    for bad in (["b"], ["b", "a"], ["a", "c"], ["a", "*", "d"], ["a", "b", "d"]):
        assert not accepts(function, bad)


def test_classes_are_the_same_under_all_of_their_names() -> None:
    same = [
        ("zarr.Array", "zarr.core.array.Array"),
        ("zarr.AsyncArray", "zarr.core.array.AsyncArray"),
        ("zarr.Group", "zarr.core.group.Group"),
        ("zarr.AsyncGroup", "zarr.core.group.AsyncGroup"),
        ("zarr.storage.MemoryStore", "zarr.storage._memory.MemoryStore"),
        ("zarr.storage.StorePath", "zarr.storage._common.StorePath"),
        ("zarr.buffer.cpu.Buffer", "zarr.core.buffer.cpu.Buffer"),
        ("zarr.abc.buffer.NDBuffer", "zarr.core.buffer.NDBuffer"),
        ("zarr.dtype.ZDType", "zarr.core.dtype.wrapper.ZDType"),
        ("zarr.dtype.RawBytes", "zarr.core.dtype.npy.bytes.RawBytes"),
        ("zarr.codecs.BloscCodec", "zarr.codecs.blosc.BloscCodec"),
        ("zarr.codecs.numcodecs.ZFPY", "zarr.codecs.numcodecs._codecs.ZFPY"),
        ("zarr.errors.BoundsCheckError", "zarr.core.indexing.BoundsCheckError"),
        ("zarr.config", "zarr.core.config.config"),
        ("zarr.dtype.data_type_registry", "zarr.core.dtype.data_type_registry"),
        ("zarr.experimental.ChunkGrid", "zarr.core.chunk_grids.ChunkGrid"),
        ("zarr.core.BatchedCodecPipeline", "zarr.core.codec_pipeline.BatchedCodecPipeline"),
    ]
    for one, other in same:
        assert resolved(one) is resolved(other)
    core = importlib.import_module("zarr.core")
    assert inspect.ismodule(core.config)
    assert inspect.ismodule(core.array)


def test_nothing_inside_of_the_package_imports_the_compatibility_names() -> None:
    package = Path(importlib.import_module("zarr").__file__ or "").parent
    pattern = re.compile(
        r"^\s*(from|import) zarr\.core\b|import_module\(.zarr\.core\b", re.MULTILINE
    )
    for path in package.rglob("*.py"):
        if "core" not in path.relative_to(package).parts:
            assert not pattern.search(path.read_text()), path


# `zarr.core.sync` takes it from the module of executors, whose state it needs.
CALLED_FROM_CORE = {"get_loop"}


def test_functions_that_only_programs_of_zarr_python_call_are_in_the_core() -> None:
    package = Path(importlib.import_module("zarr").__file__ or "").parent
    sources = {
        path: path.read_text()
        for path in package.rglob("*.py")
        if "core" not in path.relative_to(package).parts
    }
    words = Counter(word for text in sources.values() for word in re.findall(r"\w+", text))
    alone = {
        node.name
        for path, text in sources.items()
        if not {"cli", "testing"} & set(path.parts)  # commands are registered, not called
        for node in ast.parse(text).body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and not node.name.startswith("_")
        and words[node.name] < 2
    }
    assert alone == CALLED_FROM_CORE


def test_pytest_is_told_of_the_markers() -> None:
    (entry,) = entry_points(group="pytest11", name="zarr")
    assert entry.value == "zarr.testing"


def test_the_parts_of_the_core_need_no_import_of_their_own() -> None:
    code = "import sys, zarr; before = 'zarr.core' in sys.modules; " + "; ".join(
        f"zarr.{name}"
        for name in (
            "core.sync._get_loop",
            "core.buffer.cpu.Buffer",
            "core.metadata.v3.ArrayV3Metadata",
            "core.dtype.npy.string.FixedLengthUTF32",
            "core.indexing.AsyncOIndex.getitem",
            "abc.store.Store",
            "api.asynchronous.open",
        )
    )
    shown = subprocess.run(
        [sys.executable, "-c", f"{code}; print(before)"], capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("name", "home"),
    [
        ("zarr.codecs._v2", "zarr.core.codec_pipeline"),
        ("zarr.codecs.numcodecs._codecs", "zarr.codecs.numcodecs"),
        ("zarr.core.buffer.gpu", "zarr.buffer.gpu"),
        ("zarr.core.dtype.npy.bool", "zarr.core.dtype.npy"),
        ("zarr.core.dtype.npy.common", "zarr.core.dtype.npy"),
        ("zarr.core.dtype.npy.complex", "zarr.core.dtype.npy"),
        ("zarr.core.dtype.npy.float", "zarr.core.dtype.npy"),
        ("zarr.core.dtype.npy.int", "zarr.core.dtype.npy"),
        ("zarr.core.dtype.npy.string", "zarr.core.dtype.npy"),
        ("zarr.core.dtype.npy.structured", "zarr.core.dtype.npy"),
        ("zarr.core.dtype.npy.time", "zarr.core.dtype.npy"),
        ("zarr.core.dtype.registry", "zarr.dtype.registry"),
        ("zarr.core.dtype.wrapper", "zarr.dtype.base"),
        ("zarr.core.metadata.common", "zarr.metadata.group"),
        ("zarr.core.metadata.io", "zarr.hierarchy.place"),
        ("zarr.storage._fsspec", "zarr.storage.fsspec"),
        ("zarr.storage._local", "zarr.storage.local"),
        ("zarr.storage._logging", "zarr.storage.wrapper"),
        ("zarr.storage._memory", "zarr.storage.memory"),
        ("zarr.storage._obstore", "zarr.storage.obstore"),
        ("zarr.storage._utils", "zarr.storage._common"),
        ("zarr.storage._wrapper", "zarr.storage.wrapper"),
        ("zarr.storage._zip", "zarr.storage.zip"),
    ],
)
def test_a_module_that_has_another_name_here_is_one_and_the_same(name: str, home: str) -> None:
    assert importlib.util.find_spec(name)
    module = importlib.import_module(name)
    assert module is importlib.import_module(home) is resolved(name)
    assert module.__name__ == home


ALIASES = sorted(
    name
    for name in (
        *(f"zarr.types.{name}" for name in zarr.types.__all__),
        *(f"zarr.core.array.{name}" for name in vars(zarr.core.array) if name.endswith("Like")),
        "zarr.core.array.CodecDict",
        "zarr.core.chunk_key_encodings.ChunkKeyEncodingLike",
        "zarr.core.dtype.ZDTypeLike",
        "zarr.core.metadata.v2.CompressorLikev2",
        "zarr.storage.StoreLike",
    )
    if name != "zarr.types.ANY_ACCESS_MODE"
)


@pytest.mark.parametrize("name", ALIASES)
def test_an_alias_is_a_type_in_annotations_that_are_evaluated(name: str) -> None:
    alias = resolved(name)

    def function(value: object) -> None: ...

    function.__annotations__["value"] = alias | None
    assert type(None) in get_args(get_type_hints(function)["value"])


def test_no_module_has_an_alias_that_is_a_string() -> None:
    for path in Path(zarr.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == "TypeAlias":
                assert not isinstance(node.value, ast.Constant), f"{path}: {ast.unparse(node)}"
