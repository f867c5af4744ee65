//! `vlen-utf8` and `vlen-bytes`: the number of elements, then each element after its length.
//!
//! All numbers are unsigned integers of four bytes, little-endian.

use std::sync::Arc;

use super::{Serializer, Spec};
use crate::error::{Error, Kind, Result};
use crate::heap::{Heap, LONGEST, REFERENCE, check_text};

const WORD: usize = 4;

/// Strings or byte strings of any length, of a [`Heap`].
///
/// ```
/// use std::sync::Arc;
/// use zarr_engine::codec::vlen::Vlen;
/// use zarr_engine::codec::{Serializer, Spec};
/// use zarr_engine::heap::{Heap, REFERENCE};
///
/// let heap = Arc::new(Heap::new(true, Some(b""), true)?);
/// let mut slots = Vec::new();
/// heap.add(b"abc".to_vec(), &[1, 2], &mut slots)?;
///
/// let mut stored = Vec::new();
/// Vlen::new(heap).encode(&Spec { shape: vec![2], size: REFERENCE }, &slots, &mut stored)?;
/// assert_eq!(stored, b"\x02\0\0\0\x01\0\0\0a\x02\0\0\0bc");
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
#[derive(Debug)]
pub struct Vlen {
    heap: Arc<Heap>,
}

impl Vlen {
    /// A codec for the elements of `heap`.
    pub fn new(heap: Arc<Heap>) -> Self {
        Self { heap }
    }
}

impl Serializer for Vlen {
    fn name(&self) -> &str {
        if self.heap.text() { "vlen-utf8" } else { "vlen-bytes" }
    }

    fn encode(&self, _: &Spec, src: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let (references, rest) = src.as_chunks::<REFERENCE>();
        if !rest.is_empty() {
            return Err(Error::internal("the chunk is no whole number of references"));
        }
        let count = u32::try_from(references.len()).map_err(|_| {
            Error::new(Kind::TooLarge, "too many elements in a chunk").expected("fewer than 2**32", references.len())
        })?;
        let elements = self.heap.lock();
        let mut size = WORD + WORD * references.len();
        for reference in references {
            size = size.saturating_add(elements.get(reference)?.len());
        }
        crate::reserve::reserve(out, size)?;
        out.extend_from_slice(&count.to_le_bytes());
        for reference in references {
            let element = elements.get(reference)?;
            out.extend_from_slice(&(element.len() as u32).to_le_bytes());
            out.extend_from_slice(element);
        }
        Ok(())
    }

    fn decode(&self, spec: &Spec, src: &[u8], dst: &mut [u8]) -> Result<()> {
        let expected = spec.shape.iter().try_fold(1u64, |n, &length| n.checked_mul(length));
        if spec.size != REFERENCE || expected.map(|n| n as usize) != Some(dst.len() / REFERENCE) {
            return Err(Error::internal("the chunk is not one of references"));
        }
        let long = check(src, dst.len() / REFERENCE, self.heap.text())?;
        self.heap.place(src, Elements { src, at: WORD }, long, dst)
    }
}

/// Checks that `src` are `count` elements, and nothing else; text must be UTF-8. Gives how many bytes
/// have those that are not short.
fn check(src: &[u8], count: usize, text: bool) -> Result<usize> {
    let Some(found) = word(src, 0) else {
        return Err(Error::corrupt("the chunk is too short")
            .expected("the number of elements", format_args!("{} bytes", src.len())));
    };
    if found as usize != count {
        return Err(Error::corrupt("the chunk has the wrong number of elements").expected(count, found));
    }
    // The lengths too are ASCII then; and parts of ASCII are ASCII.
    let checked = !text || src.is_ascii();
    let (mut at, mut long) = (WORD, 0);
    for index in 0..count {
        let Some(length) = word(src, at) else {
            return Err(Error::corrupt("the chunk ends early")
                .expected(format_args!("{count} elements"), format_args!("{index}")));
        };
        at += WORD;
        let Some(element) = src.get(at..at.saturating_add(length as usize)) else {
            return Err(Error::corrupt(format!("element {index} ends beyond the chunk"))
                .expected(format_args!("{length} bytes"), format_args!("{} bytes", src.len() - at)));
        };
        if !checked {
            check_text(element)?;
        }
        at += element.len();
        long += if element.len() > LONGEST { element.len() } else { 0 };
    }
    if at != src.len() {
        return Err(Error::corrupt("there are bytes after the last element")
            .expected(format_args!("{at} bytes"), format_args!("{} bytes", src.len())));
    }
    Ok(long)
}

fn word(src: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*src.get(at..)?.first_chunk::<WORD>()?))
}

/// Where the elements of a checked chunk are.
struct Elements<'a> {
    src: &'a [u8],
    at: usize,
}

impl Iterator for Elements<'_> {
    type Item = (usize, u32);

    fn next(&mut self) -> Option<(usize, u32)> {
        let length = word(self.src, self.at)?;
        let start = self.at + WORD;
        self.at = start + length as usize;
        Some((start, length))
    }
}
