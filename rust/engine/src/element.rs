//! One element of an array: its size, its byte order, its fill value.

use crate::error::{Error, Result};
use crate::reserve::copied;

/// A run of `size` bytes at `offset` inside an element that is one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    /// Bytes from the start of the element.
    pub offset: usize,
    /// Bytes of the number: 2, 4, 8 or 16.
    pub size: usize,
}

/// Which bytes of an element are reversed between the stored and the wanted byte order.
///
/// ```
/// use zarr_engine::element::{Swap, Word};
///
/// let mut numbers = [1, 2, 3, 4];
/// Swap::Every(2).apply(&mut numbers, 2);
/// assert_eq!(numbers, [2, 1, 4, 3]);
///
/// // A record of a byte and a number of two bytes.
/// let mut records = [9, 1, 2, 9, 3, 4];
/// Swap::Words(vec![Word { offset: 1, size: 2 }]).apply(&mut records, 3);
/// assert_eq!(records, [9, 2, 1, 9, 4, 3]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Swap {
    /// Stored as wanted.
    #[default]
    None,
    /// The element is a row of numbers of this many bytes.
    Every(usize),
    /// A record: these words and no other bytes.
    Words(Vec<Word>),
}

impl Swap {
    /// Checks that the words fit an element of `size` bytes.
    pub fn check(&self, size: usize) -> Result<()> {
        let fits = match self {
            Swap::None => true,
            Swap::Every(word) => matches!(word, 1 | 2 | 4 | 8 | 16) && size.is_multiple_of(*word),
            Swap::Words(words) => words.iter().all(|w| {
                matches!(w.size, 1 | 2 | 4 | 8 | 16) && w.offset.checked_add(w.size).is_some_and(|end| end <= size)
            }),
        };
        if fits {
            Ok(())
        } else {
            Err(Error::config(format!("byte order {self:?} does not fit an element of {size} bytes")))
        }
    }

    /// Reverses the words of every element of `size` bytes in `data`.
    pub fn apply(&self, data: &mut [u8], size: usize) {
        match self {
            Swap::None | Swap::Every(1) => {}
            Swap::Every(2) => swap_all::<2>(data),
            Swap::Every(4) => swap_all::<4>(data),
            Swap::Every(8) => swap_all::<8>(data),
            Swap::Every(word) => data.chunks_exact_mut(*word).for_each(<[u8]>::reverse),
            Swap::Words(words) => {
                for element in data.chunks_exact_mut(size.max(1)) {
                    for word in words {
                        if let Some(bytes) = element.get_mut(word.offset..word.offset + word.size) {
                            bytes.reverse();
                        }
                    }
                }
            }
        }
    }

    /// Copies `src` to `dst`, which is as long, with the words of every element of `size` bytes reversed.
    pub fn copy(&self, src: &[u8], dst: &mut [u8], size: usize) {
        match self {
            Swap::Every(2) => swapped::<2>(src, dst),
            Swap::Every(4) => swapped::<4>(src, dst),
            Swap::Every(8) => swapped::<8>(src, dst),
            _ => {
                dst.copy_from_slice(src);
                self.apply(dst, size);
            }
        }
    }
}

fn swapped<const N: usize>(src: &[u8], dst: &mut [u8]) {
    let ((from, rest), (to, last)) = (src.as_chunks::<N>(), dst.as_chunks_mut::<N>());
    for (from, to) in from.iter().zip(to) {
        *to = *from;
        to.reverse();
    }
    last.copy_from_slice(rest);
}

fn swap_all<const N: usize>(data: &mut [u8]) {
    let (words, _) = data.as_chunks_mut::<N>();
    for word in words {
        word.reverse();
    }
}

/// The value of what was never written: one element, in the order of the output.
///
/// ```
/// use zarr_engine::element::Fill;
///
/// let fill = Fill::new(&7u16.to_ne_bytes())?;
/// let mut chunk = [0; 6];
/// fill.fill(&mut chunk);
/// assert!(fill.fills(&chunk));
/// assert_eq!(chunk, [7u16.to_ne_bytes(); 3].concat()[..]);
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fill {
    bytes: Box<[u8]>,
    /// The byte that all bytes are, if they are all one: filling is then a `memset`.
    uniform: Option<u8>,
}

impl Fill {
    /// A fill value from the bytes of one element.
    pub fn new(bytes: &[u8]) -> Result<Self> {
        let Some(&first) = bytes.first() else {
            return Err(Error::config("an element has at least one byte"));
        };
        let uniform = bytes.iter().all(|&b| b == first).then_some(first);
        Ok(Self { bytes: copied(bytes)?.into(), uniform })
    }

    /// The bytes of one element.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The size of one element in bytes.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Writes the fill value over `out`, whose length is a whole number of elements.
    pub fn fill(&self, out: &mut [u8]) {
        if let Some(byte) = self.uniform {
            out.fill(byte);
            return;
        }
        // Doubling: one element, then two, four… so that the copies are long.
        let n = self.size().min(out.len());
        out[..n].copy_from_slice(&self.bytes[..n]);
        let mut done = n;
        while done < out.len() && done > 0 {
            let next = done.min(out.len() - done);
            out.copy_within(..next, done);
            done += next;
        }
    }

    /// Whether every element of `data` is, bit for bit, the fill value.
    pub fn fills(&self, data: &[u8]) -> bool {
        let n = self.size();
        // `data` equals itself shifted by one element, and starts with the fill value.
        data.len().is_multiple_of(n)
            && (data.is_empty() || (data[..n] == *self.bytes && data[n..] == data[..data.len() - n]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_every_element() {
        let fill = Fill::new(&[1, 2, 3]).unwrap();
        let mut out = [0; 21];
        fill.fill(&mut out);
        assert!(out.chunks(3).all(|c| c == [1, 2, 3]));
        assert!(fill.fills(&out));
        out[20] = 0;
        assert!(!fill.fills(&out));
        assert!(!fill.fills(&out[..20]));
    }

    #[test]
    fn swaps_words_only() {
        let mut data = [1, 2, 3, 4, 5, 6];
        Swap::Words(vec![Word { offset: 1, size: 2 }]).apply(&mut data, 3);
        assert_eq!(data, [1, 3, 2, 4, 6, 5]);
        Swap::Every(2).apply(&mut data, 2);
        assert_eq!(data, [3, 1, 4, 2, 5, 6]);
    }

    proptest::proptest! {
        #[test]
        fn a_swapped_copy_is_a_copy_that_is_swapped(data in proptest::collection::vec(0u8.., 0..300), word in 0u32..5) {
            let word = 1 << word;
            let data = &data[..data.len() - data.len() % word];
            let words = vec![Word { offset: 0, size: word.min(2) }];
            for swap in [Swap::None, Swap::Every(word), Swap::Words(words)] {
                let (mut expected, mut found) = (data.to_vec(), vec![7; data.len()]);
                swap.apply(&mut expected, word);
                swap.copy(data, &mut found, word);
                proptest::prop_assert_eq!(found, expected);
            }
        }
    }
}
