//! Memory asked for politely: a size that a hostile file announces ends in an error, not in an abort.

use crate::error::{Error, Kind, Result};

/// Makes room for `more` items after the end of `out`, and not for many more.
///
/// ```
/// use zarr_engine::error::Kind;
/// use zarr_engine::reserve::reserve;
///
/// let error = reserve(&mut Vec::<u64>::new(), usize::MAX / 16).unwrap_err();
/// assert_eq!(error.kind(), Kind::NoMemory);
/// ```
pub fn reserve<T>(out: &mut Vec<T>, more: usize) -> Result<()> {
    out.try_reserve_exact(more).map_err(|_| no_memory(more.saturating_mul(size_of::<T>())))
}

/// Adds an item to the end of `out`, which grows as a vector grows.
pub fn push<T>(out: &mut Vec<T>, item: T) -> Result<()> {
    if out.len() == out.capacity() {
        out.try_reserve(1).map_err(|_| no_memory(out.len().saturating_mul(2 * size_of::<T>())))?;
    }
    out.push(item);
    Ok(())
}

/// Adds bytes to the end of `out`.
pub fn append(out: &mut Vec<u8>, bytes: &[u8]) -> Result<()> {
    out.try_reserve(bytes.len()).map_err(|_| no_memory(bytes.len()))?;
    out.extend_from_slice(bytes);
    Ok(())
}

/// A copy of `bytes`.
pub fn copied(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut copy = Vec::new();
    reserve(&mut copy, bytes.len())?;
    copy.extend_from_slice(bytes);
    Ok(copy)
}

/// `count` times `item`.
pub fn repeated<T: Clone>(item: T, count: usize) -> Result<Vec<T>> {
    let mut all = Vec::new();
    reserve(&mut all, count)?;
    all.resize(count, item);
    Ok(all)
}

#[cold]
fn no_memory(bytes: usize) -> Error {
    Error::new(Kind::NoMemory, format!("there is no memory for {bytes} bytes"))
}
