"""The findings of a check: their codes, how severe they are, and the report of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from zarr.tools.result import Result
from zarr.tools.text import bytes_of, count, printable, shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["RULES", "Finding", "Findings", "Severity", "Verification"]


class Severity(StrEnum):
    """How severe a finding is."""

    ERROR = "error"
    """Elements or nodes cannot be read, or are not those that were written."""
    WARNING = "warning"
    """All can be read here, but something is in the way of somebody."""
    INFO = "info"
    """Worth knowing."""


class Rule(NamedTuple):
    """The meaning of a code.

    Parameters
    ----------
    severity
        Of its findings.
    says
        A sentence about them.
    remedy
        How they are mended.
    """

    severity: Severity
    says: str
    remedy: str


_E, _W, _I = Severity.ERROR, Severity.WARNING, Severity.INFO
_REPAIR = "zarr repair"
_VACUUM = "zarr vacuum"
_SECOND = "zarr repair --second COPY takes it from a second copy"
_DAMAGED = f"{_SECOND}; --drop deletes it, and its elements read as the fill value"
_BY_HAND = "correct it by hand, or take it from a copy"

RULES: dict[str, Rule] = {
    # documents
    "document-unreadable": Rule(_E, "A document cannot be read.", "see the error"),
    "document-vanished": Rule(_W, "A document was deleted while it was verified.", "verify again"),
    "document-empty": Rule(_E, "A document has no bytes.", f"{_SECOND}, or from consolidated"),
    "document-not-json": Rule(_E, "A document is no JSON object.", f"{_SECOND}, or consolidated"),
    "document-invalid": Rule(_E, "A document breaks a rule of the specification.", _BY_HAND),
    "document-lost": Rule(
        _E,
        "There are chunks, and no document of an array.",
        f"zarr repair, where consolidated metadata have it; {_SECOND}",
    ),
    "document-repeated-name": Rule(
        _W, "An object of JSON has a name twice: readers differ in which they take.", _BY_HAND
    ),
    "document-nonstandard-number": Rule(
        _I, "A document has NaN or Infinity as numbers, which JSON lacks.", "set the attribute anew"
    ),
    "codec-unknown": Rule(_W, "No codec of this name is here.", "install the package that has it"),
    "formats-both": Rule(
        _W,
        "A node has documents of both formats: those of format 2 are not read.",
        "zarr remove-metadata v2, or v3",
    ),
    "formats-mixed": Rule(
        _W, "A node is of another format than its group, which does not list it.", "zarr migrate v3"
    ),
    "array-and-group": Rule(_E, "A node is both an array and a group.", "delete one document"),
    "attributes-alone": Rule(_W, "Attributes belong to no node.", _REPAIR),
    "node-below-array": Rule(_E, "A node is hidden by an array above it.", "move it elsewhere"),
    "group-missing": Rule(
        _W, "There are nodes below a path at which there is none: they are not listed.", _REPAIR
    ),
    "consolidated-alone": Rule(_W, "Consolidated metadata belong to no group.", _REPAIR),
    "consolidated-invalid": Rule(_E, "Consolidated metadata cannot be read.", _REPAIR),
    "consolidated-lacks": Rule(_E, "Consolidated metadata lack a node.", _REPAIR),
    "consolidated-surplus": Rule(_E, "Consolidated metadata name a node that is gone.", _REPAIR),
    "consolidated-differs": Rule(_E, "Consolidated metadata are not those of the node.", _REPAIR),
    "unfinished-remains": Rule(
        _I, "A rechunk was finished, and its working files are still there.", _VACUUM
    ),
    "unfinished": Rule(
        _E, "The target of a rechunk that was not finished.", "run the rechunk again, or delete it"
    ),
    # names
    "name-reserved": Rule(_W, "A name is reserved by the specification.", "rename the node"),
    "name-unportable": Rule(
        _W, "A name cannot be used on every file system, or in every URL.", "rename the node"
    ),
    "names-collide": Rule(
        _W, "Names are the same where letters of both cases are, or forms of Unicode.", "rename one"
    ),
    "dimension-names-count": Rule(
        _W, "An array has another number of dimensions than of their names.", "set the attribute"
    ),
    # keys
    "key-orphaned": Rule(_W, "A key belongs to nothing.", _REPAIR),
    "key-is-directory": Rule(
        _W, "A key has a value and keys below it, which no file system can hold.", "rename one"
    ),
    "key-of-other-encoding": Rule(
        _E,
        "A key names a chunk by another encoding than the array's: nobody reads it.",
        "zarr repair moves it to its place; where there is a value already, it deletes it",
    ),
    "chunk-outside": Rule(_W, "A chunk lies outside of the array's shape.", _VACUUM),
    "chunk-missing": Rule(
        _E, "A chunk is not stored: it reads as the fill value.", "write it, or copy it"
    ),
    "temporary-file": Rule(_W, "A temporary file was left by a program that ended.", _VACUUM),
    "no-file": Rule(
        _E,
        "A pipe, device, broken link or unreadable name stands where a file may be.",
        "move it elsewhere, or restore the file",
    ),
    # values
    "chunk-unreadable": Rule(_E, "A value cannot be read.", "see the error"),
    "chunk-vanished": Rule(_W, "A value was deleted while it was verified.", "verify again"),
    "chunk-empty": Rule(_E, "A chunk has no bytes: it was torn.", _DAMAGED),
    "chunk-size": Rule(_E, "A chunk has more or fewer bytes than its elements.", _DAMAGED),
    "chunk-checksum": Rule(_E, "The checksum of a chunk does not match.", _DAMAGED),
    "chunk-damaged": Rule(_E, "A chunk cannot be decoded.", _DAMAGED),
    "chunk-over-limit": Rule(
        _W, "A chunk was not decoded: it is larger than allowed.", "raise array.decoded_max_bytes"
    ),
    "chunk-not-tried": Rule(
        _W, "A chunk was not decoded: its codec refused to.", "see what it says"
    ),
    "shard-too-short": Rule(_E, "A shard is shorter than its index: it was torn.", _DAMAGED),
    "shard-index-damaged": Rule(
        _E,
        "The index of a shard is damaged.",
        "zarr repair, where all chunks in it are whole; else from a second copy, or --drop",
    ),
    "shard-entry-outside": Rule(
        _E, "The index of a shard leads out of it.", "zarr repair, or from a second copy"
    ),
    "shard-chunks-overlap": Rule(
        _E, "Chunks of a shard lie over one another.", "zarr repair, or from a second copy"
    ),
    "shard-chunk-damaged": Rule(_E, "A chunk in a shard cannot be decoded.", _DAMAGED),
    # against a digest
    "digest-differs": Rule(_E, "The content is not that of the digest.", "restore a copy"),
    "digest-lacks": Rule(_W, "A node is not in the digest.", "make the digest anew"),
    "digest-surplus": Rule(_E, "A node of the digest is gone.", "restore a copy"),
}
"""The codes of findings. A code is never given another meaning."""


@dataclass(frozen=True)
class Finding:
    """Something that a check found.

    Attributes
    ----------
    code : str
        Its kind, a key of ``zarr.tools.check.findings.RULES``. Codes do not change between
        versions.
    node : str
        The path of the node, relative to the store.
    key : str
        The key of the value, or the path of a node.
    chunk : tuple of int, optional
        The place of the stored value in the array's grid.
    inner : int, optional
        The number of the chunk in its shard, in C order.
    expected, found : str
        The difference, where it is one.
    version : str
        The SHA-256 of the value that was found damaged: it is mended only as long as it is this.
    """

    code: str
    node: str
    key: str
    chunk: tuple[int, ...] | None = None
    inner: int | None = None
    expected: str = ""
    found: str = ""
    version: str = field(default="", repr=False)

    @property
    def severity(self) -> Severity:
        """How severe it is."""
        return RULES[self.code].severity

    @property
    def remedy(self) -> str:
        """How it is mended."""
        return RULES[self.code].remedy

    def __str__(self) -> str:
        text = f"{self.severity:<8}{self.code:<24}{printable(self.key) or '/'}"
        if self.inner is not None:
            text += f", inner chunk {self.inner}"
        if self.expected:
            return f"{text}: expected {_short(self.expected)}, found {_short(self.found)}"
        return f"{text}: {_short(self.found)}" if self.found else text


def _short(text: str) -> str:
    return shorten(printable(text), 300)


class Findings:
    """Collects findings; of each code so many are kept, and all are counted.

    Parameters
    ----------
    most : int, optional
        How many of one code are kept; all if None.
    """

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        self._kept: list[Finding] = []
        self.counts: Counter[str] = Counter()

    def add(self, finding: Finding) -> None:
        """Add a finding."""
        self.counts[finding.code] += 1
        if self._most is None or self.counts[finding.code] <= self._most:
            self._kept.append(finding)

    @property
    def total(self) -> int:
        """How many there are."""
        return self.counts.total()

    def count(self, code: str, more: int) -> None:
        """Count findings that are not kept."""
        if more:
            self.counts[code] += more

    def room(self, code: str) -> int:
        """Return how many more of a code would be kept."""
        return 1 << 20 if self._most is None else max(0, self._most - self.counts[code])

    def extend(self, findings: Iterable[Finding]) -> None:
        """Add findings."""
        for finding in findings:
            self.add(finding)

    def sorted(self) -> tuple[Finding, ...]:
        """Return those that were kept: the severe ones first, then by code and key."""
        rank = list(RULES).index
        order = list(Severity).index
        return tuple(
            sorted(
                self._kept,
                key=lambda each: (
                    order(each.severity),
                    rank(each.code),
                    each.key,
                    each.inner if each.inner is not None else -1,
                ),
            )
        )


@dataclass(frozen=True)
class Verification(Result):
    """The report of a check.

    Attributes
    ----------
    source : str
        The store and the path in it.
    level : str
        How thorough it was.
    ok : bool
        Whether there is neither an error nor a warning.
    groups, arrays, keys : int
        How many were looked at; keys only where they were listed.
    chunks, stored, decoded : int
        How many values the grids of all arrays have; how many of them are stored; how many of
        those were decoded. In an array with shards, these are shards.
    bytes : int
        How many bytes were read for that.
    counts : dict of str to int
        How many findings there are of each code.
    findings : tuple of Finding
        The findings; at most `limit` of one code.
    """

    source: str
    level: str
    ok: bool
    groups: int
    arrays: int
    keys: int
    chunks: int
    stored: int
    decoded: int
    bytes: int
    counts: dict[str, int]
    findings: tuple[Finding, ...]

    def to_dict(self) -> dict[str, object]:  # type: ignore[override]
        """Return the report as values that JSON has; findings with severity and remedy."""
        made: dict[str, object] = dict(super().to_dict())
        made["findings"] = [
            {
                "code": each.code,
                "severity": each.severity.value,
                "node": each.node,
                "key": each.key,
                "chunk": None if each.chunk is None else list(each.chunk),
                "inner": each.inner,
                "expected": each.expected,
                "found": each.found,
                "remedy": each.remedy,
            }
            for each in self.findings
        ]
        return made

    def _head(self) -> Iterator[tuple[str, str]]:
        yield "Store", printable(self.source)
        yield "Level", self.level
        yield "Nodes", f"{count(self.groups, 'group')}, {count(self.arrays, 'array')}"
        if self.keys:
            yield "Keys", f"{self.keys:,}"
        if self.level != "metadata":
            yield "Chunks", f"{self.stored:,} of {self.chunks:,} stored"
        if self.level == "full":
            yield "Decoded", f"{count(self.decoded, 'chunk')}, {bytes_of(self.bytes)}"
        found = Counter[Severity]()
        for code, number in self.counts.items():
            found[RULES[code].severity] += number
        nouns = ((Severity.ERROR, "error"), (Severity.WARNING, "warning"), (Severity.INFO, "note"))
        told = ", ".join(count(found[each], noun) for each, noun in nouns if found[each])
        yield "Found", told or "nothing"

    def __str__(self) -> str:
        lines = [f"{name:<8}: {value}" for name, value in self._head()]
        last = ""
        for each in self.findings:
            if each.code != last:
                rule = RULES[each.code]
                told = f"{rule.says} ({count(self.counts[each.code])}) Remedy: {rule.remedy}."
                lines += ["", told]
                last = each.code
            lines.append(f"  {each}")
        kept = Counter(each.code for each in self.findings)
        left = sum(number - kept[code] for code, number in self.counts.items())
        if left:
            lines += ["", f"{left:,} more are not shown; raise limit to see them."]
        return "\n".join(lines)

    def to_html(self) -> str:
        """Return the report as one page of HTML that needs nothing else."""
        head = "".join(
            f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>"
            for name, value in self._head()
        )
        rows = "".join(
            f'<tr class="{each.severity}"><td>{each.severity}</td><td>{escape(each.code)}</td>'
            f"<td><code>{escape(printable(each.key)) or '/'}</code></td>"
            f"<td>{'' if each.inner is None else each.inner}</td>"
            f"<td>{escape(_short(each.expected))}</td><td>{escape(_short(each.found))}</td>"
            f"<td>{escape(RULES[each.code].says)} Remedy: {escape(each.remedy)}.</td></tr>"
            for each in self.findings
        )
        table = (
            "<table><thead><tr><th>Severity</th><th>Code</th><th>Key</th><th>Inner chunk</th>"
            f"<th>Expected</th><th>Found</th><th>Meaning</th></tr></thead><tbody>{rows}</tbody>"
            "</table>"
            if rows
            else "<p>Nothing was found.</p>"
        )
        return (
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
            f"<title>Check of {escape(printable(self.source))}</title><style>{_STYLE}</style>"
            f"</head><body><h1>Check of a Zarr store</h1><table>{head}</table><h2>Findings</h2>"
            f"{table}</body></html>\n"
        )


_STYLE = (
    ":root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;"
    "max-width:80rem;padding:0 1rem}table{border-collapse:collapse}th,td{text-align:left;"
    "vertical-align:top;padding:.25rem .75rem;border-bottom:1px solid #8886}code{"
    "overflow-wrap:anywhere}.error td:first-child{font-weight:bold;"
    "color:light-dark(#a40000,#ff9b9b)}.warning td:first-child{font-weight:bold;"
    "color:light-dark(#7a4b00,#ffd479)}"
)
