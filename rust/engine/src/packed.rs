//! Short strings that stand in their array itself, as NumPy keeps those of up to 15 bytes: the
//! bytes, zeros, and a last byte with the length and a mark; nothing but zeros for an empty string.
//!
//! Longer strings stand elsewhere, and are not touched here.

use std::sync::{Arc, Mutex, PoisonError};

use crate::cancel::Context;
use crate::error::{Error, Result};
use crate::exec::Exec;
use crate::heap::{ABSENT, Heap, REFERENCE, Reference};
use crate::scratch::Scratch;
use crate::selection::{AxisMap, Region};
use crate::strided::View;

/// The longest string that stands in the array itself.
const LONGEST: usize = REFERENCE - 1;
/// What stands beside the length.
const MARK: u8 = 0x60;
/// Strings that are taken at once.
const BLOCK: usize = 4096;
/// If more than one of so many strings is long, it is better to take none of them this way.
const RARE: usize = 4;

/// Writes the elements of `numbers`, references into `heap`, to `out` as short strings.
///
/// Gives the places of the strings that are too long, which are left as they are; nothing, if
/// `out` holds strings already, or too many strings are long: then some of it may have been written.
pub fn pack(heap: &Heap, numbers: &View, out: &View, context: &Context<'_>) -> Result<Option<Vec<u64>>> {
    let count = axis(numbers)?;
    if axis(out)? != count {
        return Err(Error::internal("there must be as many strings as numbers").expected(count, out.shape()[0]));
    }
    out.writable()?;
    let (elements, numbers, out) = (heap.snapshot(), numbers.clone(), out.clone());
    let left = Arc::new(Mutex::new((Vec::new(), false)));
    let found = Arc::clone(&left);
    let job = move |block: usize, _: Exec<'_>| {
        let (region, n) = block_of(block, count);
        let mut data = Scratch::of(n * REFERENCE)?;
        let give_up = || found.lock().unwrap_or_else(PoisonError::into_inner).1 = true;
        if found.lock().unwrap_or_else(PoisonError::into_inner).1 {
            return Ok(());
        }
        out.gather(&region, &mut data, &[REFERENCE as isize])?;
        if data.iter().any(|&byte| byte != 0) {
            give_up();
            return Ok(());
        }
        numbers.gather(&region, &mut data, &[REFERENCE as isize])?;
        let mut long = Vec::new();
        for (i, slot) in data.as_chunks_mut::<REFERENCE>().0.iter_mut().enumerate() {
            *slot = packed(elements.get(slot)?).unwrap_or_else(|| {
                long.push((block * BLOCK + i) as u64);
                [0; REFERENCE]
            });
        }
        if long.len() > n / RARE {
            give_up();
        }
        found.lock().unwrap_or_else(PoisonError::into_inner).0.append(&mut long);
        out.scatter(&region, &data, &[REFERENCE as isize], 0)
    };
    Exec::Pool(context).run(count.div_ceil(BLOCK), (count * REFERENCE) as u64, job)?;
    let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
    left.0.sort_unstable();
    Ok((!left.1).then(|| std::mem::take(&mut left.0)))
}

/// Adds the short strings of `strings` to `heap`; their references, and the places of those that
/// stand elsewhere, whose references are those of absent elements. Nothing, if too many do.
pub fn unpack(heap: &Heap, strings: &View) -> Result<Option<(Vec<u8>, Vec<u64>)>> {
    let count = axis(strings)?;
    let (mut bytes, mut lengths, mut long) = (Vec::new(), Vec::with_capacity(count), Vec::new());
    let mut data = Scratch::take();
    for block in 0..count.div_ceil(BLOCK) {
        let (region, n) = block_of(block, count);
        crate::scratch::resize(&mut data, n * REFERENCE)?;
        strings.gather(&region, &mut data, &[REFERENCE as isize])?;
        for (i, slot) in data.as_chunks::<REFERENCE>().0.iter().enumerate() {
            match unpacked(slot) {
                Some(string) => {
                    bytes.extend_from_slice(string);
                    lengths.push(string.len() as u32);
                }
                None => {
                    long.push((block * BLOCK + i) as u64);
                    lengths.push(ABSENT);
                }
            }
        }
        if long.len() > lengths.len() / RARE {
            return Ok(None);
        }
    }
    let mut numbers = Vec::new();
    heap.add(bytes, &lengths, &mut numbers)?;
    Ok(Some((numbers, long)))
}

fn axis(view: &View) -> Result<usize> {
    match view.shape() {
        [n] if view.size() == REFERENCE => Ok(*n),
        _ => Err(Error::internal("strings and numbers have one axis, and elements of 16 bytes")),
    }
}

fn block_of(block: usize, count: usize) -> (Region, usize) {
    let start = block * BLOCK;
    let n = BLOCK.min(count - start);
    // As a piece of a selection: chunk coordinates from 0 on, places in the array from `start` on.
    (Region::Box(vec![AxisMap::Range { start: 0, step: 1, count: n as u64, at: start as u64 }]), n)
}

fn packed(element: &[u8]) -> Option<Reference> {
    let mut slot = [0; REFERENCE];
    slot[..LONGEST].get_mut(..element.len())?.copy_from_slice(element);
    slot[LONGEST] = if element.is_empty() { 0 } else { MARK | element.len() as u8 };
    Some(slot)
}

fn unpacked(slot: &Reference) -> Option<&[u8]> {
    match slot[LONGEST] {
        0 if slot.iter().all(|&byte| byte == 0) => Some(&[]),
        tag if tag & 0xf0 == MARK => {
            let string = &slot[..usize::from(tag & 0x0f)];
            std::str::from_utf8(string).ok().map(str::as_bytes)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_strings_are_packed_and_found_again() {
        for length in 0..16usize {
            let string = vec![b'a'; length];
            let slot = packed(&string);
            assert_eq!(slot.is_some(), length < 16);
            assert_eq!(slot.and_then(|slot| unpacked(&slot).map(<[u8]>::to_vec)), Some(string));
        }
        assert_eq!(packed(&[b'a'; 16]), None);
        let mut elsewhere = [1; REFERENCE];
        for tag in [0, 0x10, 0x40, 0x50, 0x80] {
            elsewhere[LONGEST] = tag;
            assert_eq!(unpacked(&elsewhere), None);
        }
        elsewhere[..2].copy_from_slice(&[0xff, 0xff]);
        elsewhere[LONGEST] = MARK | 2;
        assert_eq!(unpacked(&elsewhere), None, "no UTF-8");
    }
}
