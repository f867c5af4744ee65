//! Single elements, and how a grid cuts them into the elements of each chunk.
//!
//! Indices are read where the caller has them, a block at a time. The elements of a chunk are then
//! pairs of numbers, eight bytes each where that is enough: the element in C order of its chunk, and
//! its place in the view.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::Region;
use crate::error::{Error, Kind, Result};
use crate::grid::{Axis, Grid};
use crate::reserve::{repeated, reserve};

/// So many elements are looked at together.
pub(crate) const BLOCK: usize = 256;

/// Along each dimension, the indices of a block of elements.
pub(crate) type Coords = Vec<[u64; BLOCK]>;

/// The indices of elements along one dimension. They may change while they are read: whatever is read
/// is checked.
pub trait Indices: Send + Sync {
    /// How many there are.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads as many as `out` holds, from number `start` on. Negative ones count from the end.
    fn read(&self, start: usize, out: &mut [i64]);
}

impl Indices for Vec<i64> {
    fn len(&self) -> usize {
        self.as_slice().len()
    }

    fn read(&self, start: usize, out: &mut [i64]) {
        for (out, &index) in out.iter_mut().zip(&self[start.min(self.as_slice().len())..]) {
            *out = index;
        }
    }
}

/// Division by a number that stays the same: a multiplication, where the numbers are small.
#[derive(Debug, Clone, Copy)]
struct Divisor {
    by: u64,
    /// 2⁶⁴ divided by `by`, rounded up: exact for numbers below 2³². 0 where that does not help.
    inverse: u64,
}

impl Divisor {
    /// For numbers below `end`.
    fn new(by: u64, end: u64) -> Self {
        let helps = by > 1 && end <= 1 << 32;
        Self { by: by.max(1), inverse: if helps { u64::MAX / by + 1 } else { 0 } }
    }

    #[inline(always)]
    fn divide(self, n: u64) -> u64 {
        match self {
            Self { inverse: 0, by: 1 } => n,
            Self { inverse: 0, by } => n / by,
            Self { inverse, .. } => ((u128::from(inverse) * u128::from(n)) >> 64) as u64,
        }
    }
}

/// A box, in which elements are numbered in C order.
#[derive(Debug)]
struct Extents {
    sizes: Vec<u64>,
    divisors: Vec<Divisor>,
}

impl Extents {
    fn new(sizes: Vec<u64>) -> Self {
        let total = count(&sizes).unwrap_or(u64::MAX);
        let divisors = sizes.iter().map(|&size| Divisor::new(size, total)).collect();
        Self { sizes, divisors }
    }
}

/// The number of elements of a box, if that is a number.
fn count(sizes: &[u64]) -> Option<u64> {
    sizes.iter().try_fold(1u64, |n, &size| n.checked_mul(size))
}

/// Single elements of a box, each with its place in the view.
#[derive(Clone)]
pub struct Points {
    extents: Arc<Extents>,
    list: List,
}

#[derive(Clone)]
enum List {
    /// As the caller gave them, in the order of their places.
    Given(Arc<Vec<Box<dyn Indices>>>, usize),
    /// The number of each in its box, and its place, 32 bits each.
    Narrow(Arc<Vec<u64>>, Range<usize>),
    /// The same, where 32 bits are not enough.
    Wide(Arc<Vec<(u64, u64)>>, Range<usize>),
}

const LOW: u64 = u32::MAX as u64;

impl Points {
    /// Elements of a box of `shape`, by the indices along each dimension.
    pub fn new(axes: Vec<Box<dyn Indices>>, shape: &[u64]) -> Result<Self> {
        if axes.len() != shape.len() {
            return Err(Error::new(Kind::Selection, "the selection has the wrong number of axes")
                .expected(shape.len(), axes.len()));
        }
        let len = axes.first().map_or(0, |axis| axis.len());
        for axis in &axes {
            if axis.len() != len {
                return Err(Error::new(Kind::Selection, "the coordinates differ in length").expected(len, axis.len()));
            }
        }
        Ok(Self { extents: Arc::new(Extents::new(shape.to_vec())), list: List::Given(Arc::new(axes), len) })
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        match &self.list {
            List::Given(_, len) => *len,
            List::Narrow(_, range) | List::Wide(_, range) => range.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The shape of the box.
    pub fn extents(&self) -> &[u64] {
        &self.extents.sizes
    }

    /// The indices of each element, and its place.
    ///
    /// ```
    /// use zarr_engine::selection::Points;
    ///
    /// let points = Points::new(vec![Box::new(vec![1i64, -1]), Box::new(vec![2i64, 0])], &[10, 3])?;
    /// assert_eq!(points.listed()?, [(vec![1, 2], 0), (vec![9, 0], 1)]);
    /// # Ok::<(), zarr_engine::error::Error>(())
    /// ```
    pub fn listed(&self) -> Result<Vec<(Vec<u64>, u64)>> {
        let mut all = Vec::new();
        self.each_block(|start, n, coords| {
            for i in 0..n {
                all.push((coords.iter().map(|axis| axis[i]).collect(), self.place(start + i)));
            }
            Ok(())
        })?;
        Ok(all)
    }

    /// The place in the view of element number `i`.
    #[inline]
    pub(crate) fn place(&self, i: usize) -> u64 {
        match &self.list {
            List::Given(..) => i as u64,
            List::Narrow(items, range) => items[range.start + i] & LOW,
            List::Wide(items, range) => items[range.start + i].1,
        }
    }

    /// The elements, each as its number in the box and its place, 32 bits each; `None` if they are not
    /// kept in this way.
    pub(crate) fn narrow(&self) -> Option<&[u64]> {
        match &self.list {
            List::Narrow(items, range) => items.get(range.clone()),
            _ => None,
        }
    }

    /// Hands `f` the indices of some elements at a time, with the number of the first and how many these
    /// are.
    pub(crate) fn each_block(&self, mut f: impl FnMut(usize, usize, &mut Coords) -> Result<()>) -> Result<()> {
        let mut coords: Coords = vec![[0; BLOCK]; self.extents.sizes.len()];
        let len = self.len();
        for start in (0..len).step_by(BLOCK) {
            let n = BLOCK.min(len - start);
            self.coords(start, n, &mut coords)?;
            f(start, n, &mut coords)?;
        }
        Ok(())
    }

    /// The indices of `n` elements, from number `start` on: all of them lie in the box.
    fn coords(&self, start: usize, n: usize, coords: &mut Coords) -> Result<()> {
        let number = |i: usize| match &self.list {
            List::Narrow(items, range) => items[range.start + start + i] >> 32,
            List::Wide(items, range) => items[range.start + start + i].0,
            List::Given(..) => 0,
        };
        if let List::Given(axes, _) = &self.list {
            let mut read = [0i64; BLOCK];
            for (axis, (indices, &extent)) in axes.iter().zip(&self.extents.sizes).enumerate() {
                indices.read(start, &mut read[..n]);
                wrapped(&read[..n], &mut coords[axis][..n], axis, extent)?;
            }
            return Ok(());
        }
        let mut rest: [u64; BLOCK] = [0; BLOCK];
        for (i, rest) in rest[..n].iter_mut().enumerate() {
            *rest = number(i);
        }
        for ((axis, &size), &divisor) in coords.iter_mut().zip(&self.extents.sizes).zip(&self.extents.divisors).rev() {
            for (index, rest) in axis[..n].iter_mut().zip(&mut rest[..n]) {
                let next = divisor.divide(*rest);
                (*index, *rest) = (*rest - next * size, next);
            }
        }
        Ok(())
    }

    /// Whether the elements are all those of a box of the given extents: `false`, too, for those that
    /// somebody may change.
    pub(super) fn covers(&self, extents: &[u64]) -> bool {
        if matches!(self.list, List::Given(..)) {
            return false;
        }
        let Some(all) = count(extents).filter(|&all| all > 0 && all <= self.len() as u64) else { return false };
        let Ok(mut seen) = repeated(0u64, (all as usize).div_ceil(64)) else { return false };
        let marked = self.each_block(|_, n, coords| {
            for i in 0..n {
                let mut number = Some(0);
                for (axis, &extent) in coords.iter().zip(extents) {
                    number = number.filter(|_| axis[i] < extent).map(|number: u64| number * extent + axis[i]);
                }
                if let Some(number) = number {
                    seen[number as usize / 64] |= 1 << (number % 64);
                }
            }
            Ok(())
        });
        marked.is_ok() && seen.iter().map(|word| u64::from(word.count_ones())).sum::<u64>() == all
    }
}

/// Indices that are not negative, from such as may be.
fn wrapped(read: &[i64], out: &mut [u64], axis: usize, extent: u64) -> Result<()> {
    let mut outside = false;
    for (out, &index) in out.iter_mut().zip(read) {
        let from_start = if index < 0 { extent.wrapping_add(index.cast_unsigned()) } else { index.cast_unsigned() };
        outside |= from_start >= extent;
        *out = from_start;
    }
    match read.iter().zip(&*out).find(|found| outside && *found.1 >= extent) {
        Some((index, _)) => Err(Error::new(
            Kind::Selection,
            format!("index {index} is out of bounds for axis {axis} of {extent} elements"),
        )),
        None => Ok(()),
    }
}

impl fmt::Debug for Points {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Points").field("shape", &self.extents.sizes).field("points", &self.listed()).finish()
    }
}

impl PartialEq for Points {
    fn eq(&self, other: &Self) -> bool {
        self.extents.sizes == other.extents.sizes && matches!((self.listed(), other.listed()), (Ok(a), Ok(b)) if a == b)
    }
}

impl Eq for Points {}

/// How one dimension of a grid cuts indices.
#[derive(Debug)]
enum Cut<'a> {
    Regular { size: u64, divisor: Divisor },
    Varying(&'a Axis),
}

/// How a grid cuts points.
struct Cutter<'a> {
    cuts: Vec<Cut<'a>>,
    /// The chunks along each dimension.
    counts: Vec<u64>,
    /// A box as large as any chunk, in which the elements of each chunk are numbered.
    extents: Vec<u64>,
}

impl<'a> Cutter<'a> {
    fn new(grid: &'a Grid, shape: &[u64]) -> Self {
        let cut = |(axis, &extent): (&'a Axis, &u64)| match axis {
            Axis::Regular { size, .. } => Cut::Regular { size: *size, divisor: Divisor::new(*size, extent) },
            Axis::Varying { .. } => Cut::Varying(axis),
        };
        Self {
            cuts: grid.0.iter().zip(shape).map(cut).collect(),
            counts: grid.0.iter().map(|axis| axis.count().max(1)).collect(),
            extents: grid.0.iter().map(Axis::largest).collect(),
        }
    }

    /// The number of the chunk of each element, in C order of chunks; meaningless where the chunks are
    /// more than 64 bits can count.
    fn numbers(&self, coords: &Coords, numbers: &mut [u64]) {
        numbers.fill(0);
        for ((axis, cut), &count) in coords.iter().zip(&self.cuts).zip(&self.counts) {
            match *cut {
                Cut::Regular { divisor, .. } => fold(axis, numbers, count, |index| divisor.divide(index)),
                Cut::Varying(grid) => fold(axis, numbers, count, |index| grid.find(index)),
            }
        }
    }

    /// The same, and the number of each element in its chunk. Fails if the chunks are not `expected`: an
    /// element of another chunk might be none of the array.
    fn locals(&self, coords: &Coords, expected: impl Fn(usize) -> u64, locals: &mut [u64]) -> Result<()> {
        let mut numbers = [0u64; BLOCK];
        let numbers = &mut numbers[..locals.len()];
        self.both(coords, numbers, locals);
        if numbers.iter().enumerate().all(|(i, &number)| number == expected(i)) {
            return Ok(());
        }
        Err(Error::new(Kind::Selection, "the indices of points changed while they were read"))
    }

    /// The number of the chunk of each element, and that of each element in its chunk.
    fn both(&self, coords: &Coords, numbers: &mut [u64], locals: &mut [u64]) {
        numbers.fill(0);
        locals.fill(0);
        for (axis, (cut, (&count, &extent))) in
            coords.iter().zip(self.cuts.iter().zip(self.counts.iter().zip(&self.extents)))
        {
            for ((number, local), &index) in numbers.iter_mut().zip(&mut *locals).zip(axis) {
                let (chunk, inside) = match *cut {
                    Cut::Regular { size, divisor } => {
                        let chunk = divisor.divide(index);
                        (chunk, index - chunk * size)
                    }
                    Cut::Varying(grid) => {
                        let chunk = grid.find(index);
                        (chunk, index - grid.origin(chunk))
                    }
                };
                *number = number.wrapping_mul(count).wrapping_add(chunk);
                *local = local.wrapping_mul(extent).wrapping_add(inside);
            }
        }
    }
}

#[inline(always)]
fn fold(axis: &[u64; BLOCK], numbers: &mut [u64], count: u64, find: impl Fn(u64) -> u64) {
    for (number, &index) in numbers.iter_mut().zip(axis) {
        *number = number.wrapping_mul(count).wrapping_add(find(index));
    }
}

/// Points, those of each chunk next to each other and in the order of their places: of two values for
/// one element the later one wins, as in NumPy.
#[derive(Debug, Clone)]
pub struct PointSplit {
    points: Points,
    counts: Vec<u64>,
    /// For each chunk that holds points its number, and where its points end.
    pieces: Vec<(u64, usize)>,
    /// The chunks themselves, one after the other, if there are more than numbers.
    chunks: Vec<u64>,
}

/// A pair of numbers, as it is kept.
trait Item: Copy + Default {
    fn new(local: u64, at: u64) -> Self;
    fn list(items: Vec<Self>) -> List;
}

impl Item for u64 {
    fn new(local: u64, at: u64) -> Self {
        local << 32 | at
    }

    fn list(items: Vec<Self>) -> List {
        let range = 0..items.len();
        List::Narrow(Arc::new(items), range)
    }
}

impl Item for (u64, u64) {
    fn new(local: u64, at: u64) -> Self {
        (local, at)
    }

    fn list(items: Vec<Self>) -> List {
        let range = 0..items.len();
        List::Wide(Arc::new(items), range)
    }
}

/// The number of a chunk, of a point in it and of its element there, in the bits of one number: the order
/// of these is that of the chunks, and in each that of the points.
trait Key: Copy + Ord {
    fn pack(parts: [u64; 3], widths: [u32; 3]) -> Self;
    fn parts(self, widths: [u32; 3]) -> [u64; 3];
}

macro_rules! keys {
    ($($number:ty),*) => {$(
        impl Key for $number {
            fn pack([chunk, point, local]: [u64; 3], [_, points, locals]: [u32; 3]) -> Self {
                let chunk = Self::from(chunk).checked_shl(points + locals).unwrap_or(0);
                chunk | Self::from(point).checked_shl(locals).unwrap_or(0) | Self::from(local)
            }

            fn parts(self, [_, points, locals]: [u32; 3]) -> [u64; 3] {
                let below = |bits: u32| !<$number>::MAX.checked_shl(bits).unwrap_or(0);
                let point = self.checked_shr(locals).unwrap_or(0) & below(points);
                let chunk = self.checked_shr(points + locals).unwrap_or(0);
                [chunk as u64, point as u64, (self & below(locals)) as u64]
            }
        }
    )*};
}

keys!(u64, u128);

/// The bits of the numbers below `end`.
fn width(end: u64) -> u32 {
    u64::BITS - end.saturating_sub(1).leading_zeros()
}

/// Of fewer points, it does not matter how they are ordered.
const MANY: usize = 64;

impl PointSplit {
    pub(super) fn new(points: &Points, grid: &Grid) -> Result<Self> {
        let cutter = Cutter::new(grid, points.extents());
        let limit = count(&cutter.counts);
        // All points are in the one chunk, and numbered as they are in it: they may stay what they are.
        if limit == Some(1) && cutter.extents == points.extents() {
            let pieces = if points.is_empty() { Vec::new() } else { vec![(0, points.len())] };
            return Ok(Self { points: points.clone(), counts: cutter.counts, pieces, chunks: Vec::new() });
        }
        let last = (0..points.len()).next_back().map_or(0, |last| match &points.list {
            List::Given(..) => last as u64,
            List::Narrow(..) => LOW,
            List::Wide(..) => u64::MAX,
        });
        let narrow = last <= LOW && count(&cutter.extents).is_some_and(|all| all <= LOW + 1);
        if narrow {
            Self::ordered::<u64>(points, &cutter, limit)
        } else {
            Self::ordered::<(u64, u64)>(points, &cutter, limit)
        }
    }

    fn ordered<I: Item>(points: &Points, cutter: &Cutter<'_>, limit: Option<u64>) -> Result<Self> {
        let n = points.len();
        // A table of the chunks is small beside the points.
        let few = |limit: &u64| n >= MANY && *limit <= n as u64 / 4 && u32::try_from(n).is_ok();
        if let Some(limit) = limit.filter(few) {
            return Self::dense::<I>(points, cutter, limit as usize);
        }
        let widths = limit.zip(count(&cutter.extents)).map(|(limit, all)| [limit, n as u64, all].map(width));
        match widths.map(|widths| (widths, widths.iter().sum::<u32>())) {
            Some((widths, bits)) if bits <= u64::BITS => Self::sparse::<I, u64>(points, cutter, widths),
            Some((widths, bits)) if bits <= u128::BITS => Self::sparse::<I, u128>(points, cutter, widths),
            _ => Self::general::<I>(points, cutter),
        }
    }

    /// Few chunks, many points: a counting sort.
    fn dense<I: Item>(points: &Points, cutter: &Cutter<'_>, limit: usize) -> Result<Self> {
        let mut numbers = repeated(0u32, points.len())?;
        let mut next = repeated(0u32, limit + 1)?;
        let mut block = [0u64; BLOCK];
        points.each_block(|start, n, coords| {
            cutter.numbers(coords, &mut block[..n]);
            for (out, &number) in numbers[start..start + n].iter_mut().zip(&block) {
                *out = number as u32;
                *next.get_mut(number as usize + 1).ok_or_else(|| Error::internal("a point in no chunk"))? += 1;
            }
            Ok(())
        })?;
        for i in 0..limit {
            next[i + 1] += next[i];
        }
        let mut items = repeated(I::default(), points.len())?;
        points.each_block(|start, n, coords| {
            cutter.locals(coords, |i| numbers[start + i].into(), &mut block[..n])?;
            for (i, (&number, &local)) in numbers[start..start + n].iter().zip(&block).enumerate() {
                let next = &mut next[number as usize];
                items[*next as usize] = I::new(local, points.place(start + i));
                *next += 1;
            }
            Ok(())
        })?;
        // Now each number's place is the end of its points.
        let mut pieces = Vec::new();
        let mut start = 0;
        for (number, &end) in next[..limit].iter().enumerate() {
            if end > start {
                pieces.push((number as u64, end as usize));
            }
            start = end;
        }
        Ok(Self::of(items, pieces, Vec::new(), cutter))
    }

    /// Many chunks: numbers of `widths` are sorted that say all of a point.
    fn sparse<I: Item, K: Key>(points: &Points, cutter: &Cutter<'_>, widths: [u32; 3]) -> Result<Self> {
        let mut keys: Vec<K> = Vec::new();
        reserve(&mut keys, points.len())?;
        let (mut numbers, mut locals) = ([0u64; BLOCK], [0u64; BLOCK]);
        points.each_block(|start, n, coords| {
            cutter.both(coords, &mut numbers[..n], &mut locals[..n]);
            let parts = numbers.iter().zip(&locals).take(n).enumerate();
            keys.extend(parts.map(|(i, (&number, &local))| K::pack([number, (start + i) as u64, local], widths)));
            Ok(())
        })?;
        keys.sort_unstable();
        let mut items: Vec<I> = Vec::new();
        reserve(&mut items, keys.len())?;
        let mut pieces: Vec<(u64, usize)> = Vec::new();
        for (i, key) in keys.iter().enumerate() {
            let [number, point, local] = key.parts(widths);
            items.push(I::new(local, points.place(point as usize)));
            match pieces.last_mut() {
                Some(last) if last.0 == number => last.1 = i + 1,
                _ => pieces.push((number, i + 1)),
            }
        }
        Ok(Self::of(items, pieces, Vec::new(), cutter))
    }

    /// Chunks, points and elements of which 128 bits cannot number all.
    fn general<I: Item>(points: &Points, cutter: &Cutter<'_>) -> Result<Self> {
        let mut found: Vec<(Vec<u64>, u64, u64)> = Vec::new();
        reserve(&mut found, points.len())?;
        let mut block = [0u64; BLOCK];
        points.each_block(|start, n, coords| {
            let mut numbers = [0; BLOCK];
            cutter.numbers(coords, &mut numbers[..n]);
            cutter.locals(coords, |i| numbers[i], &mut block[..n])?;
            for (i, &local) in block[..n].iter().enumerate() {
                let find = |(axis, cut): (&[u64; BLOCK], &Cut<'_>)| match cut {
                    Cut::Regular { divisor, .. } => divisor.divide(axis[i]),
                    Cut::Varying(grid) => grid.find(axis[i]),
                };
                let chunk = coords.iter().zip(&cutter.cuts).map(find).collect();
                found.push((chunk, local, points.place(start + i)));
            }
            Ok(())
        })?;
        found.sort_by(|a, b| a.0.cmp(&b.0));
        let (mut pieces, mut chunks) = (Vec::new(), Vec::new());
        let mut end = 0;
        for same in found.chunk_by(|a, b| a.0 == b.0) {
            end += same.len();
            pieces.push((pieces.len() as u64, end));
            chunks.extend_from_slice(&same[0].0);
        }
        let items = found.iter().map(|&(_, local, at)| I::new(local, at)).collect();
        Ok(Self::of(items, pieces, chunks, cutter))
    }

    fn of<I: Item>(items: Vec<I>, pieces: Vec<(u64, usize)>, chunks: Vec<u64>, cutter: &Cutter<'_>) -> Self {
        let extents = Arc::new(Extents::new(cutter.extents.clone()));
        let points = Points { extents, list: I::list(items) };
        Self { points, counts: cutter.counts.clone(), pieces, chunks }
    }

    pub(super) fn len(&self) -> usize {
        self.pieces.len()
    }

    /// The chunk of piece `i`.
    pub(super) fn chunk(&self, i: usize) -> Vec<u64> {
        let (number, _) = self.pieces[i];
        if self.chunks.is_empty() {
            return unravelled(number, &self.counts);
        }
        let rank = self.counts.len();
        self.chunks[number as usize * rank..][..rank].to_vec()
    }

    /// Piece `i`: its chunk, and the points in it.
    pub(super) fn piece(&self, i: usize) -> (Vec<u64>, Region) {
        let start = i.checked_sub(1).map_or(0, |before| self.pieces[before].1);
        let range = start..self.pieces[i].1;
        let list = match &self.points.list {
            List::Given(axes, len) => List::Given(Arc::clone(axes), *len),
            List::Narrow(items, whole) => {
                List::Narrow(Arc::clone(items), whole.start + range.start..whole.start + range.end)
            }
            List::Wide(items, whole) => {
                List::Wide(Arc::clone(items), whole.start + range.start..whole.start + range.end)
            }
        };
        let extents = Arc::clone(&self.points.extents);
        (self.chunk(i), Region::Points(Points { extents, list }))
    }
}

/// The place of number `n` in a box of `sizes`, in C order.
pub(super) fn unravelled(mut n: u64, sizes: &[u64]) -> Vec<u64> {
    let mut place = vec![0; sizes.len()];
    for (out, &size) in place.iter_mut().zip(sizes).rev() {
        (*out, n) = (n % size.max(1), n / size.max(1));
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Listed = Vec<(Vec<u64>, u64)>;

    fn given(coords: &[Vec<i64>], shape: &[u64]) -> Points {
        let axes = coords.iter().map(|axis| Box::new(axis.clone()) as Box<dyn Indices>).collect();
        Points::new(axes, shape).unwrap()
    }

    proptest! {
        #[test]
        fn division_is_exact(by in 1u64..1 << 32, n in 0u64..1 << 32) {
            for end in [1 << 32, u64::MAX] {
                prop_assert_eq!(Divisor::new(by, end).divide(n), n / by);
            }
            prop_assert_eq!(Divisor::new(by, 1 << 32).divide(by - 1), 0);
            prop_assert_eq!(Divisor::new(by, 1 << 32).divide(LOW / by * by), LOW / by);
        }

        /// However many points and chunks there are, each way to order them gives the same pieces; and
        /// these are the points.
        #[test]
        fn points_are_cut_alike_in_every_way(
            axes in proptest::collection::vec((1u64..9, 1u64..30), 1..=6),
            varying in any::<bool>(),
            n in 0usize..600,
            repeat in 1usize..9,
            seed in any::<u64>(),
        ) {
            let shape: Vec<u64> = axes.iter().map(|axis| axis.1).collect();
            let mut grid = Grid(axes.iter().map(|&(size, extent)| Axis::regular(size, extent).unwrap()).collect());
            if varying && shape[0] > 3 {
                grid.0[0] = Axis::varying(&[1, shape[0] - 3, 2], shape[0]).unwrap();
            }
            let mut state = seed | 1;
            let mut below = |end: u64| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state % end
            };
            let mut coords: Vec<Vec<i64>> = vec![Vec::new(); axes.len()];
            for i in 0..n {
                for (axis, &extent) in coords.iter_mut().zip(&shape) {
                    let index = below(extent) as i64 - if below(2) == 0 { extent as i64 } else { 0 };
                    let value = if i % repeat == 0 { index } else { axis[i - 1] };
                    axis.push(value);
                }
            }
            let points = given(&coords, &shape);
            let cutter = Cutter::new(&grid, &shape);
            let limit = count(&cutter.counts).unwrap() as usize;
            let widths = [limit as u64, n as u64, count(&cutter.extents).unwrap()].map(width);
            let pieces = |split: PointSplit| -> Vec<(Vec<u64>, Listed)> {
                (0..split.len())
                    .map(|i| match split.piece(i) {
                        (chunk, Region::Points(points)) => (chunk, points.listed().unwrap()),
                        _ => panic!("not points"),
                    })
                    .collect()
            };
            let general = pieces(PointSplit::general::<(u64, u64)>(&points, &cutter).unwrap());
            prop_assert_eq!(&general, &pieces(PointSplit::general::<u64>(&points, &cutter).unwrap()));
            prop_assert!(widths.iter().sum::<u32>() <= u64::BITS);
            prop_assert_eq!(&general, &pieces(PointSplit::sparse::<u64, u64>(&points, &cutter, widths).unwrap()));
            prop_assert_eq!(&general, &pieces(PointSplit::sparse::<u64, u128>(&points, &cutter, widths).unwrap()));
            prop_assert_eq!(
                &general,
                &pieces(PointSplit::sparse::<(u64, u64), u128>(&points, &cutter, widths).unwrap())
            );
            if limit < 1 << 20 {
                prop_assert_eq!(&general, &pieces(PointSplit::dense::<u64>(&points, &cutter, limit).unwrap()));
                prop_assert_eq!(&general, &pieces(PointSplit::dense::<(u64, u64)>(&points, &cutter, limit).unwrap()));
            }
            prop_assert_eq!(&general, &pieces(PointSplit::new(&points, &grid).unwrap()));
            let mut joined: Vec<(Vec<u64>, u64)> = general
                .iter()
                .flat_map(|(chunk, points)| {
                    let origin: Vec<u64> = grid.0.iter().zip(chunk).map(|(axis, &c)| axis.origin(c)).collect();
                    points.iter().map(move |(local, at)| {
                        (local.iter().zip(&origin).map(|(&local, &origin)| local + origin).collect(), *at)
                    })
                })
                .collect();
            joined.sort_by_key(|point| point.1);
            prop_assert_eq!(joined, points.listed().unwrap());
            // Cut once more, along another grid.
            let finer = Grid(grid.0.iter().map(|axis| Axis::regular(2, axis.largest()).unwrap()).collect());
            for (i, (_, expected)) in general.iter().enumerate() {
                let split = PointSplit::new(&points, &grid).unwrap();
                let (_, Region::Points(piece)) = split.piece(i) else { panic!("not points") };
                let again = PointSplit::new(&piece, &finer).unwrap();
                let mut joined: Vec<(Vec<u64>, u64)> = pieces(again)
                    .iter()
                    .flat_map(|(chunk, points)| {
                        points.iter().map(move |(local, at)| {
                            (local.iter().zip(chunk).map(|(&local, &c)| local + 2 * c).collect(), *at)
                        })
                    })
                    .collect();
                joined.sort_by_key(|point| point.1);
                prop_assert_eq!(&joined, expected);
            }
        }
    }

    proptest! {
        #[test]
        fn keys_hold_what_was_put_into_them(parts in any::<[u64; 3]>(), a in 0u32..=64, b in 0u32..=64, c in 0u32..=64) {
            fn held<K: Key>(bits: u32, parts: [u64; 3], widths: [u32; 3]) -> bool {
                widths.iter().sum::<u32>() > bits || K::pack(parts, widths).parts(widths) == parts
            }
            let widths = [a, b, c];
            let cut = |i: usize| parts[i] & !u64::MAX.checked_shl(widths[i]).unwrap_or(0);
            let parts = [cut(0), cut(1), cut(2)];
            prop_assert!(held::<u64>(64, parts, widths) && held::<u128>(128, parts, widths));
        }
    }

    #[test]
    fn more_chunks_than_numbers() {
        let end = u64::MAX;
        let grid = Grid(vec![Axis::regular(2, end).unwrap(); 3]);
        let coords = [vec![5, i64::MAX, 5, -1], vec![1, 2, 0, -2], vec![7, 7, 6, 0]];
        let points = given(&coords, &[end; 3]);
        let split = PointSplit::new(&points, &grid).unwrap();
        let chunks: Vec<_> = (0..split.len()).map(|i| split.chunk(i)).collect();
        assert_eq!(chunks, [vec![2, 0, 3], vec![i64::MAX as u64 / 2, 1, 3], vec![end / 2, (end - 2) / 2, 0]]);
        let (_, Region::Points(first)) = split.piece(0) else { panic!("not points") };
        assert_eq!(first.listed().unwrap(), [(vec![1, 1, 1], 0), (vec![1, 0, 0], 2)]);
    }

    #[test]
    fn indices_outside_are_refused() {
        let grid = Grid(vec![Axis::regular(4, 10).unwrap()]);
        for bad in [10, -11, i64::MAX, i64::MIN] {
            let error = PointSplit::new(&given(&[vec![3, bad]], &[10]), &grid).unwrap_err();
            assert_eq!(error.kind(), Kind::Selection);
            assert!(error.to_string().contains(&bad.to_string()), "{error}");
        }
        assert!(Points::new(vec![Box::new(vec![1i64]), Box::new(vec![1i64, 2])], &[3, 3]).is_err());
        assert!(Points::new(vec![Box::new(vec![1i64])], &[3, 3]).is_err());
    }
}
