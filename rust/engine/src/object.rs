//! Where stored bytes are: one value ([`Object`]), all values of a store ([`Source`], [`Sink`]).

use std::ops::Range;
use std::sync::Arc;

use crate::cancel::Context;
use crate::error::{Error, Result};
use crate::files::Handle;
use crate::reserve::reserve;
use crate::scratch::Scratch;

/// A mark by which stored bytes are told from all others that ever were at their place. Bytes of
/// equal identities are equal, so all that was made of them may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The file system; `u64::MAX` for the memory of this process.
    pub device: u64,
    /// The number of the file in it, or of the value in memory: that is never given twice.
    pub number: u64,
    /// The bytes of the whole value.
    pub size: u64,
    /// When it was written, in nanoseconds since 1970.
    pub modified: i64,
    /// When the file or what is known of it was last changed: no program sets this date.
    pub changed: i64,
    /// The stretch of the value, from its first byte on …
    pub start: u64,
    /// … of so many bytes.
    pub len: u64,
}

impl Identity {
    /// Of a value in the memory of this process that nobody can change.
    pub fn in_memory(number: u64, size: u64) -> Self {
        Self { device: u64::MAX, number, size, modified: 0, changed: 0, start: 0, len: size }
    }
}

/// The stored bytes of one key, as they were when they were opened.
///
/// ```
/// use std::sync::Arc;
/// use zarr_engine::object::{Object, SubObject};
///
/// // Bytes in memory are an object, and so is a stretch of one.
/// let shard: Arc<dyn Object> = Arc::new(b"0123456789".to_vec());
/// let inner = SubObject::new(shard, 2, 4)?;
/// assert_eq!(inner.size(), 4);
///
/// let mut bytes = [0; 2];
/// inner.read_at(1, &mut bytes)?;
/// assert_eq!(&bytes, b"34");
/// assert!(inner.read_at(3, &mut bytes).is_err());
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
pub trait Object: Send + Sync {
    /// The number of bytes.
    fn size(&self) -> u64;

    /// Reads `dst.len()` bytes from `offset` on; fewer are an error.
    fn read_at(&self, offset: u64, dst: &mut [u8]) -> Result<()>;

    /// Reads the bytes from `offset` on into one row after the other.
    fn read_rows(&self, offset: u64, rows: &mut [&mut [u8]]) -> Result<()> {
        let mut at = offset;
        for row in rows {
            self.read_at(at, row)?;
            at += row.len() as u64;
        }
        Ok(())
    }

    /// All bytes, if they are in memory already.
    fn bytes(&self) -> Option<&[u8]> {
        None
    }

    /// The file that holds these bytes and nothing else, if there is one: the system copies from it
    /// without bringing the bytes here.
    fn file(&self) -> Option<&Handle> {
        None
    }

    /// The mark by which these bytes are told from others; `None` if that is not known, or not to be relied on: the
    /// value was written so recently that another one could have the same dates.
    fn identity(&self) -> Option<Identity> {
        None
    }

    /// Whether another value is likely to be able to share these bytes, instead of having a copy, if
    /// they are at the same place there.
    fn shares(&self) -> bool {
        false
    }
}

/// Copies are several times slower on some processors (AMD's since Zen 3) where the place of the copy in
/// its page of memory is up to so many bytes behind that of the original. Memory of some size, fresh from
/// the system, is 16 bytes behind the beginning of a page, and thus of a file.
pub const APART: usize = 32;

/// How many bytes of `dst`, a buffer longer than needed by [`APART`], are best left out at its beginning
/// when the bytes of a file from `offset` on are read into it.
pub fn left_out(offset: u64, dst: &[u8]) -> usize {
    if is_behind(offset, dst) { APART } else { 0 }
}

/// Whether the bytes of a file from `offset` on are slow to read into `dst`.
pub fn is_behind(offset: u64, dst: &[u8]) -> bool {
    const PAGE: usize = 4096;
    let behind = dst.as_ptr().addr().wrapping_sub(offset as usize) % PAGE;
    (1..APART).contains(&behind)
}

/// `len` bytes of `object` from `offset` on: where they are, or read into `buffer`, or a larger one in its place.
pub fn stretch<'a>(object: &'a dyn Object, offset: u64, len: usize, buffer: &'a mut Scratch) -> Result<&'a [u8]> {
    if let Some(bytes) = object.bytes() {
        return slice(bytes, offset, len as u64);
    }
    if offset.checked_add(len as u64).is_none_or(|end| end > object.size()) {
        return Err(too_short(offset, len as u64, object.size()));
    }
    let room = len.saturating_add(APART);
    if buffer.len() < room {
        // Growing it would take fresh memory, though there may be a buffer of that size.
        *buffer = Scratch::of(room)?;
    }
    let start = left_out(offset, buffer);
    let bytes = &mut buffer[start..start + len];
    object.read_at(offset, bytes)?;
    Ok(bytes)
}

/// A store that the engine reads by itself, without waiting for anybody.
pub trait Source: Send + Sync {
    /// The value of `key`, or `None` if there is none.
    fn open(&self, key: &str) -> Result<Option<Arc<dyn Object>>>;
}

/// A stretch of a value that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// These bytes.
    New(Vec<u8>),
    /// These bytes of a buffer, of which other parts may have others.
    Shared(Arc<Scratch>, Range<usize>),
    /// Bytes of the value that is replaced.
    Old {
        /// Where they begin there.
        offset: u64,
        /// How many.
        len: u64,
    },
}

impl Part {
    /// How many bytes it is.
    pub fn size(&self) -> u64 {
        match self {
            Part::New(bytes) => bytes.len() as u64,
            Part::Shared(_, range) => range.len() as u64,
            Part::Old { len, .. } => *len,
        }
    }

    /// Its bytes, unless they are those of the value that is replaced.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Part::New(bytes) => Some(bytes),
            Part::Shared(buffer, range) => Some(buffer.get(range.clone()).unwrap_or_default()),
            Part::Old { .. } => None,
        }
    }
}

/// A store that the engine writes by itself.
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::{Arc, Mutex};
/// use zarr_engine::error::Result;
/// use zarr_engine::object::{Object, Part, Sink, Source, join};
///
/// /// A store in memory.
/// #[derive(Default)]
/// struct Memory(Mutex<HashMap<String, Arc<Vec<u8>>>>);
///
/// impl Source for Memory {
///     fn open(&self, key: &str) -> Result<Option<Arc<dyn Object>>> {
///         Ok(self.0.lock().unwrap().get(key).map(|bytes| Arc::new(Arc::clone(bytes).to_vec()) as _))
///     }
/// }
///
/// impl Sink for Memory {
///     fn put(&self, key: &str, parts: Vec<Part>, old: Option<&Arc<dyn Object>>, _guarded: bool) -> Result<bool> {
///         self.0.lock().unwrap().insert(key.to_owned(), Arc::new(join(parts, old)?));
///         Ok(true)
///     }
///     fn delete(&self, key: &str, _guarded: bool) -> Result<()> {
///         self.0.lock().unwrap().remove(key);
///         Ok(())
///     }
/// }
///
/// let store = Memory::default();
/// store.put("c/0", vec![Part::New(b"old value".to_vec())], None, false)?;
/// // What replaces a value may hold stretches of it.
/// let old = store.open("c/0")?;
/// store.put("c/0", vec![Part::New(b"new".to_vec()), Part::Old { offset: 3, len: 6 }], old.as_ref(), true)?;
/// assert_eq!(store.open("c/0")?.unwrap().bytes(), Some(&b"new value"[..]));
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
pub trait Sink: Source {
    /// The value of `key`, or `None`, to be replaced: until it is dropped, no other process that
    /// claims it gets it, if the store is one that processes share.
    fn claim(&self, key: &str, _context: Option<&Context<'_>>) -> Result<Option<Arc<dyn Object>>> {
        self.open(key)
    }

    /// Makes `parts` the value of `key`, at once: nobody sees half of it. `old` is what `Part::Old`
    /// speaks of.
    ///
    /// `guarded`: `old` is what was claimed, and this process has locked the key, so it must be done
    /// when this returns; else it may be put off to the end of the operation. `false` if nothing was
    /// claimed and another process has made a value since: then nothing is changed.
    fn put(&self, key: &str, parts: Vec<Part>, old: Option<&Arc<dyn Object>>, guarded: bool) -> Result<bool>;

    /// Removes `key`, if it is there; `guarded` as for `put`.
    fn delete(&self, key: &str, guarded: bool) -> Result<()>;
}

/// A part as large as this is not copied if it is most of what it belongs to.
const LARGE: usize = 1 << 20;

/// Puts `parts` together in memory, to stay there.
pub fn join(mut parts: Vec<Part>, old: Option<&Arc<dyn Object>>) -> Result<Vec<u8>> {
    if let [Part::New(bytes)] = parts.as_mut_slice() {
        // The memory that was reserved beyond the end would stay as well.
        bytes.shrink_to_fit();
        return Ok(std::mem::take(bytes));
    }
    let total = parts.iter().try_fold(0usize, |n, part| n.checked_add(usize::try_from(part.size()).ok()?));
    let total = total.ok_or_else(|| Error::internal("parts larger than memory"))?;
    let most = |part: &Part| matches!(part, Part::New(bytes) if bytes.len() >= LARGE && bytes.len() > total / 2);
    let first = parts.iter().position(most).unwrap_or(0);
    // Begins with the part that is most of it, if one is: then that one stays where it is.
    let before = parts[..first].iter().fold(0, |n, part| n + part.size() as usize);
    parts.rotate_left(first);
    let mut all = Vec::new();
    for (i, part) in parts.into_iter().enumerate() {
        match part {
            Part::New(bytes) if i == 0 => all = bytes,
            Part::Old { offset, len } => {
                let old = old.ok_or_else(|| Error::internal("a part of a value that is not there"))?;
                let start = all.len();
                reserve(&mut all, total - start)?;
                if let Some(bytes) = old.bytes() {
                    all.extend_from_slice(slice(bytes, offset, len)?);
                } else {
                    all.resize(start + len as usize, 0);
                    old.read_at(offset, &mut all[start..])?;
                }
            }
            new => {
                let more = total - all.len();
                reserve(&mut all, more)?;
                all.extend_from_slice(new.bytes().unwrap_or_default());
            }
        }
    }
    all.rotate_right(before);
    Ok(all)
}

/// Bytes in memory.
impl<T: AsRef<[u8]> + Send + Sync> Object for T {
    fn size(&self) -> u64 {
        self.as_ref().len() as u64
    }

    fn read_at(&self, offset: u64, dst: &mut [u8]) -> Result<()> {
        dst.copy_from_slice(slice(self.as_ref(), offset, dst.len() as u64)?);
        Ok(())
    }

    fn bytes(&self) -> Option<&[u8]> {
        Some(self.as_ref())
    }
}

fn slice(bytes: &[u8], offset: u64, len: u64) -> Result<&[u8]> {
    let range = usize::try_from(offset).ok().zip(offset.checked_add(len).and_then(|end| usize::try_from(end).ok()));
    range.and_then(|(start, end)| bytes.get(start..end)).ok_or_else(|| too_short(offset, len, bytes.len() as u64))
}

fn too_short(offset: u64, len: u64, all: u64) -> Error {
    Error::corrupt("the stored value ends too early")
        .expected(format_args!("{len} bytes from {offset}"), format_args!("{all} bytes in all"))
}

/// A stretch of another object: an inner chunk.
pub struct SubObject {
    parent: Arc<dyn Object>,
    offset: u64,
    len: u64,
}

impl SubObject {
    /// `len` bytes of `parent` from `offset` on.
    pub fn new(parent: Arc<dyn Object>, offset: u64, len: u64) -> Result<Self> {
        if offset.checked_add(len).is_none_or(|end| end > parent.size()) {
            return Err(Error::corrupt("an inner chunk reaches outside of its shard")
                .expected(format_args!("at most {} bytes", parent.size()), format_args!("{len} bytes from {offset}")));
        }
        Ok(Self { parent, offset, len })
    }
}

impl Object for SubObject {
    fn size(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, dst: &mut [u8]) -> Result<()> {
        if offset.checked_add(dst.len() as u64).is_none_or(|end| end > self.len) {
            return Err(Error::corrupt("an inner chunk ends too early").expected(
                format_args!("{} bytes from {offset}", dst.len()),
                format_args!("{} bytes in all", self.len),
            ));
        }
        self.parent.read_at(self.offset + offset, dst)
    }

    fn read_rows(&self, offset: u64, rows: &mut [&mut [u8]]) -> Result<()> {
        let wanted = rows.iter().fold(offset, |n, row| n.saturating_add(row.len() as u64));
        if wanted > self.len {
            return Err(Error::corrupt("an inner chunk ends too early")
                .expected(format_args!("{wanted} bytes"), format_args!("{} bytes", self.len)));
        }
        self.parent.read_rows(self.offset + offset, rows)
    }

    fn bytes(&self) -> Option<&[u8]> {
        slice(self.parent.bytes()?, self.offset, self.len).ok()
    }

    fn identity(&self) -> Option<Identity> {
        let of_parent = self.parent.identity()?;
        Some(Identity { start: of_parent.start + self.offset, len: self.len, ..of_parent })
    }
}
