//! Elements of any length (strings, byte strings), for an engine that moves elements of one size.
//!
//! The bytes of the elements are kept in parts: one for each chunk that was decoded, and for each
//! array that is to be written. What the engine moves are references into them. A heap serves one
//! operation.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use crate::error::{Error, Kind, Result};

/// Bytes of a reference: where the element begins (8), in which part (4), its length (4).
pub const REFERENCE: usize = 16;

/// A reference as bytes.
pub type Reference = [u8; REFERENCE];

/// Stands for the length of an element that is absent: it counts as the fill value, or as empty.
pub const ABSENT: u32 = u32::MAX;

/// The elements that take part in one operation.
#[derive(Debug)]
pub struct Heap {
    text: bool,
    /// The first part is the fill value.
    parts: RwLock<Vec<Arc<Vec<u8>>>>,
    fill: Reference,
    /// Whether elements that equal the fill value are given its reference.
    unify: bool,
    /// Whether the fill value is no string, so that no string equals it.
    null: bool,
}

impl Heap {
    /// A heap for elements that must be UTF-8 (`text`) or not.
    ///
    /// `fill` is the fill value, `None` if that is nothing. If chunks are to be written, `writing`
    /// lets the engine tell those that need not be stored.
    pub fn new(text: bool, fill: Option<&[u8]>, writing: bool) -> Result<Self> {
        let null = fill.is_none();
        let fill = fill.unwrap_or_default();
        let length = length_of(fill.len())?;
        if text {
            check_text(fill)?;
        }
        Ok(Self {
            text,
            parts: RwLock::new(vec![Arc::new(fill.to_vec())]),
            fill: reference(0, 0, length),
            unify: writing && !null,
            null,
        })
    }

    /// Whether the elements are text.
    pub fn text(&self) -> bool {
        self.text
    }

    /// The reference to the fill value.
    pub fn fill(&self) -> &Reference {
        &self.fill
    }

    /// Adds elements, which stand one after the other in `bytes`, and appends their references to
    /// `out`. Whether text is UTF-8 is for the caller to know.
    pub fn add(&self, bytes: Vec<u8>, lengths: &[u32], out: &mut Vec<u8>) -> Result<()> {
        let missing = if self.null { self.fill } else { reference(0, 0, 0) };
        let fill = self.fill_bytes();
        let total: u64 = lengths.iter().filter(|&&n| n != ABSENT).map(|&n| u64::from(n)).sum();
        if total != bytes.len() as u64 {
            return Err(Error::internal("the lengths of elements are not those of their bytes"));
        }
        let bytes = Arc::new(bytes);
        let part = self.keep(Arc::clone(&bytes))?;
        reserve(out, lengths.len())?;
        let mut start = 0usize;
        for &length in lengths {
            if length == ABSENT {
                out.extend_from_slice(&missing);
                continue;
            }
            let end = start + length as usize;
            let same = self.unify && bytes[start..end] == fill[..];
            out.extend_from_slice(&if same { self.fill } else { reference(start as u64, part, length) });
            start = end;
        }
        Ok(())
    }

    /// Adds the elements of an encoded chunk, at `places` in `bytes`, as references in `dst`.
    pub(crate) fn place(&self, bytes: &[u8], places: impl Iterator<Item = (usize, u32)>, dst: &mut [u8]) -> Result<()> {
        let fill = self.fill_bytes();
        let mut kept = Vec::new();
        kept.try_reserve_exact(bytes.len()).map_err(|_| no_memory(bytes.len()))?;
        kept.extend_from_slice(bytes);
        let part = self.keep(Arc::new(kept))?;
        for (slot, (start, length)) in dst.as_chunks_mut::<REFERENCE>().0.iter_mut().zip(places) {
            let same = self.unify && bytes[start..start + length as usize] == fill[..];
            *slot = if same { self.fill } else { reference(start as u64, part, length) };
        }
        Ok(())
    }

    /// All elements that there are now.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot(self.parts.read().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// All elements that there are now, for a short time in which none can be added.
    pub(crate) fn lock(&self) -> Locked<'_> {
        Locked(self.parts.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn fill_bytes(&self) -> Arc<Vec<u8>> {
        self.lock().0.first().cloned().unwrap_or_default()
    }

    fn keep(&self, bytes: Arc<Vec<u8>>) -> Result<u32> {
        let mut parts = self.parts.write().unwrap_or_else(PoisonError::into_inner);
        let number = u32::try_from(parts.len())
            .map_err(|_| Error::new(Kind::TooLarge, "too many chunks of strings in one operation"))?;
        parts.push(bytes);
        Ok(number)
    }
}

/// The elements of a heap at one time.
#[derive(Debug)]
pub struct Snapshot(Vec<Arc<Vec<u8>>>);

/// The elements of a heap while nobody adds to it.
pub(crate) struct Locked<'a>(RwLockReadGuard<'a, Vec<Arc<Vec<u8>>>>);

impl Snapshot {
    /// The element of a reference.
    pub fn get(&self, reference: &Reference) -> Result<&[u8]> {
        find(&self.0, reference)
    }
}

impl Locked<'_> {
    /// The element of a reference.
    pub(crate) fn get(&self, reference: &Reference) -> Result<&[u8]> {
        find(&self.0, reference)
    }
}

fn find<'a>(parts: &'a [Arc<Vec<u8>>], reference: &Reference) -> Result<&'a [u8]> {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *reference;
    let start = u64::from_le_bytes([a, b, c, d, e, f, g, h]) as usize;
    let part = u32::from_le_bytes([i, j, k, l]) as usize;
    let length = u32::from_le_bytes([m, n, o, p]) as usize;
    parts
        .get(part)
        .and_then(|bytes| bytes.get(start..start.checked_add(length)?))
        .ok_or_else(|| Error::internal("a reference to an element that there is not"))
}

/// The length of an element, if it is not too long.
pub fn length_of(length: usize) -> Result<u32> {
    u32::try_from(length).ok().filter(|&length| length != ABSENT).ok_or_else(|| {
        Error::new(Kind::TooLarge, "an element is too long")
            .expected("fewer than 2**32 - 1 bytes", format_args!("{length} bytes"))
    })
}

/// Refuses what is not UTF-8.
pub(crate) fn check_text(bytes: &[u8]) -> Result<()> {
    std::str::from_utf8(bytes).map(|_| ()).map_err(|error| Error::corrupt(format!("a string is not UTF-8: {error}")))
}

fn reference(start: u64, part: u32, length: u32) -> Reference {
    let mut bytes = [0; REFERENCE];
    bytes[..8].copy_from_slice(&start.to_le_bytes());
    bytes[8..12].copy_from_slice(&part.to_le_bytes());
    bytes[12..].copy_from_slice(&length.to_le_bytes());
    bytes
}

fn reserve(out: &mut Vec<u8>, count: usize) -> Result<()> {
    let bytes = count.saturating_mul(REFERENCE);
    out.try_reserve_exact(bytes).map_err(|_| no_memory(bytes))
}

fn no_memory(bytes: usize) -> Error {
    Error::new(Kind::TooLarge, format!("there is no memory for {bytes} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_by_their_references() {
        let heap = Heap::new(true, Some(b"fill"), true).unwrap();
        let mut out = Vec::new();
        heap.add(b"abfillc".to_vec(), &[2, 0, 4, ABSENT, 1], &mut out).unwrap();
        let found: Vec<Vec<u8>> = {
            let all = heap.snapshot();
            out.as_chunks::<REFERENCE>().0.iter().map(|r| all.get(r).unwrap().to_vec()).collect()
        };
        assert_eq!(found, [&b"ab"[..], b"", b"fill", b"", b"c"]);
        assert_eq!(&out[2 * REFERENCE..3 * REFERENCE], heap.fill());
        assert!(heap.snapshot().get(&[9; REFERENCE]).is_err());
        assert!(heap.add(vec![1], &[2], &mut out).is_err());
        assert!(Heap::new(true, Some(&[0xff]), false).is_err());
    }
}
