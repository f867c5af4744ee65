"""Trees of groups, for people: as text, and as HTML that can be folded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zarr.errors import printable
from zarr.hierarchy.walk import walk
from zarr.metadata.group import NodeMetadata, is_group

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zarr.abc.store import Store
    from zarr.metadata.group import GroupMetadata

_STYLE = "font-family:Menlo,'DejaVu Sans Mono',consolas,'Courier New',monospace;line-height:1.4"


@dataclass(slots=True)
class Branch:
    """A node, and the branches below it.

    Parameters
    ----------
    name
        Of the node.
    label
        The description of an array; empty for a group.
    """

    name: str
    label: str = ""
    below: dict[str, Branch] = field(default_factory=dict)

    def lines(self, indent: str = "") -> Iterator[tuple[str, Branch]]:
        """Yield what stands before each node below, and the node."""
        branches = [self.below[name] for name in sorted(self.below)]
        for branch in branches:
            last = branch is branches[-1]
            yield indent + ("└── " if last else "├── "), branch
            yield from branch.lines(indent + ("    " if last else "│   "))


class Tree:
    """A tree of a group and what is below it.

    It prints as text. In a notebook it is HTML, and groups can be folded.

    Parameters
    ----------
    root
        The group.
    expand
        Whether groups are open at first: all, none, or the outermost if None.
    plain
        Whether a notebook shows the text, too.
    truncated
        The number of nodes to which the tree was cut; None if it is whole.
    """

    def __init__(
        self,
        root: Branch,
        *,
        expand: bool | None = None,
        plain: bool = False,
        truncated: int | None = None,
    ) -> None:
        self._root = root
        self._expand = expand
        self._plain = plain
        self._truncated = truncated

    def _notice(self) -> str:
        if self._truncated is None:
            return ""
        return (
            f"Truncated at max_nodes={self._truncated}, some nodes and their children may be "
            "missing\n"
        )

    def __repr__(self) -> str:
        lines = [self._root.name]
        lines += [f"{before}{branch.name}{branch.label}" for before, branch in self._root.lines()]
        return self._notice() + "\n".join(lines) + "\n"

    def _repr_html_(self) -> str:
        from html import escape

        if self._plain:
            return f'<pre style="{_STYLE}">{escape(repr(self))}</pre>'
        notice = f"<p>{escape(self._notice())}</p>" if self._truncated is not None else ""
        return f'<div class="zarr-tree" style="{_STYLE}">{notice}{self._html(self._root, 0)}</div>'

    def _html(self, branch: Branch, depth: int) -> str:
        from html import escape

        text = f"<b>{escape(branch.name)}</b>{escape(branch.label)}"
        if not branch.below:
            return f"<div>{text}</div>"
        shown = depth == 0 if self._expand is None else self._expand
        inner = "".join(self._html(branch.below[name], depth + 1) for name in sorted(branch.below))
        return (
            f"<details{' open' if shown else ''}><summary>{text}</summary>"
            f'<div style="margin-left:1.5em">{inner}</div></details>'
        )


async def make_tree(
    store: Store,
    path: str,
    group: GroupMetadata,
    *,
    expand: bool | None = None,
    level: int | None = None,
    max_nodes: int = 500,
    plain: bool = False,
) -> Tree:
    """Return the tree of a group; at most so many levels and nodes of it."""
    root = Branch(printable(f"/{path}"))
    branches = {"": root}
    count, truncated = 0, False
    async for name, node in walk(store, path, group, level):
        if count >= max_nodes:
            truncated = True
            break
        count += 1
        parent, _, last = name.rpartition("/")
        branch = Branch(printable(last), printable(_label(node)))
        branches[name] = branch
        branches[parent].below[last] = branch
    return Tree(root, expand=expand, plain=plain, truncated=max_nodes if truncated else None)


def _label(node: NodeMetadata) -> str:
    return "" if is_group(node) else f" {node.shape} {node.dtype.to_native_dtype()}"
