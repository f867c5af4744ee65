//! Errors as data: the kind, the key, the chunk, what was expected and what was found.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// The result of everything that can fail in the engine.
pub type Result<T> = std::result::Result<T, Error>;

/// The kind follows from the step that a caller would take next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The description of an array, a codec or a key contradicts itself.
    Config,
    /// A selection does not fit the array, or a buffer does not fit the selection.
    Selection,
    /// Stored bytes are not what the metadata say: cut, damaged, too long, out of place.
    Corrupt,
    /// A chunk is absent and the caller asked to be told.
    Missing,
    /// The array itself was deleted: nothing more is written to it.
    Gone,
    /// The data do not fit what the codec can hold.
    TooLarge,
    /// The machine has not as much memory as is needed.
    NoMemory,
    /// Stored bytes become more than they may.
    OverLimit,
    /// The operating system said no; the raw `errno` where there is one.
    Io(Option<i32>),
    /// A codec, store or callback outside the engine failed; see [`Error::payload`].
    Foreign,
    /// The operation was cancelled.
    Cancelled,
    /// A bug of the engine itself.
    Internal,
}

/// An error with its context. Context is added on the way up, once, by whoever knows it.
///
/// ```
/// use zarr_engine::error::{Error, Kind};
///
/// let error = Error::corrupt("the chunk has the wrong length").expected("8 bytes", "7 bytes").with_key("c/0").with_chunk(&[0]);
/// assert_eq!(error.kind(), Kind::Corrupt);
/// assert_eq!(
///     error.to_string(),
///     "the chunk has the wrong length: expected 8 bytes, found 7 bytes [chunk (0), key \"c/0\"]"
/// );
/// ```
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: Kind,
    message: String,
    key: Option<String>,
    chunk: Option<Vec<u64>>,
    inner: Option<Vec<u64>>,
    array: Option<usize>,
    codec: Option<String>,
    expected: Option<String>,
    found: Option<String>,
    payload: Option<Arc<dyn Any + Send + Sync>>,
}

impl Error {
    /// An error of `kind` that says `message`.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            key: None,
            chunk: None,
            inner: None,
            array: None,
            codec: None,
            expected: None,
            found: None,
            payload: None,
        }))
    }

    /// Stored bytes that do not decode.
    pub fn corrupt(message: impl Into<String>) -> Self {
        Self::new(Kind::Corrupt, message)
    }

    /// Stored bytes that become `found`, and may become at most `limit` bytes.
    pub fn over_limit(message: impl Into<String>, limit: usize, found: impl fmt::Display) -> Self {
        Self::new(Kind::OverLimit, message).expected(format_args!("at most {limit} bytes"), found)
    }

    /// A contradictory description.
    pub fn config(message: impl Into<String>) -> Self {
        Self::new(Kind::Config, message)
    }

    /// A bug of the engine.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Kind::Internal, message)
    }

    /// An operation that was stopped by its caller.
    pub fn cancelled() -> Self {
        Self::new(Kind::Cancelled, "the operation was cancelled")
    }

    /// A failed system call on `key`.
    pub fn io(doing: &str, key: &str, error: &std::io::Error) -> Self {
        Self::new(Kind::Io(crate::files::errno(error)), format!("cannot {doing}: {error}")).with_key(key)
    }

    /// An error that happened outside the engine; `payload` is handed back to whoever can read it.
    pub fn foreign(message: impl Into<String>, payload: Arc<dyn Any + Send + Sync>) -> Self {
        let mut error = Self::new(Kind::Foreign, message);
        error.0.payload = Some(payload);
        error
    }

    /// Says what was expected and what was found instead.
    pub fn expected(mut self, expected: impl fmt::Display, found: impl fmt::Display) -> Self {
        self.0.expected = Some(expected.to_string());
        self.0.found = Some(found.to_string());
        self
    }

    /// Names the key, unless an inner layer already did.
    pub fn with_key(mut self, key: &str) -> Self {
        self.0.key.get_or_insert_with(|| key.to_owned());
        self
    }

    /// Names the chunk, unless an inner layer already did.
    pub fn with_chunk(mut self, chunk: &[u64]) -> Self {
        self.0.chunk.get_or_insert_with(|| chunk.to_vec());
        self
    }

    /// Names the inner chunk of a shard, unless an inner layer already did.
    pub fn with_inner(mut self, chunk: &[u64]) -> Self {
        self.0.inner.get_or_insert_with(|| chunk.to_vec());
        self
    }

    /// Numbers the array of a batch, unless an inner layer already did.
    pub fn with_array(mut self, number: usize) -> Self {
        self.0.array.get_or_insert(number);
        self
    }

    /// The number of the array, where several were read together.
    pub fn array(&self) -> Option<usize> {
        self.0.array
    }

    /// Names the codec, unless an inner layer already did.
    pub fn with_codec(mut self, codec: &str) -> Self {
        self.0.codec.get_or_insert_with(|| codec.to_owned());
        self
    }

    /// Says that the limit was one of the metadata: what exceeds it is damaged.
    pub fn limited_by_metadata(mut self) -> Self {
        if self.0.kind == Kind::OverLimit {
            self.0.kind = Kind::Corrupt;
        }
        self
    }

    /// The kind, which tells the caller's next step.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Where it happened: ` [codec …, chunk …, key …]`, as far as that is known.
    pub fn place(&self) -> String {
        let e = &self.0;
        let mut fields = Vec::new();
        if let Some(codec) = &e.codec {
            fields.push(format!("codec {codec}"));
        }
        for (name, chunk) in [("inner chunk", &e.inner), ("chunk", &e.chunk)] {
            if let Some(chunk) = chunk {
                let chunk = chunk.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
                fields.push(format!("{name} ({chunk})"));
            }
        }
        if let Some(key) = &e.key {
            fields.push(format!("key {key:?}"));
        }
        if fields.is_empty() { String::new() } else { format!(" [{}]", fields.join(", ")) }
    }

    /// The error of a foreign codec or store, as it was given to [`Error::foreign`].
    pub fn payload(&self) -> Option<&Arc<dyn Any + Send + Sync>> {
        self.0.payload.as_ref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let e = &self.0;
        f.write_str(&e.message)?;
        if let (Some(expected), Some(found)) = (&e.expected, &e.found) {
            write!(f, ": expected {expected}, found {found}")?;
        }
        f.write_str(&self.place())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.kind)
    }
}

impl std::error::Error for Error {}
