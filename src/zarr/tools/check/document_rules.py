"""The rules for the documents of a hierarchy that concern more than one of them, and names."""

from __future__ import annotations

import re
import unicodedata
import warnings
from typing import TYPE_CHECKING, Any

from zarr.hierarchy.documents import check_new_nodes, get_value
from zarr.metadata.group import GroupMetadata
from zarr.metadata.json import parse_json
from zarr.metadata.v3 import ArrayV3Metadata
from zarr.tools.check.findings import Finding
from zarr.tools.check.survey import canonical, fingerprint, joined

if TYPE_CHECKING:
    from zarr.tools.check.survey import Node, Survey

__all__ = ["check_documents"]

_MAIN_OF_V2 = frozenset((".zarray", ".zgroup"))


async def check_documents(survey: Survey) -> None:
    """Find what is wrong with nodes beside what each document says of itself."""
    for node in survey.nodes.values():
        _check_node(survey, node)
    _check_missing_groups(survey)
    _check_names(survey)
    for node in survey.nodes.values():
        if node.consolidated is not None:
            if node.zarr_format == 3:
                await _check_consolidated_v3(survey, node, node.consolidated)
            else:
                _check_consolidated_v2(survey, node, node.consolidated)


def _add(
    survey: Survey, code: str, node: str, key: str, found: str = "", expected: str = ""
) -> None:
    survey.findings.add(Finding(code, node, key, expected=expected, found=found))


def _check_node(survey: Survey, node: Node) -> None:
    names, path = node.names, node.path
    old = sorted(names & _MAIN_OF_V2)
    if "zarr.json" in names and old:
        _add(survey, "formats-both", path, joined(path, old[0]))
    if len(old) == 2:
        _add(survey, "array-and-group", path, path)
    if ".zattrs" in names and not old:
        _add(survey, "attributes-alone", path, joined(path, ".zattrs"))
    if ".zmetadata" in names and ".zgroup" not in names:
        _add(survey, "consolidated-alone", path, joined(path, ".zmetadata"))
    if not (old or "zarr.json" in names) or path == survey.place.path:
        return
    for above in survey.above(path):
        other = survey.nodes.get(above)
        if other is not None and other.is_group is False:
            _add(survey, "node-below-array", path, path, f"an array at {above!r}")
            return
    parent = survey.nodes.get(path.rpartition("/")[0])
    if parent is not None and parent.zarr_format and parent.zarr_format != node.zarr_format:
        mixed = f"format {node.zarr_format}"
        _add(survey, "formats-mixed", path, path, mixed, f"format {parent.zarr_format}")


def _check_missing_groups(survey: Survey) -> None:
    reported: set[str] = set()
    for path in survey.nodes:
        for above in survey.above(path):
            here = survey.nodes.get(above)
            if here is not None and here.zarr_format:
                break
            if above in reported:
                break
            # A directory in which there are stores is no group that lacks its document.
            if any(
                (node := survey.nodes.get(each)) is not None and node.is_group
                for each in survey.above(above)
            ):
                reported.add(above)
                _add(survey, "group-missing", above, above)


# -- names ----------------------------------------------------------------------------------------

_DEVICES = re.compile(r"(con|prn|aux|nul|com[1-9]|lpt[1-9])(\..*)?", re.IGNORECASE)
_BAD = frozenset('\\:*?"<>|#%')


def _unportable(name: str) -> str:
    """Say why a name cannot be used everywhere; nothing if it can."""
    if not all(char.isprintable() for char in name):
        return "characters that cannot be seen"
    bad = "".join(sorted(_BAD.intersection(name)))
    if bad:
        return f"the characters {bad}"
    if name != name.rstrip(". ") or name != name.lstrip(" "):
        return "a space or dot at an end"
    if _DEVICES.fullmatch(name):
        return "the name of a device of Windows"
    if len(name.encode("utf-8", "surrogatepass")) > 255:
        return "more than 255 bytes"
    return ""


def _check_names(survey: Survey) -> None:
    same: dict[tuple[str, str], str] = {}
    for path, node in survey.nodes.items():
        if path == survey.place.path or not node.zarr_format:
            continue
        parent, _, name = path.rpartition("/")
        try:
            check_new_nodes([path], 2 if node.zarr_format == 2 else 3)
        except ValueError:
            _add(survey, "name-reserved", path, path)
        why = _unportable(name)
        if why:
            _add(survey, "name-unportable", path, path, why)
        form = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
        other = same.setdefault((parent, form), path)
        if other != path:
            _add(survey, "names-collide", path, path, f"the same as {other!r}")


# -- consolidated metadata ------------------------------------------------------------------------


async def _check_consolidated_v3(survey: Survey, group: Node, told: dict[str, Any]) -> None:
    members = survey.members(group)
    key = joined(group.path, "zarr.json")
    for name, document in told.items():
        path = joined(group.path, name)
        node = members.get(name)
        if node is None:
            _add_surplus(survey, group, path, key)
        elif node.is_sound and fingerprint(document) != node.prints.get("zarr.json", b""):
            value = await get_value(survey.place.store, path, "zarr.json")
            if value is not None and not _same_meaning(value, document, path):
                found = f"another document of {path!r}"
                _add(survey, "consolidated-differs", group.path, key, found)
    for name in members.keys() - told.keys():
        path = joined(group.path, name)
        if members[name].is_sound:
            _add(survey, "consolidated-lacks", group.path, key, f"nothing of {path!r}")


def _add_surplus(survey: Survey, group: Node, path: str, key: str) -> None:
    below = f"{path}/"
    if path in survey.nodes or any(each.startswith(below) for each in survey.nodes):
        return  # it is there, and why it is no member is found besides
    if any(each.startswith(below) for each in survey.keys or ()):
        if path not in survey.lost:
            survey.lost.add(path)
            _add(survey, "document-lost", path, path, f"its document only in {key!r}")
    else:
        _add(survey, "consolidated-surplus", group.path, key, f"the node {path!r}")


def _same_meaning(value: bytes, document: dict[str, Any], path: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            own = parse_json(value, path, "zarr.json")
            one, other = (_normal(each) for each in (own, document))
        except Exception:  # codecs and data types of others raise anything
            return False
    return one == other


def _normal(document: dict[str, Any]) -> bytes:
    own = {key: value for key, value in document.items() if key != "consolidated_metadata"}
    kind = ArrayV3Metadata if own.get("node_type") == "array" else GroupMetadata
    made: Any = kind.from_dict(own)
    return canonical(made.to_dict())


def _check_consolidated_v2(survey: Survey, group: Node, told: dict[str, Any]) -> None:
    key = joined(group.path, ".zmetadata")
    there: dict[str, tuple[Node, bytes]] = {}
    for name, node in {"": group, **survey.members(group)}.items():
        for each in node.names - {".zmetadata"}:
            there[joined(name, each)] = node, node.prints.get(each, b"")
    empty = fingerprint({})
    for each, document in told.items():
        path = joined(group.path, each.rpartition("/")[0]).rstrip("/")
        if each not in there:
            if not each.endswith(".zattrs"):
                _add_surplus(survey, group, path, key)
            elif fingerprint(document) != empty and path in survey.nodes:
                found = f"attributes of {path!r}"
                _add(survey, "consolidated-differs", group.path, key, found)
        elif there[each][0].is_sound and fingerprint(document) != there[each][1]:
            found = f"another document {joined(group.path, each)!r}"
            _add(survey, "consolidated-differs", group.path, key, found)
    for each in there.keys() - told.keys():
        node, mark = there[each]
        if not node.is_sound:
            continue
        if each.endswith(".zattrs"):
            if mark != empty:
                found = f"no attributes of {node.path!r}"
                _add(survey, "consolidated-differs", group.path, key, found)
        else:
            _add(survey, "consolidated-lacks", group.path, key, f"nothing of {node.path!r}")
