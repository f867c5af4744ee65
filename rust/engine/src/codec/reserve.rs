//! Memory asked for politely: a size that a hostile file announces ends in an error, not in an abort.

use crate::error::{Error, Kind, Result};

/// Makes room for `more` bytes after the end of `out`, and not for many more.
pub(crate) fn reserve(out: &mut Vec<u8>, more: usize) -> Result<()> {
    out.try_reserve_exact(more).map_err(|_| Error::new(Kind::TooLarge, format!("there is no memory for {more} bytes")))
}
