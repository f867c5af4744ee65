//! numcodecs' delta filter: the first element, then the difference of each from the one before.

use std::ops::{Add, Sub};

use super::{ArrayFilter, Needs, Spec};
use crate::element::Swap;
use crate::error::{Error, Result};

/// Replaces elements by their differences, in the order of the flat array.
///
/// ```
/// use zarr_engine::codec::delta::Delta;
/// use zarr_engine::codec::{ArrayFilter, Spec};
///
/// let mut data = vec![1, 3, 6];
/// Delta::new("|u1")?.encode(&Spec { shape: vec![3], size: 1 }, &mut data)?;
/// assert_eq!(data, [1, 2, 3]);
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delta {
    number: Number,
    big_endian: bool,
}

/// A type of number; signed integers wrap as unsigned ones do, so they are the same here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Number {
    U8,
    U16,
    U32,
    U64,
    F32,
    F64,
}

impl Delta {
    /// `dtype` is a number type as NumPy writes it: a byte order, a letter (i, u or f), a size.
    pub fn new(dtype: &str) -> Result<Self> {
        let unknown = || Error::config(format!("the delta filter has no type {dtype:?}"));
        let (big_endian, name) = match dtype.as_bytes() {
            [b'>', name @ ..] => (true, name),
            [b'<', name @ ..] => (false, name),
            [b'|', name @ ..] => (cfg!(target_endian = "big"), name),
            _ => return Err(unknown()),
        };
        let number = match name {
            b"i1" | b"u1" => Number::U8,
            b"i2" | b"u2" => Number::U16,
            b"i4" | b"u4" => Number::U32,
            b"i8" | b"u8" => Number::U64,
            b"f4" => Number::F32,
            b"f8" => Number::F64,
            _ => return Err(unknown()),
        };
        Ok(Self { number, big_endian })
    }

    fn size(&self) -> usize {
        match self.number {
            Number::U8 => 1,
            Number::U16 => 2,
            Number::U32 | Number::F32 => 4,
            Number::U64 | Number::F64 => 8,
        }
    }

    /// Runs `work` on `data` as little-endian numbers.
    fn swapped(&self, data: &mut [u8], work: impl Fn(Number, &mut [u8])) {
        let swap = if self.big_endian { Swap::Every(self.size()) } else { Swap::None };
        swap.apply(data, self.size());
        work(self.number, data);
        swap.apply(data, self.size());
    }

    /// Checks that `data` are an array of `spec`, made of this filter's numbers.
    fn check(&self, spec: &Spec, data: &[u8]) -> Result<()> {
        if spec.size != self.size() {
            return Err(Error::config("the delta filter does not fit the elements")
                .expected(format_args!("{} bytes", self.size()), format_args!("{} bytes", spec.size)));
        }
        let size = spec.shape.iter().try_fold(spec.size as u64, |size, &n| size.checked_mul(n));
        if size != Some(data.len() as u64) {
            let wanted = size.map_or_else(|| "fewer".to_owned(), |size| size.to_string());
            return Err(Error::corrupt("the delta filter's data have the wrong size")
                .expected(format_args!("{wanted} bytes"), format_args!("{} bytes", data.len())));
        }
        Ok(())
    }
}

impl ArrayFilter for Delta {
    fn name(&self) -> &str {
        "delta"
    }

    fn encoded_spec(&self, spec: &Spec) -> Result<Spec> {
        Ok(spec.clone())
    }

    fn needs(&self) -> Needs {
        Needs::Before
    }

    fn encode(&self, spec: &Spec, data: &mut Vec<u8>) -> Result<()> {
        self.check(spec, data)?;
        self.swapped(data, |number, data| match number {
            Number::U8 => differences(data, u8::from_le_bytes, u8::to_le_bytes, u8::wrapping_sub),
            Number::U16 => differences(data, u16::from_le_bytes, u16::to_le_bytes, u16::wrapping_sub),
            Number::U32 => differences(data, u32::from_le_bytes, u32::to_le_bytes, u32::wrapping_sub),
            Number::U64 => differences(data, u64::from_le_bytes, u64::to_le_bytes, u64::wrapping_sub),
            Number::F32 => differences(data, f32::from_le_bytes, f32::to_le_bytes, f32::sub),
            Number::F64 => differences(data, f64::from_le_bytes, f64::to_le_bytes, f64::sub),
        });
        Ok(())
    }

    fn decode(&self, spec: &Spec, data: &mut Vec<u8>) -> Result<()> {
        self.check(spec, data)?;
        self.swapped(data, |number, data| match number {
            Number::U8 => sums(data, u8::from_le_bytes, u8::to_le_bytes, u8::wrapping_add),
            Number::U16 => sums(data, u16::from_le_bytes, u16::to_le_bytes, u16::wrapping_add),
            Number::U32 => sums(data, u32::from_le_bytes, u32::to_le_bytes, u32::wrapping_add),
            Number::U64 => sums(data, u64::from_le_bytes, u64::to_le_bytes, u64::wrapping_add),
            Number::F32 => sums(data, f32::from_le_bytes, f32::to_le_bytes, f32::add),
            Number::F64 => sums(data, f64::from_le_bytes, f64::to_le_bytes, f64::add),
        });
        Ok(())
    }
}

/// Replaces every number but the first by its difference from the one before.
fn differences<T: Copy, const N: usize>(
    data: &mut [u8],
    read: impl Fn([u8; N]) -> T,
    write: impl Fn(T) -> [u8; N],
    minus: impl Fn(T, T) -> T,
) {
    if let Some((first, rest)) = data.as_chunks_mut::<N>().0.split_first_mut() {
        let mut before = read(*first);
        for bytes in rest {
            let number = read(*bytes);
            *bytes = write(minus(number, before));
            before = number;
        }
    }
}

/// Replaces every number but the first by its sum with all that are before.
fn sums<T: Copy, const N: usize>(
    data: &mut [u8],
    read: impl Fn([u8; N]) -> T,
    write: impl Fn(T) -> [u8; N],
    plus: impl Fn(T, T) -> T,
) {
    if let Some((first, rest)) = data.as_chunks_mut::<N>().0.split_first_mut() {
        let mut sum = read(*first);
        for bytes in rest {
            sum = plus(sum, read(*bytes));
            *bytes = write(sum);
        }
    }
}
