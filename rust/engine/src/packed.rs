//! Strings from a heap to memory in which short ones stand as they do in the heap's own slots, as in
//! NumPy's arrays. Longer ones stand elsewhere, and are left to the caller.

use std::sync::{Arc, Mutex, PoisonError};

use crate::cancel::Context;
use crate::error::{Error, Result};
use crate::exec::Exec;
use crate::heap::{REFERENCE, Reference, is_short};
use crate::scratch::Scratch;
use crate::selection::{AxisMap, Region};
use crate::strided::{Output, View};

/// Strings that are taken at once.
const BLOCK: usize = 4096;

/// Writes the short strings among `slots` to `out`, a block at a time.
///
/// Unless `out` is `fresh`, blocks in which something stands already are left as they are. Gives,
/// for each block, whether it was written.
pub fn pack(slots: &View, out: &Output, fresh: bool, context: &Context<'_>) -> Result<Vec<bool>> {
    let count = axis(slots)?;
    if axis(out)? != count {
        return Err(Error::internal("there must be as many strings as slots").expected(count, out.shape()[0]));
    }
    let (slots, out) = (slots.clone(), out.clone());
    let written = Arc::new(Mutex::new(vec![false; count.div_ceil(BLOCK)]));
    let done = Arc::clone(&written);
    let job = move |block: usize, _: Exec<'_>| {
        let (region, n) = block_of(block, count);
        let mut data = Scratch::of(n * REFERENCE)?;
        if !fresh {
            out.gather(&region, &mut data, &[REFERENCE as isize])?;
            if data.iter().any(|&byte| byte != 0) {
                return Ok(());
            }
        }
        slots.gather(&region, &mut data, &[REFERENCE as isize])?;
        for slot in data.as_chunks_mut::<REFERENCE>().0.iter_mut().filter(|slot| !is_short(slot)) {
            *slot = [0; REFERENCE];
        }
        out.scatter(&region, &data, &[REFERENCE as isize], 0)?;
        done.lock().unwrap_or_else(PoisonError::into_inner)[block] = true;
        Ok(())
    };
    Exec::Pool(context).run(count.div_ceil(BLOCK), (count * REFERENCE) as u64, job)?;
    let mut written = written.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(std::mem::take(&mut written))
}

/// Hands `take` each of `slots` that is not among the short ones of blocks that were `written`, and
/// its place.
pub fn rest(slots: &View, written: &[bool], mut take: impl FnMut(usize, &Reference) -> Result<()>) -> Result<()> {
    let count = axis(slots)?;
    let mut data = Scratch::of(BLOCK.min(count) * REFERENCE)?;
    for block in 0..count.div_ceil(BLOCK) {
        let (region, n) = block_of(block, count);
        let data = &mut data[..n * REFERENCE];
        slots.gather(&region, data, &[REFERENCE as isize])?;
        let left = written.get(block) != Some(&true);
        for (i, slot) in data.as_chunks::<REFERENCE>().0.iter().enumerate() {
            if left || !is_short(slot) {
                take(block * BLOCK + i, slot)?;
            }
        }
    }
    Ok(())
}

fn axis(view: &View) -> Result<usize> {
    match view.shape() {
        [n] if view.size() == REFERENCE => Ok(*n),
        _ => Err(Error::internal("strings and their slots have one axis, and elements of 16 bytes")),
    }
}

fn block_of(block: usize, count: usize) -> (Region, usize) {
    let start = block * BLOCK;
    let n = BLOCK.min(count - start);
    // As a piece of a selection: chunk coordinates from 0 on, places in the array from `start` on.
    (Region::Box(vec![AxisMap::Range { start: 0, step: 1, count: n as u64, at: start as u64 }]), n)
}
