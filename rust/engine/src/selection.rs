//! Selections, and how a chunk grid cuts them into pieces.
//!
//! A [`Region`] says which elements of a box (an array, a shard, a chunk) stand where in a view.
//! [`Region::split`] cuts it along a grid; each piece is again a region, now of one chunk. Arrays,
//! shards and nested shards are thus cut by the same few lines.

use std::ops::Range;
use std::sync::Arc;

use crate::error::{Error, Kind, Result};
use crate::grid::{Axis, Grid};

/// Which indices of one axis stand where along the same axis of the view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AxisMap {
    /// `start + i * step` of the box stands at `at + i` of the view, for `i` below `count`.
    Range {
        /// First index in the box.
        start: u64,
        /// Distance between indices; at least 1.
        step: u64,
        /// Number of indices.
        count: u64,
        /// First index in the view.
        at: u64,
    },
    /// Pairs of an index in the box and an index in the view.
    Pairs(Vec<(u64, u64)>),
}

impl AxisMap {
    fn len(&self) -> u64 {
        match self {
            AxisMap::Range { count, .. } => *count,
            AxisMap::Pairs(pairs) => pairs.len() as u64,
        }
    }

    /// The lowest and the highest index; `None` if there is no index.
    fn hull(&self) -> Option<(u64, u64)> {
        match self {
            AxisMap::Range { count: 0, .. } => None,
            AxisMap::Range { start, step, count, .. } => {
                Some((*start, (count - 1).saturating_mul(*step).saturating_add(*start)))
            }
            AxisMap::Pairs(pairs) => {
                let indices = || pairs.iter().map(|pair| pair.0);
                indices().min().zip(indices().max())
            }
        }
    }

    /// The indices from number `from` to before number `to`.
    fn part(&self, from: u64, to: u64) -> Self {
        match self {
            AxisMap::Range { start, step, at, .. } => {
                AxisMap::Range { start: start + from * step, step: *step, count: to - from, at: at + from }
            }
            AxisMap::Pairs(pairs) => AxisMap::Pairs(pairs[from as usize..to as usize].to_vec()),
        }
    }

    /// How many indices from number `from` on lie within `reach` of the first: one at least.
    fn near(&self, from: u64, reach: u64) -> u64 {
        match self {
            AxisMap::Range { step, count, .. } => (reach / step.max(&1)).saturating_add(1).min(count - from),
            AxisMap::Pairs(pairs) => {
                let pairs = &pairs[from as usize..];
                let end = pairs[0].0.saturating_add(reach);
                pairs.iter().take_while(|pair| pair.0 <= end).count().max(1) as u64
            }
        }
    }

    fn check(&self, axis: usize, extent: u64) -> Result<()> {
        let last = match self {
            AxisMap::Range { count: 0, .. } => None,
            AxisMap::Range { start, step, count, .. } => {
                Some((count - 1).checked_mul(*step).and_then(|n| n.checked_add(*start)).unwrap_or(u64::MAX))
            }
            AxisMap::Pairs(pairs) => pairs.iter().map(|pair| pair.0).max(),
        };
        if let AxisMap::Pairs(pairs) = self
            && !pairs.is_sorted_by(|a, b| a.1 < b.1)
        {
            return Err(unordered());
        }
        match last {
            Some(last) if last >= extent => Err(Error::new(
                Kind::Selection,
                format!("index {last} is out of bounds for axis {axis} of {extent} elements"),
            )),
            _ => Ok(()),
        }
    }

    /// Whether the map reaches every index of `0..extent`.
    fn covers(&self, extent: u64) -> bool {
        match self {
            AxisMap::Range { start, step, count, .. } => *start == 0 && *count == extent && (*step == 1 || *count <= 1),
            // Increasing from 0 without a gap; what else may cover is not worth looking for.
            AxisMap::Pairs(pairs) => {
                pairs.len() as u64 == extent && pairs.iter().enumerate().all(|(i, pair)| pair.0 == i as u64)
            }
        }
    }

    fn split(&self, grid: &Axis) -> AxisSplit {
        let listed = match *self {
            AxisMap::Range { start, step, count, at } => match *grid {
                Axis::Regular { size, .. } => return AxisSplit::regular(start, step.max(1), count, at, size.max(1)),
                Axis::Varying { .. } => split_range(start, step.max(1), count, at, grid),
            },
            AxisMap::Pairs(ref pairs) => {
                let mut placed: Vec<(u64, u64, u64)> = pairs.iter().map(|&(i, at)| (grid.find(i), i, at)).collect();
                if !placed.is_sorted_by_key(|p| p.0) {
                    // Stable: of two values for one element the later one wins, as in NumPy.
                    placed.sort_by_key(|p| p.0);
                }
                placed
                    .chunk_by(|a, b| a.0 == b.0)
                    .map(|run| {
                        let origin = grid.origin(run[0].0);
                        (run[0].0, AxisMap::Pairs(run.iter().map(|&(_, i, at)| (i - origin, at)).collect()))
                    })
                    .collect()
            }
        };
        AxisSplit::Listed(listed)
    }
}

/// The chunks along one axis that a map reaches, and the part of the map in each.
#[derive(Debug, Clone)]
pub enum AxisSplit {
    /// Of a range, along chunks of one size: made on demand, for there may be more than memory holds.
    Regular {
        /// The range.
        start: u64,
        /// Its step.
        step: u64,
        /// Its length.
        count: u64,
        /// Where it begins in the view.
        at: u64,
        /// Elements of a chunk.
        size: u64,
        /// The number of chunks.
        pieces: u64,
    },
    /// One after the other.
    Listed(Vec<(u64, AxisMap)>),
}

impl AxisSplit {
    fn regular(start: u64, step: u64, count: u64, at: u64, size: u64) -> Self {
        let pieces = match count.checked_sub(1) {
            None => 0,
            // With short steps, no chunk in between is left out; with long ones, each index has its own.
            Some(last) if step <= size => (start + last * step) / size - start / size + 1,
            Some(_) => count,
        };
        AxisSplit::Regular { start, step, count, at, size, pieces }
    }

    fn len(&self) -> usize {
        match self {
            AxisSplit::Regular { pieces, .. } => usize::try_from(*pieces).unwrap_or(usize::MAX),
            AxisSplit::Listed(pieces) => pieces.len(),
        }
    }

    fn get(&self, i: usize) -> (u64, AxisMap) {
        match *self {
            AxisSplit::Listed(ref pieces) => pieces[i].clone(),
            AxisSplit::Regular { start, step, count, at, size, .. } => {
                let i = i as u64;
                let done =
                    if step > size { i } else { ((start / size + i) * size).saturating_sub(start).div_ceil(step) };
                let index = start + done * step;
                let chunk = index / size;
                let origin = chunk * size;
                let end = origin.saturating_add(size);
                let here = ((end - 1 - index) / step + 1).min(count - done);
                (chunk, AxisMap::Range { start: index - origin, step, count: here, at: at + done })
            }
        }
    }
}

fn split_range(start: u64, step: u64, count: u64, at: u64, grid: &Axis) -> Vec<(u64, AxisMap)> {
    let mut pieces = Vec::new();
    let mut done = 0;
    while done < count {
        let index = start + done * step;
        let chunk = grid.find(index);
        let origin = grid.origin(chunk);
        let end = origin.saturating_add(grid.size(chunk).max(1));
        let here = ((end - 1 - index) / step + 1).min(count - done);
        pieces.push((chunk, AxisMap::Range { start: index - origin, step, count: here, at: at + done }));
        done += here;
    }
    pieces
}

/// Which elements of a box stand where in a view.
///
/// ```
/// use std::sync::Arc;
/// use zarr_engine::grid::{Axis, Grid};
/// use zarr_engine::selection::{AxisMap, Region};
///
/// let grid = Grid(vec![Axis::regular(4, 10)?, Axis::regular(3, 6)?]);
/// // Rows 2 to 6, all columns.
/// let rows = AxisMap::Range { start: 2, step: 1, count: 4, at: 0 };
/// let columns = AxisMap::Range { start: 0, step: 1, count: 6, at: 0 };
/// let region = Region::Box(vec![rows, columns]);
/// assert_eq!(region.view_shape(), [4, 6]);
/// assert_eq!(region.split(&grid).len(), 4);
///
/// // The elements at (1, 2) and (9, 0), in this order.
/// let points = Region::Points { coords: Arc::new(vec![vec![1, 9], vec![2, 0]]), at: Arc::new(vec![0, 1]) };
/// assert_eq!(points.view_shape(), [2]);
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Region {
    /// The product of one map per axis. The view has the same axes as the box.
    Box(Vec<AxisMap>),
    /// Single elements. The view has one axis.
    Points {
        /// Per axis of the box, the index of each point.
        coords: Arc<Vec<Vec<u64>>>,
        /// The index of each point in the view.
        at: Arc<Vec<u64>>,
    },
}

impl Region {
    /// All of a box of `shape`.
    pub fn all(shape: &[u64]) -> Self {
        Region::Box(shape.iter().map(|&count| AxisMap::Range { start: 0, step: 1, count, at: 0 }).collect())
    }

    /// The shape of a view that the region fills.
    pub fn view_shape(&self) -> Vec<u64> {
        match self {
            Region::Box(axes) => axes.iter().map(AxisMap::len).collect(),
            Region::Points { at, .. } => vec![at.len() as u64],
        }
    }

    /// The number of elements.
    pub fn len(&self) -> u64 {
        self.view_shape().iter().fold(1, |n, &m| n.saturating_mul(m))
    }

    /// Whether the region has no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fails unless every index lies in a box of the given extents, and has a place of its own in the
    /// view: then pieces of the region have no place in common.
    pub fn check(&self, extents: &[u64]) -> Result<()> {
        let axes = match self {
            Region::Box(axes) => axes.len(),
            Region::Points { coords, .. } => coords.len(),
        };
        if axes != extents.len() {
            return Err(
                Error::new(Kind::Selection, "the selection has the wrong number of axes").expected(extents.len(), axes)
            );
        }
        match self {
            Region::Box(axes) => {
                for (i, (axis, &extent)) in axes.iter().zip(extents).enumerate() {
                    axis.check(i, extent)?;
                }
            }
            Region::Points { coords, at } => {
                if !at.is_sorted_by(|a, b| a < b) {
                    return Err(unordered());
                }
                for (i, (axis, &extent)) in coords.iter().zip(extents).enumerate() {
                    if axis.len() != at.len() {
                        return Err(Error::new(Kind::Selection, "the coordinates differ in length")
                            .expected(at.len(), axis.len()));
                    }
                    let bad = axis.iter().fold(0, |most, &index| most.max(index));
                    if bad >= extent && !axis.is_empty() {
                        return Err(Error::new(
                            Kind::Selection,
                            format!("index {bad} is out of bounds for axis {i} of {extent} elements"),
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether the region reaches every element of a box of the given extents.
    pub fn covers(&self, extents: &[u64]) -> bool {
        match self {
            Region::Box(axes) => axes.iter().zip(extents).all(|(axis, &extent)| axis.covers(extent)),
            Region::Points { at, .. } => extents.iter().all(|&n| n == 1) && !at.is_empty(),
        }
    }

    /// The bytes between the first and the last that the region reaches in a box laid out by
    /// `strides`, these included.
    pub fn reach(&self, strides: &[isize], size: usize) -> u64 {
        let axes: Vec<Option<(u64, u64)>> = match self {
            Region::Box(axes) => axes.iter().map(AxisMap::hull).collect(),
            Region::Points { coords, .. } => {
                coords.iter().map(|axis| axis.iter().min().copied().zip(axis.iter().max().copied())).collect()
            }
        };
        let reach = |(axis, &stride): (Option<(u64, u64)>, &isize)| {
            axis.map_or(0, |(low, high)| (high - low).saturating_mul(stride.unsigned_abs() as u64))
        };
        axes.into_iter().zip(strides).map(reach).fold(size as u64, u64::saturating_add)
    }

    /// Cuts a box along the axis that reaches farthest in memory laid out by `strides`, into parts that
    /// reach at most `most` bytes if that can be, and hands `f` one after the other. `false` if no axis
    /// can be cut.
    pub fn cut(
        &self,
        strides: &[isize],
        size: usize,
        most: u64,
        mut f: impl FnMut(&Region) -> Result<()>,
    ) -> Result<bool> {
        let Region::Box(axes) = self else { return Ok(false) };
        let reach = |i: usize| Region::Box(vec![axes[i].clone()]).reach(&strides[i..=i], 0);
        let reaches: Vec<u64> = (0..axes.len().min(strides.len())).map(reach).collect();
        let Some((axis, &far)) = reaches.iter().enumerate().max_by_key(|reach| reach.1).filter(|reach| *reach.1 > 0)
        else {
            return Ok(false);
        };
        let rest = self.reach(strides, size) - far;
        let step = most.saturating_sub(rest) / (strides[axis].unsigned_abs() as u64).max(1);
        let whole = match &axes[axis] {
            AxisMap::Pairs(pairs) if !pairs.is_sorted() => {
                let mut pairs = pairs.clone();
                pairs.sort_unstable();
                AxisMap::Pairs(pairs)
            }
            map => map.clone(),
        };
        let mut part = axes.clone();
        let mut from = 0;
        while from < whole.len() {
            let to = from + whole.near(from, step);
            part[axis] = whole.part(from, to);
            let region = Region::Box(part);
            f(&region)?;
            let Region::Box(axes) = region else { return Ok(true) };
            (part, from) = (axes, to);
        }
        Ok(true)
    }

    /// Cuts the region along `grid`.
    pub fn split(&self, grid: &Grid) -> Split {
        match self {
            Region::Box(axes) => Split::Box(axes.iter().zip(&grid.0).map(|(map, axis)| map.split(axis)).collect()),
            Region::Points { coords, at } => Split::Points(PointSplit::new(coords, at, grid)),
        }
    }
}

fn unordered() -> Error {
    Error::internal("what is selected stands in the view one after the other")
}

/// Points, ordered by the chunk that holds them.
#[derive(Debug, Clone)]
pub struct PointSplit {
    coords: Arc<Vec<Vec<u64>>>,
    at: Arc<Vec<u64>>,
    /// The points, those of each chunk next to each other: four bytes for a point, where they are not runs.
    order: Vec<u32>,
    pieces: Vec<PointPiece>,
}

/// The points of one chunk.
#[derive(Debug, Clone)]
struct PointPiece {
    chunk: Vec<u64>,
    origin: Vec<u64>,
    points: Picked,
}

/// Which points these are.
#[derive(Debug, Clone)]
enum Picked {
    /// A mask has few runs.
    Runs(Vec<Range<usize>>),
    /// Random points have one each: a stretch of their order.
    Listed(Range<usize>),
}

/// Of fewer points, it does not matter how they are ordered.
const MANY: usize = 64;

impl PointSplit {
    fn new(coords: &Arc<Vec<Vec<u64>>>, at: &Arc<Vec<u64>>, grid: &Grid) -> Self {
        let counts: Vec<u64> = grid.0.iter().map(|axis| axis.count().max(1)).collect();
        // Chunks are numbered in row-major order; the product of all counts may exceed 64 bits.
        let limit = counts.iter().try_fold(1usize, |n, &count| n.checked_mul(usize::try_from(count).ok()?));
        let n = at.len();
        if n >= MANY
            && let Some(limit) = limit.filter(|&limit| limit <= n && u32::try_from(n).is_ok())
        {
            return Self::dense(coords, at, grid, &counts, limit);
        }
        Self::sparse(coords, at, grid, &counts, limit)
    }

    fn sparse(
        coords: &Arc<Vec<Vec<u64>>>,
        at: &Arc<Vec<u64>>,
        grid: &Grid,
        counts: &[u64],
        limit: Option<usize>,
    ) -> Self {
        let n = at.len();
        let mut numbers = Vec::new();
        let mut starts = Vec::new();
        let mut first = |point: usize, chunk: &[u64]| {
            let number = |n: u128, (&count, &c): (&u64, &u64)| n.wrapping_mul(count.into()).wrapping_add(c.into());
            numbers.push(counts.iter().zip(chunk).fold(0, number));
            starts.push(point);
        };
        each_run(coords, n, grid, &mut first);
        starts.push(n);
        Self::of_runs(coords, at, grid, &numbers, &starts, limit)
    }

    /// The same of points that are more than the chunks, which are `limit`.
    fn dense(coords: &Arc<Vec<Vec<u64>>>, at: &Arc<Vec<u64>>, grid: &Grid, counts: &[u64], limit: usize) -> Self {
        let numbers = numbers(coords, at.len(), grid, counts);
        let turns = numbers.windows(2).filter(|pair| pair[0] != pair[1]).count();
        if turns < numbers.len() / 4 {
            let begins = |i: usize| i == 0 || numbers[i - 1] != numbers[i];
            let mut starts: Vec<usize> = (0..numbers.len()).filter(|&i| begins(i)).collect();
            let of_runs: Vec<u128> = starts.iter().map(|&start| numbers[start].into()).collect();
            starts.push(numbers.len());
            return Self::of_runs(coords, at, grid, &of_runs, &starts, Some(limit));
        }
        // A counting sort, which keeps their order.
        let mut next = vec![0u32; limit + 1];
        for &number in &numbers {
            next[number as usize + 1] += 1;
        }
        for i in 0..limit {
            next[i + 1] += next[i];
        }
        let mut order = vec![0u32; numbers.len()];
        for (i, &number) in numbers.iter().enumerate() {
            let next = &mut next[number as usize];
            order[*next as usize] = i as u32;
            *next += 1;
        }
        // Now each number's place is the end of its points.
        let mut start = 0;
        let mut pieces = Vec::new();
        for &end in &next[..limit] {
            let end = end as usize;
            if end > start {
                let point = order[start] as usize;
                pieces.push(PointPiece::of(coords, point, grid, Picked::Listed(start..end)));
            }
            start = end;
        }
        Self { coords: Arc::clone(coords), at: Arc::clone(at), order, pieces }
    }

    /// The same of runs, each in one chunk: their chunks' `numbers`, below `limit`, and where they start.
    fn of_runs(
        coords: &Arc<Vec<Vec<u64>>>,
        at: &Arc<Vec<u64>>,
        grid: &Grid,
        numbers: &[u128],
        starts: &[usize],
        limit: Option<usize>,
    ) -> Self {
        let piece = |same: &[usize]| {
            let mut runs: Vec<Range<usize>> = Vec::with_capacity(same.len());
            for &run in same {
                let range = starts[run]..starts[run + 1];
                match runs.last_mut() {
                    Some(last) if last.end == range.start => last.end = range.end,
                    _ => runs.push(range),
                }
            }
            let point = runs.first().map_or(0, |run| run.start);
            PointPiece::of(coords, point, grid, Picked::Runs(runs))
        };
        let ordered = grouped(numbers, limit);
        let pieces = ordered.chunk_by(|&a, &b| numbers[a] == numbers[b]).map(piece).collect();
        Self { coords: Arc::clone(coords), at: Arc::clone(at), order: Vec::new(), pieces }
    }

    fn piece(&self, i: usize) -> (Vec<u64>, Region) {
        let PointPiece { chunk, origin, points } = &self.pieces[i];
        if self.pieces.len() == 1 && origin.iter().all(|&o| o == 0) {
            let (coords, at) = (Arc::clone(&self.coords), Arc::clone(&self.at));
            return (chunk.clone(), Region::Points { coords, at });
        }
        let taken = |values: &[u64], origin: u64| match points {
            Picked::Runs(runs) => taken(values, runs, origin),
            Picked::Listed(range) => self.order[range.clone()].iter().map(|&i| values[i as usize] - origin).collect(),
        };
        let coords = self.coords.iter().zip(origin).map(|(axis, &origin)| taken(axis, origin)).collect();
        (chunk.clone(), Region::Points { coords: Arc::new(coords), at: Arc::new(taken(&self.at, 0)) })
    }
}

impl PointPiece {
    /// The piece of the chunk that holds `point`.
    fn of(coords: &[Vec<u64>], point: usize, grid: &Grid, points: Picked) -> Self {
        let chunk: Vec<u64> = grid.0.iter().zip(coords).map(|(axis, c)| axis.find(c[point])).collect();
        let origin = grid.0.iter().zip(&chunk).map(|(axis, &c)| axis.origin(c)).collect();
        Self { chunk, origin, points }
    }
}

/// The number of the chunk of each point: numbers of chunks fit.
fn numbers(coords: &[Vec<u64>], n: usize, grid: &Grid, counts: &[u64]) -> Vec<u32> {
    let mut numbers = vec![0u32; n];
    for ((values, axis), &count) in coords.iter().zip(&grid.0).zip(counts) {
        let count = count as u32;
        let narrow = u32::try_from(axis.extent());
        match *axis {
            _ if count == 1 => {}
            Axis::Regular { size, .. } if size.is_power_of_two() => {
                let shift = size.trailing_zeros();
                number(&mut numbers, values, count, |value| (value >> shift) as u32);
            }
            Axis::Regular { size, .. } if narrow.is_ok() && u32::try_from(size).is_ok() => {
                number(&mut numbers, values, count, |value| value as u32 / size as u32);
            }
            _ => number(&mut numbers, values, count, |value| axis.find(value) as u32),
        }
    }
    numbers
}

#[inline(always)]
fn number(numbers: &mut [u32], values: &[u64], count: u32, find: impl Fn(u64) -> u32) {
    for (number, &value) in numbers.iter_mut().zip(values) {
        *number = number.wrapping_mul(count).wrapping_add(find(value));
    }
}

/// The values of some runs, less `origin`.
fn taken(values: &[u64], runs: &[Range<usize>], origin: u64) -> Vec<u64> {
    let mut taken = Vec::with_capacity(runs.iter().map(Range::len).sum());
    for run in runs {
        if run.len() == 1 {
            taken.push(values[run.start] - origin); // cheaper than to begin a loop
        } else {
            taken.extend(values[run.clone()].iter().map(|value| value - origin));
        }
    }
    taken
}

/// Tells `first` the first point of each run of points in one chunk, and the chunk.
fn each_run(coords: &[Vec<u64>], n: usize, grid: &Grid, first: &mut impl FnMut(usize, &[u64])) {
    let (mut low, mut high, mut chunk) = (vec![0; coords.len()], vec![0; coords.len()], vec![0; coords.len()]);
    for i in 0..n {
        let mut stays = i > 0;
        for ((axis, &low), &high) in coords.iter().zip(&low).zip(&high) {
            stays &= (low..high).contains(&axis[i]);
        }
        if !stays {
            for (k, axis) in grid.0.iter().enumerate() {
                chunk[k] = axis.find(coords[k][i]);
                low[k] = axis.origin(chunk[k]);
                high[k] = low[k].saturating_add(axis.size(chunk[k]));
            }
            first(i, &chunk);
        }
    }
}

/// The order in which equal numbers follow one another, and keep their order: of two values for one
/// element the later one wins, as in NumPy. Numbers are below `limit`.
fn grouped(numbers: &[u128], limit: Option<usize>) -> Vec<usize> {
    let n = numbers.len();
    if numbers.is_sorted() {
        return (0..n).collect();
    }
    let Some(limit) = limit.filter(|&limit| limit <= n) else {
        let mut pairs: Vec<(u128, usize)> = numbers.iter().copied().zip(0..).collect();
        pairs.sort_unstable();
        return pairs.into_iter().map(|(_, i)| i).collect();
    };
    // A counting sort: no comparison, two passes.
    let mut next = vec![0usize; limit];
    for &number in numbers {
        next[number as usize] += 1;
    }
    let mut start = 0;
    for next in &mut next {
        start += std::mem::replace(next, start);
    }
    let mut order = vec![0; n];
    for (i, &number) in numbers.iter().enumerate() {
        let next = &mut next[number as usize];
        order[*next] = i;
        *next += 1;
    }
    order
}

/// A region cut along a grid.
#[derive(Debug, Clone)]
pub enum Split {
    /// Per axis, its pieces: those of the region are their product, made on demand.
    Box(Vec<AxisSplit>),
    /// The chunks that hold points, each with its points.
    Points(PointSplit),
}

impl Split {
    /// The number of pieces.
    pub fn len(&self) -> usize {
        match self {
            Split::Box(axes) => axes.iter().fold(1usize, |n, axis| n.saturating_mul(axis.len())),
            Split::Points(points) => points.pieces.len(),
        }
    }

    /// Whether there is no piece.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The chunk of piece `i`.
    pub fn chunk(&self, i: usize) -> Vec<u64> {
        match self {
            Split::Points(points) => points.pieces[i].chunk.clone(),
            Split::Box(_) => self.piece(i).0,
        }
    }

    /// Piece `i`, in row-major order of chunks: the chunk, and the region of that chunk.
    pub fn piece(&self, i: usize) -> (Vec<u64>, Region) {
        match self {
            Split::Points(points) => points.piece(i),
            Split::Box(axes) => {
                let mut rest = i;
                let mut chunk = vec![0; axes.len()];
                let mut maps = vec![AxisMap::Pairs(Vec::new()); axes.len()];
                for (axis, pieces) in axes.iter().enumerate().rev() {
                    let n = pieces.len().max(1);
                    (chunk[axis], maps[axis]) = pieces.get(rest % n);
                    rest /= n;
                }
                (chunk, Region::Box(maps))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    fn grid(axes: &[(u64, u64)]) -> Grid {
        Grid(axes.iter().map(|&(size, extent)| Axis::regular(size, extent).unwrap()).collect())
    }

    fn range(start: u64, step: u64, count: u64) -> AxisMap {
        AxisMap::Range { start, step, count, at: 0 }
    }

    fn expand(map: &AxisMap) -> Vec<(u64, u64)> {
        match map {
            AxisMap::Range { start, step, count, at } => (0..*count).map(|i| (start + i * step, at + i)).collect(),
            AxisMap::Pairs(pairs) => pairs.clone(),
        }
    }

    /// The pieces of one axis, put together again, are the whole.
    fn assert_joins(map: &AxisMap, axis: &Axis) {
        let split = map.split(axis);
        let mut joined: Vec<_> = (0..split.len())
            .flat_map(|i| {
                let (chunk, piece) = split.get(i);
                let origin = axis.origin(chunk);
                expand(&piece).into_iter().map(move |(i, at)| (i + origin, at))
            })
            .collect();
        joined.sort_by_key(|p| p.1);
        let mut whole = expand(map);
        whole.sort_by_key(|p| p.1);
        assert_eq!(joined, whole);
    }

    #[test]
    fn pieces_of_an_axis_join() {
        for axis in [Axis::regular(4, 23).unwrap(), Axis::varying(&[1, 7, 2, 13], 23).unwrap()] {
            for start in 0..23u64 {
                for step in 1..9 {
                    let count = (23 - start).div_ceil(step);
                    assert_joins(&range(start, step, count), &axis);
                }
            }
            assert_joins(&AxisMap::Pairs(vec![(22, 0), (3, 1), (3, 2), (0, 3), (7, 4)]), &axis);
        }
    }

    #[test]
    fn pieces_of_a_range_are_not_held() {
        let axis = Axis::regular(1, u64::MAX).unwrap();
        let split = Region::Box(vec![range(0, 1, u64::MAX)]).split(&Grid(vec![axis]));
        assert_eq!(split.len() as u64, u64::MAX);
        let last = split.piece(split.len() - 1);
        let at = u64::MAX - 1;
        assert_eq!(last, (vec![at], Region::Box(vec![AxisMap::Range { start: 0, step: 1, count: 1, at }])));
    }

    #[test]
    fn points_keep_their_place() {
        let grid = grid(&[(2, 5), (3, 7)]);
        let coords = vec![vec![4, 0, 1, 4, 0], vec![6, 0, 5, 6, 2]];
        let region = Region::Points { coords: Arc::new(coords.clone()), at: Arc::new((0..5).collect()) };
        let split = region.split(&grid);
        let mut seen = HashMap::new();
        for i in 0..split.len() {
            let (chunk, piece) = split.piece(i);
            let Region::Points { coords, at } = piece else { panic!("not points") };
            for (k, &place) in at.iter().enumerate() {
                seen.insert(place, (chunk[0] * 2 + coords[0][k], chunk[1] * 3 + coords[1][k]));
            }
        }
        assert_eq!(seen.len(), 5);
        for i in 0..5 {
            assert_eq!(seen[&(i as u64)], (coords[0][i], coords[1][i]));
        }
    }

    proptest! {
        /// Points that are many and those that are few are cut alike, whatever runs there are.
        #[test]
        fn points_are_cut_alike_whether_they_are_many_or_few(
            axes in proptest::collection::vec((1u64..9, 1u64..30), 1..4),
            varying in any::<bool>(),
            n in 0usize..300,
            repeat in 1usize..9,
            seed in any::<u64>(),
        ) {
            let mut grid = grid(&axes);
            let extent = axes[0].1;
            if varying && extent > 3 {
                grid.0[0] = Axis::varying(&[1, extent - 3, 2], extent).unwrap();
            }
            let mut state = seed | 1;
            let mut below = |end: u64| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state % end
            };
            let mut coords: Vec<Vec<u64>> = vec![Vec::new(); axes.len()];
            for i in 0..n {
                for (axis, &(_, extent)) in coords.iter_mut().zip(&axes) {
                    let value = if i % repeat == 0 { below(extent) } else { axis[i - 1] };
                    axis.push(value);
                }
            }
            let (coords, at) = (Arc::new(coords), Arc::new((0..n as u64).collect::<Vec<u64>>()));
            let counts: Vec<u64> = grid.0.iter().map(|axis| axis.count().max(1)).collect();
            let limit = counts.iter().product::<u64>() as usize;
            let pieces = |split: &PointSplit| (0..split.pieces.len()).map(|i| split.piece(i)).collect::<Vec<_>>();
            let few = pieces(&PointSplit::sparse(&coords, &at, &grid, &counts, Some(limit)));
            prop_assert_eq!(&few, &pieces(&PointSplit::dense(&coords, &at, &grid, &counts, limit)));
            prop_assert_eq!(&few, &pieces(&PointSplit::new(&coords, &at, &grid)));
        }
    }

    #[test]
    fn covering_and_bounds() {
        let grid = grid(&[(4, 10)]);
        let split = Region::Box(vec![range(0, 1, 10)]).split(&grid);
        assert!((0..split.len()).all(|i| {
            let (chunk, piece) = split.piece(i);
            piece.covers(&grid.valid(&chunk))
        }));
        assert!(!Region::Box(vec![range(0, 2, 5)]).covers(&[10]));
        assert!(Region::Box(vec![range(0, 1, 11)]).check(&[10]).is_err());
        assert!(Region::Box(vec![range(u64::MAX, 3, 2)]).check(&[10]).is_err());
        assert!(Region::Points { coords: Arc::new(vec![vec![10]]), at: Arc::new(vec![0]) }.check(&[10]).is_err());
        assert!(Region::Box(vec![range(7, 1, 0)]).split(&grid).is_empty());
    }
}
