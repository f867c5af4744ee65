"""Settings: ``zarr.config``.

A setting is named by its path, as in ``config.get("array.order")``. It comes from, later ones
winning: the defaults below; YAML or JSON files in ``/etc/zarr`` (or ``$ZARR_ROOT_CONFIG``),
``<prefix>/etc/zarr``, ``~/.config/zarr`` and ``$ZARR_CONFIG``; variables of the environment such
as ``ZARR_ARRAY__ORDER=F``; and ``config.set``, for good or as a context manager::

    with zarr.config.set({"array.write_empty_chunks": True}):
        ...

Booleans are ``true`` or ``false`` (also ``1``, ``yes``, ``on``; ``0``, ``no``, ``off``). A value of
another type, or out of range, is an error that names the place where it stands; so is a name that
is misspelt. :class:`zarr.Settings` lists all settings, and ``zarr.config.settings`` is a snapshot
of their values.

In names, ``-`` and ``_`` mean the same. Reading YAML files needs PyYAML (``pip install
zarr[yaml]``).
"""

from __future__ import annotations

import ast
import os
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from zarr._async.warnings import warn
from zarr._core import set_index_bytes, set_threads
from zarr.setting_values import (
    AnyTree,
    BadConfigError,
    Known,
    Setting,
    Settings,
    Tree,
    Unset,
    leaves,
)

__all__ = [
    "BadConfigError",
    "Config",
    "ConfigSet",
    "Settings",
    "Unset",
    "config",
    "parse_indexing_order",
]

_MISSING = object()
_MADE = object()  # a section that a change made for its values
_MANY = 1024  # threads that wait: as good as no limit


DEFAULTS: AnyTree = Settings().to_dict()

deprecations: Mapping[str, str | None] = dict.fromkeys(
    [
        "array.v2_default_compressor.numeric",
        "array.v2_default_compressor.string",
        "array.v2_default_compressor.bytes",
        "array.v2_default_filters.string",
        "array.v2_default_filters.bytes",
        "array.v3_default_filters.numeric",
        "array.v3_default_filters.raw",
        "array.v3_default_filters.bytes",
        "array.v3_default_serializer.numeric",
        "array.v3_default_serializer.string",
        "array.v3_default_serializer.bytes",
        "array.v3_default_compressors.string",
        "array.v3_default_compressors.bytes",
        "array.v3_default_compressors",
    ]
)
"""Settings that are gone (None), or have a new name."""


class ConfigSet:
    """A change of settings, undone when used as a context manager and left."""

    def __init__(self, owner: Config, changes: Iterable[tuple[str, object]]) -> None:
        self._owner = owner
        self._undo: list[tuple[tuple[str, ...], object]] = []
        source = f"{owner.name}.config.set"
        named = [(owner._current_name(key), value) for key, value in changes]
        for key, value in named:
            owner._check_names({key: value}, source)
        named = [(key, owner.known.checked(key, value, source)) for key, value in named]
        with owner.config_lock:
            for key, value in named:
                self._assign(key.split("."), value)
        owner._changed()

    def __enter__(self) -> Tree:
        return self._owner.config

    def __exit__(self, *exc_info: object) -> None:
        with self._owner.config_lock:
            for path, old in reversed(self._undo):
                tree = self._owner.config
                for part in path[:-1]:
                    tree = tree.setdefault(part, {})
                if old is _MADE:
                    # Another thread may have set a value below it since.
                    if not tree.get(path[-1]):
                        tree.pop(path[-1], None)
                elif old is _MISSING:
                    tree.pop(path[-1], None)
                else:
                    tree[path[-1]] = old
        self._owner._changed()

    def _assign(self, parts: list[str], value: object) -> None:
        tree = self._owner.config
        path: tuple[str, ...] = ()
        for part in parts[:-1]:
            name = _spelling(part, tree)
            path += (name,)
            if name not in tree:
                self._undo.append((path, _MADE))
                tree[name] = {}
            tree = tree[name]
            if not isinstance(tree, dict):
                raise TypeError(f"{'.'.join(path)!r} is a value: nothing can be set below it")
        name = _spelling(parts[-1], tree)
        self._undo.append(((*path, name), tree.get(name, _MISSING)))
        tree[name] = value


class Config:
    """A tree of settings.

    Parameters
    ----------
    name : str
        Names the variables of the environment (``NAME_…``) and the directories of files.
    defaults : list of mapping, optional
        Values that hold where nothing else is said. The first that has a setting gives it.
    paths : list of str, optional
        Files, and directories of files, to read; later ones win.
    env : mapping of str to str, optional
        The environment; by default that of the process.
    env_prefix : str, optional
        The beginning of the names of variables; by default ``NAME_``.
    deprecations : mapping of str to str or None, optional
        Settings that are renamed, or gone.
    """

    def __init__(
        self,
        name: str,
        defaults: list[AnyTree] | None = None,
        paths: list[str] | None = None,
        env: Mapping[str, str] | None = None,
        env_prefix: str | None = None,
        deprecations: Mapping[str, str | None] | None = None,
    ) -> None:
        self.name = name
        self.env: Mapping[str, str] = os.environ if env is None else env
        self.env_prefix = f"{name.upper()}_" if env_prefix is None else env_prefix
        self.paths = _standard_paths(name, self.env) if paths is None else list(paths)
        self.main_path = self.paths[-1] if self.paths else ""
        self.defaults: list[AnyTree] = list(defaults or [])
        self.known = Known(self.defaults)
        self.deprecations = dict(deprecations or {})
        self.config_lock = threading.RLock()
        self.config: Tree = {}
        self.changes = 0
        self._settings: tuple[int, Settings] | None = None  # as of which change
        self._threads: tuple[int | None, int] = (None, 32)
        self.refresh()

    def __contains__(self, key: str) -> bool:
        try:
            self.get(key)
        except KeyError:
            return False
        return True

    def __getitem__(self, key: str) -> Any:
        return self.get(key)

    @property
    def settings(self) -> Settings:
        """The values of now, typed and frozen.

        Examples
        --------
        >>> import zarr
        >>> zarr.config.settings.requests__timeout
        300.0
        """
        known = self._settings
        if known is None or known[0] != self.changes:
            changes = self.changes
            values = {it.attribute: self._value(it) for it in Settings.describe()}
            known = self._settings = changes, Settings.of_values(values)
        return known[1]

    def get(self, key: str, default: object = _MISSING) -> Any:
        """Return a setting.

        Parameters
        ----------
        key : str
            Its path, as in ``"async.concurrency"``; a whole section gives a dict.
        default : optional
            What to return if there is none. Without it, that is a KeyError.

        Returns
        -------
        object
            The value, as it is; a dict for a section.

        Raises
        ------
        KeyError
            If there is no such setting, and no `default` is given.
        """
        found: object = self.config
        walked: list[str] = []
        for part in key.split("."):
            if isinstance(found, dict) and part in found:  # as it is nearly always spelled
                found = found[part]
            elif isinstance(found, dict) and (name := _spelling(part, found)) in found:
                found = found[name]
            else:
                # A section that was replaced as a whole still has the defaults below it.
                found = self._default(walked, part)
                if found is _MISSING:
                    if default is _MISSING:
                        raise KeyError(key)
                    return default
            walked.append(part)
        return found

    def _value(self, setting: Setting) -> Any:
        found: Any = self.config
        try:
            for part in setting.path:  # as it is nearly always spelled
                found = found[part]
        except (KeyError, TypeError):
            return self.get(setting.name, setting.default)
        return found

    def set(self, arg: AnyTree | Settings | None = None, **kwargs: object) -> ConfigSet:
        """Change settings: for good, or inside of a ``with`` block.

        Parameters
        ----------
        arg : mapping or Settings, optional
            Values by path, as in ``{"array.order": "F"}``. A mapping as value replaces the
            whole section. Of :class:`zarr.Settings`, the values that were named.
        **kwargs
            Values by path, written with ``__`` for the dot, as in ``array__order="F"``.

        Returns
        -------
        ConfigSet
            The change, which a ``with`` block undoes at its end.

        Raises
        ------
        BadConfigError
            If a name is misspelt, or a value is not of the type of its setting or out of range.
            Nothing is changed then.

        Examples
        --------
        >>> import zarr
        >>> with zarr.config.set({"array.order": "F"}):
        ...     zarr.config.get("array.order")
        'F'
        """
        given = arg.given() if isinstance(arg, Settings) else arg or {}
        changes = list(given.items())
        changes += [(key.replace("__", "."), value) for key, value in kwargs.items()]
        return ConfigSet(self, changes)

    def reset(self) -> None:
        """Go back to the defaults, files and variables of the environment."""
        self.refresh()

    def enable_gpu(self) -> ConfigSet:
        """Read into, and write from, the memory of the GPU (needs CuPy).

        Returns
        -------
        ConfigSet
            The change, which a ``with`` block undoes at its end.
        """
        return self.set(
            {"buffer": "zarr.buffer.gpu.Buffer", "ndbuffer": "zarr.buffer.gpu.NDBuffer"}
        )

    def refresh(self) -> None:
        """Read everything again; what ``set`` changed is forgotten."""
        fresh: Tree = {}
        for tree in self.defaults:
            _merge(fresh, tree, old_wins=True)
        _merge(fresh, self.collect())
        with self.config_lock:
            # A new dict, so that no other thread ever sees one that is half filled.
            self.config = fresh
        self._changed()

    def clear(self) -> None:
        """Forget all settings, the defaults too."""
        with self.config_lock:
            self.config = {}
        self._changed()

    def update(self, new: AnyTree, priority: Literal["new", "old"] = "new") -> None:
        """Merge a tree of settings into this one.

        Parameters
        ----------
        new : mapping
            Nested settings.
        priority : {"new", "old"}
            Which value stays where both have one.
        """
        source = f"{self.name}.config.update"
        self._check_names(new, source)
        new = self.known.checked("", new, source)
        with self.config_lock:
            _merge(self.config, new, old_wins=priority == "old")
        self._changed()

    def update_defaults(self, new: AnyTree) -> None:
        """Add defaults; they hold at once where no other value is given.

        Parameters
        ----------
        new : mapping
            Nested settings, of a package for example.
        """
        with self.config_lock:
            known: Tree = {}
            for tree in self.defaults:
                _merge(known, tree, old_wins=True)
            self.defaults.append(new)
            self.known = Known(self.defaults)
            _merge(self.config, new, unless=known)
        self._changed()

    def collect(self, paths: list[str] | None = None, env: Mapping[str, str] | None = None) -> Tree:
        """Return what files and variables of the environment say.

        Parameters
        ----------
        paths : list of str, optional
            Files and directories, instead of this object's.
        env : mapping of str to str, optional
            Variables, instead of this object's.

        Returns
        -------
        dict
            The settings that they name, nested.

        Raises
        ------
        BadConfigError
            If a value cannot be used, or a name is misspelt.
        """
        found = [
            (f"the file {path}", _read_settings(path))
            for path in _setting_files(paths or self.paths)
        ]
        variables = _settings_of_environment(self.env if env is None else env, self.env_prefix)
        found += [(f"the variable {name}", tree) for name, tree in variables]
        for source, tree in found:
            self._check_names(tree, source, shared=True)
        return self.merge(*(self.known.checked("", tree, source) for source, tree in found))

    def merge(self, *trees: AnyTree) -> Tree:
        """Return the merge of several trees; later ones win.

        Parameters
        ----------
        *trees : mapping
            Nested settings.

        Returns
        -------
        dict
            Nested settings.
        """
        merged: Tree = {}
        for tree in trees:
            _merge(merged, tree)
        return merged

    def expand_environment_variables(self) -> None:
        """Replace ``$NAME`` in strings by the variable of the environment."""
        with self.config_lock:
            self.config.update(_map_texts(self.config, os.path.expandvars))
        self._changed()

    def to_dict(self) -> Tree:
        """Return all settings as a nested dict of their own.

        Returns
        -------
        dict
            The settings, nested.
        """
        with self.config_lock:
            return _copied(self.config)

    def serialize(self) -> str:
        """Return all settings as one line of text (base64 of JSON).

        Returns
        -------
        str
            The settings.
        """
        import base64
        import json

        return base64.urlsafe_b64encode(json.dumps(self.config, default=_plain).encode()).decode()

    def pprint(self, **kwargs: Any) -> None:
        """Print all settings; keyword arguments go to :func:`pprint.pprint`.

        Parameters
        ----------
        **kwargs
            Parameters of :func:`pprint.pprint`.
        """
        from pprint import pprint

        pprint(self.config, **kwargs)

    def _check_names(self, tree: AnyTree, source: str, *, shared: bool = False) -> None:
        for path, _ in leaves(tree):
            if path not in self.deprecations:
                self.known.check_name(path, source, shared=shared)

    def _current_name(self, key: str) -> str:
        if key not in self.deprecations:
            return key
        new = self.deprecations[key]
        if new is None:
            raise ValueError(f"Configuration value {key!r} has been removed")
        warn(
            f"Configuration key {key!r} has been deprecated. Please use {new!r} instead",
            UserWarning,
        )
        return new

    def _default(self, walked: list[str], part: str) -> Any:
        if not walked or walked[0] not in self.config:
            return _MISSING
        for tree in self.defaults:
            found: object = tree
            for name in (*walked, part):
                if not isinstance(found, Mapping):
                    break
                found = found.get(_spelling(name, found), _MISSING)
            else:
                if found is not _MISSING:
                    return found
        return _MISSING

    def _changed(self) -> None:
        """Count a change, and look at the settings after it."""
        with self.config_lock:  # two changes at once are two: what was read between is not kept
            self.changes += 1
        threads = (self.get("threading.max_workers", None), self._requests())
        if threads != self._threads:
            self._threads = threads
            set_threads(*threads)
        index_bytes = self.get("array.sharding_index_cache_bytes", None)
        if index_bytes is not None:  # else these are the settings of another package
            set_index_bytes(index_bytes)
        if self.config.get("codec_pipeline") != DEFAULTS["codec_pipeline"]:
            _explain_engine(self.config.get("codec_pipeline"))

    def _requests(self) -> int:
        """Return how many requests may be under way: so many threads may wait for files."""
        limit = self.get("requests.limit", 32)
        asked = self.get("async.concurrency", None)
        if asked is None or type(asked) is Unset:
            asked = limit
        bounds = [int(bound) for bound in (limit, asked) if bound is not None]
        return max(1, min(bounds, default=_MANY))


def _plain(value: object) -> object:
    """A setting that is an object, as JSON can name it: a cache by its size."""
    return getattr(value, "size", repr(value))


def _standard_paths(name: str, env: Mapping[str, str]) -> list[str]:
    """Where files of settings are looked for; later ones win."""
    upper = name.upper()
    paths = [
        env.get(f"{upper}_ROOT_CONFIG", f"/etc/{name}"),
        os.path.join(sys.prefix, "etc", name),
        os.path.join(os.path.expanduser("~"), ".config", name),
    ]
    if f"{upper}_CONFIG" in env:
        paths.append(env[f"{upper}_CONFIG"])
    return paths


def _settings_of_environment(env: Mapping[str, str], prefix: str) -> list[tuple[str, AnyTree]]:
    """Variables, and the settings in them: ``ZARR_ARRAY__ORDER`` is ``array.order``."""
    return [
        (name, _nested(name[len(prefix) :].lower().split("__"), _literal(text)))
        for name, text in env.items()
        if name.startswith(prefix)
    ]


def _nested(parts: list[str], value: Any) -> Tree:
    for part in reversed(parts):
        value = {part: value}
    tree: Tree = value
    return tree


def _literal(text: str) -> object:
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text


def _setting_files(paths: Iterable[str]) -> list[str]:
    """The files that there are at some paths, and in directories there."""
    found = []
    for path in paths:
        try:
            names = sorted(os.listdir(path))
        except NotADirectoryError:
            found.append(path)
        except OSError:
            continue
        else:
            endings = (".yaml", ".yml", ".json")
            found += [os.path.join(path, name) for name in names if name.lower().endswith(endings)]
    return found


def _read_settings(path: str) -> AnyTree:
    """The settings in a file."""
    # Called for files that exist only: most processes never import PyYAML.
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if path.lower().endswith(".json"):
        import json

        tree = json.loads(text)
    else:
        try:
            import yaml  # type: ignore[import-untyped, unused-ignore]
        except ImportError as error:
            raise BadConfigError(
                f"the settings in {path} cannot be read without PyYAML: pip install zarr[yaml]"
            ) from error
        tree = yaml.safe_load(text)
    if tree is None:
        return {}
    if not isinstance(tree, Mapping):
        raise BadConfigError(f"{path} must hold a mapping of settings, not a {type(tree).__name__}")
    return tree


def _spelling(name: str, tree: AnyTree) -> str:
    """The spelling of a name that a tree uses: with ``_`` or with ``-``."""
    if name in tree:
        return name
    for other in (name.replace("_", "-"), name.replace("-", "_")):
        if other in tree:
            return other
    return name


def _merge(
    tree: Tree,
    new: AnyTree,
    *,
    old_wins: bool = False,
    unless: Mapping[str, Any] | None = None,
) -> None:
    """Merge `new` into `tree`. With `unless`, values that differ from those there stay."""
    for key, value in new.items():
        name = _spelling(key, tree)
        if isinstance(value, Mapping):
            below = tree.get(name)
            if not isinstance(below, dict):
                if below is not None and old_wins:
                    continue
                below = tree[name] = {}
            deeper = None if unless is None else unless.get(_spelling(name, unless), {})
            _merge(below, value, old_wins=old_wins, unless=deeper)
        elif name not in tree or not old_wins:
            if unless is not None and name in tree and tree[name] != unless.get(name, _MISSING):
                continue
            tree[name] = value


def _copied(tree: AnyTree) -> Tree:
    return {k: _copied(v) if isinstance(v, Mapping) else v for k, v in tree.items()}


def _map_texts(value: object, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: _map_texts(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return type(value)(_map_texts(item, change) for item in value)
    return value


_engine_explained = False


def _explain_engine(settings: object) -> None:
    """Say, once per process, that no setting chooses an engine."""
    global _engine_explained
    if _engine_explained:
        return
    _engine_explained = True
    import logging

    # A log record and not a warning: packages that switch pipelines do so in good faith, and
    # many of them run their tests with warnings as errors.
    logging.getLogger("zarr").info(
        "codec_pipeline is set to %r: it is kept, and changes nothing. This zarr has a single "
        "native engine, which reads, decodes and places all chunks; threading.max_workers and "
        "async.concurrency bound it.",
        settings,
    )


def parse_indexing_order(data: object) -> Literal["C", "F"]:
    """Return the memory order that a value names.

    Parameters
    ----------
    data
        ``"C"`` or ``"F"``; anything else is a ValueError.
    """
    if data in ("C", "F"):
        return data
    raise ValueError(
        f"Failed to parse input for 'order': expected Literal['C', 'F'], got {data!r}."
    )


config = Config("zarr", defaults=[DEFAULTS], deprecations=deprecations)
"""The settings of this process."""


def _after_fork() -> None:
    config.config_lock = threading.RLock()  # the thread that held it is not in the child


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
