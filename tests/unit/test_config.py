"""Settings: their sources, their precedence, and the end of a temporary change."""

from __future__ import annotations

import dataclasses
import json
import logging
import pickle
import pkgutil
import pydoc
import sys
import threading
import warnings
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np
import pytest

import zarr
from zarr import _core
from zarr.errors import ZarrUserWarning
from zarr.setting_values import leaves
from zarr.settings import (
    DEFAULTS,
    BadConfigError,
    Config,
    _nested,
    config,
    deprecations,
    parse_indexing_order,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    yield
    config.reset()


def make(**kwargs: Any) -> Config:
    kwargs.setdefault("paths", [])
    kwargs.setdefault("env", {})
    return Config("zarr", defaults=[DEFAULTS], **kwargs)


def test_dotted_names_lead_to_the_object_and_its_methods() -> None:
    for name in ("set", "get", "enable_gpu"):
        assert pkgutil.resolve_name(f"zarr.config.{name}") == getattr(config, name)
        assert pydoc.locate(f"zarr.config.{name}") == getattr(config, name)
    with mock.patch("zarr.config.get", return_value=1):
        assert zarr.config.get("array.order") == 1
    assert zarr.config.get("array.order") == "C"


def test_defaults() -> None:
    settings = make()
    assert settings.to_dict() == DEFAULTS
    assert settings.get("array.order") == "C"
    assert settings.get("async") == {"concurrency": 10, "timeout": None}
    assert settings.get("codecs")["numcodecs.bz2"] == "zarr.codecs.numcodecs.BZ2"


def test_a_missing_setting_is_a_key_error_or_the_default() -> None:
    settings = make()
    with pytest.raises(KeyError):
        settings.get("no.such.setting")
    with pytest.raises(KeyError):
        settings.get("array.order.deeper")
    assert settings.get("no.such.setting", 5) == 5
    assert settings.get("array.order.deeper", None) is None


def test_hyphens_and_underscores_mean_the_same() -> None:
    settings = make()
    assert settings.get("default-zarr-format") == 3
    settings.set({"array.write-empty-chunks": True})
    assert settings.get("array.write_empty_chunks") is True
    assert settings.get("codecs.vlen_utf8") == "zarr.codecs.vlen_utf8.VLenUTF8Codec"


def test_set_holds_until_reset() -> None:
    settings = make()
    settings.set({"array.order": "F"}, json_indent=4, array__write_empty_chunks=True)
    assert settings.get("array.order") == "F"
    assert settings.get("json_indent") == 4
    assert settings.get("array.write_empty_chunks") is True
    settings.reset()
    assert settings.to_dict() == DEFAULTS


def test_set_as_context_manager_leaves_nothing_behind() -> None:
    settings = make()
    with settings.set({"array.order": "F", "new.deep.key": 1, "async": {"concurrency": 5}}) as now:
        assert now is settings.config
        assert settings.get("new.deep.key") == 1
        with settings.set({"array.order": "C"}):
            assert settings.get("array.order") == "C"
        assert settings.get("array.order") == "F"
    assert settings.to_dict() == DEFAULTS


def test_context_manager_restores_when_left_by_an_error() -> None:
    settings = make()
    with pytest.raises(RuntimeError), settings.set({"array.order": "F"}):
        raise RuntimeError
    assert settings.get("array.order") == "C"


def test_a_section_set_as_a_whole_is_replaced_but_keeps_its_defaults() -> None:
    settings = make()
    settings.set({"async": {"concurrency": 5}})
    assert settings.get("async") == {"concurrency": 5}
    assert settings.get("async.timeout") is None


def test_nothing_can_be_set_below_a_value() -> None:
    with pytest.raises(TypeError, match=r"array\.order"):
        make().set({"array.order.deeper": 1})


def test_environment_variables_win_over_defaults() -> None:
    settings = make(
        env={
            "ZARR_ARRAY__ORDER": "F",
            "ZARR_ASYNC__CONCURRENCY": "7",
            "ZARR_ARRAY__WRITE_EMPTY_CHUNKS": "True",
            "ZARR_MINE__LIST": "[1, 2]",
            "OTHER_ARRAY__ORDER": "C",
        }
    )
    assert settings.get("array.order") == "F"
    assert settings.get("async.concurrency") == 7
    assert settings.get("array.write_empty_chunks") is True
    assert settings.get("mine.list") == [1, 2]
    settings.set({"array.order": "C"})
    settings.reset()
    assert settings.get("array.order") == "F"


def test_files_win_over_defaults_and_lose_to_the_environment(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"array": {"order": "F"}, "json_indent": 7}')
    settings = make(paths=[str(tmp_path)], env={"ZARR_JSON_INDENT": "8"})
    assert settings.get("array.order") == "F"
    assert settings.get("array.write_empty_chunks") is False
    assert settings.get("json_indent") == 8


def test_the_environment_names_further_files(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text('{"json_indent": 7}')
    env = {"ZARR_CONFIG": str(tmp_path / "mine.json"), "ZARR_ROOT_CONFIG": str(tmp_path / "no")}
    settings = Config("zarr", defaults=[DEFAULTS], env=env)
    assert settings.paths[0] == str(tmp_path / "no")
    assert settings.paths[-1] == settings.main_path == str(tmp_path / "mine.json")
    assert settings.get("json_indent") == 7


def test_yaml_files_are_read_where_pyyaml_is_installed(tmp_path: Path) -> None:
    pytest.importorskip("yaml")
    (tmp_path / "a.yaml").write_text("array:\n  order: F\n")
    (tmp_path / "empty.yml").write_text("")
    assert make(paths=[str(tmp_path)]).get("array.order") == "F"


def test_a_yaml_file_without_pyyaml_is_an_error_that_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    (tmp_path / "a.yaml").write_text("array:\n  order: F\n")
    with pytest.raises(BadConfigError, match=r"a\.yaml.*zarr\[yaml\]"):
        make(paths=[str(tmp_path)])


def test_a_file_that_holds_no_mapping_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[1]")
    with pytest.raises(BadConfigError, match=r"a\.json"):
        make(paths=[str(tmp_path)])


def test_update_merges_with_either_priority() -> None:
    settings = make()
    settings.update({"array": {"order": "F"}})
    assert settings.get("array.order") == "F"
    assert settings.get("array.write_empty_chunks") is False
    settings.update({"array": {"order": "C"}, "mine": {"a": 1}}, priority="old")
    assert settings.get("array.order") == "F"
    assert settings.get("mine.a") == 1


def test_update_defaults_holds_unless_something_else_was_said() -> None:
    settings = make()
    settings.set({"json_indent": 4})
    settings.update_defaults({"json_indent": 9, "array": {"mine": 1, "order": "F"}})
    assert settings.get("json_indent") == 4
    assert settings.get("array.mine") == 1
    assert settings.get("array.order") == "F"


def test_to_dict_is_a_copy_and_pprint_prints(capsys: pytest.CaptureFixture[str]) -> None:
    settings = make()
    settings.to_dict()["array"]["order"] = "F"
    assert settings.get("array.order") == "C"
    settings.pprint()
    assert "'order': 'C'" in capsys.readouterr().out
    assert isinstance(settings.serialize(), str)
    assert "array" in settings
    assert "nothing" not in settings
    assert settings["array.order"] == "C"


def test_clear_forgets_everything() -> None:
    settings = make()
    settings.clear()
    assert settings.config == {}
    with pytest.raises(KeyError):
        settings.get("array.order")


def test_environment_variables_in_texts_are_expanded_on_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MY_DIRECTORY", "/data")
    settings = make()
    settings.set({"mine": {"path": "$MY_DIRECTORY/x", "list": ["$MY_DIRECTORY", 3]}})
    settings.expand_environment_variables()
    assert settings.get("mine") == {"path": "/data/x", "list": ["/data", 3]}


@pytest.mark.parametrize("key", sorted(deprecations))
def test_removed_settings_are_refused(key: str) -> None:
    with pytest.raises(ValueError, match="has been removed"):
        config.set({key: None})


def test_renamed_settings_warn_and_take_effect() -> None:
    settings = make(deprecations={"old.name": "new.name"})
    with pytest.warns(UserWarning, match=r"new\.name"):
        settings.set({"old.name": 1})
    assert settings.get("new.name") == 1


def test_enable_gpu_names_the_buffers_of_the_gpu() -> None:
    with config.enable_gpu():
        assert config.get("buffer") == "zarr.buffer.gpu.Buffer"
        assert config.get("ndbuffer") == "zarr.buffer.gpu.NDBuffer"
    assert config.get("buffer") == "zarr.buffer.cpu.Buffer"


def test_choosing_an_engine_is_accepted_and_explained_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("zarr.settings._engine_explained", False)
    path = "zarr.core.codec_pipeline.FusedCodecPipeline"
    with warnings.catch_warnings(), caplog.at_level(logging.INFO, logger="zarr"):
        warnings.simplefilter("error")
        for _ in range(3):
            with config.set({"codec_pipeline.path": path, "codec_pipeline.max_workers": None}):
                assert config.get("codec_pipeline.path") == path
        config.set({"codec_pipeline.batch_size": 3})
    assert len(caplog.records) == 1
    assert "single native engine" in caplog.text


def test_other_settings_say_nothing_about_the_engine(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("zarr.settings._engine_explained", False)
    with caplog.at_level(logging.INFO, logger="zarr"), config.set({"array.order": "F"}):
        pass
    assert caplog.records == []


def test_concurrent_context_managers_restore_what_they_changed() -> None:
    settings = make()

    def work(number: int) -> None:
        for value in range(200):
            with settings.set({f"mine.key{number}": value}):
                assert settings.get(f"mine.key{number}") == value

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert settings.get("mine", {}) == {}
    assert settings.get("array.order") == "C"


def test_the_end_of_a_context_leaves_what_another_one_set_in_its_section() -> None:
    settings = make()
    first = settings.set({"mine.one": 1})
    second = settings.set({"mine.two": 2})
    with first:
        pass
    assert settings.get("mine") == {"two": 2}
    with second:
        pass
    assert settings.get("mine", {}) == {}
    with settings.set({"mine": {"one": 1}}):
        assert settings.get("mine.one") == 1
    assert settings.get("mine", {}) == {}


def test_parse_indexing_order() -> None:
    assert parse_indexing_order("C") == "C"
    assert parse_indexing_order("F") == "F"
    with pytest.raises(ValueError, match="'order'"):
        parse_indexing_order("X")


def test_the_engine_has_as_many_threads_as_the_settings_say() -> None:
    before = _core.threads()
    with config.set({"threading.max_workers": 7}):
        assert _core.threads() == 7
    assert _core.threads() == before


BOOLEANS = [path for path, value in leaves(DEFAULTS) if isinstance(value, bool)]
NUMBERS = [
    path
    for path, value in leaves(DEFAULTS)
    if isinstance(value, int | float) and not isinstance(value, bool)
]


def variable(path: str) -> str:
    return "ZARR_" + path.replace(".", "__").upper()


@pytest.mark.parametrize("path", BOOLEANS)
def test_every_boolean_means_what_it_says_wherever_it_comes_from(path: str, tmp_path: Path) -> None:
    file = tmp_path / "zarr.json"
    for expected, words in (
        (True, ["true", "True", "TRUE", "1", "yes", "on", " On "]),
        (False, ["false", "False", "0", "no", "off", "OFF"]),
    ):
        for word in words:
            assert make(env={variable(path): word}).get(path) is expected
            assert make().set({path: word})._owner.get(path) is expected
            file.write_text(json.dumps(_nested(path.split("."), word)))
            assert make(paths=[str(tmp_path)]).get(path) is expected
        for value in (expected, int(expected), np.bool_(expected)):
            settings = make()
            settings.set({path: value})
            assert settings.get(path) is expected
    for wrong in ("", "flase", "2", "None", "[]", "y e s"):
        with pytest.raises(BadConfigError, match=variable(path)):
            make(env={variable(path): wrong})
        file.write_text(json.dumps(_nested(path.split("."), wrong)))
        with pytest.raises(BadConfigError, match="zarr.json"):
            make(paths=[str(tmp_path)])
        for change in (
            lambda settings, wrong=wrong: settings.set({path: wrong}),
            lambda settings, wrong=wrong: settings.set(_nested(path.split("."), wrong)),
            lambda settings, wrong=wrong: settings.update(_nested(path.split("."), wrong)),
        ):
            settings = make()
            with pytest.raises(BadConfigError, match=path):
                change(settings)
            assert settings.to_dict() == DEFAULTS


# zarr has no use for those of pipelines, and only two formats.
FREE = [path for path in NUMBERS if not path.startswith(("codec_pipeline", "default_zarr_format"))]


@pytest.mark.parametrize("path", FREE)
def test_every_number_is_one(path: str) -> None:
    assert make(env={variable(path): "7"}).get(path) == 7
    assert make(env={variable(path): " 7 "}).get(path) == 7
    for wrong in ("many", "-1", "nan", "inf", "True", "[1]"):
        with pytest.raises(BadConfigError, match=variable(path)):
            make(env={variable(path): wrong})


def test_no_limit_is_written_none_where_there_may_be_none() -> None:
    for word in ("None", "none", "null"):
        settings = make(env={"ZARR_REQUESTS__LIMIT": word, "ZARR_ASYNC__TIMEOUT": word})
        assert settings.get("requests.limit") is None
        assert settings.get("async.timeout") is None
    assert make(env={"ZARR_ASYNC__TIMEOUT": "1.5"}).get("async.timeout") == 1.5
    with pytest.raises(BadConfigError, match="whole number"):
        make(env={"ZARR_THREADING__MAX_WORKERS": "1.5"})
    with pytest.raises(BadConfigError, match="BACKOFF"):
        make(env={"ZARR_REQUESTS__BACKOFF": "None"})


MISSPELT = [
    ("array.ordr", "array.order"),
    ("asnyc.concurrency", "async.concurrency"),
    ("default_zarr_fromat", "default_zarr_format"),
    ("array_order", "array.order"),
    ("requests.attemps", "requests.attempts"),
    ("storage.local.fsnyc", "storage.local.fsync"),
]


@pytest.mark.parametrize(("path", "meant"), MISSPELT)
def test_a_program_that_misspells_a_setting_gets_an_error_that_names_the_one_that_is_meant(
    path: str, meant: str
) -> None:
    for change in (
        lambda settings: settings.set({path: 1}),
        lambda settings: settings.set(_nested(path.split("."), 1)),
        lambda settings: settings.set(json_indent=1, **{path.replace(".", "__"): 1}),
        lambda settings: settings.update(_nested(path.split("."), 1)),
    ):
        settings = make()
        with pytest.raises(BadConfigError, match=f"{path}.*{meant}"):
            change(settings)
        assert settings.to_dict() == DEFAULTS


@pytest.mark.parametrize(("path", "meant"), MISSPELT)
def test_a_variable_or_file_that_misspells_a_setting_is_told_with_the_one_that_is_meant(
    path: str, meant: str, tmp_path: Path
) -> None:
    (tmp_path / "zarr.json").write_text(json.dumps(_nested(path.split("."), 1)))
    for source, kwargs in (
        (variable(path), {"env": {variable(path): "1"}}),
        ("zarr.json", {"paths": [str(tmp_path)]}),
    ):
        told = f"{path}.*{source}.*{meant}"
        if path.partition(".")[0] in ("array", "requests", "storage"):
            with pytest.raises(BadConfigError, match=told):
                make(**kwargs)
        else:  # the name may be that of another package
            with pytest.warns(ZarrUserWarning, match=told):
                make(**kwargs)


def test_a_name_in_our_sections_that_resembles_no_setting_warns_that_it_has_no_effect() -> None:
    with pytest.warns(ZarrUserWarning, match=r"requests\.retries.*no effect"):
        settings = make(env={"ZARR_REQUESTS__RETRIES": "1"})
    with pytest.warns(ZarrUserWarning, match=r"array\.quite_new.*no effect"):
        settings.set({"array.quite_new": 1})


@pytest.mark.parametrize(
    ("path", "value", "nearest"),
    [
        ("array.order", "f", "'F'"),
        ("default_zarr_format", 1, "2 or 3"),
        ("requests.attempts", 0, "the nearest is 1"),
        ("requests.limit", -3, "the nearest is 1"),
        ("requests.timeout", -0.5, "the nearest is 0"),
        ("threading.max_workers", 0, "the nearest is 1"),
        ("storage.references.roots", "/data", "a list of strings"),
        ("buffer", 3, "a string"),
    ],
)
def test_a_value_out_of_range_is_an_error_that_names_the_nearest(
    path: str, value: Any, nearest: str
) -> None:
    settings = make()
    with pytest.raises(BadConfigError, match=f"{path}.*{nearest}"):
        settings.set({path: value})
    with pytest.raises(BadConfigError, match=f"{path}.*{nearest}"):
        make(env={variable(path): str(value)}) if path != "buffer" else settings.set(buffer=value)
    with pytest.raises(BadConfigError, match=f"{path}.*{nearest}"):
        zarr.Settings(**{path.replace(".", "__"): value})
    assert settings.to_dict() == DEFAULTS


def test_settings_of_other_packages_are_left_alone() -> None:
    env = {
        "ZARR_CODECS__MINE": "mine.Codec",
        "ZARR_CODEC_PIPELINE__VALIDATE_CHECKSUMS": "True",
        "ZARR_ICECHUNK__ANYTHING": "perhaps",
        "ZARR_V3_EXPERIMENTAL_API": "1",
        "ZARR_CONFIG": "/nowhere",
        "ZARR_MINE": "1",
    }
    settings = make(env=env)
    assert settings.get("codec_pipeline.validate_checksums") is True
    settings.update_defaults({"mine": {"careful": True, "array": "x"}})
    settings.set({"mine.careful": "no", "codecs.other": "other.Codec"})
    assert settings.get("mine.careful") is False
    with pytest.warns(ZarrUserWarning, match=r"mine\.careful"):
        settings.set({"mine.carefull": True})


def test_settings_are_frozen_values() -> None:
    settings = zarr.Settings(requests__timeout=5, codecs={"zstd": "mine.Zstd"})
    assert settings.requests__timeout == 5
    assert settings.codecs["zstd"] == "mine.Zstd"
    assert settings.codecs["gzip"] == DEFAULTS["codecs"]["gzip"]
    with pytest.raises(AttributeError, match="frozen"):
        settings.requests__timeout = 6  # type: ignore[misc]
    with pytest.raises(AttributeError, match="frozen"):
        del settings.requests__timeout
    with pytest.raises(TypeError, match="requests__timeot.*'requests__timeout'"):
        zarr.Settings(requests__timeot=5)  # type: ignore[call-arg]
    other = settings.replace(requests__timeout=6)
    assert settings != other == zarr.Settings(requests__timeout=6, codecs={"zstd": "mine.Zstd"})
    assert len({settings, other, pickle.loads(pickle.dumps(settings))}) == 2
    assert eval(repr(settings), {"Settings": zarr.Settings}) == settings


def test_settings_have_every_key_of_the_defaults_with_its_type() -> None:
    assert zarr.Settings().to_dict() == DEFAULTS == zarr.config.defaults[0]
    for setting in zarr.Settings.describe():
        assert setting.checked(setting.default, "test") == setting.default
        assert config.get(setting.name) == setting.default
        assert setting.doc.endswith(".")
        assert setting.name in repr(setting)


def test_settings_are_made_of_a_dict_with_dots_or_nested() -> None:
    settings = zarr.Settings.from_dict({"requests.timeout": 5, "codecs": {"vlen-utf8": "mine.V"}})
    assert settings == zarr.Settings(requests__timeout=5, codecs={"vlen-utf8": "mine.V"})
    assert zarr.Settings.from_dict({"codecs.vlen-utf8": "mine.V"}).codecs["vlen-utf8"] == "mine.V"
    with pytest.raises(BadConfigError, match=r"requests\.timeot.*requests\.timeout"):
        zarr.Settings.from_dict({"requests": {"timeot": 5}})


def test_the_settings_of_now_follow_every_change() -> None:
    before = config.settings
    assert config.settings is before
    with config.set(zarr.Settings(async__timeout=5)):
        assert config.settings.async__timeout == config.get("async.timeout") == 5
        config.set({"async": {"concurrency": 5}})  # the section, whose defaults stay below it
        assert config.settings.async__timeout is None
        config.update({"async": {"timeout": 7}})
        assert config.settings.async__timeout == 7
        config.clear()
        assert config.settings.async__timeout is None
        config.refresh()
    assert config.settings.to_dict() == before.to_dict()
    with config.set(config.settings):
        assert config.settings == before


def test_settings_are_given_to_one_array() -> None:
    store: dict[str, Any] = {}
    settings = zarr.Settings(array__write_empty_chunks=True, array__order="F")
    made = zarr.create_array(store, shape=(4, 4), chunks=(2, 2), dtype="i4", config=settings)
    for array in (made, zarr.open_array(store, config=settings), zarr.open(store, config=settings)):
        assert isinstance(array, zarr.Array)
        assert array.config.write_empty_chunks
        assert array.config.order == "F"
        assert array[:].flags.f_contiguous
    plain = zarr.open_array(store)
    assert not plain.config.write_empty_chunks
    assert plain.with_config(settings).config == made.config
    kept = made.with_config(zarr.Settings(array__read_missing_chunks=False)).config
    assert kept.order == "F"
    assert not kept.read_missing_chunks


def test_an_array_takes_settings_of_the_process_only_as_they_are() -> None:
    array = zarr.create_array({}, shape=4, dtype="i4", config=config.settings)
    assert array.config.order == "C"
    store: dict[str, Any] = {}
    changed = config.settings.replace(requests__timeout=1)
    with pytest.raises(BadConfigError, match=r"requests\.timeout.*zarr\.config\.set"):
        zarr.create_array(store, shape=4, dtype="i4", config=changed)
    assert store == {}


def test_the_settings_that_an_array_can_have_are_those_of_its_config() -> None:
    named = {s.name.removeprefix("array.") for s in zarr.Settings.describe() if s.of_array}
    array = zarr.create_array({}, shape=4, dtype="i4")
    assert named == {field.name for field in dataclasses.fields(array.config)}
