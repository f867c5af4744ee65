"""Where settings come from, besides Python: files, and variables of the environment."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any


class BadConfigError(ValueError):
    """A setting has a value that cannot be used."""


def standard_paths(name: str, env: Mapping[str, str]) -> list[str]:
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


def settings_of_environment(
    env: Mapping[str, str], prefix: str
) -> list[tuple[str, Mapping[str, Any]]]:
    """Variables, and the settings in them: ``ZARR_ARRAY__ORDER`` is ``array.order``."""
    return [
        (name, _nested(name[len(prefix) :].lower().split("__"), _literal(text)))
        for name, text in env.items()
        if name.startswith(prefix)
    ]


def _nested(parts: list[str], value: Any) -> dict[str, Any]:
    for part in reversed(parts):
        value = {part: value}
    tree: dict[str, Any] = value
    return tree


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text


def setting_files(paths: Iterable[str]) -> list[str]:
    """The files that there are at some paths, and in folders there."""
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


def read_settings(path: str) -> Mapping[str, Any]:
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
