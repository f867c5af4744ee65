//! Zstandard (RFC 8878), by the C library.

use std::cell::Cell;
use std::io::Cursor;

use zstd_safe::zstd_sys::ZSTD_ErrorCode::ZSTD_error_dstSize_tooSmall;
use zstd_safe::{
    CCtx, CParameter, DCtx, InBuffer, OutBuffer, ResetDirective, compress_bound, decompress_bound,
    find_frame_compressed_size, get_error_name, get_frame_content_size, is_error_kind, max_c_level, min_c_level,
};

use super::{BytesCodec, Window};
use crate::error::{Error, Kind, Result};
use crate::object::{Object, stretch};
use crate::reserve::reserve;
use crate::scratch::{Room, Scratch};

/// The first four bytes of a frame.
const MAGIC: u32 = 0xFD2F_B528;
/// The first four bytes of a frame to be skipped; the last four bits are free.
const SKIPPABLE: u32 = 0x184D_2A50;
/// No byte of a frame becomes more bytes than this: a block takes four bytes at least and becomes
/// `MOST_OF_BLOCK` bytes at most, and a frame is more than its blocks.
pub(super) const HIGHEST_RATIO: usize = MOST_OF_BLOCK / 4;
const MOST_OF_BLOCK: usize = 128 << 10;
/// A decompression context needs no more than this if it decodes whole frames.
const KEPT_DECOMPRESSOR: usize = 512 << 10;
/// So many bytes of a frame are read and decoded at once, where not all are needed.
const STEP: usize = 64 << 10;
/// The most bytes that say what a frame is.
const LONGEST_HEADER: u64 = 18;
/// The bit of a frame's descriptor that tells of a checksum at its end.
const CHECKSUM: u8 = 1 << 2;

thread_local! {
    // Making a context costs more than coding a small chunk, so each thread keeps one of either.
    static COMPRESSOR: Cell<Option<(CCtx<'static>, Room)>> = const { Cell::new(None) };
    static DECOMPRESSOR: Cell<Option<(DCtx<'static>, Room)>> = const { Cell::new(None) };
}

/// Zstandard frames.
///
/// ```
/// use zarr_engine::codec::BytesCodec;
/// use zarr_engine::codec::zstd::Zstd;
///
/// let codec = Zstd::new(3, true)?;
/// let mut stored = Vec::new();
/// codec.encode(&[7; 4096], &mut stored)?;
/// assert!(stored.len() < 1000);
///
/// let mut chunk = [0; 4096];
/// codec.decode_exact(&stored, &mut chunk)?;
/// assert_eq!(chunk, [7; 4096]);
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zstd {
    level: i32,
    checksum: bool,
}

impl Zstd {
    /// A level beyond the library's range is the nearest one: reading does not depend on it.
    pub fn new(level: i32, checksum: bool) -> Result<Self> {
        Ok(Self { level: level.clamp(min_c_level(), max_c_level()), checksum })
    }
}

impl BytesCodec for Zstd {
    fn name(&self) -> &str {
        "zstd"
    }

    /// More than this library needs: another writer may have flushed more blocks.
    fn encoded_bound(&self, n: usize) -> Option<usize> {
        n.checked_add(n / 8)?.checked_add(1024)
    }

    fn encode(&self, src: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let bound = compress_bound(src.len());
        reserve(out, bound)?;
        match append(self.level, self.checksum, src, bound, out)? {
            Some(_) => Ok(()),
            None => Err(Error::internal("zstd found no room for its output")),
        }
    }

    fn decode_exact(&self, src: &[u8], dst: &mut [u8]) -> Result<()> {
        let wanted = dst.len();
        let mut done = 0;
        decode_frames(src, |context, frame| {
            let room = &mut dst[done..];
            if let Some(size) = content_size(frame)?.filter(|&size| size > room.len() as u64) {
                return Err(wrong_size(wanted, format_args!("{}", done as u64 + size)));
            }
            match context.decompress(room, frame) {
                Ok(size) => done += size,
                Err(code) if is_error_kind(code, ZSTD_error_dstSize_tooSmall) => {
                    return Err(wrong_size(wanted, format_args!("more than {wanted}")));
                }
                Err(code) => return Err(damaged(code)),
            }
            Ok(())
        })?;
        if done == wanted { Ok(()) } else { Err(wrong_size(wanted, format_args!("{done}"))) }
    }

    fn decode_ranges(&self, src: &dyn Object, window: &mut Window<'_>) -> Result<bool> {
        decode_prefix(src, window)
    }

    fn decode_bounded(&self, src: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<()> {
        out.clear();
        decode_frames(src, |context, frame| {
            let room = limit - out.len();
            let size = content_size(frame)?;
            if size.is_some_and(|size| size > room as u64) {
                return Err(over_limit(limit));
            }
            reserve(out, room.min(most_of(frame, size)?))?;
            let end = out.len() as u64;
            let mut spare = Cursor::new(&mut *out);
            spare.set_position(end);
            match context.decompress(&mut spare, frame) {
                Ok(_) if out.len() <= limit => Ok(()),
                Ok(_) => Err(over_limit(limit)),
                Err(code) if is_error_kind(code, ZSTD_error_dstSize_tooSmall) => Err(over_limit(limit)),
                Err(code) => Err(damaged(code)),
            }
        })
    }
}

/// Decodes one frame up to the last byte of `window`. `false` if that is most of the frame, or if the
/// frame does not say its size, or has a checksum: that guards all of it, and is to be checked.
fn decode_prefix(src: &dyn Object, window: &mut Window<'_>) -> Result<bool> {
    let (start, end) = window.hull();
    if end > window.total - window.total / 4 {
        return Ok(false);
    }
    let mut buffer = Scratch::take();
    let size = src.size();
    let head = stretch(src, 0, size.min(LONGEST_HEADER) as usize, &mut buffer)?;
    let plain = head.get(4).is_some_and(|descriptor| descriptor & CHECKSUM == 0);
    let announced = get_frame_content_size(head).ok().flatten();
    if magic(head) != Some(MAGIC) || !plain || announced != Some(window.total as u64) {
        return Ok(false);
    }
    let (mut context, room) = decompressor()?;
    // Bytes before the window are decoded, and thrown away.
    let mut before = Scratch::of(start.min(STEP))?;
    let (mut taken, mut given) = (0, 0);
    let mut decode = || -> Result<()> {
        while given < end {
            let stored = stretch(src, taken, (size - taken).min(STEP as u64) as usize, &mut buffer)?;
            let room = match start.checked_sub(given).filter(|&left| left > 0) {
                Some(left) => &mut before[..left.min(STEP)],
                None => &mut window.dst[given - start..],
            };
            let (mut input, mut output) = (InBuffer::around(stored), OutBuffer::around(room));
            let hint = context.decompress_stream(&mut output, &mut input).map_err(damaged)?;
            if (input.pos(), output.pos()) == (0, 0) || hint == 0 && given + output.pos() < end {
                return Err(cut());
            }
            taken += input.pos() as u64;
            given += output.pos();
        }
        Ok(())
    };
    let done = decode();
    // It stands in the middle of a frame, with room for what the frame refers to.
    if context.reset(ResetDirective::SessionOnly).is_ok() && context.sizeof() <= KEPT_DECOMPRESSOR {
        keep_decompressor(context, room);
    }
    done.map(|()| true)
}

/// Appends the frame of `src` to `out`, whose capacity it does not change, if that is at most
/// `most` bytes; says how many it is. The level may be beyond the library's range.
#[cfg(feature = "blosc")]
pub(super) fn append_frame(level: i32, src: &[u8], most: usize, out: &mut Vec<u8>) -> Result<Option<usize>> {
    append(level.clamp(min_c_level(), max_c_level()), false, src, most, out)
}

/// Decodes `src`, one frame and nothing else, which must become exactly `dst`.
#[cfg(feature = "blosc")]
pub(super) fn decode_frame(src: &[u8], dst: &mut [u8]) -> Result<()> {
    let mut frames = 0;
    decode_frames(src, |context, frame| {
        frames += 1;
        match context.decompress(dst, frame) {
            Ok(size) if size == dst.len() && frame.len() == src.len() => Ok(()),
            Ok(_) => Err(Error::corrupt("a zstd frame has the wrong size")),
            Err(code) => Err(damaged(code)),
        }
    })?;
    if frames == 1 { Ok(()) } else { Err(cut()) }
}

fn append(level: i32, checksum: bool, src: &[u8], most: usize, out: &mut Vec<u8>) -> Result<Option<usize>> {
    let (mut context, room) = match COMPRESSOR.try_with(Cell::take).unwrap_or_default() {
        Some((context, room)) => (context, Some(room)),
        None => (CCtx::try_create().ok_or_else(no_memory)?, None),
    };
    let start = out.len();
    let mut spare = Cursor::new(&mut *out);
    spare.set_position(start as u64);
    let size = context
        .set_parameter(CParameter::CompressionLevel(level))
        .and_then(|_| context.set_parameter(CParameter::ChecksumFlag(checksum)))
        .and_then(|_| context.compress2(&mut spare, src));
    // After an error it is in the middle of a frame.
    let clean = size.is_ok() || context.reset(ResetDirective::SessionOnly).is_ok();
    if clean && let Some(room) = Room::of(context.sizeof(), room) {
        // Fails only while the thread ends.
        let _ = COMPRESSOR.try_with(|slot| slot.set(Some((context, room))));
    }
    match size {
        Ok(size) if size <= most => Ok(Some(size)),
        Ok(_) => {
            out.truncate(start);
            Ok(None)
        }
        Err(code) if is_error_kind(code, ZSTD_error_dstSize_tooSmall) => Ok(None),
        Err(code) => Err(Error::internal(format!("zstd: {}", get_error_name(code)))),
    }
}

/// Hands every frame of `src` to `decode`, with a context to decode it.
fn decode_frames(src: &[u8], mut decode: impl FnMut(&mut DCtx<'static>, &[u8]) -> Result<()>) -> Result<()> {
    if src.is_empty() {
        return Err(Error::corrupt("zstd data are empty"));
    }
    let (mut context, room) = decompressor()?;
    let done = frames(src).try_for_each(|frame| decode(&mut context, frame?));
    keep_decompressor(context, room);
    done
}

/// The thread's context for decompression, or a new one.
fn decompressor() -> Result<(DCtx<'static>, Option<Room>)> {
    match DECOMPRESSOR.try_with(Cell::take).unwrap_or_default() {
        Some((context, room)) => Ok((context, Some(room))),
        None => Ok((DCtx::try_create().ok_or_else(no_memory)?, None)),
    }
}

fn keep_decompressor(context: DCtx<'static>, room: Option<Room>) {
    if let Some(room) = Room::of(context.sizeof(), room) {
        // Fails only while the thread ends.
        let _ = DECOMPRESSOR.try_with(|slot| slot.set(Some((context, room))));
    }
}

/// The frames of `src`, without those to be skipped, up to the first that is none.
fn frames(src: &[u8]) -> impl Iterator<Item = Result<&[u8]>> {
    let mut rest = src;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let at = src.len() - rest.len();
            match split_frame(rest, at) {
                Ok((frame, after)) => {
                    rest = after;
                    if magic(frame) == Some(MAGIC) {
                        return Some(Ok(frame));
                    }
                }
                Err(error) => {
                    rest = &[];
                    return Some(Err(error));
                }
            }
        }
        None
    })
}

/// The frame that starts at `rest`, which is `at` bytes into the data, and what follows it.
fn split_frame(rest: &[u8], at: usize) -> Result<(&[u8], &[u8])> {
    // The library may be built to read the frames of zstd's youth as well: they are no part of the
    // format that Zarr names, and their decoders are not the ones that everybody tests.
    match magic(rest) {
        Some(MAGIC) => {}
        Some(word) if word & !0xF == SKIPPABLE => {}
        _ => {
            return Err(Error::corrupt(format!("byte {at} of the zstd data starts no frame")));
        }
    }
    let size = find_frame_compressed_size(rest).map_err(damaged)?;
    rest.split_at_checked(size).ok_or_else(cut)
}

fn magic(src: &[u8]) -> Option<u32> {
    src.first_chunk().map(|&word| u32::from_le_bytes(word))
}

/// The size that the frame's header announces.
fn content_size(frame: &[u8]) -> Result<Option<u64>> {
    get_frame_content_size(frame).map_err(|_| cut())
}

/// The most bytes that `frame` can become, whatever its header says.
fn most_of(frame: &[u8], announced: Option<u64>) -> Result<usize> {
    let possible = frame.len().saturating_mul(HIGHEST_RATIO) as u64;
    let most = match announced {
        Some(size) => size,
        None => decompress_bound(frame).map_err(damaged)?,
    };
    Ok(usize::try_from(most.min(possible)).unwrap_or(usize::MAX))
}

#[cold]
fn cut() -> Error {
    Error::corrupt("zstd data are cut short")
}

#[cold]
fn damaged(code: usize) -> Error {
    Error::corrupt(format!("zstd data are damaged ({})", get_error_name(code)))
}

#[cold]
fn wrong_size(expected: usize, found: std::fmt::Arguments<'_>) -> Error {
    Error::corrupt("zstd data have the wrong size")
        .expected(format_args!("{expected} bytes"), format_args!("{found} bytes"))
}

#[cold]
fn over_limit(limit: usize) -> Error {
    Error::over_limit("zstd data are too long", limit, "more")
}

#[cold]
fn no_memory() -> Error {
    Error::new(Kind::NoMemory, "there is no memory for a zstd context")
}
