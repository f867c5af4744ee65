//! Views of memory that somebody else owns, and copies between strided boxes.
//!
//! Every copy first proves that all that it will touch lies inside both memories; only then it runs
//! without further checks.

#![allow(unsafe_code)]

mod scattered;
mod tiles;
mod transfer;

use std::any::Any;
use std::ops::Deref;
use std::sync::Arc;

use self::scattered::{Scattered, Way};
#[cfg(target_arch = "x86_64")]
use self::transfer::Beside;
use self::transfer::{STREAMED, Transfer};
use crate::error::{Error, Kind, Result};
use crate::selection::Region;
use crate::trace::{self, Phase};

/// A value that keeps memory valid until it is dropped.
pub type Owner = Arc<dyn Any + Send + Sync>;

/// A strided box in memory, to be read.
#[derive(Clone)]
pub struct View {
    base: *mut u8,
    /// The bytes that the box reaches, relative to `base`.
    low: isize,
    high: isize,
    shape: Arc<[usize]>,
    strides: Arc<[isize]>,
    size: usize,
    /// `None` only inside of [`Output::with`].
    _owner: Option<Owner>,
}

// SAFETY: a view is a pointer with its bounds, and the owner of the memory. Its maker promised
// that the memory may be used from any thread.
unsafe impl Send for View {}
// SAFETY: as above.
unsafe impl Sync for View {}

/// A strided box in memory, to be written: no two of its elements share a byte.
///
/// ```
/// use std::sync::Arc;
/// use zarr_engine::selection::Region;
/// use zarr_engine::strided::{Output, strides_of};
///
/// let data = vec![0u8; 6];
/// let owner = Arc::new(data);
/// let base = owner.as_ptr().cast_mut();
/// // SAFETY: the owner keeps the memory, and nothing else uses it for as long as there is a view.
/// let view = unsafe { Output::new(base, &[2, 3], &strides_of(&[2, 3], 1)?.as_slice(), 1, owner.clone())? };
///
/// // A chunk that is stored in the order of its columns.
/// view.scatter(&Region::all(&[2, 3]), &[1, 4, 2, 5, 3, 6], &[1, 2], 0)?;
/// drop(view);
/// assert_eq!(owner[..], [1, 2, 3, 4, 5, 6]);
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
#[derive(Clone)]
pub struct Output {
    view: View,
    /// Whether no other output that is written at the same time lies between its bytes.
    alone: bool,
}

impl Deref for Output {
    type Target = View;
    fn deref(&self) -> &View {
        &self.view
    }
}

impl View {
    /// A view of the box at `base` with the given shape, strides in bytes, and element size.
    ///
    /// # Safety
    ///
    /// Until `owner` is dropped, every byte that shape and strides reach from `base` must be valid
    /// for reads, from any thread.
    pub unsafe fn new(base: *const u8, shape: &[usize], strides: &[isize], size: usize, owner: Owner) -> Result<Self> {
        Self::bounded(base.cast_mut(), shape, strides, size, Some(owner))
    }

    /// The same, of memory that whoever asks must know to be there.
    fn bounded(base: *mut u8, shape: &[usize], strides: &[isize], size: usize, owner: Option<Owner>) -> Result<Self> {
        let too_large = || Error::new(Kind::Selection, "a buffer reaches beyond the address space");
        if shape.len() != strides.len() || size == 0 {
            return Err(Error::internal("a buffer has as many strides as axes, and elements of at least a byte"));
        }
        let (mut low, mut high) = (0isize, isize::try_from(size).map_err(|_| too_large())?);
        let empty = shape.contains(&0);
        for (&n, &stride) in shape.iter().zip(strides) {
            let last = isize::try_from(n.saturating_sub(1)).map_err(|_| too_large())?;
            let reach = last.checked_mul(stride).ok_or_else(too_large)?;
            let end = if reach < 0 { &mut low } else { &mut high };
            *end = end.checked_add(reach).ok_or_else(too_large)?;
        }
        if empty {
            (low, high) = (0, 0);
        } else if base.is_null() {
            return Err(Error::internal("a buffer without memory"));
        }
        Ok(Self { base, low, high, shape: shape.into(), strides: strides.into(), size, _owner: owner })
    }

    /// Elements along each axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Bytes of one element.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The same elements in the same order, along as few dimensions as can be.
    pub fn joined(mut self) -> Self {
        let mut axes: Vec<(usize, isize)> = Vec::with_capacity(self.shape.len());
        for (&n, &stride) in self.shape.iter().zip(&*self.strides) {
            match axes.last_mut() {
                _ if n == 1 => {}
                Some(last) if isize::try_from(n).ok().and_then(|n| stride.checked_mul(n)) == Some(last.1) => {
                    *last = (last.0.saturating_mul(n), stride);
                }
                _ => axes.push((n, stride)),
            }
        }
        (self.shape, self.strides) =
            (axes.iter().map(|axis| axis.0).collect(), axes.iter().map(|axis| axis.1).collect());
        self
    }

    /// Calls `f` with places of elements in memory, from number `start` on in C order, at most `n`: where
    /// the first of some is, how many these are, and how far the next one is.
    fn each_row(&self, start: usize, n: usize, mut f: impl FnMut(*const u8, usize, isize)) {
        let total = self.shape.iter().fold(1usize, |n, &size| n.saturating_mul(size));
        let (mut at, end) = (start.min(total), start.saturating_add(n).min(total));
        let (row, step) = self.shape.last().zip(self.strides.last()).map_or((1, 0), |(&row, &step)| (row, step));
        while at < end {
            let n = (row - at % row).min(end - at);
            let (mut rest, mut offset) = (at, 0isize);
            for (&size, &stride) in self.shape.iter().zip(&*self.strides).rev() {
                offset += (rest % size) as isize * stride;
                rest /= size;
            }
            // The offset is that of an element: it lies in the bounds that `bounded` found.
            f(self.base.wrapping_offset(offset), n, step);
            at += n;
        }
    }

    /// Copies elements of a byte, from number `start` on in C order.
    pub fn bytes(&self, start: usize, out: &mut [u8]) {
        if self.size != 1 {
            return;
        }
        let mut done = 0;
        self.each_row(start, out.len(), |from, n, step| {
            let out = &mut out[done..done + n];
            done += n;
            // SAFETY: these are elements of the view, whose memory is valid for reads (`View::new`).
            unsafe {
                if step == 1 {
                    std::ptr::copy(from, out.as_mut_ptr(), n);
                } else {
                    out.iter_mut().enumerate().for_each(|(i, out)| *out = from.offset(i as isize * step).read());
                }
            }
        });
    }

    /// Copies integers of 1, 2, 4 or 8 bytes, from number `start` on in C order. Numbers that are larger
    /// than any index become the largest one.
    pub fn integers(&self, start: usize, signed: bool, out: &mut [i64]) {
        let mut done = 0;
        self.each_row(start, out.len(), |from, n, step| {
            let out = &mut out[done..done + n];
            done += n;
            // SAFETY: these are elements of the view, whose memory is valid for reads (`View::new`), and
            // each is as long as the type that is read.
            unsafe {
                match (self.size, signed) {
                    (8, true) => read_all(from, step, out, |number: i64| number),
                    (8, false) => read_all(from, step, out, |number: u64| i64::try_from(number).unwrap_or(i64::MAX)),
                    (4, true) => read_all(from, step, out, |number: i32| number.into()),
                    (4, false) => read_all(from, step, out, |number: u32| number.into()),
                    (2, true) => read_all(from, step, out, |number: i16| number.into()),
                    (2, false) => read_all(from, step, out, |number: u16| number.into()),
                    (1, true) => read_all(from, step, out, |number: i8| number.into()),
                    (1, false) => read_all(from, step, out, |number: u8| number.into()),
                    _ => out.fill(i64::MAX),
                }
            }
        });
    }

    fn fits(&self, region: &Region) -> Result<()> {
        let axes = match region {
            Region::Box(axes) => axes.len(),
            Region::Points(_) | Region::Mask(_) => 1,
        };
        if axes == self.shape.len() {
            Ok(())
        } else {
            Err(Error::new(Kind::Selection, "the buffer has the wrong number of axes").expected(axes, self.shape.len()))
        }
    }

    /// Copies the elements of `region` from the view into `chunk`, laid out by `strides`.
    pub fn gather(&self, region: &Region, chunk: &mut [u8], strides: &[isize]) -> Result<()> {
        trace::timed_of(Phase::Place, |_| self.moved(region), || self.take(region, chunk, strides))
    }

    /// How many bytes the elements of a region have.
    fn moved(&self, region: &Region) -> u64 {
        region.len().saturating_mul(self.size as u64)
    }

    fn take(&self, region: &Region, chunk: &mut [u8], strides: &[isize]) -> Result<()> {
        self.fits(region)?;
        if let Some(scattered) = Scattered::new(region, strides, 0, &self.strides, self.size) {
            let (chunk, view) = (bytes_of(chunk), (self.base, (self.low, self.high)));
            // SAFETY: both bounds are those of memory that is valid, as below: the view's for reads, and
            // `chunk` for writes.
            return unsafe { scattered.run(Way::ToChunk, chunk, view) };
        }
        let transfer = Transfer::plan(region, strides, 0, &self.strides, self.size)?.flip();
        transfer.check((self.low, self.high), (0, chunk.len() as isize))?;
        // SAFETY: `check` proved that all source offsets lie in the view's memory, which is valid for
        // reads (`View::new`), and all destination offsets in `chunk`, which is borrowed for this alone.
        unsafe { transfer.run(self.base, chunk.as_mut_ptr(), false) };
        Ok(())
    }
}

impl Output {
    /// A view that is written to; fails if two of its elements share a byte.
    ///
    /// # Safety
    ///
    /// As for [`View::new`], and every byte must be valid for writes, too.
    pub unsafe fn new(base: *mut u8, shape: &[usize], strides: &[isize], size: usize, owner: Owner) -> Result<Self> {
        Self::distinct(View::bounded(base, shape, strides, size, Some(owner))?)
    }

    /// Lends `f` a view of `data` as a box of `shape` with the given strides. `f` must leave no clone
    /// behind, which is why nothing outside of the crate can call it.
    pub(crate) fn with<T>(
        data: &mut [u8],
        shape: &[u64],
        strides: &[isize],
        size: usize,
        f: impl FnOnce(&Output) -> Result<T>,
    ) -> Result<T> {
        let (shape, _) = c_order(shape, size)?;
        // No owner is needed: `data` is borrowed for as long as `f` runs, and all that runs under `f`
        // (the pool included) has ended when it returns.
        let view = View::bounded(data.as_mut_ptr(), &shape, strides, size, None)?;
        if view.low < 0 || view.high as usize > data.len() {
            return Err(Error::internal("a buffer is too small for its box").expected(view.high, data.len()));
        }
        f(&Self::distinct(view)?)
    }

    fn distinct(view: View) -> Result<Self> {
        let axes = view.shape.iter().zip(&*view.strides).filter(|axis| *axis.0 > 1);
        let mut axes: Vec<(usize, usize)> = axes.map(|(&n, stride)| (stride.unsigned_abs(), n)).collect();
        axes.sort_unstable();
        let mut reach = view.size;
        for (stride, n) in axes {
            if stride < reach && !view.shape.contains(&0) {
                return Err(Error::new(Kind::Selection, "the output overlaps itself"));
            }
            reach = stride.saturating_mul(n);
        }
        Ok(Self { view, alone: true })
    }

    /// The addresses of the first byte and behind the last one that it reaches.
    pub fn addresses(&self) -> (usize, usize) {
        let base = self.base.addr();
        (base.wrapping_add_signed(self.low), base.wrapping_add_signed(self.high))
    }

    /// The same memory, written at the same time as other outputs whose bytes lie between its own:
    /// nobody is handed a stretch of it.
    pub fn among_others(self) -> Self {
        Self { alone: false, ..self }
    }

    /// Copies the elements of `region` from `chunk`, laid out by `strides`, into the view.
    pub fn scatter(&self, region: &Region, chunk: &[u8], strides: &[isize], skip: usize) -> Result<()> {
        trace::timed_of(Phase::Place, |_| self.moved(region), || self.put(region, chunk, strides, skip))
    }

    fn put(&self, region: &Region, chunk: &[u8], strides: &[isize], skip: usize) -> Result<()> {
        self.fits(region)?;
        if let Some(scattered) = Scattered::new(region, strides, skip, &self.strides, self.size) {
            let chunk = (chunk.as_ptr().cast_mut(), (0, chunk.len() as isize));
            // SAFETY: both bounds are those of memory that is valid, as below: the chunk's for reads, the
            // view's for writes.
            return unsafe { scattered.run(Way::ToView, chunk, (self.base, (self.low, self.high))) };
        }
        let transfer = Transfer::plan(region, strides, skip, &self.strides, self.size)?;
        transfer.check((0, chunk.len() as isize), (self.low, self.high))?;
        let large = self.is_large();
        // SAFETY: `check` proved that all source offsets lie in `chunk` and all destination offsets
        // in the view's memory, which is valid for writes (`Output::new`). They do not overlap: a
        // chunk is memory of the engine's own, or bytes that nobody can write to.
        unsafe { transfer.run(chunk.as_ptr(), self.base, large) };
        Ok(())
    }

    /// Whether so much is written to it that it does not stay in the cache.
    pub fn is_large(&self) -> bool {
        self.high.saturating_sub(self.low) >= STREAMED
    }

    /// Copies the elements of regions of chunks, laid out by `strides`, into the view; `false`, and nothing
    /// is done, if they do not stand side by side there, or if it is no better to copy them together.
    #[cfg(target_arch = "x86_64")]
    pub fn scatter_beside(&self, pieces: &[(&Region, &[u8])], strides: &[isize]) -> Result<bool> {
        let mut transfers = Vec::with_capacity(pieces.len());
        for (region, _) in pieces {
            self.fits(region)?;
            if !self.is_large() || !matches!(region, Region::Box(_)) {
                return Ok(false);
            }
            transfers.push(Transfer::plan(region, strides, 0, &self.strides, self.size)?);
        }
        let Some(beside) = Beside::new(&transfers) else { return Ok(false) };
        for (transfer, (_, chunk)) in transfers.iter().zip(pieces) {
            transfer.check((0, chunk.len() as isize), (self.low, self.high))?;
        }
        let chunks: Vec<*const u8> = pieces.iter().map(|(_, chunk)| chunk.as_ptr()).collect();
        // SAFETY: as in `scatter`, for each of the chunks.
        unsafe { beside.run(&chunks, self.base) };
        Ok(true)
    }

    /// The same, where nothing can be written past the cache.
    #[cfg(not(target_arch = "x86_64"))]
    pub fn scatter_beside(&self, _: &[(&Region, &[u8])], _: &[isize]) -> Result<bool> {
        Ok(false)
    }

    /// Writes `element` to every place of `region` in the view.
    pub fn fill(&self, region: &Region, element: &[u8]) -> Result<()> {
        trace::timed_of(Phase::Fill, |_| self.moved(region), || self.repeat(region, element))
    }

    fn repeat(&self, region: &Region, element: &[u8]) -> Result<()> {
        self.fits(region)?;
        let axes = match region {
            Region::Box(axes) => axes.len(),
            Region::Points(points) => points.extents().len(),
            Region::Mask(mask) => mask.shape().len(),
        };
        let still = vec![0; axes];
        if let Some(scattered) = Scattered::new(region, &still, 0, &self.strides, self.size) {
            let element = (element.as_ptr().cast_mut(), (0, element.len() as isize));
            // SAFETY: as in `scatter`; the source is the one element, again and again.
            return unsafe { scattered.run(Way::ToView, element, (self.base, (self.low, self.high))) };
        }
        let transfer = Transfer::plan(region, &still, 0, &self.strides, self.size)?;
        transfer.check((0, element.len() as isize), (self.low, self.high))?;
        // SAFETY: as in `scatter`; the source is the one element, again and again.
        unsafe { transfer.run(element.as_ptr(), self.base, false) };
        Ok(())
    }

    /// Hands `f` the place of `region` in the view, if that is one run of bytes that stands in the
    /// same order as a chunk laid out by `strides`, from its first byte to its `len`-th.
    pub fn in_place<T>(
        &self,
        region: &Region,
        strides: &[isize],
        len: usize,
        f: impl FnOnce(&mut [u8]) -> T,
    ) -> Result<Option<T>> {
        self.fits(region)?;
        if !self.alone || !matches!(region, Region::Box(_)) {
            return Ok(None);
        }
        let transfer = Transfer::plan(region, strides, 0, &self.strides, self.size)?;
        if transfer.single_run() != Some(len) || transfer.src != 0 {
            return Ok(None);
        }
        transfer.check((0, len as isize), (self.low, self.high))?;
        // SAFETY: `check` proved that `len` bytes from `dst` lie in the view's memory, which is valid
        // for writes (`Output::new`). No other piece of the same operation reaches them: no two
        // elements of the output share a byte, no two indices of a checked region have one place
        // in it (`Region::check`), a piece is worked on by one thread at a time (`Pool::run`,
        // `ReadPlan`), and no other output of the operation lies here (`alone`, `Batch::new`).
        let run = unsafe { std::slice::from_raw_parts_mut(self.base.offset(transfer.dst), len) };
        Ok(Some(f(run)))
    }

    /// Hands `f` the rows of the view, in the order of the chunk's bytes, if `region` takes one run
    /// of bytes from a chunk laid out by `strides`, and if these are few and long; with the first byte
    /// of that run.
    pub fn rows<T>(
        &self,
        region: &Region,
        strides: &[isize],
        f: impl FnOnce(usize, &mut Vec<&mut [u8]>) -> T,
    ) -> Result<Option<T>> {
        self.fits(region)?;
        if !self.alone || !matches!(region, Region::Box(_)) {
            return Ok(None);
        }
        let transfer = Transfer::plan(region, strides, 0, &self.strides, self.size)?;
        let Some(rows) = transfer.rows() else { return Ok(None) };
        transfer.check((0, isize::MAX), (self.low, self.high))?;
        let mut slices = Vec::with_capacity(rows.len());
        for (offset, len) in rows {
            // SAFETY: as in `in_place`. The rows are those of different indices of axes of the output.
            slices.push(unsafe { std::slice::from_raw_parts_mut(self.base.offset(offset), len) });
        }
        Ok(Some(f(transfer.src as usize, &mut slices)))
    }
}

/// Reads a number for each place of `out`, `step` bytes apart.
///
/// # Safety
///
/// They are valid for reads; they need not be aligned.
#[inline(always)]
unsafe fn read_all<T>(from: *const u8, step: isize, out: &mut [i64], as_index: impl Fn(T) -> i64) {
    for (i, out) in out.iter_mut().enumerate() {
        // SAFETY: handed on.
        *out = as_index(unsafe { from.offset(i as isize * step).cast::<T>().read_unaligned() });
    }
}

/// The shape as sizes of memory, and the strides of C order.
fn c_order(shape: &[u64], size: usize) -> Result<(Vec<usize>, Vec<isize>)> {
    let too_large = || Error::config("a chunk is larger than the address space");
    let shape: Vec<usize> =
        shape.iter().map(|&n| usize::try_from(n)).collect::<std::result::Result<_, _>>().map_err(|_| too_large())?;
    let mut strides = vec![0; shape.len()];
    let mut stride = isize::try_from(size).map_err(|_| too_large())?;
    for (out, &n) in strides.iter_mut().zip(&shape).rev() {
        *out = stride;
        stride = isize::try_from(n.max(1)).ok().and_then(|n| stride.checked_mul(n)).ok_or_else(too_large)?;
    }
    Ok((shape, strides))
}

/// The strides of a box of `shape` in C order, in bytes; fails if it does not fit in memory.
///
/// ```
/// use zarr_engine::strided::strides_of;
///
/// assert_eq!(strides_of(&[2, 3], 4)?, [12, 4]);
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
pub fn strides_of(shape: &[u64], size: usize) -> Result<Vec<isize>> {
    Ok(c_order(shape, size)?.1)
}

/// The runs of bytes that `region` takes from a chunk laid out by `strides`, in their order, those
/// joined that are at most `gap` bytes apart.
pub fn runs_of(region: &Region, strides: &[isize], size: usize, gap: u64) -> Result<Vec<(u64, u64)>> {
    if let Some(scattered) = Scattered::new(region, strides, 0, &[0], size) {
        return scattered.runs(gap);
    }
    // A view laid out like the chunk: the loops then follow the chunk's memory.
    Transfer::plan(region, strides, 0, strides, size)?.source_runs(gap)
}

fn bytes_of(memory: &mut [u8]) -> (*mut u8, (isize, isize)) {
    (memory.as_mut_ptr(), (0, memory.len() as isize))
}

#[cfg(test)]
mod tests;
