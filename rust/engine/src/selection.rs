//! Selections, and how a chunk grid cuts them into pieces.
//!
//! A [`Region`] says which elements of a box (an array, a shard, a chunk) stand where in a view.
//! [`Region::split`] cuts it along a grid; each piece is again a region, now of one chunk. Arrays,
//! shards and nested shards are thus cut by the same few lines.

pub mod mask;
pub mod points;

use crate::error::{Error, Kind, Result};
use crate::grid::{Axis, Grid};
pub use mask::Mask;
use mask::MaskSplit;
use points::PointSplit;
pub use points::{Indices, Points};

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
/// use zarr_engine::grid::{Axis, Grid};
/// use zarr_engine::selection::{AxisMap, Points, Region};
///
/// let grid = Grid(vec![Axis::regular(4, 10)?, Axis::regular(3, 6)?]);
/// // Rows 2 to 6, all columns.
/// let rows = AxisMap::Range { start: 2, step: 1, count: 4, at: 0 };
/// let columns = AxisMap::Range { start: 0, step: 1, count: 6, at: 0 };
/// let region = Region::Box(vec![rows, columns]);
/// assert_eq!(region.view_shape(), [4, 6]);
/// assert_eq!(region.split(&grid)?.len(), 4);
///
/// // The elements at (1, 2) and (9, 0), in this order.
/// let points = Region::Points(Points::new(vec![Box::new(vec![1i64, 9]), Box::new(vec![2i64, 0])], &[10, 6])?);
/// assert_eq!(points.view_shape(), [2]);
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Region {
    /// The product of one map per axis. The view has the same axes as the box.
    Box(Vec<AxisMap>),
    /// Single elements. The view has one axis.
    Points(Points),
    /// The elements that a mask chooses. The view has one axis.
    Mask(Mask),
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
            Region::Points(points) => vec![points.len() as u64],
            Region::Mask(mask) => vec![mask.len()],
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

    /// Fails unless the region is one of a box of the given extents, and every index has a place of its
    /// own in the view: then pieces of the region have no place in common. The indices of points are
    /// checked when they are read.
    pub fn check(&self, extents: &[u64]) -> Result<()> {
        let axes = match self {
            Region::Box(axes) => axes.len(),
            Region::Points(points) => points.extents().len(),
            Region::Mask(mask) => mask.shape().len(),
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
            Region::Points(points) if points.extents() == extents => {}
            Region::Mask(mask) if mask.fits(extents) => {}
            _ => return Err(Error::new(Kind::Selection, "the selection is one of an array of another shape")),
        }
        Ok(())
    }

    /// Whether the region reaches every element of a box of the given extents.
    pub fn covers(&self, extents: &[u64]) -> bool {
        match self {
            Region::Box(axes) => axes.iter().zip(extents).all(|(axis, &extent)| axis.covers(extent)),
            Region::Points(points) => points.covers(extents),
            Region::Mask(mask) => mask.covers(extents),
        }
    }

    /// The bytes between the first and the last that the region may reach in a box laid out by
    /// `strides`, these included.
    pub fn reach(&self, strides: &[isize], size: usize) -> u64 {
        let all = |shape: &[u64]| shape.iter().map(|n| n.checked_sub(1).map(|last| (0, last))).collect();
        let axes: Vec<Option<(u64, u64)>> = match self {
            Region::Box(axes) => axes.iter().map(AxisMap::hull).collect(),
            Region::Points(points) => all(points.extents()),
            Region::Mask(mask) => all(mask.shape()),
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

    /// Cuts the region along `grid`; fails if points lie outside of their box.
    pub fn split(&self, grid: &Grid) -> Result<Split> {
        Ok(match self {
            Region::Box(axes) => Split::Box(axes.iter().zip(&grid.0).map(|(map, axis)| map.split(axis)).collect()),
            Region::Points(points) => Split::Points(PointSplit::new(points, grid)?),
            Region::Mask(mask) => Split::Mask(MaskSplit::new(mask, grid)?),
        })
    }
}

fn unordered() -> Error {
    Error::internal("what is selected stands in the view one after the other")
}

/// A region cut along a grid.
#[derive(Debug, Clone)]
pub enum Split {
    /// Per axis, its pieces: those of the region are their product, made on demand.
    Box(Vec<AxisSplit>),
    /// The chunks that hold points, each with its points.
    Points(PointSplit),
    /// The chunks in which a mask chooses something, each with its part of the mask.
    Mask(MaskSplit),
}

impl Split {
    /// The number of pieces.
    pub fn len(&self) -> usize {
        match self {
            Split::Box(axes) => axes.iter().fold(1usize, |n, axis| n.saturating_mul(axis.len())),
            Split::Points(points) => points.len(),
            Split::Mask(mask) => mask.len(),
        }
    }

    /// Whether there is no piece.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// So many pieces follow one another along the last axis: a divisor of their number.
    pub fn row(&self) -> usize {
        match self {
            Split::Box(axes) => axes.last().map_or(1, |axis| axis.len().max(1)),
            Split::Points(_) | Split::Mask(_) => 1,
        }
    }

    /// The chunk of piece `i`.
    pub fn chunk(&self, i: usize) -> Vec<u64> {
        match self {
            Split::Points(points) => points.chunk(i),
            Split::Mask(mask) => mask.chunk(i),
            Split::Box(_) => self.piece(i).0,
        }
    }

    /// Piece `i`, in row-major order of chunks: the chunk, and the region of that chunk.
    pub fn piece(&self, i: usize) -> (Vec<u64>, Region) {
        match self {
            Split::Points(points) => points.piece(i),
            Split::Mask(mask) => mask.piece(i),
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
        let split = Region::Box(vec![range(0, 1, u64::MAX)]).split(&Grid(vec![axis])).unwrap();
        assert_eq!(split.len() as u64, u64::MAX);
        let last = split.piece(split.len() - 1);
        let at = u64::MAX - 1;
        assert_eq!(last, (vec![at], Region::Box(vec![AxisMap::Range { start: 0, step: 1, count: 1, at }])));
    }

    #[test]
    fn covering_and_bounds() {
        let grid = grid(&[(4, 10)]);
        let split = Region::Box(vec![range(0, 1, 10)]).split(&grid).unwrap();
        assert!((0..split.len()).all(|i| {
            let (chunk, piece) = split.piece(i);
            piece.covers(&grid.valid(&chunk))
        }));
        assert!(!Region::Box(vec![range(0, 2, 5)]).covers(&[10]));
        assert!(Region::Box(vec![range(0, 1, 11)]).check(&[10]).is_err());
        assert!(Region::Box(vec![range(u64::MAX, 3, 2)]).check(&[10]).is_err());
        let points = |index: i64| Region::Points(Points::new(vec![Box::new(vec![index])], &[10]).unwrap());
        assert!(points(10).split(&grid).is_err());
        assert!(points(9).check(&[11]).is_err(), "of another array");
        assert!(points(9).check(&[10, 1]).is_err());
        assert!(Region::Box(vec![range(7, 1, 0)]).split(&grid).unwrap().is_empty());
    }
}
