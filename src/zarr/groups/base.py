"""The properties that both faces of a group have without asking the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zarr.abc.store import Store
    from zarr.metadata.group import GroupMetadata
    from zarr.storage.path import StorePath


@dataclass(kw_only=True)
class GroupInfo:
    """A summary of a group; printed, it is a table.

    The numbers are known only where the members are: from consolidated metadata, or because the
    store was asked, see ``Group.info_complete``.
    """

    _name: str
    _zarr_format: int
    _read_only: bool
    _store_type: str
    _count_members: int | None = None
    _count_arrays: int | None = None
    _count_groups: int | None = None
    _type: str = "Group"

    def _rows(self) -> Iterator[tuple[str, object]]:
        yield "Name", self._name
        yield "Type", self._type
        yield "Zarr format", self._zarr_format
        yield "Read-only", self._read_only
        yield "Store type", self._store_type
        if self._count_members is not None:
            yield "No. members", self._count_members
            yield "No. arrays", self._count_arrays
            yield "No. groups", self._count_groups

    def __repr__(self) -> str:
        return "\n".join(f"{name:<11} : {value}" for name, value in self._rows())

    def _repr_html_(self) -> str:
        from zarr.arrays.card import fact_table  # late: few are shown in a notebook

        return fact_table(self._rows())


class GroupBase:
    """A group at a path in a store: its properties.

    Attributes
    ----------
    metadata : GroupMetadata
        The metadata of the group.
    store_path : StorePath
        The store, and the path of the group in it.
    """

    if TYPE_CHECKING:
        # Attributes of one face, properties of the other.
        @property
        def metadata(self) -> GroupMetadata: ...
        @property
        def store_path(self) -> StorePath: ...

    @property
    def store(self) -> Store:
        """The store of the group.

        Returns
        -------
        Store

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> type(group.store).__name__
        'MemoryStore'
        """
        return self.store_path.store

    @property
    def path(self) -> str:
        """The path of the group in its store.

        Returns
        -------
        str
            ``""`` for the root of the store.

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> group["a"].path
        'a'
        """
        return self.store_path.path

    @property
    def name(self) -> str:
        """The path of the group, with a slash before it.

        Returns
        -------
        str

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> group["a"].name
        '/a'
        """
        return "/" + self.store_path.path

    @property
    def basename(self) -> str:
        """The last part of the path.

        Returns
        -------
        str

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> group["a"].basename
        'a'
        """
        return self.store_path.path.rpartition("/")[2]

    @property
    def read_only(self) -> bool:
        """Whether writing is refused."""
        return self.store_path.store.read_only

    @property
    def info(self) -> GroupInfo:
        """A summary, made without asking the store.

        Returns
        -------
        GroupInfo

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> print(str(group.info).splitlines()[1])
        Type        : Group
        """
        consolidated = self.metadata.consolidated_metadata
        if consolidated is None:
            return self._info()
        return self._info(*consolidated.count())

    def _info(self, members: int | None = None, groups: int = 0) -> GroupInfo:
        return GroupInfo(
            _name=self.path,
            _zarr_format=self.metadata.zarr_format,
            _read_only=self.read_only,
            _store_type=type(self.store).__name__,
            _count_members=members,
            _count_arrays=None if members is None else members - groups,
            _count_groups=None if members is None else groups,
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.store_path}>"

    def _repr_html_(self) -> str:
        from zarr.arrays.card import card  # late: few are shown in a notebook

        facts = [(type(self).__name__, self.store_path.shown_as())]
        info = self.info
        if info._count_members is None:
            facts.append(("Members", "not listed (members() lists them)"))
        else:
            counts = f"{info._count_arrays:,} arrays, {info._count_groups:,} groups"
            facts.append(("Members", f"{counts}, by the consolidated metadata"))
        names = list(self.metadata.attributes)
        facts.append(("Attributes", ", ".join(map(str, names[:20])) + ", …" * (len(names) > 20)))
        facts.append(("Zarr format", str(self.metadata.zarr_format)))
        return card(facts)
