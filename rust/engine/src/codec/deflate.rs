//! DEFLATE (RFC 1951) in its two coats, gzip (RFC 1952) and zlib (RFC 1950), by libdeflate.

// The thin face of a C library.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::ptr::NonNull;

use libdeflate_sys as sys;

use super::BytesCodec;
use crate::error::{Error, Kind, Result};
use crate::reserve::reserve;
use crate::scratch::{Room, Scratch};

/// DEFLATE's highest ratio: 258 bytes out of two bits.
pub(super) const HIGHEST_RATIO: usize = 1032;
/// A buffer for output of unknown size starts with this much.
const LEAST_ROOM: usize = 64 << 10;
/// libdeflate writes the output of the last bytes of its input byte by byte. Where a byte becomes so many …
const DENSE: usize = 8;
/// … so many zeros follow the input, and these are the last bytes.
const PADDING: usize = 64;

thread_local! {
    // Both are tables of some size; a thread codes one chunk at a time and keeps one of either.
    static COMPRESSOR: Cell<Option<(Compressor, Room)>> = const { Cell::new(None) };
    static DECOMPRESSOR: Cell<Option<Decompressor>> = const { Cell::new(None) };
}

/// Gzip members.
///
/// ```
/// use zarr_engine::codec::BytesCodec;
/// use zarr_engine::codec::deflate::Gzip;
///
/// let codec = Gzip::new(5)?;
/// let mut stored = Vec::new();
/// codec.encode(&[7; 4096], &mut stored)?;
/// assert!(stored.len() < 1000);
///
/// let mut chunk = [0; 4096];
/// codec.decode_exact(&stored, &mut chunk)?;
/// assert_eq!(chunk, [7; 4096]);
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gzip {
    level: Level,
}

/// One zlib stream.
///
/// ```
/// use zarr_engine::codec::BytesCodec;
/// use zarr_engine::codec::deflate::Zlib;
///
/// let codec = Zlib::new(5)?;
/// let mut stored = Vec::new();
/// codec.encode(&[7; 4096], &mut stored)?;
/// assert!(stored.len() < 1000);
///
/// let mut chunk = [0; 4096];
/// codec.decode_exact(&stored, &mut chunk)?;
/// assert_eq!(chunk, [7; 4096]);
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zlib {
    level: Level,
}

impl Gzip {
    /// `level` is 0 (stored) to 9 (smallest), or -1 for the customary 6.
    pub fn new(level: i32) -> Result<Self> {
        Ok(Self { level: Level::new(level)? })
    }
}

impl Zlib {
    /// `level` is 0 (stored) to 9 (smallest), or -1 for the customary 6.
    pub fn new(level: i32) -> Result<Self> {
        Ok(Self { level: Level::new(level)? })
    }
}

impl BytesCodec for Gzip {
    fn name(&self) -> &str {
        "gzip"
    }

    fn encoded_bound(&self, n: usize) -> Option<usize> {
        encoded_bound(n)
    }

    fn encode(&self, src: &[u8], out: &mut Vec<u8>) -> Result<()> {
        encode(Coat::Gzip, self.level, src, out)
    }

    fn decode_exact(&self, src: &[u8], dst: &mut [u8]) -> Result<()> {
        decode_exact(Coat::Gzip, src, dst)
    }

    fn decode_bounded(&self, src: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<()> {
        decode_bounded(Coat::Gzip, src, limit, out)
    }
}

impl BytesCodec for Zlib {
    fn name(&self) -> &str {
        "zlib"
    }

    fn encoded_bound(&self, n: usize) -> Option<usize> {
        encoded_bound(n)
    }

    fn encode(&self, src: &[u8], out: &mut Vec<u8>) -> Result<()> {
        encode(Coat::Zlib, self.level, src, out)
    }

    fn decode_exact(&self, src: &[u8], dst: &mut [u8]) -> Result<()> {
        decode_exact(Coat::Zlib, src, dst)
    }

    fn decode_bounded(&self, src: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<()> {
        decode_bounded(Coat::Zlib, src, limit, out)
    }
}

/// The container around the compressed data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coat {
    Gzip,
    Zlib,
}

impl Coat {
    fn name(self) -> &'static str {
        match self {
            Coat::Gzip => "gzip",
            Coat::Zlib => "zlib",
        }
    }
}

/// A compression level that libdeflate accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Level(i32);

impl Level {
    fn new(level: i32) -> Result<Self> {
        match level {
            -1 => Ok(Self(6)),
            0..=9 => Ok(Self(level)),
            _ => Err(Error::config(format!("a deflate level is 0 to 9, not {level}"))),
        }
    }
}

/// More than libdeflate needs: zlib's memory level 1 makes more and smaller blocks.
fn encoded_bound(n: usize) -> Option<usize> {
    n.checked_add(n / 8)?.checked_add(1024)
}

fn encode(coat: Coat, level: Level, src: &[u8], out: &mut Vec<u8>) -> Result<()> {
    with_compressor(level, |compressor| {
        let bound = compressor.bound(coat, src.len());
        reserve(out, bound)?;
        match compressor.append(coat, src, bound, out) {
            Some(_) => Ok(()),
            None => Err(Error::internal("libdeflate found no room for its output")),
        }
    })
}

/// Appends the zlib stream of `src` to `out`, whose capacity it does not change, if that is at most
/// `most` bytes; says how many it is.
#[cfg(feature = "blosc")]
pub(super) fn append_zlib(level: i32, src: &[u8], most: usize, out: &mut Vec<u8>) -> Result<Option<usize>> {
    with_compressor(Level::new(level)?, |compressor| Ok(compressor.append(Coat::Zlib, src, most, out)))
}

/// Decodes a zlib stream, which must become exactly `dst`.
#[cfg(feature = "blosc")]
pub(super) fn decode_zlib(src: &[u8], dst: &mut [u8]) -> Result<()> {
    decode_exact(Coat::Zlib, src, dst)
}

fn decode_exact(coat: Coat, src: &[u8], dst: &mut [u8]) -> Result<()> {
    if src.len() > dst.len() / DENSE {
        return decode_members(coat, src, src.len(), dst);
    }
    let mut padded = Scratch::of(src.len() + PADDING)?;
    let (copy, zeros) = padded.split_at_mut(src.len());
    copy.copy_from_slice(src);
    zeros.fill(0);
    decode_members(coat, &padded, src.len(), dst)
}

/// Decodes the first `len` bytes of `src`, which must become exactly `dst`.
fn decode_members(coat: Coat, src: &[u8], len: usize, dst: &mut [u8]) -> Result<()> {
    with_decompressor(|decompressor| {
        let wanted = dst.len();
        let (mut read, mut written) = (0, 0);
        loop {
            let room = &mut dst[written..];
            // SAFETY: `room` is valid for writes of its length.
            let piece = unsafe { decompressor.piece(coat, &src[read..], room.as_mut_ptr(), room.len()) };
            match piece {
                // One that ends behind the data was cut short.
                Piece::Whole { from, .. } if from > len - read => return Err(damaged(coat, read)),
                Piece::Whole { from, to } => {
                    read += from;
                    written += to;
                }
                Piece::NoRoom => {
                    return Err(wrong_size(coat, wanted, format_args!("more than {wanted}")));
                }
                Piece::Damaged => return Err(damaged(coat, read)),
            }
            if read == len {
                break;
            }
            more_allowed(coat, len, read)?;
        }
        if written == wanted { Ok(()) } else { Err(wrong_size(coat, wanted, format_args!("{written}"))) }
    })
}

fn decode_bounded(coat: Coat, src: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<()> {
    out.clear();
    let most = src.len().saturating_mul(HIGHEST_RATIO).min(limit);
    reserve(out, likely_size(coat, src).min(most))?;
    with_decompressor(|decompressor| {
        let mut read = 0;
        loop {
            let left = limit - out.len();
            let spare = out.spare_capacity_mut();
            let room = spare.len().min(left);
            // SAFETY: the spare capacity is valid for writes of its length.
            let piece = unsafe { decompressor.piece(coat, &src[read..], spare.as_mut_ptr().cast(), room) };
            match piece {
                Piece::Whole { from, to } => {
                    read += from;
                    // SAFETY: libdeflate wrote the first `to` bytes of the spare capacity.
                    unsafe { out.set_len(out.len() + to) };
                    if read == src.len() {
                        return Ok(());
                    }
                    more_allowed(coat, src.len(), read)?;
                }
                Piece::NoRoom if room == left => return Err(over_limit(coat, limit)),
                // libdeflate starts each piece anew, so the room is doubled at least.
                Piece::NoRoom => reserve(out, room.saturating_mul(2).max(LEAST_ROOM).min(left))?,
                Piece::Damaged => return Err(damaged(coat, read)),
            }
        }
    })
}

/// A first guess of the decoded size.
fn likely_size(coat: Coat, src: &[u8]) -> usize {
    let guess = src.len().saturating_mul(4).max(LEAST_ROOM);
    match (coat, src.last_chunk()) {
        // The last bytes of a member are its size; several members are more than the last one.
        (Coat::Gzip, Some(&size)) => u32::from_le_bytes(size) as usize,
        _ => guess,
    }
}

/// Whether bytes may follow the `read` ones of `len` that were decoded.
fn more_allowed(coat: Coat, len: usize, read: usize) -> Result<()> {
    match coat {
        Coat::Gzip => Ok(()),
        Coat::Zlib => Err(Error::corrupt("bytes follow the end of the zlib data")
            .expected(format_args!("{read} bytes"), format_args!("{len} bytes"))),
    }
}

/// About how many bytes a compressor has: from level 10 on it looks for the best of all ways.
fn tables(level: Level) -> usize {
    if level.0 < 10 { 1 << 20 } else { 10 << 20 }
}

fn with_compressor<T>(level: Level, work: impl FnOnce(&mut Compressor) -> Result<T>) -> Result<T> {
    let kept = COMPRESSOR.try_with(Cell::take).unwrap_or_default();
    let (mut compressor, room) = match kept.filter(|(compressor, _)| compressor.level == level) {
        Some((compressor, room)) => (compressor, Some(room)),
        None => (Compressor::new(level)?, None),
    };
    let done = work(&mut compressor);
    if let Some(room) = Room::of(tables(level), room) {
        // Fails only while the thread ends.
        let _ = COMPRESSOR.try_with(|slot| slot.set(Some((compressor, room))));
    }
    done
}

fn with_decompressor(work: impl FnOnce(&mut Decompressor) -> Result<()>) -> Result<()> {
    let mut decompressor = match DECOMPRESSOR.try_with(Cell::take).unwrap_or_default() {
        Some(decompressor) => decompressor,
        None => Decompressor::new()?,
    };
    let done = work(&mut decompressor);
    let _ = DECOMPRESSOR.try_with(|slot| slot.set(Some(decompressor)));
    done
}

/// A compressor of libdeflate's.
struct Compressor {
    raw: NonNull<sys::libdeflate_compressor>,
    level: Level,
}

impl Compressor {
    fn new(level: Level) -> Result<Self> {
        // SAFETY: takes a number, returns an owned pointer or null.
        let raw = unsafe { sys::libdeflate_alloc_compressor(level.0) };
        NonNull::new(raw).map(|raw| Self { raw, level }).ok_or_else(no_memory)
    }

    /// The most bytes that `n` bytes become.
    fn bound(&mut self, coat: Coat, n: usize) -> usize {
        let bound = match coat {
            Coat::Gzip => sys::libdeflate_gzip_compress_bound,
            Coat::Zlib => sys::libdeflate_zlib_compress_bound,
        };
        // SAFETY: `raw` is a live compressor, which is ours alone.
        unsafe { bound(self.raw.as_ptr(), n) }
    }

    /// Appends the compressed form of `src` to `out`, whose capacity it does not change, if that
    /// is at most `most` bytes; says how many it is.
    fn append(&mut self, coat: Coat, src: &[u8], most: usize, out: &mut Vec<u8>) -> Option<usize> {
        let compress = match coat {
            Coat::Gzip => sys::libdeflate_gzip_compress,
            Coat::Zlib => sys::libdeflate_zlib_compress,
        };
        let spare = out.spare_capacity_mut();
        let room = spare.len().min(most);
        // SAFETY: `raw` is a live compressor, which is ours alone; `src` is valid for reads of its
        // length and `spare` for writes of `room` bytes.
        let size =
            unsafe { compress(self.raw.as_ptr(), src.as_ptr().cast(), src.len(), spare.as_mut_ptr().cast(), room) };
        if size == 0 || size > room {
            return None;
        }
        // SAFETY: libdeflate wrote the first `size` bytes of the spare capacity.
        unsafe { out.set_len(out.len() + size) };
        Some(size)
    }
}

impl Drop for Compressor {
    fn drop(&mut self) {
        // SAFETY: `raw` came from `libdeflate_alloc_compressor` and is freed once.
        unsafe { sys::libdeflate_free_compressor(self.raw.as_ptr()) }
    }
}

/// The outcome of decoding one gzip member or zlib stream.
enum Piece {
    /// `from` bytes of the input became `to` bytes of output.
    Whole { from: usize, to: usize },
    /// The output does not fit.
    NoRoom,
    /// The input is not what it should be.
    Damaged,
}

/// A decompressor of libdeflate's.
struct Decompressor {
    raw: NonNull<sys::libdeflate_decompressor>,
}

impl Decompressor {
    fn new() -> Result<Self> {
        // SAFETY: takes nothing, returns an owned pointer or null.
        let raw = unsafe { sys::libdeflate_alloc_decompressor() };
        NonNull::new(raw).map(|raw| Self { raw }).ok_or_else(no_memory)
    }

    /// Decodes what `src` starts with into the `room` bytes at `dst`.
    ///
    /// # Safety
    ///
    /// `dst` is valid for writes of `room` bytes.
    unsafe fn piece(&mut self, coat: Coat, src: &[u8], dst: *mut u8, room: usize) -> Piece {
        let decompress = match coat {
            Coat::Gzip => sys::libdeflate_gzip_decompress_ex,
            Coat::Zlib => sys::libdeflate_zlib_decompress_ex,
        };
        let (mut from, mut to) = (0, 0);
        // SAFETY: `raw` is a live decompressor, which is ours alone; `src` is valid for reads of
        // its length, `dst` for writes of `room` bytes; the last two are places for a size each.
        let result = unsafe {
            decompress(self.raw.as_ptr(), src.as_ptr().cast(), src.len(), dst.cast(), room, &mut from, &mut to)
        };
        match result {
            sys::libdeflate_result_LIBDEFLATE_SUCCESS if from <= src.len() && to <= room => Piece::Whole { from, to },
            sys::libdeflate_result_LIBDEFLATE_INSUFFICIENT_SPACE => Piece::NoRoom,
            _ => Piece::Damaged,
        }
    }
}

impl Drop for Decompressor {
    fn drop(&mut self) {
        // SAFETY: `raw` came from `libdeflate_alloc_decompressor` and is freed once.
        unsafe { sys::libdeflate_free_decompressor(self.raw.as_ptr()) }
    }
}

#[cold]
fn damaged(coat: Coat, at: usize) -> Error {
    let name = coat.name();
    if at == 0 {
        Error::corrupt(format!("{name} data are damaged"))
    } else {
        Error::corrupt(format!("what follows byte {at} of the {name} data is no member or a damaged one"))
    }
}

#[cold]
fn wrong_size(coat: Coat, expected: usize, found: std::fmt::Arguments<'_>) -> Error {
    Error::corrupt(format!("{} data have the wrong size", coat.name()))
        .expected(format_args!("{expected} bytes"), format_args!("{found} bytes"))
}

#[cold]
fn over_limit(coat: Coat, limit: usize) -> Error {
    Error::over_limit(format!("{} data are too long", coat.name()), limit, "more")
}

#[cold]
fn no_memory() -> Error {
    Error::new(Kind::NoMemory, "there is no memory for libdeflate")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Runs of bytes, and few bytes that are none.
    fn runs() -> impl Strategy<Value = Vec<u8>> {
        let run = (any::<u8>(), prop_oneof![1usize..4, 200usize..3000]);
        proptest::collection::vec(run, 1..12)
            .prop_map(|runs| runs.into_iter().flat_map(|(byte, n)| std::iter::repeat_n(byte, n)).collect())
    }

    proptest! {
        /// Data of few bytes, which zeros follow, become what they become without these; no damage
        /// and no byte that is missing goes unnoticed because of them.
        #[test]
        fn padding_changes_nothing(data in runs(), more in runs(), cut in any::<prop::sample::Index>(), flip in 1u8..) {
            for coat in [Coat::Gzip, Coat::Zlib] {
                let mut stored = Vec::new();
                encode(coat, Level(6), &data, &mut stored).unwrap();
                let mut whole = data.clone();
                if coat == Coat::Gzip {
                    encode(coat, Level(1), &more, &mut stored).unwrap();
                    whole.extend_from_slice(&more);
                }
                let mut found = vec![1; whole.len()];
                decode_exact(coat, &stored, &mut found).unwrap();
                prop_assert_eq!(&found, &whole);

                let at = cut.index(stored.len());
                prop_assert!(decode_exact(coat, &stored[..at], &mut found).is_err());
                let mut longer = stored.clone();
                longer.push(0);
                prop_assert!(decode_exact(coat, &longer, &mut found).is_err());

                stored[at] ^= flip;
                let mut expected = vec![2; whole.len()];
                let plain = decode_members(coat, &stored, stored.len(), &mut expected);
                let padded = decode_exact(coat, &stored, &mut found);
                prop_assert_eq!(plain.is_ok(), padded.is_ok());
                prop_assert!(plain.is_err() || found == expected);
            }
        }
    }
}
