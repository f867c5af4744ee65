//! `bitround`: numbers with fewer significant bits, which compress better.

use super::{ArrayFilter, Needs, Spec};
use crate::error::{Error, Result};

/// Rounds numbers to `keep` bits: those of the mantissa, or for integers those from the highest one
/// that is set.
///
/// ```
/// use zarr_engine::codec::bitround::BitRound;
/// use zarr_engine::codec::{ArrayFilter, Spec};
///
/// let mut data = 1.1f32.to_le_bytes().to_vec();
/// BitRound::new("<f4", 3)?.encode(&Spec { shape: vec![1], size: 4 }, &mut data)?;
/// assert_eq!(data, 1.125f32.to_le_bytes());
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BitRound {
    number: Number,
    /// Bytes of a number.
    size: usize,
    big_endian: bool,
    keep: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Number {
    /// With so many bits of mantissa.
    Float(u32),
    Signed,
    Unsigned,
}

impl BitRound {
    /// `dtype` is the type of the numbers, or of the parts of complex ones: a byte order, a letter
    /// (`f`, `b` for bfloat16, `i` or `u`), bytes.
    pub fn new(dtype: &str, keep: u32) -> Result<Self> {
        let unknown = || Error::config(format!("numbers of type {dtype:?} cannot be rounded"));
        let [order @ (b'<' | b'>' | b'|'), kind, size @ (b'1' | b'2' | b'4' | b'8')] = dtype.as_bytes() else {
            return Err(unknown());
        };
        let number = match (kind, size) {
            (b'f', b'2') => Number::Float(10),
            (b'b', b'2') => Number::Float(7),
            (b'f', b'4') => Number::Float(23),
            (b'f', b'8') => Number::Float(52),
            (b'i', _) => Number::Signed,
            (b'u', _) => Number::Unsigned,
            _ => return Err(unknown()),
        };
        let size = usize::from(size - b'0');
        let most = match number {
            Number::Float(mantissa) => mantissa,
            _ => size as u32 * 8,
        };
        if keep == 0 || keep > most {
            return Err(Error::config("there are not so many bits to keep")
                .expected(format_args!("1 to {most} bits"), format_args!("{keep}")));
        }
        let big_endian = *order == b'>' || (*order == b'|' && cfg!(target_endian = "big"));
        Ok(Self { number, size, big_endian, keep })
    }

    fn round(&self, value: u64) -> u64 {
        let width = self.size as u32 * 8;
        match self.number {
            Number::Float(mantissa) => {
                let exponent = (1u64 << (width - 1)) - (1 << mantissa);
                if self.keep == mantissa || value & exponent == exponent {
                    return value; // all of it is kept, or it is no number
                }
                rounded(value, mantissa - self.keep)
            }
            Number::Unsigned => self.round_integer(value, u64::MAX >> (64 - width)),
            Number::Signed => {
                // Of a negative number, the magnitude.
                let sign = value >> (width - 1) & 1 == 1;
                let all = u64::MAX >> (64 - width);
                let magnitude = if sign { value.wrapping_neg() & all } else { value };
                let most = if sign { 1 << (width - 1) } else { all >> 1 };
                let result = self.round_integer(magnitude, most);
                if sign { result.wrapping_neg() } else { result }
            }
        }
    }

    /// Rounds a number; what would be more than `most` is rounded down.
    fn round_integer(&self, value: u64, most: u64) -> u64 {
        let length = u64::BITS - value.leading_zeros();
        let Some(drop) = length.checked_sub(self.keep).filter(|&drop| drop > 0) else {
            return value;
        };
        let half = (1u128 << (drop - 1)) - 1 + u128::from(value >> drop & 1);
        let nearest = (u128::from(value) + half) >> drop << drop;
        u64::try_from(nearest).ok().filter(|&nearest| nearest <= most).unwrap_or(value >> drop << drop)
    }
}

/// `value` without its lowest `drop` bits, rounded to the nearest, half to even.
fn rounded(value: u64, drop: u32) -> u64 {
    let half = (1u64 << (drop - 1)) - 1 + (value >> drop & 1);
    value.wrapping_add(half) >> drop << drop
}

impl ArrayFilter for BitRound {
    fn name(&self) -> &str {
        "bitround"
    }

    fn encoded_spec(&self, spec: &Spec) -> Result<Spec> {
        if spec.size == 0 || !spec.size.is_multiple_of(self.size) {
            return Err(Error::config("the elements do not consist of numbers to be rounded")
                .expected(format_args!("a multiple of {} bytes", self.size), format_args!("{} bytes", spec.size)));
        }
        Ok(spec.clone())
    }

    fn encode(&self, _: &Spec, data: &mut Vec<u8>) -> Result<()> {
        for number in data.chunks_exact_mut(self.size) {
            let mut word = [0; 8];
            word[..self.size].copy_from_slice(number);
            if self.big_endian {
                word[..self.size].reverse();
            }
            word = self.round(u64::from_le_bytes(word)).to_le_bytes();
            if self.big_endian {
                word[..self.size].reverse();
            }
            number.copy_from_slice(&word[..self.size]);
        }
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::Same
    }

    fn decode(&self, _: &Spec, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounded(dtype: &str, keep: u32, values: &[u8]) -> Vec<u8> {
        let mut data = values.to_vec();
        BitRound::new(dtype, keep).unwrap().encode(&Spec { shape: vec![], size: 0 }, &mut data).unwrap();
        data
    }

    #[test]
    fn floats_are_rounded_to_the_nearest_and_stay_what_they_are() {
        let round = |keep, value: f32| {
            let data = rounded("<f4", keep, &value.to_le_bytes());
            assert_eq!(rounded(">f4", keep, &value.to_be_bytes()), data.iter().rev().copied().collect::<Vec<_>>());
            f32::from_le_bytes(data.try_into().unwrap())
        };
        assert_eq!([1.1, -3.7, 1.0625, 1.1875, 0.0].map(|x| round(3, x)), [1.125, -3.75, 1.0, 1.25, 0.0]);
        assert_eq!([f32::INFINITY, f32::NEG_INFINITY].map(|x| round(1, x)), [f32::INFINITY, f32::NEG_INFINITY]);
        for bits in [0x7fc0_0000u32, 0x7fff_ffff, 0xffff_ffff, 0x7f80_0001] {
            assert_eq!(round(1, f32::from_bits(bits)).to_bits(), bits);
        }
        assert_eq!(round(23, 1.1), 1.1);
        assert_eq!(round(1, f32::MAX), f32::INFINITY);
        assert_eq!(rounded("<f2", 2, &0x3dffu16.to_le_bytes()), 0x3e00u16.to_le_bytes());
        assert_eq!(rounded("<b2", 2, &0x3fafu16.to_le_bytes()), 0x3fa0u16.to_le_bytes());
    }

    #[test]
    fn integers_keep_their_highest_bits() {
        assert_eq!(
            rounded("|u1", 3, &[0, 7, 8, 9, 10, 11, 100, 101, 254, 255]),
            [0, 7, 8, 8, 10, 12, 96, 96, 224, 224]
        );
        let signed: Vec<u8> = [7i8, -7, 9, -9, 127, -127, -128].iter().map(|x| *x as u8).collect();
        let expected: Vec<u8> = [7i8, -7, 8, -8, 112, -128, -128].iter().map(|x| *x as u8).collect();
        assert_eq!(rounded("|i1", 3, &signed), expected);
        assert_eq!(rounded("<u8", 1, &u64::MAX.to_le_bytes()), (1u64 << 63).to_le_bytes());
        assert_eq!(rounded("<u8", 64, &u64::MAX.to_le_bytes()), u64::MAX.to_le_bytes());
    }

    #[test]
    fn what_cannot_be_kept_is_refused() {
        for (dtype, keep) in [("<f4", 0), ("<f4", 24), ("|u1", 9), ("<f1", 1), ("|V1", 1)] {
            assert!(BitRound::new(dtype, keep).is_err());
        }
    }
}
