//! Copies of single elements: of points, and of those that a mask chooses.

#![allow(unsafe_code)]

use super::transfer::{Bounds, element, join, joined};
use crate::error::{Error, Kind, Result};
use crate::selection::Region;
use crate::selection::mask::Mask;
use crate::selection::points::{BLOCK, Points};

/// Which single elements stand where.
enum Chosen<'a> {
    Points(&'a Points),
    Mask(&'a Mask),
}

/// A copy of single elements between a chunk and a view of one dimension.
pub(super) struct Scattered<'a> {
    chosen: Chosen<'a>,
    /// The strides of the chunk, of which the first `skip` bytes are not there.
    strides: &'a [isize],
    skip: isize,
    /// The stride of the view.
    to: isize,
    size: usize,
}

/// Which way elements go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    ToView,
    ToChunk,
}

fn too_far() -> Error {
    Error::new(Kind::Selection, "the selection reaches outside of a buffer")
}

/// Fails unless elements of `size` bytes from the lowest to the highest offset lie in `bounds`.
fn inside((low, high): Bounds, size: usize, bounds: Bounds) -> Result<()> {
    let end = isize::try_from(size).ok().and_then(|size| high.checked_add(size)).ok_or_else(too_far)?;
    if low >= bounds.0 && end <= bounds.1 { Ok(()) } else { Err(too_far()) }
}

impl<'a> Scattered<'a> {
    /// `None` if `region` is a box.
    pub(super) fn new(
        region: &'a Region,
        strides: &'a [isize],
        skip: usize,
        to: &[isize],
        size: usize,
    ) -> Option<Self> {
        let chosen = match region {
            Region::Box(_) => return None,
            Region::Points(points) => Chosen::Points(points),
            Region::Mask(mask) => Chosen::Mask(mask),
        };
        Some(Self { chosen, strides, skip: skip as isize, to: to.first().copied().unwrap_or(0), size })
    }

    /// Copies every element, if it lies in the bounds of both memories.
    ///
    /// # Safety
    ///
    /// All within the bounds is valid, around `chunk` and `view`: for reading on one side, for writing on
    /// the other. The two do not overlap.
    pub(super) unsafe fn run(
        &self,
        way: Way,
        (chunk, of_chunk): (*mut u8, Bounds),
        (view, of_view): (*mut u8, Bounds),
    ) -> Result<()> {
        let sides = ((chunk, of_chunk), (view, of_view));
        // SAFETY: handed on.
        unsafe {
            match self.size {
                1 => self.copy::<1>(way, sides),
                2 => self.copy::<2>(way, sides),
                4 => self.copy::<4>(way, sides),
                8 => self.copy::<8>(way, sides),
                16 => self.copy::<16>(way, sides),
                _ => self.copy::<0>(way, sides),
            }
        }
    }

    /// # Safety
    ///
    /// As for `run`; the size is `N`, or `N` is 0.
    unsafe fn copy<const N: usize>(
        &self,
        way: Way,
        ((chunk, of_chunk), (view, of_view)): ((*mut u8, Bounds), (*mut u8, Bounds)),
    ) -> Result<()> {
        let size = if N == 0 { self.size } else { N };
        match &self.chosen {
            Chosen::Points(points) => self.each_block(points, |block, reach| {
                inside(reach.0, size, of_chunk)?;
                inside(reach.1, size, of_view)?;
                for &(from, to) in block {
                    // SAFETY: the block is this thread's own, and its lowest and highest offsets were
                    // just found in bounds.
                    unsafe { one::<N>(way, chunk.offset(from), view.offset(to), size) };
                }
                Ok(())
            }),
            Chosen::Mask(mask) => {
                if mask.is_empty() {
                    return Ok(());
                }
                self.bounds(mask, of_chunk, of_view)?;
                let skip = self.skip;
                mask.each_row(self.strides, &mut |row| {
                    let dense = row.stride == size as isize && self.to == size as isize;
                    row.each_window(&mut |offset, window, place| {
                        // SAFETY: `bounds` found all elements that the mask chooses in the bounds of the
                        // chunk and of the view; the mask never changes.
                        unsafe {
                            let chunk = chunk.wrapping_offset(offset - skip);
                            let mut view = view.wrapping_offset(place as isize * self.to);
                            if window == u64::MAX && dense {
                                many::<N>(way, chunk, view, size);
                                return;
                            }
                            let mut rest = window;
                            while rest != 0 {
                                let i = rest.trailing_zeros() as isize;
                                one::<N>(way, chunk.wrapping_offset(i * row.stride), view, size);
                                view = view.wrapping_offset(self.to);
                                rest &= rest - 1;
                            }
                        }
                    });
                });
                Ok(())
            }
        }
    }

    /// Fails unless what a mask chooses of its box, and in the view of all, lies in the bounds.
    fn bounds(&self, mask: &Mask, of_chunk: Bounds, of_view: Bounds) -> Result<()> {
        let far = |n: u64, stride: isize| -> Result<Bounds> {
            let last = isize::try_from(n.saturating_sub(1)).ok().and_then(|last| last.checked_mul(stride));
            last.map(|last| (last.min(0), last.max(0))).ok_or_else(too_far)
        };
        let mut reach = (-self.skip, -self.skip);
        for (&n, &stride) in mask.shape().iter().zip(self.strides) {
            let (low, high) = far(n, stride)?;
            let sums = reach.0.checked_add(low).zip(reach.1.checked_add(high));
            reach = sums.ok_or_else(too_far)?;
        }
        inside(far(mask.total(), self.to)?, self.size, of_view)?;
        if inside(reach, self.size, of_chunk).is_ok() {
            return Ok(());
        }
        // All of the box is not there; what is chosen of it may be.
        let mut reach = (isize::MAX, isize::MIN);
        mask.each_row(self.strides, &mut |row| {
            row.each_window(&mut |offset, window, _| {
                for i in [window.trailing_zeros(), 63 - window.leading_zeros()] {
                    let at = offset - self.skip + row.stride * i as isize;
                    reach = (reach.0.min(at), reach.1.max(at));
                }
            });
        });
        inside(reach, self.size, of_chunk)
    }

    /// Hands `f` the offsets of some points at a time, in the chunk and in the view, with the lowest and
    /// the highest of each.
    fn each_block(
        &self,
        points: &Points,
        mut f: impl FnMut(&[(isize, isize)], (Bounds, Bounds)) -> Result<()>,
    ) -> Result<()> {
        let mut block = [(0isize, 0isize); BLOCK];
        let mut reached = move |block: &[(isize, isize)]| {
            let (mut a, mut b) = ((isize::MAX, isize::MIN), (isize::MAX, isize::MIN));
            for &(x, y) in block {
                a = (a.0.min(x), a.1.max(x));
                b = (b.0.min(y), b.1.max(y));
            }
            f(block, (a, b))
        };
        if let Some(items) = points.narrow()
            && self.in_c_order(points.extents())
        {
            let size = self.size as isize;
            for items in items.chunks(BLOCK) {
                for (out, item) in block.iter_mut().zip(items) {
                    let (local, at) = ((item >> 32) as isize, (item & 0xffff_ffff) as isize);
                    *out = (local.wrapping_mul(size).wrapping_sub(self.skip), at.wrapping_mul(self.to));
                }
                reached(&block[..items.len()])?;
            }
            return Ok(());
        }
        points.each_block(|start, n, coords| {
            for (i, out) in block[..n].iter_mut().enumerate() {
                *out = (-self.skip, (points.place(start + i) as isize).wrapping_mul(self.to));
            }
            for (axis, &stride) in coords.iter().zip(self.strides) {
                for (out, &index) in block[..n].iter_mut().zip(axis) {
                    out.0 = out.0.wrapping_add((index as isize).wrapping_mul(stride));
                }
            }
            reached(&block[..n])
        })
    }

    /// Whether the chunk is laid out as the elements of a box of `shape` are numbered.
    fn in_c_order(&self, shape: &[u64]) -> bool {
        let mut step = self.size as isize;
        shape.iter().zip(self.strides).rev().all(|(&n, &stride)| {
            let fits = stride == step || n == 1;
            step = step.wrapping_mul(n as isize);
            fits
        })
    }

    /// The runs of bytes of the chunk, in their order, those joined that are at most `gap` bytes apart.
    pub(super) fn runs(&self, gap: u64) -> Result<Vec<(u64, u64)>> {
        let (gap, size) = (isize::try_from(gap).unwrap_or(isize::MAX), self.size as isize);
        let mut found = Vec::new();
        match &self.chosen {
            Chosen::Points(points) => self.each_block(points, |block, reach| {
                inside(reach.0, self.size, (0, isize::MAX))?;
                block.iter().try_for_each(|&(at, _)| join(&mut found, (at, at + size), gap))
            })?,
            Chosen::Mask(mask) => {
                self.bounds(mask, (0, isize::MAX), (isize::MIN, isize::MAX))?;
                let mut done = Ok(());
                mask.each_row(self.strides, &mut |row| {
                    row.each_window(&mut |offset, window, _| {
                        let mut rest = window;
                        while rest != 0 && done.is_ok() {
                            let at = offset - self.skip + row.stride * rest.trailing_zeros() as isize;
                            done = join(&mut found, (at, at + size), gap);
                            rest &= rest - 1;
                        }
                    });
                });
                done?;
            }
        }
        joined(found, gap)
    }
}

/// Copies one element.
///
/// # Safety
///
/// Both places are valid, for reading and for writing; they do not overlap.
#[inline(always)]
unsafe fn one<const N: usize>(way: Way, chunk: *mut u8, view: *mut u8, size: usize) {
    // SAFETY: handed on.
    unsafe {
        match way {
            Way::ToView => element::<N>(chunk, view, size),
            Way::ToChunk => element::<N>(view, chunk, size),
        }
    }
}

/// Copies 64 elements that follow one another on both sides.
///
/// # Safety
///
/// As for `one`.
#[inline(always)]
unsafe fn many<const N: usize>(way: Way, chunk: *mut u8, view: *mut u8, size: usize) {
    let len = 64 * if N == 0 { size } else { N };
    // SAFETY: handed on.
    unsafe {
        match way {
            Way::ToView => std::ptr::copy_nonoverlapping(chunk, view, len),
            Way::ToChunk => std::ptr::copy_nonoverlapping(view, chunk, len),
        }
    }
}
