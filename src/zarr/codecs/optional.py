"""The codec ``optional``: codecs that are applied to some chunks and not to others."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from zarr.abc.codec import BytesBytesCodec
from zarr.codecs.base import NativeBytesCodec, native_link
from zarr.codecs.chain import evolve
from zarr.codecs.configuration import choice_field, int_field, named, required_configuration
from zarr.codecs.python_codec import foreign_link
from zarr.codecs.translate import parse_codecs

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    from zarr.abc.codec import Codec
    from zarr.codecs.base import Link
    from zarr.dtype import ZDType
    from zarr.metadata.chunk_grids import ChunkGridMetadata
    from zarr.metadata.spec import ArraySpec
    from zarr.types import JSON

__all__ = ["Apply", "OptionalCodec"]

Apply: TypeAlias = Literal["smaller", "always", "never"]
APPLY: Final = ("smaller", "always", "never")


@dataclass(frozen=True)
class OptionalCodec(NativeBytesCodec):
    """Applies codecs to those chunks that they make smaller.

    Each chunk begins with a mask that tells which of the codecs were applied to it.

    Parameters
    ----------
    codecs : iterable of codecs
        Codecs from bytes to bytes: codec objects, or their JSON forms.
    header_bits : int, optional
        The length of the mask, a multiple of 8; by default as long as it must be.
    apply : {'smaller', 'always', 'never'}, default: 'smaller'
        Which chunks the codecs are applied to when they are written: those that they make smaller
        together, all, or none. Not stored: chunks are read by their masks.

    Examples
    --------
    >>> from zarr.codecs import OptionalCodec, ZstdCodec
    >>> OptionalCodec(codecs=[ZstdCodec()]).to_dict()["configuration"]["header_bits"]
    8
    """

    is_fixed_size = False

    codecs: tuple[Codec, ...]
    header_bits: int
    apply: Apply = field(compare=False)

    def __init__(
        self,
        *,
        codecs: Iterable[Codec | dict[str, JSON]],
        header_bits: int | None = None,
        apply: Apply = "smaller",
    ) -> None:
        parsed = parse_codecs(codecs)
        for codec in parsed:
            if not isinstance(codec, BytesBytesCodec):
                raise TypeError(f"Expected codecs from bytes to bytes, got {codec!r}.")
        bits = -(-len(parsed) // 8) * 8 if header_bits is None else header_bits
        if int_field(bits, "header_bits") % 8 or not len(parsed) <= bits <= 1 << 16:
            raise ValueError(
                f"header_bits must be a multiple of 8 and at least {len(parsed)}, got {bits}."
            )
        object.__setattr__(self, "codecs", parsed)
        object.__setattr__(self, "header_bits", bits)
        object.__setattr__(self, "apply", choice_field(apply, "apply", APPLY))

    @classmethod
    def from_dict(cls, data: dict[str, JSON]) -> Self:
        configuration = required_configuration(data, "optional")
        if "apply" in configuration:
            raise TypeError(f"The codec optional has no parameter 'apply' in metadata. Got {data}.")
        return cls(**configuration)

    def to_dict(self) -> dict[str, JSON]:
        codecs: Any = tuple(codec.to_dict() for codec in self.codecs)
        return named("optional", {"codecs": codecs, "header_bits": self.header_bits})

    def evolve_from_array_spec(self, array_spec: ArraySpec) -> Self:
        """The codec with its codecs fitted to `array_spec`."""
        evolved = evolve(self.codecs, array_spec)
        return self if evolved == self.codecs else replace(self, codecs=evolved)

    def validate(
        self,
        *,
        shape: tuple[int, ...],
        dtype: ZDType[Any, Any],
        chunk_grid: ChunkGridMetadata,
    ) -> None:
        """Refuse what the codecs refuse."""
        for codec in self.codecs:
            codec.validate(shape=shape, dtype=dtype, chunk_grid=chunk_grid)

    def compute_encoded_size(self, input_byte_length: int, _chunk_spec: ArraySpec) -> int:
        raise NotImplementedError("The size of a chunk depends on the codecs that are applied.")

    def _link(self, spec: ArraySpec) -> Link:
        links = [native_link(codec, spec) or foreign_link(codec, spec) for codec in self.codecs]
        return ("optional", (links, self.header_bits, self.apply))
