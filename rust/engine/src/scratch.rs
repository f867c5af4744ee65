//! Buffers that a thread uses again and again, so that a chunk costs no allocation.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

use crate::error::{Error, Kind, Result};

/// Larger buffers are given back to the system: a thread should not sit on them.
const KEPT: usize = 64 << 20;
/// A chunk needs a few at once (read, decode, filter), nested shards a few more.
const MOST: usize = 8;

thread_local! {
    static FREE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// A buffer of this thread, given back when dropped. Its contents are whatever was left in it.
#[derive(Debug, Default)]
pub struct Scratch(Vec<u8>);

impl Scratch {
    /// Any buffer.
    pub fn take() -> Self {
        Self(FREE.with_borrow_mut(Vec::pop).unwrap_or_default())
    }

    /// A buffer of `len` bytes, or an error if the machine cannot hold it.
    pub fn of(len: usize) -> Result<Self> {
        let mut scratch = Self::take();
        resize(&mut scratch.0, len)?;
        Ok(scratch)
    }

    /// The buffer, for somebody who will [`give`](Self::give) it back.
    pub fn into_inner(mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }

    /// Takes a buffer for use by others.
    pub fn give(buffer: Vec<u8>) {
        drop(Self(buffer));
    }
}

/// Makes `buffer` hold `len` bytes, zeroing no more than it must.
pub fn resize(buffer: &mut Vec<u8>, len: usize) -> Result<()> {
    if let Some(more) = len.checked_sub(buffer.len()) {
        if buffer.capacity() < len {
            // Nothing in it is of use: do not copy it along.
            buffer.clear();
        }
        buffer.try_reserve_exact(len - buffer.len()).map_err(|_| {
            Error::new(Kind::TooLarge, format!("no memory for a buffer of {len} bytes (of which {more} are new)"))
        })?;
    }
    buffer.resize(len, 0);
    Ok(())
}

impl Deref for Scratch {
    type Target = Vec<u8>;
    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.0);
        if buffer.capacity() > 0 && buffer.capacity() <= KEPT {
            // While a thread ends, its storage may be gone: then the buffer just goes, too.
            let _ = FREE.try_with(|free| {
                if let Ok(mut free) = free.try_borrow_mut()
                    && free.len() < MOST
                {
                    free.push(buffer);
                }
            });
        }
    }
}
