//! Data types of the Zarr specifications, as far as codecs and fill values must know them.

use std::fmt;

use crate::element::Swap;
use crate::error::{Error, Result};

/// In which order the bytes of a number are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endian {
    /// The least significant one first.
    Little,
    /// The most significant one first.
    Big,
}

impl Endian {
    /// That of numbers in memory.
    pub const NATIVE: Self = if cfg!(target_endian = "big") { Endian::Big } else { Endian::Little };
}

/// The kinds of elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 0 or 1, in a byte.
    Bool,
    /// A signed integer.
    Int,
    /// An unsigned integer.
    Uint,
    /// A floating point number of IEEE 754.
    Float,
    /// A `float32` without its last 16 bits.
    Bfloat,
    /// Two floating point numbers of IEEE 754.
    Complex,
    /// Bytes that mean nothing here.
    Raw,
}

/// The type of elements of one size. In memory, their bytes are in the order of the machine.
///
/// ```
/// use zarr_engine::data_type::{DataType, Endian};
/// use zarr_engine::element::Swap;
///
/// let complex = DataType::named("complex64")?;
/// assert_eq!(complex.size(), 8);
/// // Both of its parts are reversed where the stored byte order is not that of the machine.
/// let other = if Endian::NATIVE == Endian::Little { Endian::Big } else { Endian::Little };
/// assert_eq!(complex.swap(Some(other))?, Swap::Every(4));
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataType {
    kind: Kind,
    size: usize,
}

impl DataType {
    /// The data type with this name in Zarr v3: `bool`, `int8` to `int64`, `uint8` to `uint64`,
    /// `float16` to `float64`, `bfloat16`, `complex64`, `complex128`, and raw bytes such as `r16`.
    pub fn named(name: &str) -> Result<Self> {
        let unknown = || Error::config(format!("the engine does not know the data type {name:?}"));
        let digits = name.find(|c: char| c.is_ascii_digit()).unwrap_or(name.len());
        let (word, bits) = name.split_at(digits);
        let kind = match (word, bits) {
            ("bool", "") => return Ok(Self { kind: Kind::Bool, size: 1 }),
            ("int", "8" | "16" | "32" | "64") => Kind::Int,
            ("uint", "8" | "16" | "32" | "64") => Kind::Uint,
            ("float", "16" | "32" | "64") => Kind::Float,
            ("bfloat", "16") => Kind::Bfloat,
            ("complex", "64" | "128") => Kind::Complex,
            ("r", _) => Kind::Raw,
            _ => return Err(unknown()),
        };
        let bits: usize = bits.parse().map_err(|_| unknown())?;
        match bits / 8 {
            size if size > 0 && bits.is_multiple_of(8) => Ok(Self { kind, size }),
            _ => Err(unknown()),
        }
    }

    /// The kind of the elements.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Bytes of an element.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Bytes of a number; a complex element is two of them.
    fn number_size(&self) -> usize {
        match self.kind {
            Kind::Complex => self.size / 2,
            Kind::Raw => 1,
            _ => self.size,
        }
    }

    /// Bits that a number uses.
    pub fn number_bits(&self) -> u32 {
        if self.kind == Kind::Bool { 1 } else { self.number_size() as u32 * 8 }
    }

    /// The numbers that an element is, as NumPy names them: byte order, letter, bytes.
    pub fn number(&self) -> Result<String> {
        let letter = match self.kind {
            Kind::Bool | Kind::Bfloat => 'b',
            Kind::Int => 'i',
            Kind::Uint => 'u',
            Kind::Float | Kind::Complex => 'f',
            Kind::Raw => return Err(Error::config(format!("elements of type {self} are no numbers"))),
        };
        let order = match (self.number_size(), Endian::NATIVE) {
            (1, _) => '|',
            (_, Endian::Little) => '<',
            (_, Endian::Big) => '>',
        };
        Ok(format!("{order}{letter}{}", self.number_size()))
    }

    /// Which bytes are reversed between memory and elements that are stored in the order `endian`,
    /// which elements of single bytes may leave out.
    pub fn swap(&self, endian: Option<Endian>) -> Result<Swap> {
        match endian {
            _ if self.number_size() == 1 => Ok(Swap::None),
            Some(Endian::NATIVE) => Ok(Swap::None),
            Some(_) => Ok(Swap::Every(self.number_size())),
            None => Err(Error::config(format!("the byte order of elements of type {self} is not told"))),
        }
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = self.size * 8;
        match self.kind {
            Kind::Bool => f.write_str("bool"),
            Kind::Int => write!(f, "int{bits}"),
            Kind::Uint => write!(f, "uint{bits}"),
            Kind::Float => write!(f, "float{bits}"),
            Kind::Bfloat => write!(f, "bfloat{bits}"),
            Kind::Complex => write!(f, "complex{bits}"),
            Kind::Raw => write!(f, "r{bits}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_and_others_are_refused() {
        for name in "bool int8 int64 uint16 float16 float64 bfloat16 complex64 complex128 r8 r24".split(' ') {
            assert_eq!(DataType::named(name).unwrap().to_string(), name);
        }
        for name in ["", "int", "int7", "int128", "float8", "complex32", "r", "r7", "r0", "r-8", "string", "8"] {
            assert!(DataType::named(name).is_err(), "{name}");
        }
    }

    #[test]
    fn single_bytes_have_no_order_and_others_must_tell_it() {
        for name in ["bool", "uint8", "r32"] {
            assert_eq!(DataType::named(name).unwrap().swap(None).unwrap(), Swap::None);
        }
        assert!(DataType::named("int16").unwrap().swap(None).is_err());
    }
}
