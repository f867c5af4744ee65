//! Chunk key encodings: the name under which a chunk is stored.

use std::fmt::{self, Write};
use std::sync::Arc;

use crate::error::Result;

/// How a user's own encoding makes a key.
pub type KeyFn = dyn Fn(&[u64]) -> Result<String> + Send + Sync;

/// The encodings of the Zarr v3 core specification, and anybody's own.
///
/// ```
/// use zarr_engine::key::KeyEncoding;
///
/// assert_eq!(KeyEncoding::Default('/').encode("a/", &[1, 20])?, "a/c/1/20");
/// assert_eq!(KeyEncoding::V2('.').encode("a/", &[1, 20])?, "a/1.20");
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
#[derive(Clone)]
pub enum KeyEncoding {
    /// `c/1/2`, with this separator; `c` for an array without dimensions.
    Default(char),
    /// `1.2`, with this separator; `0` for an array without dimensions.
    V2(char),
    /// Anything else.
    Custom(Arc<KeyFn>),
}

impl KeyEncoding {
    /// The key of `chunk`, behind `prefix`.
    pub fn encode(&self, prefix: &str, chunk: &[u64]) -> Result<String> {
        let mut key = String::with_capacity(prefix.len() + 8 + 4 * chunk.len());
        key.push_str(prefix);
        match self {
            KeyEncoding::Default(separator) => {
                key.push('c');
                for &index in chunk {
                    key.push(*separator);
                    push_number(&mut key, index);
                }
            }
            KeyEncoding::V2(_) if chunk.is_empty() => key.push('0'),
            KeyEncoding::V2(separator) => {
                for (i, &index) in chunk.iter().enumerate() {
                    if i > 0 {
                        key.push(*separator);
                    }
                    push_number(&mut key, index);
                }
            }
            KeyEncoding::Custom(encode) => key.push_str(&encode(chunk)?),
        }
        Ok(key)
    }
}

fn push_number(key: &mut String, number: u64) {
    // Writing to a string cannot fail.
    let _ = write!(key, "{number}");
}

impl fmt::Debug for KeyEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyEncoding::Default(separator) => write!(f, "Default({separator:?})"),
            KeyEncoding::V2(separator) => write!(f, "V2({separator:?})"),
            KeyEncoding::Custom(_) => f.write_str("Custom"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        assert_eq!(KeyEncoding::Default('/').encode("a/", &[1, 20]).unwrap(), "a/c/1/20");
        assert_eq!(KeyEncoding::Default('.').encode("", &[]).unwrap(), "c");
        assert_eq!(KeyEncoding::V2('.').encode("", &[0, 3]).unwrap(), "0.3");
        assert_eq!(KeyEncoding::V2('/').encode("x/", &[]).unwrap(), "x/0");
    }
}
