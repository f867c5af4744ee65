//! Copies between two strided boxes, as nested loops.

#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
use std::cell::Cell;
#[cfg(target_arch = "x86_64")]
use std::mem::MaybeUninit;

use super::tiles::{Line, Tiles};
use crate::error::{Error, Kind, Result};
use crate::reserve::{push, reserve};
use crate::selection::{AxisMap, Region};

/// Rows shorter than this are cheaper to copy from a buffer than to name to the system one by one.
const SHORT_ROW: usize = 512;
/// So many rows are named to the system at once.
const MOST_ROWS: usize = 1024;

/// One loop of a copy: offsets on both sides.
#[derive(Clone, PartialEq)]
enum Loop {
    Line { n: usize, src: isize, dst: isize },
    Table(Vec<(isize, isize)>),
}

impl Loop {
    fn line(&self) -> Option<Line> {
        match *self {
            Loop::Line { n, src, dst } => Some(Line { n, src, dst }),
            Loop::Table(_) => None,
        }
    }
}

/// The bounds of the offsets of a table, on both sides.
fn bounds(table: &[(isize, isize)]) -> (Bounds, Bounds) {
    let (mut a, mut b) = (NOTHING, NOTHING);
    for &(x, y) in table {
        a = (a.0.min(x), a.1.max(x));
        b = (b.0.min(y), b.1.max(y));
    }
    (a, b)
}

/// Adds a run to `runs`, or makes the last one longer if this begins in it or at most `gap` bytes after it.
pub(super) fn join(runs: &mut Vec<(isize, isize)>, run: (isize, isize), gap: isize) -> Result<()> {
    match runs.last_mut() {
        Some(last) if (last.0..=last.1.saturating_add(gap)).contains(&run.0) => {
            last.1 = last.1.max(run.1);
            Ok(())
        }
        _ => push(runs, run),
    }
}

/// Sorts runs and joins them.
pub(super) fn joined(mut found: Vec<(isize, isize)>, gap: isize) -> Result<Vec<(u64, u64)>> {
    sort(&mut found, gap);
    let mut runs = Vec::new();
    reserve(&mut runs, found.len())?;
    runs.extend(found.into_iter().map(|(start, end)| (start as u64, end as u64)));
    Ok(runs)
}

fn sort(found: &mut Vec<(isize, isize)>, gap: isize) {
    if !found.is_sorted() {
        found.sort_unstable();
        found.dedup_by(|next, last| {
            let near = next.0 <= last.1.saturating_add(gap);
            last.1 = if near { last.1.max(next.1) } else { last.1 };
            near
        });
    }
}

/// The lowest and the highest offset.
pub(super) type Bounds = (isize, isize);

const NOTHING: Bounds = (isize::MAX, isize::MIN);

/// A copy as nested loops, outermost first.
pub(super) struct Transfer {
    pub(super) src: isize,
    pub(super) dst: isize,
    loops: Vec<Loop>,
    /// The view's stride along the axis of each loop.
    order: Vec<usize>,
    size: usize,
    empty: bool,
}

fn offset(index: u64, stride: isize) -> Result<isize> {
    isize::try_from(index)
        .ok()
        .and_then(|index| index.checked_mul(stride))
        .ok_or_else(|| Error::new(Kind::Selection, "a selection reaches beyond the address space"))
}

fn add(a: isize, b: isize) -> Result<isize> {
    a.checked_add(b).ok_or_else(|| Error::new(Kind::Selection, "a selection reaches beyond the address space"))
}

impl Transfer {
    /// From a chunk laid out by `from` (its first `skip` bytes are not there) to a view by `to`.
    pub(super) fn plan(region: &Region, from: &[isize], skip: usize, to: &[isize], size: usize) -> Result<Self> {
        let (loops, order) = (Vec::with_capacity(from.len()), Vec::with_capacity(from.len()));
        let mut transfer = Self { src: -(skip as isize), dst: 0, loops, order, size, empty: region.is_empty() };
        let Region::Box(axes) = region else {
            return Err(Error::internal("single elements are no nested loops"));
        };
        for ((map, &src), &dst) in axes.iter().zip(from).zip(to) {
            transfer.push(map, src, dst)?;
        }
        transfer.merge();
        Ok(transfer)
    }

    fn push(&mut self, map: &AxisMap, src: isize, dst: isize) -> Result<()> {
        match *map {
            AxisMap::Range { start, step, count, at } => {
                self.src = add(self.src, offset(start, src)?)?;
                self.dst = add(self.dst, offset(at, dst)?)?;
                if count > 1 {
                    let n = usize::try_from(count).unwrap_or(usize::MAX);
                    // The offsets of the last step must be representable, too: `check` multiplies.
                    offset(count, offset(step, src)?)?;
                    let each = Loop::Line { n, src: offset(step, src)?, dst };
                    self.insert(each, dst);
                }
            }
            // A loop of one step would be entered for each step of those around it.
            AxisMap::Pairs(ref pairs) if pairs.len() == 1 => {
                let (i, at) = pairs[0];
                self.push(&AxisMap::Range { start: i, step: 1, count: 1, at }, src, dst)?;
            }
            AxisMap::Pairs(ref pairs) => {
                let (most, last) = pairs.iter().fold((0, 0), |most, pair| (most.0.max(pair.0), most.1.max(pair.1)));
                // Where the farthest offset is representable, every offset is.
                offset(most, src)?;
                offset(last, dst)?;
                let each = |&(i, at): &(u64, u64)| ((i as isize).wrapping_mul(src), (at as isize).wrapping_mul(dst));
                let table = pairs.iter().map(each).collect();
                self.insert(Loop::Table(table), dst);
            }
        }
        Ok(())
    }

    /// Adds a loop of an axis, before those of smaller strides in the view: the innermost loop then
    /// runs along the view's memory, and boxes laid out alike become one run whatever their order.
    fn insert(&mut self, each: Loop, stride: isize) {
        let stride = stride.unsigned_abs();
        let at = self.order.partition_point(|&other| other >= stride);
        self.order.insert(at, stride);
        self.loops.insert(at, each);
    }

    /// Joins neighbouring lines that are one line.
    fn merge(&mut self) {
        let mut merged: Vec<Loop> = Vec::with_capacity(self.loops.len());
        for inner in self.loops.drain(..) {
            if let (Some(Loop::Line { n, src, dst }), Loop::Line { n: m, src: s, dst: d }) = (merged.last_mut(), &inner)
            {
                let m_i = *m as isize;
                if s.checked_mul(m_i) == Some(*src) && d.checked_mul(m_i) == Some(*dst) {
                    (*n, *src, *dst) = (n.saturating_mul(*m), *s, *d);
                    continue;
                }
            }
            merged.push(inner);
        }
        self.loops = merged;
    }

    pub(super) fn flip(mut self) -> Self {
        std::mem::swap(&mut self.src, &mut self.dst);
        for each in &mut self.loops {
            match each {
                Loop::Line { src, dst, .. } => std::mem::swap(src, dst),
                Loop::Table(table) => table.iter_mut().for_each(|(src, dst)| std::mem::swap(src, dst)),
            }
        }
        self
    }

    /// Fails unless all that the copy touches lies in the given bounds of source and destination.
    pub(super) fn check(&self, src: Bounds, dst: Bounds) -> Result<()> {
        if self.empty {
            return Ok(());
        }
        let size = self.size as isize;
        let (mut s, mut d) = ((self.src, self.src), (self.dst, self.dst));
        for each in &self.loops {
            let (a, b) = match each {
                Loop::Line { n, src, dst } => {
                    let last = (*n as u64).saturating_sub(1);
                    let (a, b) = (offset(last, *src)?, offset(last, *dst)?);
                    ((a.min(0), a.max(0)), (b.min(0), b.max(0)))
                }
                Loop::Table(table) => bounds(table),
            };
            s = (add(s.0, a.0)?, add(s.1, a.1)?);
            d = (add(d.0, b.0)?, add(d.1, b.1)?);
        }
        let inside = |touched: Bounds, bounds: Bounds| -> Result<bool> {
            Ok(touched.0 >= bounds.0 && add(touched.1, size)? <= bounds.1)
        };
        if inside(s, src)? && inside(d, dst)? {
            return Ok(());
        }
        Err(Error::new(Kind::Selection, "the selection reaches outside of a buffer"))
    }

    /// The length of the copy in bytes if it is one run on both sides.
    pub(super) fn single_run(&self) -> Option<usize> {
        let size = self.size as isize;
        match self.loops.as_slice() {
            _ if self.empty => None,
            [] => Some(self.size),
            [Loop::Line { n, src, dst }] if *src == size && *dst == size => n.checked_mul(self.size),
            _ => None,
        }
    }

    /// The runs of the destination, in source order, if the source is one run of bytes, and if these
    /// are few and long.
    pub(super) fn rows(&self) -> Option<Vec<(isize, usize)>> {
        if self.empty {
            return None;
        }
        let mut row = self.size;
        let mut loops = self.loops.as_slice();
        if let Some((Loop::Line { n, src, dst }, outer)) = loops.split_last()
            && *src == row as isize
            && *dst == row as isize
        {
            row = n.checked_mul(row)?;
            loops = outer;
        }
        let (mut count, mut reach) = (1usize, row as isize);
        for each in loops.iter().rev() {
            let Loop::Line { n, src, .. } = each else { return None };
            if *src != reach {
                return None;
            }
            count = count.checked_mul(*n)?;
            reach = reach.checked_mul(*n as isize)?;
        }
        if count > 1 && (row < SHORT_ROW || count > MOST_ROWS) {
            return None;
        }
        let mut rows = Vec::with_capacity(count);
        rows.push((self.dst, row));
        for each in loops.iter().rev() {
            if let Loop::Line { n, dst, .. } = each {
                let inner = rows.len();
                for i in 1..*n as isize {
                    rows.extend_from_within(..inner);
                    rows[i as usize * inner..].iter_mut().for_each(|row| row.0 += i * dst);
                }
            }
        }
        Some(rows)
    }

    /// The runs of the source as (start, end), in their order, those joined that are at most `gap`
    /// bytes apart. Inner loops that are one run cost nothing, however many elements they reach.
    pub(super) fn source_runs(&self, gap: u64) -> Result<Vec<(u64, u64)>> {
        if self.empty {
            return Ok(Vec::new());
        }
        let (gap, start) = (isize::try_from(gap).unwrap_or(isize::MAX), self.src);
        let mut found = vec![(start, start.saturating_add(self.size as isize))];
        for each in self.loops.iter().rev() {
            let inner = std::mem::take(&mut found);
            let mut repeat = |by: isize| inner.iter().try_for_each(|&(a, b)| join(&mut found, (a + by, b + by), gap));
            match each {
                Loop::Line { n, src, .. } => {
                    let last = src * (*n as isize - 1);
                    match inner.as_slice() {
                        [(a, b)] if src.saturating_abs().saturating_sub(b - a) <= gap => {
                            found = vec![(a + last.min(0), b + last.max(0))];
                        }
                        _ if *src < 0 => (0..*n as isize).try_for_each(|i| repeat(last - i * src))?,
                        _ => (0..*n as isize).try_for_each(|i| repeat(i * src))?,
                    }
                }
                Loop::Table(table) => table.iter().try_for_each(|&(src, _)| repeat(src))?,
            }
            sort(&mut found, gap);
        }
        joined(found, gap)
    }

    /// # Safety
    ///
    /// `check` succeeded for the memory around `src` and `dst`, and those memories do not overlap.
    pub(super) unsafe fn run(&self, src: *const u8, dst: *mut u8, large: bool) {
        if self.empty {
            return;
        }
        let (mut loops, mut size) = (self.loops.as_slice(), self.size);
        // A row without gaps is one long element.
        if let Some((Loop::Line { n, src, dst }, outer)) = loops.split_last()
            && *src == size as isize
            && *dst == size as isize
        {
            (loops, size) = (outer, n * size);
        }
        // SAFETY: the offsets are those that `check` proved, and with them all combinations of the loops.
        // Every x86-64 has the fence; streamed writes are not ordered with others, so they are done before
        // anybody is told of them.
        unsafe {
            let (src, dst) = (src.offset(self.src), dst.offset(self.dst));
            #[cfg(target_arch = "x86_64")]
            if large && size >= LONG_ROW {
                walk(loops, src, dst, &|src, dst| stream_row(src, dst, size));
                std::arch::x86_64::_mm_sfence();
                return;
            }
            match size {
                1 => copy::<1>(loops, src, dst, 1),
                2 => copy::<2>(loops, src, dst, 2),
                3 => copy::<3>(loops, src, dst, 3),
                4 => copy::<4>(loops, src, dst, 4),
                8 => copy::<8>(loops, src, dst, 8),
                12 => copy::<12>(loops, src, dst, 12),
                16 => copy::<16>(loops, src, dst, 16),
                32 => copy::<32>(loops, src, dst, 32),
                64 => copy::<64>(loops, src, dst, 64),
                128 => copy::<128>(loops, src, dst, 128),
                _ => copy::<0>(loops, src, dst, size),
            }
        }
    }
}

/// Copies from several chunks to places that are side by side in a view, in short rows: those of all chunks
/// are one long row there, which is written past the cache.
#[cfg(target_arch = "x86_64")]
pub(super) struct Beside<'a> {
    /// The loops around the rows, the same for all.
    loops: &'a [Loop],
    /// Where the first row begins in each chunk, and its bytes.
    rows: Vec<(isize, usize)>,
    /// Where the first row begins in the view.
    dst: isize,
    /// The bytes of the rows together.
    row: usize,
}

#[cfg(target_arch = "x86_64")]
impl<'a> Beside<'a> {
    /// `None` if they are not side by side, or if their rows together are no long row or too long a one.
    pub(super) fn new(transfers: &'a [Transfer]) -> Option<Self> {
        let (first, _) = transfers.split_first()?;
        let mut found = Self { loops: &[], rows: Vec::with_capacity(transfers.len()), dst: first.dst, row: 0 };
        for transfer in transfers {
            let size = transfer.size;
            let (last, outer) = transfer.loops.split_last()?;
            let Loop::Line { n, src, dst } = *last else { return None };
            let contiguous = src == size as isize && dst == size as isize && !transfer.empty;
            if found.rows.is_empty() {
                found.loops = outer;
            }
            let next = found.dst.checked_add(found.row as isize)?;
            if !contiguous || transfer.dst != next || outer != found.loops {
                return None;
            }
            let row = n.checked_mul(size)?;
            found.rows.push((transfer.src, row));
            found.row = found.row.checked_add(row).filter(|&row| row <= MOST_BESIDE)?;
        }
        Some(found).filter(|found| found.row >= LONG_ROW && !found.loops.is_empty())
    }

    /// # Safety
    ///
    /// `check` succeeded for each of the transfers, with the chunk of the same number and the view, and
    /// those memories do not overlap.
    pub(super) unsafe fn run(&self, chunks: &[*const u8], view: *mut u8) {
        let rows: Vec<(*const u8, usize)> =
            self.rows.iter().zip(chunks).map(|(&(at, row), chunk)| (chunk.wrapping_offset(at), row)).collect();
        let alike = rows.iter().all(|row| row.1 == rows[0].1);
        // SAFETY: handed on; every x86-64 has the fence, which is needed as in `Transfer::run`.
        unsafe {
            match rows.first() {
                Some(&(_, 16)) if alike => self.copy::<16>(&rows, view),
                Some(&(_, 32)) if alike => self.copy::<32>(&rows, view),
                Some(&(_, 64)) if alike => self.copy::<64>(&rows, view),
                Some(&(_, 128)) if alike => self.copy::<128>(&rows, view),
                _ => self.copy::<0>(&rows, view),
            }
            std::arch::x86_64::_mm_sfence();
        }
    }

    /// # Safety
    ///
    /// As for `run`, with where the first row of each chunk begins; all of them have `N` bytes, or `N` is 0.
    unsafe fn copy<const N: usize>(&self, rows: &[(*const u8, usize)], view: *mut u8) {
        let mut buffers = [[MaybeUninit::<u8>::uninit(); MOST_BESIDE]; 2];
        let [first, second] = buffers.each_mut().map(|buffer| buffer.as_mut_ptr().cast::<u8>());
        // A row is written when the next one has been put together: what was stored just now, in pieces, cannot
        // be loaded at once.
        let last: Cell<Option<(*mut u8, *mut u8)>> = Cell::new(None);
        // SAFETY: the offsets are those that `check` proved, and with them all combinations of the loops.
        // Each buffer has room for `self.row` bytes, as `new` made sure, and all of them are written.
        unsafe {
            walk(self.loops, std::ptr::null(), view.offset(self.dst), &|offset, dst| {
                let before = last.get();
                let buffer = if before.is_some_and(|(buffer, _)| buffer == first) { second } else { first };
                let mut at = buffer;
                for &(src, row) in rows {
                    element::<N>(src.wrapping_add(offset.addr()), at, row);
                    at = at.add(row);
                }
                if let Some((buffer, dst)) = before {
                    stream_row(buffer, dst, self.row);
                }
                last.set(Some((buffer, dst)));
            });
            if let Some((buffer, dst)) = last.get() {
                stream_row(buffer, dst, self.row);
            }
        }
    }
}

/// A view of so many bytes does not stay in the cache anyway: long rows are written past it, which
/// spares reading the memory that is overwritten (a third of the traffic; measured: 6 ms instead of
/// 23 for 256 MiB in rows of 2 KiB, two threads).
pub(super) const STREAMED: isize = 16 << 20;
/// Shorter rows are not worth it.
#[cfg(target_arch = "x86_64")]
const LONG_ROW: usize = 256;
/// Rows of several chunks are put together to one of so many bytes at most.
#[cfg(target_arch = "x86_64")]
const MOST_BESIDE: usize = 4 << 10;

/// Copies `row` bytes past the cache.
///
/// # Safety
///
/// `src` is valid for reading and `dst` for writing `row` bytes; they do not overlap.
#[cfg(target_arch = "x86_64")]
unsafe fn stream_row(src: *const u8, dst: *mut u8, row: usize) {
    use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_stream_si128};
    const STEP: usize = 64;
    // Whole cache lines are streamed; what is before the first and after the last is copied.
    let head = dst.align_offset(STEP).min(row);
    let lines = (row - head) / STEP;
    // SAFETY: `head`, `lines` and the rest together are `row` bytes; streamed stores need an address
    // that is a multiple of 16, and `dst + head` is one of 64.
    unsafe {
        std::ptr::copy_nonoverlapping(src, dst, head);
        let (from, to) = (src.add(head).cast::<__m128i>(), dst.add(head).cast::<__m128i>());
        for i in 0..lines * (STEP / 16) {
            _mm_stream_si128(to.add(i), _mm_loadu_si128(from.add(i)));
        }
        let done = head + lines * STEP;
        std::ptr::copy_nonoverlapping(src.add(done), dst.add(done), row - done);
    }
}

/// Copies one element of `N` bytes, or of `size` bytes where `N` is 0.
///
/// # Safety
///
/// `src` is valid for reading and `dst` for writing one element; they do not overlap.
#[inline(always)]
pub(super) unsafe fn element<const N: usize>(src: *const u8, dst: *mut u8, size: usize) {
    // SAFETY: the caller's promise. With a constant length this is one or two moves.
    unsafe { std::ptr::copy_nonoverlapping(src, dst, if N == 0 { size } else { N }) };
}

/// Copies elements of `N` bytes, or of `size` bytes where `N` is 0.
///
/// # Safety
///
/// Every combination of the loops' offsets is valid on both sides; the sides do not overlap.
unsafe fn copy<const N: usize>(loops: &[Loop], src: *const u8, dst: *mut u8, size: usize) {
    let lines = loops.iter().rev().map_while(Loop::line).count();
    let (outer, inner) = loops.split_at(loops.len() - lines);
    // SAFETY: handed on.
    unsafe {
        if lines > 1
            && let Some(tiles) = Tiles::new(inner.iter().filter_map(Loop::line).collect(), size)
        {
            walk(outer, src, dst, &|src, dst| tiles.copy::<N>(src, dst, size));
        } else if let Some((&Loop::Line { n, src: s, dst: d }, outer)) = loops.split_last() {
            walk(outer, src, dst, &|src, dst| line::<N>(n, src, s, dst, d, size));
        } else {
            walk(loops, src, dst, &|src, dst| element::<N>(src, dst, size));
        }
    }
}

/// Calls `f` with each place on both sides.
fn walk(loops: &[Loop], src: *const u8, dst: *mut u8, f: &impl Fn(*const u8, *mut u8)) {
    match loops {
        [] => f(src, dst),
        [Loop::Line { n, src: s, dst: d }] => {
            for i in 0..*n as isize {
                f(src.wrapping_offset(i * s), dst.wrapping_offset(i * d));
            }
        }
        [Loop::Table(table)] => {
            for &(s, d) in table {
                f(src.wrapping_offset(s), dst.wrapping_offset(d));
            }
        }
        [Loop::Line { n, src: s, dst: d }, inner @ ..] => {
            for i in 0..*n as isize {
                walk(inner, src.wrapping_offset(i * s), dst.wrapping_offset(i * d), f);
            }
        }
        [Loop::Table(table), inner @ ..] => {
            for &(s, d) in table {
                walk(inner, src.wrapping_offset(s), dst.wrapping_offset(d), f);
            }
        }
    }
}

/// # Safety
///
/// As for [`copy`], with the one loop given here.
#[inline(always)]
pub(super) unsafe fn line<const N: usize>(n: usize, src: *const u8, s: isize, dst: *mut u8, d: isize, size: usize) {
    // SAFETY: see `copy`.
    unsafe {
        if s == size as isize && d == size as isize {
            std::ptr::copy_nonoverlapping(src, dst, n * size);
            return;
        }
        for i in 0..n as isize {
            element::<N>(src.offset(i * s), dst.offset(i * d), size);
        }
    }
}
