"""The page of a report: one file of HTML without a script, for light and dark screens."""

from __future__ import annotations

from html import escape
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from zarr.arrays.card import card, facts_of, grid_of
from zarr.arrays.card import shown as escaped
from zarr.tools.pages.pictures import bars, image, line
from zarr.tools.text import bytes_of, count, percent, ratio

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zarr.tools.check.findings import Verification
    from zarr.tools.pages.reporting import ArrayOfReport, ChunkMap, Listed, Preview, Shown

__all__ = ["page"]

_WIDTH = 240
_OPEN = 12
"""So many arrays are unfolded at first."""
_MOST_IN_TREE = 20_000
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1f; --soft: #55555e; --paper: #ffffff;
  --line: #c9c9d1; --link: #0a55a8; --bar: #4f8fd0; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececf1; --soft: #b4b4bf; --paper: #17171b;
  --line: #44444d; --link: #8ec1ff; --bar: #4f8fd0; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 75rem; padding: 1rem; background: var(--paper);
  color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
a { color: var(--link); }
a:focus-visible, summary:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: -100rem; }
.skip:focus { position: static; }
h1, h2 { line-height: 1.2; overflow-wrap: anywhere; }
ul.tree, ul.tree ul { list-style: none; margin: 0; padding-left: 1.2rem; }
ul.tree { padding-left: 0; }
.size, .soft, figcaption { color: var(--soft); }
.size { font-variant-numeric: tabular-nums; }
meter { width: 6rem; height: .7rem; vertical-align: middle; }
summary { cursor: pointer; padding: .25rem 0; overflow-wrap: anywhere; }
.array { border-top: 1px solid var(--line); }
.figures { display: flex; flex-wrap: wrap; gap: 1.25rem; margin: .75rem 0 1.25rem; }
figure { margin: 0; max-width: 100%; }
figcaption { max-width: 240px; font-size: 13px; overflow-wrap: anywhere; }
figure img { image-rendering: pixelated; border: 1px solid var(--line); display: block; }
figure svg { border: 1px solid var(--line); display: block; color: var(--link); }
.zarr-info th { padding-right: 1rem; font-weight: 600; white-space: nowrap; vertical-align: top; }
.zarr-info td { overflow-wrap: anywhere; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; }
"""


def page(
    place: str,
    groups: Sequence[str],
    shown: Sequence[Shown],
    listed: Listed,
    verified: Verification,
) -> str:
    """Return the page.

    Parameters
    ----------
    place
        The name of the store and the path in it.
    groups
        The paths of the groups.
    shown
        The arrays, by path.
    listed
        The keys and bytes that the store told.
    verified
        The findings.
    """
    decoded = sum(each.node.decoded for each in shown)
    chunks = sum(each.node.stored or 0 for each in shown)
    facts = [
        count(len(shown), "array"),
        count(len(groups), "group"),
        f"{bytes_of(decoded)} decoded",
    ]
    if listed.stored is not None:
        facts.append(f"{bytes_of(listed.stored)} stored")
        if chunks:
            facts.append(f"{bytes_of(chunks)} of it chunks")
    title = f"Report on {place}"
    parts = [
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escaped(title)}'
        f'</title><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">'
        f'<link rel="icon" href="data:,"><style>{_STYLE}</style></head><body>'
        f'<a class="skip" href="#arrays">Skip to the arrays</a>'
        f"<header><h1>{escaped(title)}</h1><p>{', '.join(facts)}.</p></header><main>",
        _findings(verified),
        _advice(shown, listed.error),
        _tree(groups, shown),
        '<section id="arrays" aria-labelledby="h-arrays"><h2 id="h-arrays">Arrays</h2>',
        *(_array(number, each) for number, each in enumerate(shown) if each.preview is not None),
    ]
    left = sum(each.preview is None for each in shown)
    if left:
        parts.append(f"<p>{left:,} more arrays are in the tree only.</p>")
    parts.append("</section></main></body></html>\n")
    return "".join(parts)


def _findings(verified: Verification) -> str:
    if verified.findings:
        left = sum(verified.counts.values()) - len(verified.findings)
        rows = "".join(
            f"<li><strong>{escaped(each.severity.value)}</strong> {escaped(each)}</li>"
            for each in verified.findings
        )
        text = f"<ul>{rows}</ul>" + (f"<p>{left:,} more.</p>" if left else "")
    else:
        text = f"<p>Nothing was found at the level {escaped(verified.level)}.</p>"
    return (
        f'<section aria-labelledby="h-findings"><h2 id="h-findings">Findings</h2>{text}</section>'
    )


def _advice(shown: Sequence[Shown], error: str) -> str:
    found = [f"<li>The store cannot be listed: {escaped(error)}</li>"] if error else []
    found += [
        f'<li><a href="#a{number}">{escaped(each.node.path or "/")}</a>: {escaped(sentence)}</li>'
        for number, each in enumerate(shown)
        for sentence in each.node.advice
    ]
    text = f"<ul>{''.join(found[:500])}</ul>" if found else "<p>Nothing to advise.</p>"
    if len(found) > 500:
        text += f"<p>{len(found) - 500:,} more.</p>"
    return '<section aria-labelledby="h-advice"><h2 id="h-advice">Advice</h2>' + text + "</section>"


def _tree(groups: Sequence[str], shown: Sequence[Shown]) -> str:
    sizes: dict[str, int] = dict.fromkeys(groups, 0)
    for each in shown:
        for above in _above(each.node.path):
            sizes[above] = sizes.get(above, 0) + (each.node.stored or 0)
    most = max([1, *(each.node.stored or 0 for each in shown)])
    nodes: list[tuple[tuple[str, ...], int | None]] = [
        (tuple(path.split("/")), None) for path in groups if path
    ]
    nodes += [(tuple(each.node.path.split("/")), number) for number, each in enumerate(shown)]
    nodes.sort(key=lambda node: node[0])
    left = max(0, len(nodes) - _MOST_IN_TREE)

    def rows(below: list[tuple[tuple[str, ...], int | None]], above: tuple[str, ...]) -> str:
        depth = len(above)
        made = []
        for name, run in groupby(below, key=lambda node: node[0][depth]):
            members = list(run)
            path = (*above, name)
            own = next((number for parts, number in members if len(parts) == depth + 1), None)
            rest = [node for node in members if len(node[0]) > depth + 1]
            if own is not None:
                node = shown[own].node
                made.append(
                    f'<li><a href="#a{own}">{escaped(name or "/")}</a> '
                    f"{escaped(node.shape)} {escaped(node.dtype)} {_size(node, most)}</li>"
                )
            else:
                total = bytes_of(sizes.get("/".join(path), 0))
                text = f'{escaped(name)} <span class="size">{total}</span>'
                inner = f"<ul>{rows(rest, path)}</ul>" if rest else ""
                opened = " open" if depth < 2 else ""
                made.append(
                    f"<li><details{opened}><summary>{text}</summary>{inner}</details></li>"
                    if inner
                    else f"<li>{text}</li>"
                )
        return "".join(made)

    more = f"<p>{left:,} more nodes.</p>" if left else ""
    return (
        '<section aria-labelledby="h-tree"><h2 id="h-tree">Tree</h2><ul class="tree">'
        f"{rows(nodes[:_MOST_IN_TREE], ())}</ul>{more}</section>"
    )


def _above(path: str) -> Iterator[str]:
    while path:
        path = path.rpartition("/")[0]
        yield path


def _size(node: ArrayOfReport, most: int) -> str:
    if node.stored is None:
        return f'<span class="size">{bytes_of(node.decoded)} decoded</span>'
    text = f"{bytes_of(node.stored)} stored, {bytes_of(node.decoded)} decoded"
    return (
        f'<span class="size">{text}</span> <meter min="0" max="{most}" value="{node.stored}" '
        f'aria-label="part of the largest array">{node.stored}</meter>'
    )


def _array(number: int, each: Shown) -> str:
    node = each.node
    head = f"{node.path or '/'}: shape {node.shape}, {node.dtype}, {bytes_of(node.stored)} stored"
    facts: list[tuple[str, object]] = [("Array", each.array.store_path.shown_as())]
    facts += facts_of(each.array).items()
    if node.values is not None:
        facts.append(("Stored chunks", f"{bytes_of(node.stored)}, {_presence(node)}"))
        if node.values == node.grid_values and node.stored:
            facts.append(("Compression", ratio(node.decoded, node.stored)))
    figures = [*_maps(each.chunks, node), *_pictures(each.preview)]
    opened = " open" if number < _OPEN else ""
    return (
        f'<details class="array" id="a{number}"{opened}><summary>{escaped(head)}</summary>'
        f"{card(facts, grid_of(each.array))}"
        f'<div class="figures">{"".join(figures)}</div></details>'
    )


def _presence(node: ArrayOfReport) -> str:
    values = node.values or 0
    share = percent(values, node.grid_values) if node.grid_values else "–"
    return f"{values:,} of {node.grid_values:,} stored values are there ({share})"


def _figure(picture: str, caption: str) -> str:
    return f"<figure>{picture}<figcaption>{escaped(caption)}</figcaption></figure>"


def _maps(chunks: ChunkMap | None, node: ArrayOfReport) -> Iterator[str]:
    if chunks is None or not node.grid_values:
        return
    caption = f"Where values are stored: {_presence(node)}"
    # Of the shape of the array, as the picture of its values is.
    rows, columns = (1, 1, *node.shape)[-2:]
    aspect = min(1.0, max(0.1, rows / max(1, columns)))
    picture = image(chunks.present, caption, _WIDTH, aspect=aspect, limits=(0, 1))
    yield _figure(picture, caption)
    good = chunks.ratio[np.isfinite(chunks.ratio)]
    if good.size:
        caption = f"Compression: {good.min():.1f}× to {good.max():.1f}×"
        yield _figure(image(chunks.ratio, caption, _WIDTH, aspect=aspect), caption)


def _pictures(preview: Preview | None) -> Iterator[str]:
    if preview is None:
        return
    if preview.values is None:
        yield _figure(f"<pre>{escaped(preview.text, 1000)}</pre>", preview.shown or "Values")
        return
    caption = f"Values of {preview.shown}"
    if preview.values.ndim == 2:
        yield _figure(image(preview.values, caption, _WIDTH, aspect=preview.aspect), caption)
    else:
        yield _figure(line(preview.values, caption), caption)
    found = preview.histogram
    if found is not None and found.counts:
        caption = f"Histogram: {found.low:.6g} to {found.high:.6g}"
        if found.missing:
            caption += f", {found.missing:,} no finite number"
        yield _figure(bars(found), caption)
