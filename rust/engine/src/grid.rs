//! Chunk grids: which chunk holds an index, where a chunk begins, how long it is.

use crate::error::{Error, Result};
use crate::reserve::reserve;

/// The chunks along one dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Axis {
    /// Chunks of one size, the last one reaching beyond the array if need be.
    Regular {
        /// Elements of a chunk; at least 1.
        size: u64,
        /// Elements of the array.
        extent: u64,
    },
    /// Chunks of any size: chunk `i` is `edges[i]..edges[i + 1]`.
    Varying {
        /// Where each chunk begins, and where the last one ends; increasing, from 0.
        edges: Vec<u64>,
        /// Elements of the array; at most the last edge.
        extent: u64,
    },
}

impl Axis {
    /// Chunks of `size` elements over `extent`.
    pub fn regular(size: u64, extent: u64) -> Result<Self> {
        if size == 0 && extent > 0 {
            return Err(Error::config("a chunk has at least one element along each axis"));
        }
        Ok(Axis::Regular { size: size.max(1), extent })
    }

    /// Chunks of the given sizes over `extent`.
    pub fn varying(sizes: &[u64], extent: u64) -> Result<Self> {
        let mut edges = Vec::new();
        reserve(&mut edges, sizes.len().saturating_add(1))?;
        let mut end = 0u64;
        edges.push(0);
        for &size in sizes {
            end = match end.checked_add(size) {
                Some(next) if size > 0 => next,
                _ => return Err(Error::config(format!("a chunk cannot have {size} elements along an axis"))),
            };
            edges.push(end);
        }
        if extent > end {
            return Err(Error::config("the chunks of an axis do not reach its end").expected(extent, end));
        }
        Ok(Axis::Varying { edges, extent })
    }

    /// Elements of the array along this dimension.
    pub fn extent(&self) -> u64 {
        match self {
            Axis::Regular { extent, .. } | Axis::Varying { extent, .. } => *extent,
        }
    }

    /// The number of chunks that hold elements of the array.
    pub fn count(&self) -> u64 {
        match self.extent().checked_sub(1) {
            None => 0,
            Some(last) => self.find(last) + 1,
        }
    }

    /// The chunk that holds element `index`.
    pub fn find(&self, index: u64) -> u64 {
        match self {
            Axis::Regular { size, .. } => index / size,
            Axis::Varying { edges, .. } => edges.partition_point(|&edge| edge <= index).saturating_sub(1) as u64,
        }
    }

    /// The first element of `chunk`.
    pub fn origin(&self, chunk: u64) -> u64 {
        match self {
            Axis::Regular { size, .. } => chunk.saturating_mul(*size),
            Axis::Varying { edges, .. } => edges.get(chunk as usize).copied().unwrap_or(u64::MAX),
        }
    }

    /// The elements of `chunk` as it is stored, those beyond the array included.
    pub fn size(&self, chunk: u64) -> u64 {
        match self {
            Axis::Regular { size, .. } => *size,
            Axis::Varying { edges, .. } => match edges.get(chunk as usize..chunk as usize + 2) {
                Some([start, end]) => end - start,
                _ => 0,
            },
        }
    }

    /// The most elements that any chunk has in the array.
    pub fn largest(&self) -> u64 {
        let size = match self {
            Axis::Regular { size, .. } => *size,
            Axis::Varying { edges, .. } => edges.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0),
        };
        size.min(self.extent())
    }

    /// The elements of `chunk` that lie in the array.
    pub fn valid(&self, chunk: u64) -> u64 {
        self.size(chunk).min(self.extent().saturating_sub(self.origin(chunk)))
    }
}

/// The chunks of an array: one [`Axis`] per dimension.
///
/// ```
/// use zarr_engine::grid::{Axis, Grid};
///
/// // 10 x 6 elements, in chunks of 4 rows and of 1, 2 and 3 columns.
/// let grid = Grid(vec![Axis::regular(4, 10)?, Axis::varying(&[1, 2, 3], 6)?]);
/// assert_eq!((grid.0[0].count(), grid.0[1].count()), (3, 3));
/// assert_eq!(grid.0[1].find(2), 1);
/// assert_eq!(grid.size(&[2, 1]), [4, 2]);
/// // The last chunk reaches beyond the array.
/// assert_eq!(grid.valid(&[2, 1]), [2, 2]);
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid(pub Vec<Axis>);

impl Grid {
    /// The stored shape of the chunk at `chunk`.
    pub fn size(&self, chunk: &[u64]) -> Vec<u64> {
        self.0.iter().zip(chunk).map(|(axis, &c)| axis.size(c)).collect()
    }

    /// The shape of the part of the chunk at `chunk` that lies in the array.
    pub fn valid(&self, chunk: &[u64]) -> Vec<u64> {
        self.0.iter().zip(chunk).map(|(axis, &c)| axis.valid(c)).collect()
    }

    /// The shape that all chunks have, if they have one.
    pub fn uniform(&self) -> Option<Vec<u64>> {
        let size = |axis: &Axis| match axis {
            Axis::Regular { size, .. } => Some(*size),
            Axis::Varying { .. } => None,
        };
        self.0.iter().map(size).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regular_and_varying_agree() {
        let regular = Axis::regular(3, 10).unwrap();
        let varying = Axis::varying(&[3, 3, 3, 3], 10).unwrap();
        assert_eq!(regular.count(), 4);
        for i in 0..10 {
            let chunk = regular.find(i);
            assert_eq!(chunk, varying.find(i));
            assert_eq!(regular.origin(chunk), varying.origin(chunk));
            assert_eq!(regular.size(chunk), varying.size(chunk));
            assert_eq!(regular.valid(chunk), varying.valid(chunk));
        }
        assert_eq!(Axis::regular(3, 0).unwrap().count(), 0);
        assert!(Axis::varying(&[3, 3], 7).is_err());
        assert!(Axis::varying(&[3, 0], 3).is_err());
    }
}
