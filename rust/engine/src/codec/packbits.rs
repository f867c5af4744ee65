//! `packbits`: of every element some of its bits, one after the other, without gaps.
//!
//! Bits are counted from the least significant one, in elements and in bytes.

use super::{Serializer, Spec, Window};
use crate::codec::chain::bytes_of;
use crate::error::{Error, Result};
use crate::object::{Object, stretch};
use crate::reserve::reserve;
use crate::scratch::Scratch;

/// Where the number of bits that fill up the last byte is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Padding {
    Nowhere,
    First,
    Last,
}

/// Stores the bits `first..=last` of each component of an element.
///
/// ```
/// use zarr_engine::codec::packbits::PackBits;
/// use zarr_engine::codec::{Serializer, Spec};
///
/// let mut packed = Vec::new();
/// PackBits::new("|b1", 1, 0, 0, "none")?.encode(&Spec { shape: vec![4], size: 1 }, &[1, 0, 0, 1], &mut packed)?;
/// assert_eq!(packed, [0b1001]);
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackBits {
    /// Bytes of a component in memory.
    size: usize,
    big_endian: bool,
    signed: bool,
    /// Bits of a component that are used; those above are zeros.
    width: u32,
    first: u32,
    bits: u32,
    padding: Padding,
}

impl PackBits {
    /// Components of type `dtype` (byte order, a letter, bytes; signed if the letter is `i`) have
    /// `width` bits of which `first..=last` are stored.
    pub fn new(dtype: &str, width: u32, first: u32, last: u32, padding: &str) -> Result<Self> {
        let unknown = || Error::config(format!("bits of elements of type {dtype:?} cannot be packed"));
        let [order @ (b'<' | b'>' | b'|'), kind, size @ (b'1' | b'2' | b'4' | b'8')] = dtype.as_bytes() else {
            return Err(unknown());
        };
        let size = usize::from(size - b'0');
        if width == 0 || width as usize > size * 8 || first > last || last >= width {
            return Err(Error::config("there are no such bits to be packed")
                .expected(format_args!("bits below {width}"), format_args!("bits {first} to {last}")));
        }
        let padding = match padding {
            "none" => Padding::Nowhere,
            "first_byte" => Padding::First,
            "last_byte" => Padding::Last,
            _ => return Err(Error::config(format!("the padding cannot be stored as {padding:?}"))),
        };
        let big_endian = *order == b'>' || (*order == b'|' && cfg!(target_endian = "big"));
        Ok(Self { size, big_endian, signed: *kind == b'i', width, first, bits: last - first + 1, padding })
    }

    /// The packed bytes of an array of `spec`, and the bits that are left over in the last one.
    fn packed(&self, spec: &Spec) -> Result<(usize, u8)> {
        if spec.size == 0 || !spec.size.is_multiple_of(self.size) {
            return Err(Error::config("the elements do not consist of components to be packed")
                .expected(format_args!("a multiple of {} bytes", self.size), format_args!("{} bytes", spec.size)));
        }
        let bits = ((bytes_of(spec)? / self.size) as u64).saturating_mul(u64::from(self.bits));
        let bytes = usize::try_from(bits.div_ceil(8)).map_err(|_| Error::config("an array is too large"))?;
        Ok((bytes, ((8 - bits % 8) % 8) as u8))
    }

    fn read(&self, component: &[u8]) -> u64 {
        let mut word = [0; 8];
        word[..self.size].copy_from_slice(component);
        if self.big_endian {
            word[..self.size].reverse();
        }
        u64::from_le_bytes(word)
    }

    fn write(&self, value: u64, component: &mut [u8]) {
        let word = value.to_le_bytes();
        component.copy_from_slice(&word[..self.size]);
        if self.big_endian {
            component.reverse();
        }
    }

    fn mask(&self) -> u64 {
        u64::MAX >> (64 - self.bits)
    }

    /// Fills `dst` with the components that begin with bit `skip` of `packed`.
    fn unpack(&self, packed: &[u8], skip: u32, dst: &mut [u8]) {
        let mut bytes = packed.iter();
        let mut next = || u128::from(bytes.next().copied().unwrap_or_default());
        let (mask, mut pending, mut count) = (self.mask(), 0u128, 0u32);
        if skip > 0 {
            (pending, count) = (next() >> skip, 8 - skip);
        }
        for component in dst.chunks_exact_mut(self.size) {
            while count < self.bits {
                pending |= next() << count;
                count += 8;
            }
            self.write(self.restored(pending as u64 & mask), component);
            pending >>= self.bits;
            count -= self.bits;
        }
    }

    /// The component of which these bits were stored.
    fn restored(&self, bits: u64) -> u64 {
        let end = self.first + self.bits;
        let value = bits << self.first;
        let all = u64::MAX >> (64 - self.width);
        if self.signed && end < self.width && value >> (end - 1) & 1 == 1 {
            value | u64::MAX << end & all
        } else {
            value
        }
    }
}

impl Serializer for PackBits {
    fn name(&self) -> &str {
        "packbits"
    }

    fn encoded_bound(&self, spec: &Spec) -> Result<Option<usize>> {
        let (bytes, _) = self.packed(spec)?;
        Ok(Some(bytes + usize::from(self.padding != Padding::Nowhere)))
    }

    fn encoded_exact(&self, spec: &Spec) -> Option<usize> {
        self.encoded_bound(spec).ok().flatten()
    }

    fn encode(&self, spec: &Spec, src: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let (bytes, padding) = self.packed(spec)?;
        reserve(out, bytes + 1)?;
        if self.padding == Padding::First {
            out.push(padding);
        }
        let (mask, mut pending, mut count) = (self.mask(), 0u128, 0u32);
        for component in src.chunks_exact(self.size) {
            pending |= u128::from(self.read(component) >> self.first & mask) << count;
            count += self.bits;
            while count >= 8 {
                out.push(pending as u8);
                pending >>= 8;
                count -= 8;
            }
        }
        if count > 0 {
            out.push(pending as u8);
        }
        if self.padding == Padding::Last {
            out.push(padding);
        }
        Ok(())
    }

    fn decode(&self, spec: &Spec, src: &[u8], dst: &mut [u8]) -> Result<()> {
        let total = bytes_of(spec)?;
        let ranges = [(0, total as u64)];
        self.decode_ranges(spec, &src, &mut Window { total, ranges: &ranges, dst }).map(drop)
    }

    fn decode_ranges(&self, spec: &Spec, src: &dyn Object, window: &mut Window<'_>) -> Result<bool> {
        let (bytes, padding) = self.packed(spec)?;
        let expected = bytes + usize::from(self.padding != Padding::Nowhere);
        if src.size() != expected as u64 {
            return Err(Error::corrupt("the packed bits have the wrong length")
                .expected(format_args!("{expected} bytes"), format_args!("{} bytes", src.size())));
        }
        let mut buffer = Scratch::take();
        let (first, told) = match self.padding {
            Padding::Nowhere => (0, None),
            Padding::First => (1, Some(0)),
            Padding::Last => (0, Some(bytes)),
        };
        if let Some(at) = told {
            let told = stretch(src, at as u64, 1, &mut buffer)?[0];
            if told != padding {
                return Err(
                    Error::corrupt("the number of bits that fill up the last byte is wrong").expected(padding, told)
                );
            }
        }
        window.each(|start, dst| {
            let bit = (start / self.size) as u64 * u64::from(self.bits);
            let bits = bit % 8 + (dst.len() / self.size) as u64 * u64::from(self.bits);
            let packed = stretch(src, first + bit / 8, bits.div_ceil(8) as usize, &mut buffer)?;
            self.unpack(packed, (bit % 8) as u32, dst);
            Ok(())
        })?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(codec: PackBits, src: &[u8], packed: &[u8], back: &[u8]) {
        let spec = Spec { shape: vec![(src.len() / codec.size) as u64], size: codec.size };
        let mut out = Vec::new();
        codec.encode(&spec, src, &mut out).unwrap();
        assert_eq!(out, packed);
        assert_eq!(codec.encoded_bound(&spec).unwrap(), Some(out.len()));
        let mut decoded = vec![0xA5; src.len()];
        codec.decode(&spec, &out, &mut decoded).unwrap();
        assert_eq!(decoded, back);
    }

    #[test]
    fn bits_are_packed_from_the_least_significant_one() {
        let bools = [1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0];
        check(PackBits::new("|b1", 1, 0, 0, "none").unwrap(), &bools, &[0x49, 0x02], &bools);
        check(PackBits::new("|b1", 1, 0, 0, "first_byte").unwrap(), &bools, &[4, 0x49, 0x02], &bools);
        check(PackBits::new("|b1", 1, 0, 0, "last_byte").unwrap(), &bools, &[0x49, 0x02, 4], &bools);
        // The bits above those that are used are ignored, and zeros.
        let nibbles = PackBits::new("|i1", 4, 0, 3, "none").unwrap();
        check(nibbles, &[1, 0xff, 0xf8, 7], &[0xf1, 0x78], &[1, 0x0f, 0x08, 7]);
        let halves = PackBits::new("|i1", 4, 0, 2, "none").unwrap();
        check(halves, &[0x0f, 0x03, 0x0c], &[0b0001_1111, 1], &[0x0f, 0x03, 0x0c]);
        // Bits 4 to 11 of big-endian numbers, with their sign.
        check(PackBits::new(">i2", 16, 4, 11, "none").unwrap(), &[0x1f, 0x23], &[0xf2], &[0xff, 0x20]);
        check(PackBits::new("<u8", 64, 0, 63, "none").unwrap(), &[9; 16], &[9; 16], &[9; 16]);
    }

    #[test]
    fn what_does_not_exist_is_refused() {
        for (dtype, width, first, last) in [("|u1", 9, 0, 1), ("|u1", 8, 5, 4), ("|u1", 8, 0, 8), ("<f3", 8, 0, 1)] {
            assert!(PackBits::new(dtype, width, first, last, "none").is_err());
        }
        assert!(PackBits::new("|u1", 8, 0, 1, "start").is_err());
    }
}
