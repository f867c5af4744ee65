"""The codec ``blosc``: shuffling and compression in blocks, as the Blosc library does them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Final, Literal, TypeAlias

from zarr.codecs.base import NOT_STORED, DeprecatedStrEnumMeta, NativeBytesCodec
from zarr.codecs.chain import own_numcodec
from zarr.codecs.configuration import (
    check_chunk_bytes,
    choice_field,
    int_field,
    item_size,
    largest_chunk,
)

if TYPE_CHECKING:
    from typing import Self

    from zarr.codecs.base import AnyDType, Link, Shape
    from zarr.metadata.chunk_grids import ChunkGridMetadata
    from zarr.metadata.spec import ArraySpec

__all__ = ["BloscCname", "BloscCodec", "BloscShuffle"]

BloscShuffleLiteral: TypeAlias = Literal["noshuffle", "shuffle", "bitshuffle"]
"""How Blosc rearranges the bytes before it compresses them."""

BloscCnameLiteral: TypeAlias = Literal["lz4", "lz4hc", "blosclz", "snappy", "zlib", "zstd"]
"""The compressors that Blosc can use."""

BLOSC_SHUFFLE: Final = ("noshuffle", "shuffle", "bitshuffle")
BLOSC_CNAME: Final = ("lz4", "lz4hc", "blosclz", "snappy", "zlib", "zstd")

# Blosc stores the element size in one byte and shuffles larger elements as single bytes.
_MAX_TYPESIZE = 255


class BloscShuffle(metaclass=DeprecatedStrEnumMeta):
    """Deprecated: pass the strings ``"noshuffle"``, ``"shuffle"``, ``"bitshuffle"``."""

    _members: ClassVar[dict[str, str]] = {name: name for name in BLOSC_SHUFFLE}

    @staticmethod
    def from_int(num: int) -> BloscShuffleLiteral:
        """The shuffle of a number, as numcodecs counts them: 0, 1 or 2.

        Parameters
        ----------
        num : int
            The number of Blosc: 0, 1 or 2.

        Returns
        -------
        BloscShuffle
            The name for it.
        """
        if not 0 <= num < len(BLOSC_SHUFFLE):
            raise ValueError(f"Value must be between 0 and 2. Got {num}.")
        return BLOSC_SHUFFLE[num]


class BloscCname(metaclass=DeprecatedStrEnumMeta):
    """Deprecated: pass the name of the compressor as a string, such as ``"lz4"``."""

    _members: ClassVar[dict[str, str]] = {name: name for name in BLOSC_CNAME}


@dataclass(frozen=True, init=False, eq=False, repr=False)
class BloscCodec(NativeBytesCodec):
    """Compresses with Blosc.

    Parameters
    ----------
    typesize : int, optional
        Bytes of one element, for the shuffle. By default the size of the array's elements.
    cname : {'zstd', 'lz4', 'lz4hc', 'blosclz', 'snappy', 'zlib'}, default: 'zstd'
        The compressor.
    clevel : int, default: 5
        How hard to compress, from 0 (not at all) to 9.
    shuffle : {'shuffle', 'bitshuffle', 'noshuffle'}, optional
        Whether to bring together the bytes, or the bits, of equal weight. By default
        ``'bitshuffle'`` for elements of one byte and ``'shuffle'`` for others.
    blocksize : int, default: 0
        Bytes of one block; 0 leaves it to the library.

    Notes
    -----
    Parameters that were left out are chosen when an array is made with the codec
    (`evolve_from_array_spec`). A codec whose choices are still open is not equal to one where the
    same values were given.

    Examples
    --------
    >>> from zarr.codecs import BloscCodec
    >>> BloscCodec(cname="lz4", typesize=8, shuffle="shuffle").to_dict()["configuration"]
    {'typesize': 8, 'cname': 'lz4', 'clevel': 5, 'shuffle': 'shuffle', 'blocksize': 0}
    """

    _name = "blosc"
    _tunable_attrs: set[Literal["typesize", "shuffle"]] = field(init=False, metadata=NOT_STORED)
    typesize: int
    cname: BloscCnameLiteral
    clevel: int
    shuffle: BloscShuffleLiteral
    blocksize: int

    def __init__(
        self,
        *,
        typesize: int | None = None,
        cname: BloscCname | BloscCnameLiteral = "zstd",
        clevel: int = 5,
        shuffle: BloscShuffle | BloscShuffleLiteral | None = None,
        blocksize: int = 0,
    ) -> None:
        open_choices: set[Literal["typesize", "shuffle"]] = set()
        if typesize is None:
            typesize = 1
            open_choices.add("typesize")
        if shuffle is None:
            shuffle = "bitshuffle"
            open_choices.add("shuffle")
        if int_field(typesize, "typesize") <= 0:
            raise ValueError(
                f"Value must be greater than 0. Got {typesize}, which is less or equal to 0."
            )
        self._set(
            _tunable_attrs=open_choices,
            typesize=typesize,
            cname=choice_field(cname, "cname", BLOSC_CNAME),
            clevel=int_field(clevel, "clevel"),
            shuffle=choice_field(shuffle, "shuffle", BLOSC_SHUFFLE),
            blocksize=int_field(blocksize, "blocksize"),
        )

    def evolve_from_array_spec(self, array_spec: ArraySpec) -> Self:
        """The codec with the choices that were left open made for elements of `array_spec`."""
        if not self._tunable_attrs:
            return self
        size = item_size(array_spec.dtype)
        typesize, shuffle = self.typesize, self.shuffle
        if "typesize" in self._tunable_attrs:
            typesize = size
        if "shuffle" in self._tunable_attrs:
            shuffle = "bitshuffle" if size == 1 else "shuffle"
        return replace(self, typesize=typesize, shuffle=shuffle)

    def validate(self, *, shape: Shape, dtype: AnyDType, chunk_grid: ChunkGridMetadata) -> None:
        """Refuse what Blosc could not write: a level, or chunks, out of its range."""
        if not 0 <= self.clevel <= 9:
            raise ValueError(f"The clevel of blosc must be between 0 and 9. Got {self.clevel}.")
        check_chunk_bytes("blosc", largest_chunk(shape, chunk_grid) * item_size(dtype))

    _blosc_codec = own_numcodec

    def _link(self, spec: ArraySpec) -> Link:
        typesize = self.typesize if self.typesize <= _MAX_TYPESIZE else 1
        clevel = min(max(self.clevel, 0), 9)
        shuffle = BLOSC_SHUFFLE.index(self.shuffle)
        return ("blosc", (self.cname, clevel, shuffle, typesize, max(self.blocksize, 0)))
