//! `bytes`, for elements that do not use all of their bits: those that they do not use are ignored
//! when a chunk is read, and zeros when it is written.

use super::{Serializer, Spec};
use crate::codec::chain::bytes_of;
use crate::element::Swap;
use crate::error::{Error, Result};
use crate::reserve::reserve;

/// The elements one after the other, in C order, without the bits that they do not use.
///
/// ```
/// use zarr_engine::codec::masked::Masked;
/// use zarr_engine::codec::{Serializer, Spec};
/// use zarr_engine::element::Swap;
///
/// // Numbers of four bits: those above mean nothing.
/// let mut numbers = [0; 2];
/// Masked::new(Swap::None, &[0x0f])?.decode(&Spec { shape: vec![2], size: 1 }, &[0xf3, 4], &mut numbers)?;
/// assert_eq!(numbers, [3, 4]);
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
#[derive(Debug)]
pub struct Masked {
    swap: Swap,
    mask: Box<[u8]>,
    /// The byte that all bytes of the mask are, if they are all one.
    uniform: Option<u8>,
}

impl Masked {
    /// Elements whose words are swapped as `swap` tells; in memory, they use the bits of `mask`.
    pub fn new(swap: Swap, mask: &[u8]) -> Result<Self> {
        let Some(&first) = mask.first() else {
            return Err(Error::config("an element has at least one byte"));
        };
        let uniform = mask.iter().all(|&byte| byte == first).then_some(first);
        Ok(Self { swap, mask: mask.into(), uniform })
    }

    fn check(&self, spec: &Spec) -> Result<usize> {
        self.swap.check(spec.size)?;
        if spec.size != self.mask.len() {
            return Err(Error::config("the bits that are used are not those of the elements")
                .expected(format_args!("{} bytes", spec.size), format_args!("{} bytes", self.mask.len())));
        }
        bytes_of(spec)
    }

    fn apply(&self, data: &mut [u8]) {
        if let Some(mask) = self.uniform {
            data.iter_mut().for_each(|byte| *byte &= mask);
            return;
        }
        for element in data.chunks_exact_mut(self.mask.len()) {
            element.iter_mut().zip(&self.mask).for_each(|(byte, mask)| *byte &= mask);
        }
    }
}

impl Serializer for Masked {
    fn name(&self) -> &str {
        "bytes"
    }

    fn encoded_bound(&self, spec: &Spec) -> Result<Option<usize>> {
        self.check(spec).map(Some)
    }

    fn encoded_exact(&self, spec: &Spec) -> Option<usize> {
        self.check(spec).ok()
    }

    fn encode(&self, spec: &Spec, src: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let expected = self.check(spec)?;
        if src.len() != expected {
            return Err(Error::internal("the chunk has the wrong length").expected(expected, src.len()));
        }
        let start = out.len();
        reserve(out, src.len())?;
        out.extend_from_slice(src);
        self.apply(&mut out[start..]);
        self.swap.apply(&mut out[start..], spec.size);
        Ok(())
    }

    fn decode(&self, spec: &Spec, src: &[u8], dst: &mut [u8]) -> Result<()> {
        if src.len() != dst.len() {
            return Err(Error::corrupt("the chunk has the wrong length")
                .expected(format_args!("{} bytes", dst.len()), format_args!("{} bytes", src.len())));
        }
        dst.copy_from_slice(src);
        self.swap.apply(dst, spec.size);
        self.apply(dst);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::element::Word;

    #[test]
    fn unused_bits_are_ignored_both_ways() {
        let record = Masked::new(Swap::Words(vec![Word { offset: 0, size: 2 }]), &[0xff, 0xff, 0x0f]).unwrap();
        let spec = Spec { shape: vec![2], size: 3 };
        let mut out = vec![7];
        record.encode(&spec, &[1, 2, 0xf3, 4, 5, 0x26], &mut out).unwrap();
        assert_eq!(out, [7, 2, 1, 3, 5, 4, 6]);
        let mut back = [0; 6];
        record.decode(&spec, &[2, 1, 0xa3, 5, 4, 0xf6], &mut back).unwrap();
        assert_eq!(back, [1, 2, 3, 4, 5, 6]);
        assert!(record.decode(&spec, &out, &mut back).is_err());
        assert!(record.encoded_bound(&Spec { shape: vec![2], size: 1 }).is_err());
        assert!(Masked::new(Swap::None, &[]).is_err());
    }
}
