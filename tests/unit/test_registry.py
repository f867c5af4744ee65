"""Names are found where they were registered, built in, or offered by installed packages."""

from __future__ import annotations

import importlib
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from zarr import registry
from zarr.abc.codec import BytesBytesCodec, CodecPipeline
from zarr.buffer import cpu
from zarr.errors import UnknownCodecError, ZarrUserWarning
from zarr.settings import BadConfigError, config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

PACKAGE = """
from zarr.abc.codec import BytesBytesCodec, CodecPipeline
from zarr.buffer import cpu
class Plain(BytesBytesCodec): pass
class One(BytesBytesCodec): pass
class Gzip(BytesBytesCodec): pass
class Pipeline(CodecPipeline): pass
class MyBuffer(cpu.Buffer): pass
class Keys: pass
"""
ENTRY_POINTS = """
[zarr.codecs]
offered.plain = offered:Plain
gzip = offered:Gzip
offered.broken = offered:NotThere
[zarr.codecs.offered.one]
any_name = offered:One
[zarr.codec_pipeline]
any_name = offered:Pipeline
[zarr.chunk_key_encoding]
offered_keys = offered:Keys
[zarr]
chunk_key_encoding = offered:Keys
"""


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(registry, "_codecs", {})
    monkeypatch.setattr(registry, "_key_encodings", registry.Registry())
    monkeypatch.setattr(registry, "_pipelines", registry.Registry())
    yield
    registry._entry_points.cache_clear()
    config.reset()


@pytest.fixture
def offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """An installed package with entry points."""
    (tmp_path / "offered.py").write_text(PACKAGE)
    info = tmp_path / "offered-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: offered\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(tmp_path))
    registry._entry_points.cache_clear()
    yield importlib.import_module("offered")
    del sys.modules["offered"]


class Mine(BytesBytesCodec):
    pass


class Other(BytesBytesCodec):
    pass


def test_a_registered_codec_is_found_by_its_name() -> None:
    registry.register_codec("mine", Mine)
    assert registry.get_codec_class("mine") is Mine


def test_the_settings_choose_among_several_implementations() -> None:
    registry.register_codec("mine", Mine)
    registry.register_codec("mine", Other, qualname="tests.Other")
    with config.set({"codecs.mine": "tests.Other"}):
        assert registry.get_codec_class("mine") is Other
    with config.set({"codecs.mine": f"{__name__}.Mine"}):
        assert registry.get_codec_class("mine") is Mine


def test_an_arbitrary_choice_is_told() -> None:
    registry.register_codec("mine", Mine)
    registry.register_codec("mine", Other)
    with pytest.warns(ZarrUserWarning, match="'mine' not configured"):
        assert registry.get_codec_class("mine") is Other


def test_a_registered_codec_replaces_a_built_in_one_only_if_configured() -> None:
    registry.register_codec("gzip", Mine)
    with config.set({"codecs.gzip": f"{__name__}.Mine"}):
        assert registry.get_codec_class("gzip") is Mine
    assert registry.get_codec_class("gzip").__name__ == "GzipCodec"


def test_an_implementation_that_there_is_not_is_an_error_that_names_the_others() -> None:
    registry.register_codec("mine", Mine)
    with (
        config.set({"codecs.mine": "no.such.Codec"}),
        pytest.raises(BadConfigError, match=r"no\.such\.Codec.*test_registry\.Mine"),
    ):
        registry.get_codec_class("mine")
    with (
        config.set({"codecs.gzip": "no.such.Codec"}),
        pytest.raises(BadConfigError, match=r"zarr\.codecs\.gzip\.GzipCodec"),
    ):
        registry.get_codec_class("gzip")


@pytest.mark.parametrize(
    ("name", "hint"),
    [("no-such-codec", "register_codec"), ("imagecodecs_jpeg", "imagecodecs-zarr")],
)
def test_an_unknown_codec_is_an_error_with_a_hint(name: str, hint: str) -> None:
    with pytest.raises(UnknownCodecError, match=f"'{name}'.*{hint}"):
        registry.get_codec_class(name)


def test_reloading_the_settings_forgets_what_was_set() -> None:
    registry.register_codec("mine", Mine, qualname="tests.Mine")
    config.set({"codecs.mine": "no.such.Codec"})
    assert registry.get_codec_class("mine", reload_config=True) is Mine


@pytest.mark.parametrize("name", sorted(registry._built_in_codecs()))
def test_every_built_in_codec_is_where_the_registry_looks(name: str) -> None:
    assert isinstance(registry.get_codec_class(name), type)


def test_codecs_of_installed_packages_are_found(offered: Any) -> None:
    assert registry.get_codec_class("offered.plain") is offered.Plain
    assert registry.get_codec_class("offered.one") is offered.One
    assert registry.get_codec_class("gzip") is not offered.Gzip
    with config.set({"codecs.gzip": "offered.Gzip"}):
        assert registry.get_codec_class("gzip") is offered.Gzip
    with pytest.raises(AttributeError, match="NotThere"):
        registry.get_codec_class("offered.broken")


def test_other_classes_of_installed_packages_are_found(offered: Any) -> None:
    assert registry.get_chunk_key_encoding_class("offered_keys") is offered.Keys
    assert registry.get_chunk_key_encoding_class("chunk_key_encoding") is offered.Keys
    with config.set({"buffer": "offered.MyBuffer"}):
        assert registry.get_buffer_class() is offered.MyBuffer
    with config.set({"codec_pipeline.path": "offered.Pipeline"}):
        assert registry.get_pipeline_class() is offered.Pipeline


def test_chunk_key_encodings() -> None:
    assert registry.get_chunk_key_encoding_class("v2").__name__ == "V2ChunkKeyEncoding"
    assert registry.get_chunk_key_encoding_class("default").__name__ == "DefaultChunkKeyEncoding"
    registry.register_chunk_key_encoding("mine", Mine)
    assert registry.get_chunk_key_encoding_class("mine") is Mine
    with pytest.raises(KeyError, match=r"nothing.*default.*mine.*v2"):
        registry.get_chunk_key_encoding_class("nothing")


def test_pipelines_are_accepted() -> None:
    class Pipeline(CodecPipeline):
        pass

    registry.register_pipeline(Pipeline)  # type: ignore[type-abstract]
    with config.set({"codec_pipeline.path": registry.fully_qualified_name(Pipeline)}):
        assert registry.get_pipeline_class() is Pipeline
    default = registry.get_pipeline_class()
    with config.set({"codec_pipeline.path": "no.such.Pipeline"}):
        assert registry.get_pipeline_class() is default


def test_buffers_are_registered_by_qualified_name() -> None:
    class MyBuffer(cpu.Buffer):
        pass

    class MyNDBuffer(cpu.NDBuffer):
        pass

    registry.register_buffer(MyBuffer)
    registry.register_ndbuffer(MyNDBuffer, qualname="tests.MyNDBuffer")
    with config.set(
        {"buffer": registry.fully_qualified_name(MyBuffer), "ndbuffer": "tests.MyNDBuffer"}
    ):
        assert registry.get_buffer_class() is MyBuffer
        assert registry.get_ndbuffer_class() is MyNDBuffer
    assert registry.get_buffer_class(reload_config=True) is cpu.Buffer
    assert registry.get_ndbuffer_class(reload_config=True) is cpu.NDBuffer


def test_numcodecs_codecs() -> None:
    numcodecs = pytest.importorskip("numcodecs")
    assert registry.get_numcodec({"id": "zlib", "level": 3}) == numcodecs.Zlib(level=3)  # type: ignore[typeddict-unknown-key]
    with pytest.raises(UnknownCodecError, match=r"'nothing'.*numcodecs\.register_codec"):
        registry.get_numcodec({"id": "nothing"})


def test_numcodecs_codecs_without_numcodecs_say_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "numcodecs", None)
    monkeypatch.setitem(sys.modules, "numcodecs.registry", None)
    with pytest.raises(UnknownCodecError, match="'zlib'.*pip install numcodecs"):
        registry.get_numcodec({"id": "zlib"})


def test_a_registry_loads_entry_points_when_asked(offered: Any) -> None:
    mine: registry.Registry[Any] = registry.Registry()
    mine.register(Mine)
    mine.lazy_load_list = [
        entry for entry in registry._entry_points("zarr.codecs") if entry.name != "offered.broken"
    ]
    mine.lazy_load()
    of_others = ("zarr_any_numcodecs.", "imagecodecs.")  # may be installed for tests/clients
    found = {name for name in mine if not name.startswith(of_others)}
    assert found == {f"{__name__}.Mine", "offered.Plain", "offered.Gzip"}
    assert mine.lazy_load_list == []


def test_threads_that_load_entry_points_at_once_all_have_them() -> None:
    mine: registry.Registry[Any] = registry.Registry()
    both = threading.Barrier(2, timeout=30)

    class Slow:
        name = "slow"

        def load(self) -> type:
            both.wait()
            return Mine

    mine.lazy_load_list = [Slow()]  # type: ignore[list-item]

    def load(_: int) -> list[Any]:
        mine.lazy_load()
        return list(mine.values())

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(load, range(2))) == [[Mine], [Mine]]


def test_the_registry_imports_no_codec_and_no_package_metadata() -> None:
    code = (
        "import sys, numpy; before = set(sys.modules); import zarr.registry; "
        "print(*sorted(set(sys.modules) - before))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(run.stdout.split())
    for late in ("asyncio", "importlib.metadata", "logging", "numcodecs", "yaml", "zarr.codecs"):
        assert late not in loaded
