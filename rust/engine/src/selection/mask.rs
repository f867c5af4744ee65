//! Elements that a mask chooses, and how a grid cuts them.
//!
//! A mask is kept as bits of its own, so that nobody changes it meanwhile, with the number of elements
//! chosen before each few words: the place of an element in the view is found by counting bits. No
//! index of an element is ever made.

use std::sync::Arc;

use super::Region;
use super::points::unravelled;
use crate::error::{Error, Kind, Result};
use crate::grid::{Axis, Grid};
use crate::reserve::{push, reserve};

/// Bits of a word.
const WORD: usize = 64;
/// Words between which the elements are counted.
const STEP: usize = 8;

/// The bits of a mask of a whole array, in C order.
#[derive(Debug, PartialEq, Eq)]
struct Bits {
    words: Vec<u64>,
    /// The elements before every [`STEP`] words.
    before: Vec<u64>,
    total: u64,
    /// The distances of neighbours along each dimension of the array.
    steps: Vec<u64>,
}

impl Bits {
    /// The elements before number `i`.
    fn rank(&self, i: usize) -> u64 {
        let (word, bit) = (i / WORD, i % WORD);
        let from = word / STEP * STEP;
        let counted = self.words.get(from..word).unwrap_or(&[]).iter().map(|word| word.count_ones()).sum::<u32>();
        let rest = self.words.get(word).map_or(0, |word| (word & !(u64::MAX << bit)).count_ones());
        self.before.get(word / STEP).map_or(self.total, |before| before + u64::from(counted + rest))
    }

    /// The bits from number `i` on, 64 at most.
    #[inline(always)]
    fn window(&self, i: usize) -> u64 {
        let (word, bit) = (i / WORD, i % WORD);
        let low = self.words.get(word).map_or(0, |word| word >> bit);
        match self.words.get(word + 1) {
            Some(next) if bit > 0 => low | next << (WORD - bit),
            _ => low,
        }
    }
}

/// The elements that a mask chooses of a box within its array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask {
    bits: Arc<Bits>,
    /// The array.
    whole: Arc<[u64]>,
    /// Where the box begins, and how long it is.
    origin: Vec<u64>,
    shape: Vec<u64>,
    /// Elements that are chosen in the box.
    count: u64,
}

impl Mask {
    /// The mask of an array of `shape`. `read` fills a buffer with elements of the mask from a number on,
    /// in C order; what is not zero is chosen.
    ///
    /// ```
    /// use zarr_engine::selection::Mask;
    ///
    /// let chosen = [1u8, 0, 0, 1, 1, 0];
    /// let mask = Mask::new(&[2, 3], |start, out| out.copy_from_slice(&chosen[start..start + out.len()]))?;
    /// assert_eq!(mask.listed(), [(vec![0, 0], 0), (vec![1, 0], 1), (vec![1, 1], 2)]);
    /// # Ok::<(), zarr_engine::error::Error>(())
    /// ```
    pub fn new(shape: &[u64], mut read: impl FnMut(usize, &mut [u8])) -> Result<Self> {
        let len = shape.iter().try_fold(1usize, |n, &size| n.checked_mul(usize::try_from(size).ok()?));
        let len = len.ok_or_else(|| Error::new(Kind::Selection, "a mask is larger than the address space"))?;
        let (mut words, mut before) = (Vec::new(), Vec::new());
        reserve(&mut words, len.div_ceil(WORD))?;
        reserve(&mut before, len.div_ceil(WORD * STEP))?;
        let mut total = 0u64;
        let mut block = [0u8; WORD * STEP];
        for start in (0..len).step_by(WORD * STEP) {
            let n = block.len().min(len - start);
            block[n..].fill(0);
            read(start, &mut block[..n]);
            before.push(total);
            for bytes in block[..n.div_ceil(WORD) * WORD].chunks_exact(WORD) {
                let word = packed(bytes);
                total += u64::from(word.count_ones());
                words.push(word);
            }
        }
        let bits = Arc::new(Bits { words, before, total, steps: c_steps(shape) });
        Ok(Self { bits, whole: shape.into(), origin: vec![0; shape.len()], shape: shape.to_vec(), count: total })
    }

    /// The number of elements that are chosen.
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The shape of the box.
    pub fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// Whether this is all of a mask of an array of `extents`.
    pub(super) fn fits(&self, extents: &[u64]) -> bool {
        *self.whole == *extents && self.shape == extents
    }

    /// The elements that the whole mask chooses: the length of a view.
    pub(crate) fn total(&self) -> u64 {
        self.bits.total
    }

    /// The indices of each element in the box, and its place.
    pub fn listed(&self) -> Vec<(Vec<u64>, u64)> {
        let mut all = Vec::new();
        let rank = self.shape.len();
        let mut unit = vec![0isize; rank];
        // Any strides that tell all elements apart will do.
        let mut stride = 1isize;
        for (unit, &size) in unit.iter_mut().zip(&self.shape).rev() {
            *unit = stride;
            stride = stride.saturating_mul(size.max(1) as isize);
        }
        self.each_row(&unit, &mut |row| {
            row.each_window(&mut |offset, window, mut place| {
                let mut rest = window;
                while rest != 0 {
                    let at = offset + row.stride * rest.trailing_zeros() as isize;
                    all.push((unravelled(at as u64, &self.shape), place));
                    rest &= rest - 1;
                    place += 1;
                }
            });
        });
        all
    }

    /// Whether all of a box of the given extents is chosen.
    pub(super) fn covers(&self, extents: &[u64]) -> bool {
        let all = self.shape.iter().try_fold(1u64, |n, &size| n.checked_mul(size));
        all == Some(self.count) && self.shape.iter().zip(extents).all(|(size, extent)| size >= extent)
    }

    /// Calls `f` with each row of the box in which something may be chosen: the rows of a chunk that is
    /// laid out by `strides`, as long as they can be.
    pub(crate) fn each_row(&self, strides: &[isize], f: &mut impl FnMut(&Row<'_>)) {
        if self.is_empty() {
            return;
        }
        let (mut outer, mut len, mut stride) = (0, 1u64, 0isize);
        if let Some(last) = self.shape.len().checked_sub(1) {
            (outer, len, stride) = (last, self.shape[last], strides[last]);
            // Dimensions that follow one another without a gap, in the mask and in the chunk, are one row.
            while outer > 0
                && self.shape[outer] == self.whole[outer]
                && strides[outer - 1] == stride.wrapping_mul(len as isize)
            {
                outer -= 1;
                len *= self.shape[outer];
            }
        }
        let steps = &self.bits.steps;
        let mut start = self.origin.iter().zip(steps).map(|(&at, &step)| at * step).sum::<u64>();
        let mut offset = 0isize;
        let mut place = vec![0u64; outer];
        loop {
            f(&Row { bits: &self.bits, start: start as usize, len: len as usize, offset, stride });
            // The next row, as an odometer goes on.
            let mut axis = outer;
            loop {
                let Some(next) = axis.checked_sub(1) else { return };
                axis = next;
                place[axis] += 1;
                start += steps[axis];
                offset = offset.wrapping_add(strides[axis]);
                if place[axis] < self.shape[axis] {
                    break;
                }
                start -= steps[axis] * self.shape[axis];
                offset = offset.wrapping_sub(strides[axis].wrapping_mul(self.shape[axis] as isize));
                place[axis] = 0;
            }
        }
    }
}

/// The distances of neighbours along each dimension of a box, in elements.
fn c_steps(shape: &[u64]) -> Vec<u64> {
    let mut steps = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        steps[axis - 1] = steps[axis] * shape[axis];
    }
    steps
}

/// 64 bytes as bits: which of them are not zero.
fn packed(bytes: &[u8]) -> u64 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let (eights, _) = bytes.as_chunks::<8>();
    eights.iter().rev().fold(0, |word, &eight| {
        let eight = u64::from_le_bytes(eight);
        let set = (((eight & LOW) + LOW) | eight) & !LOW;
        // Each byte's bit comes to stand in the highest byte, the first one lowest.
        word << 8 | (set >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
    })
}

/// A row of a box: elements that follow one another in the mask, and lie at equal distances in a chunk.
pub(crate) struct Row<'a> {
    bits: &'a Bits,
    start: usize,
    len: usize,
    /// Where the first element is in the chunk.
    pub(crate) offset: isize,
    /// How far the next one is.
    pub(crate) stride: isize,
}

impl Row<'_> {
    fn count(&self) -> u64 {
        self.windows().map(|(_, window)| u64::from(window.count_ones())).sum()
    }

    fn windows(&self) -> impl Iterator<Item = (usize, u64)> {
        (0..self.len).step_by(WORD).map(|i| {
            let window = self.bits.window(self.start + i);
            let n = self.len - i;
            (i, if n < WORD { window & !(u64::MAX << n) } else { window })
        })
    }

    /// Calls `f` with the offset of each 64 elements in the chunk, which of them are chosen, and the
    /// place of the first of these in the view.
    #[inline(always)]
    pub(crate) fn each_window(&self, f: &mut impl FnMut(isize, u64, u64)) {
        let mut place = None;
        for (i, window) in self.windows() {
            if window == 0 {
                continue;
            }
            let at = place.unwrap_or_else(|| self.bits.rank(self.start + i));
            f(self.offset.wrapping_add(self.stride.wrapping_mul(i as isize)), window, at);
            place = Some(at + u64::from(window.count_ones()));
        }
    }
}

/// The chunks in which something is chosen.
#[derive(Debug, Clone)]
pub struct MaskSplit {
    mask: Mask,
    grid: Grid,
    counts: Vec<u64>,
    /// Their numbers in C order, and how much is chosen in each.
    pieces: Vec<(u64, u64)>,
}

impl MaskSplit {
    pub(super) fn new(mask: &Mask, grid: &Grid) -> Result<Self> {
        let reached = |(axis, &size): (&Axis, &u64)| size.checked_sub(1).map_or(0, |last| axis.find(last) + 1);
        let counts: Vec<u64> = grid.0.iter().zip(&mask.shape).map(reached).collect();
        let mut split = Self { mask: mask.clone(), grid: grid.clone(), counts, pieces: Vec::new() };
        if mask.is_empty() {
            return Ok(split);
        }
        // No more than there are elements in the mask, which is in memory.
        let (mut part, still) = (mask.clone(), vec![0; mask.shape.len()]);
        for number in 0..split.counts.iter().product() {
            let mut rest = number;
            for (axis, &n) in split.counts.iter().enumerate().rev() {
                split.along(axis, rest % n, &mut part);
                rest /= n;
            }
            let mut count = 0;
            part.each_row(&still, &mut |row| count += row.count());
            if count > 0 {
                push(&mut split.pieces, (number, count))?;
            }
        }
        Ok(split)
    }

    /// Makes `part` that of chunk number `c` along a dimension.
    fn along(&self, axis: usize, c: u64, part: &mut Mask) {
        let start = self.grid.0[axis].origin(c);
        part.origin[axis] = self.mask.origin[axis] + start;
        part.shape[axis] = self.grid.0[axis].size(c).min(self.mask.shape[axis].saturating_sub(start));
    }

    pub(super) fn len(&self) -> usize {
        self.pieces.len()
    }

    pub(super) fn chunk(&self, i: usize) -> Vec<u64> {
        unravelled(self.pieces[i].0, &self.counts)
    }

    pub(super) fn piece(&self, i: usize) -> (Vec<u64>, Region) {
        let chunk = self.chunk(i);
        let mut part = self.mask.clone();
        chunk.iter().enumerate().for_each(|(axis, &c)| self.along(axis, c, &mut part));
        part.count = self.pieces[i].1;
        (chunk, Region::Mask(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mask(shape: &[u64], chosen: &[u8]) -> Mask {
        Mask::new(shape, |start, out| out.copy_from_slice(&chosen[start..start + out.len()])).unwrap()
    }

    /// The elements of the pieces, with their indices in the box that was cut.
    fn joined(split: &MaskSplit) -> Vec<(Vec<u64>, u64)> {
        let mut all = Vec::new();
        for i in 0..split.len() {
            let (chunk, Region::Mask(part)) = split.piece(i) else { panic!("no mask") };
            let listed = part.listed();
            assert_eq!(listed.len() as u64, part.len());
            assert!(!listed.is_empty());
            for (local, at) in listed {
                let whole = local.iter().zip(&chunk).zip(&split.grid.0).map(|((&i, &c), axis)| axis.origin(c) + i);
                all.push((whole.collect(), at));
            }
        }
        all.sort_by_key(|found| found.1);
        all
    }

    proptest! {
        #[test]
        fn the_pieces_of_a_mask_are_the_mask(
            axes in proptest::collection::vec((1u64..6, 1u64..2, 1u64..12), 0..=5),
            long in 1u64..200,
            density in 0u8..=4,
            seed in any::<u64>(),
        ) {
            let mut shape: Vec<u64> = axes.iter().map(|axis| axis.2.min(7)).collect();
            let mut sizes: Vec<u64> = axes.iter().map(|axis| axis.0).collect();
            if shape.len() < 3 {
                shape.push(long);
                sizes.push(seed % 90 + 1);
            }
            let n = shape.iter().product::<u64>() as usize;
            let mut state = seed | 1;
            let chosen: Vec<u8> = (0..n)
                .map(|_| {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    if (state >> 20) as u8 % 4 < density { (state >> 30) as u8 | 1 } else { 0 }
                })
                .collect();
            let mask = mask(&shape, &chosen);
            let expected: Vec<(Vec<u64>, u64)> = (0..n)
                .filter(|&i| chosen[i] != 0)
                .enumerate()
                .map(|(at, i)| (unravelled(i as u64, &shape), at as u64))
                .collect();
            prop_assert_eq!(mask.listed(), expected.clone());
            prop_assert_eq!(mask.covers(&shape), expected.len() == n);
            let mut grid = Grid(sizes.iter().zip(&shape).map(|(&size, &n)| Axis::regular(size, n).unwrap()).collect());
            if shape[0] > 3 {
                grid.0[0] = Axis::varying(&[1, shape[0] - 3, 2], shape[0]).unwrap();
            }
            let split = MaskSplit::new(&mask, &grid).unwrap();
            prop_assert_eq!(joined(&split), expected);
            let finer: Vec<Axis> = grid.0.iter().map(|axis| Axis::regular(2, axis.largest()).unwrap()).collect();
            for i in 0..split.len() {
                let (_, Region::Mask(part)) = split.piece(i) else { panic!("no mask") };
                let again = MaskSplit::new(&part, &Grid(finer.clone())).unwrap();
                prop_assert_eq!(joined(&again), part.listed());
            }
        }
    }
}
