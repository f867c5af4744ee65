//! Elements of any length (strings, byte strings), for an engine that moves elements of one size.
//!
//! The engine moves slots of 16 bytes. A short element stands in its slot itself: its bytes,
//! zeros, and a last byte with the length and a mark; nothing but zeros if it is empty. The others
//! are kept in parts, one for each chunk that was decoded and for each array that is to be written,
//! and their slots are references: where the element begins (8), its length (4), in which part (4).
//! There are never so many parts that the last byte of a reference could have the mark. A heap serves
//! one operation.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use crate::error::{Error, Kind, Result};
use crate::reserve::{copied, push, reserve};

/// Bytes of a slot.
pub const REFERENCE: usize = 16;

/// A slot.
pub type Reference = [u8; REFERENCE];

/// The longest element that stands in its slot itself.
pub(crate) const LONGEST: usize = REFERENCE - 1;
/// The mark beside the length there. NumPy's strings are kept in the same way.
pub(crate) const MARK: u8 = 0x60;
/// There are fewer parts than this.
const PARTS: u32 = (MARK as u32) << 24;

/// Stands for the length of an element that is absent: it counts as the fill value, or as empty.
pub const ABSENT: u32 = u32::MAX;

/// The elements that take part in one operation.
///
/// ```
/// use zarr_engine::heap::{Heap, REFERENCE};
///
/// let heap = Heap::new(true, Some(b""), true)?;
/// let mut slots = Vec::new();
/// heap.add(b"a string that does not fit in a slotshort".to_vec(), &[36, 5], &mut slots)?;
///
/// let elements = heap.snapshot();
/// let slots = slots.as_chunks::<REFERENCE>().0;
/// assert_eq!(elements.get(&slots[0])?, b"a string that does not fit in a slot");
/// assert_eq!(elements.get(&slots[1])?, b"short");
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
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
        let bytes = fill.unwrap_or_default();
        let length = length_of(bytes.len())?;
        if text {
            check_text(bytes)?;
        }
        // A null is told from every element by a place where no element begins.
        let fill =
            if null { reference(u64::MAX, 0, 0) } else { short(bytes).unwrap_or_else(|| reference(0, 0, length)) };
        let parts = RwLock::new(vec![Arc::new(copied(bytes)?)]);
        Ok(Self { text, parts, fill, unify: writing && !null, null })
    }

    /// Whether the elements are text.
    pub fn text(&self) -> bool {
        self.text
    }

    /// The reference to the fill value.
    pub fn fill(&self) -> &Reference {
        &self.fill
    }

    /// Adds elements, which stand one after the other in `bytes`, and appends their slots to `out`.
    /// Whether text is UTF-8 is for the caller to know.
    pub fn add(&self, bytes: Vec<u8>, lengths: &[u32], out: &mut Vec<u8>) -> Result<()> {
        let total: u64 = lengths.iter().filter(|&&n| n != ABSENT).map(|&n| u64::from(n)).sum();
        if total != bytes.len() as u64 {
            return Err(Error::internal("the lengths of elements are not those of their bytes"));
        }
        let missing = if self.null { self.fill } else { [0; REFERENCE] };
        let fill = self.fill_bytes();
        let bytes = Arc::new(bytes);
        let long = lengths.iter().any(|&n| n != ABSENT && n as usize > LONGEST);
        let part = if long { self.keep(Arc::clone(&bytes))? } else { 0 };
        reserve(out, lengths.len().saturating_mul(REFERENCE))?;
        let mut start = 0usize;
        for &length in lengths {
            if length == ABSENT {
                out.extend_from_slice(&missing);
                continue;
            }
            let end = start + length as usize;
            let slot = short_in(&bytes[start..], length as usize);
            out.extend_from_slice(&slot.unwrap_or_else(|| self.long(&bytes[start..end], &fill, start, part)));
            start = end;
        }
        Ok(())
    }

    /// Adds the elements of an encoded chunk, at `places` in `bytes`, as slots in `dst`. Together
    /// those that are not short have `long` bytes.
    pub(crate) fn place(
        &self,
        bytes: &[u8],
        places: impl Iterator<Item = (usize, u32)>,
        long: usize,
        dst: &mut [u8],
    ) -> Result<()> {
        let fill = self.fill_bytes();
        let mut kept = Vec::new();
        reserve(&mut kept, long)?;
        let part = if long > 0 { self.keep(Arc::default())? } else { 0 };
        for (slot, (start, length)) in dst.as_chunks_mut::<REFERENCE>().0.iter_mut().zip(places) {
            *slot = match short_in(&bytes[start..], length as usize) {
                Some(short) => short,
                None => {
                    let element = &bytes[start..start + length as usize];
                    let slot = self.long(element, &fill, kept.len(), part);
                    kept.extend_from_slice(element);
                    slot
                }
            };
        }
        if long > 0 {
            self.parts.write().unwrap_or_else(PoisonError::into_inner)[part as usize] = Arc::new(kept);
        }
        Ok(())
    }

    /// The slot of an element that is not short.
    fn long(&self, element: &[u8], fill: &[u8], start: usize, part: u32) -> Reference {
        if self.unify && element == fill { self.fill } else { reference(start as u64, part, element.len() as u32) }
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
        let number = u32::try_from(parts.len()).ok().filter(|&number| number < PARTS);
        let number = number.ok_or_else(|| Error::new(Kind::TooLarge, "too many chunks of strings in one operation"))?;
        push(&mut parts, bytes)?;
        Ok(number)
    }
}

/// The elements of a heap at one time.
#[derive(Clone, Debug)]
pub struct Snapshot(Vec<Arc<Vec<u8>>>);

/// The elements of a heap while nobody adds to it.
pub(crate) struct Locked<'a>(RwLockReadGuard<'a, Vec<Arc<Vec<u8>>>>);

impl Snapshot {
    /// The element of a slot.
    pub fn get<'a>(&'a self, slot: &'a Reference) -> Result<&'a [u8]> {
        find(&self.0, slot)
    }
}

impl Locked<'_> {
    /// The element of a slot.
    pub(crate) fn get<'a>(&'a self, slot: &'a Reference) -> Result<&'a [u8]> {
        find(&self.0, slot)
    }
}

fn find<'a>(parts: &'a [Arc<Vec<u8>>], slot: &'a Reference) -> Result<&'a [u8]> {
    if is_short(slot) {
        return Ok(&slot[..usize::from(slot[LONGEST] & !MARK)]);
    }
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *slot;
    let start = u64::from_le_bytes([a, b, c, d, e, f, g, h]) as usize;
    let length = u32::from_le_bytes([i, j, k, l]) as usize;
    let part = u32::from_le_bytes([m, n, o, p]) as usize;
    if part == 0 && length == 0 {
        return Ok(&[]);
    }
    parts
        .get(part)
        .and_then(|bytes| bytes.get(start..start.checked_add(length)?))
        .ok_or_else(|| Error::internal("a reference to an element that there is not"))
}

/// Whether an element stands in its slot itself.
pub(crate) fn is_short(slot: &Reference) -> bool {
    slot[LONGEST] & 0xf0 == MARK || *slot == [0; REFERENCE]
}

/// The slot of an element, if it is short.
fn short(element: &[u8]) -> Option<Reference> {
    short_in(element, element.len())
}

/// The slot of the first `length` bytes, if these are a short element.
fn short_in(bytes: &[u8], length: usize) -> Option<Reference> {
    if length > LONGEST {
        return None;
    }
    if length == 0 {
        return Some([0; REFERENCE]);
    }
    let mut slot = if let Some(wide) = bytes.first_chunk::<REFERENCE>() {
        // Without a loop or a call: 16 bytes, of which those that follow the element become zero.
        (u128::from_le_bytes(*wide) & ((1 << (8 * length)) - 1)).to_le_bytes()
    } else {
        let mut slot = [0; REFERENCE];
        slot[..length].copy_from_slice(&bytes[..length]);
        slot
    };
    slot[LONGEST] = MARK | length as u8;
    Some(slot)
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
    bytes[8..12].copy_from_slice(&length.to_le_bytes());
    bytes[12..].copy_from_slice(&part.to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(heap: &Heap, elements: &[&[u8]]) -> Vec<Reference> {
        let lengths: Vec<u32> = elements.iter().map(|element| element.len() as u32).collect();
        let mut out = Vec::new();
        heap.add(elements.concat(), &lengths, &mut out).unwrap();
        out.as_chunks::<REFERENCE>().0.to_vec()
    }

    #[test]
    fn elements_are_found_by_their_slots() {
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

    #[test]
    fn elements_of_every_length_come_back_and_equal_ones_have_equal_slots_if_they_are_the_fill_value() {
        let text = [b'a'; 40];
        for fill in 0..40 {
            let heap = Heap::new(true, Some(&text[..fill]), true).unwrap();
            let elements: Vec<&[u8]> = (0..40).map(|length| &text[..length]).collect();
            let slots = slots(&heap, &elements);
            for (slot, element) in slots.iter().zip(&elements) {
                assert_eq!(heap.snapshot().get(slot).unwrap(), *element);
                assert_eq!(is_short(slot), element.len() <= LONGEST);
                assert_eq!(slot == heap.fill(), element.len() == fill);
            }
        }
    }

    #[test]
    fn nothing_is_no_empty_element() {
        let heap = Heap::new(false, None, true).unwrap();
        let mut out = Vec::new();
        heap.add(Vec::new(), &[ABSENT, 0], &mut out).unwrap();
        let slots = out.as_chunks::<REFERENCE>().0;
        assert_eq!((&slots[0], &slots[1]), (heap.fill(), &[0; REFERENCE]));
        assert_ne!(slots[0], slots[1]);
        assert!(slots.iter().all(|slot| heap.snapshot().get(slot).unwrap().is_empty()));
    }
}
