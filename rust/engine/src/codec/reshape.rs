//! `reshape`: the same elements in the same order, with other dimensions.

use super::{ArrayFilter, Spec};
use crate::error::{Error, Result};

/// How long a dimension of the encoded array is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dimension {
    /// So long.
    Size(u64),
    /// As long as these dimensions of the array together.
    Of(Vec<usize>),
    /// As long as is left over.
    Rest,
}

/// Gives an array other dimensions.
///
/// ```
/// use zarr_engine::codec::reshape::{Dimension, Reshape};
/// use zarr_engine::codec::{ArrayFilter, Spec};
///
/// let flat = Reshape::new(vec![Dimension::Of(vec![0, 1]), Dimension::Rest])?;
/// assert_eq!(flat.encoded_spec(&Spec { shape: vec![2, 3, 4], size: 1 })?.shape, [6, 4]);
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reshape {
    dimensions: Vec<Dimension>,
}

impl Reshape {
    /// The dimensions of the encoded array.
    pub fn new(dimensions: Vec<Dimension>) -> Result<Self> {
        if dimensions.iter().filter(|&dimension| *dimension == Dimension::Rest).count() > 1 {
            return Err(Error::config("only one axis can be what is left over"));
        }
        let named: Vec<usize> = dimensions.iter().filter_map(axes_of).flatten().copied().collect();
        if !named.is_sorted_by(|a, b| a < b) {
            return Err(Error::config(format!("the axes {named:?} are not in increasing order")));
        }
        Ok(Self { dimensions })
    }

    fn shape(&self, from: &[u64]) -> Result<Vec<u64>> {
        let misfit =
            || Error::config(format!("an array of shape {from:?} cannot be reshaped to {:?}", self.dimensions));
        let mut shape = Vec::with_capacity(self.dimensions.len());
        for dimension in &self.dimensions {
            shape.push(match dimension {
                Dimension::Size(size) => *size,
                Dimension::Rest => 1,
                Dimension::Of(axes) => {
                    let sizes = axes.iter().map(|&axis| from.get(axis).copied());
                    sizes.collect::<Option<Vec<_>>>().and_then(|sizes| product(&sizes)).ok_or_else(misfit)?
                }
            });
        }
        let (whole, known) = (product(from).ok_or_else(misfit)?, product(&shape).ok_or_else(misfit)?);
        if let Some(rest) = self.dimensions.iter().position(|dimension| *dimension == Dimension::Rest) {
            shape[rest] = whole.checked_div(known).unwrap_or(0);
        }
        if product(&shape) != Some(whole) {
            return Err(misfit());
        }
        // A dimension that is made of others must lie where they lie.
        for (i, dimension) in self.dimensions.iter().enumerate() {
            if let Dimension::Of(axes) = dimension
                && let (Some(&first), Some(&last)) = (axes.first(), axes.last())
                && (product(&shape[..i]) != product(&from[..first])
                    || product(&shape[i + 1..]) != product(&from[last + 1..]))
            {
                return Err(misfit());
            }
        }
        Ok(shape)
    }
}

fn axes_of(dimension: &Dimension) -> Option<&Vec<usize>> {
    match dimension {
        Dimension::Of(axes) => Some(axes),
        _ => None,
    }
}

fn product(sizes: &[u64]) -> Option<u64> {
    sizes.iter().try_fold(1u64, |n, &size| n.checked_mul(size))
}

impl ArrayFilter for Reshape {
    fn name(&self) -> &str {
        "reshape"
    }

    fn encoded_spec(&self, spec: &Spec) -> Result<Spec> {
        Ok(Spec { shape: self.shape(&spec.shape)?, size: spec.size })
    }

    fn encoded_axes(&self, _: usize) -> usize {
        self.dimensions.len()
    }

    fn encode(&self, _: &Spec, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }

    fn decode(&self, _: &Spec, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Dimension::{Of, Rest, Size};

    #[test]
    fn shapes_follow_the_specification() {
        let shape = |dimensions: &[Dimension], from: &[u64]| {
            Reshape::new(dimensions.to_vec()).and_then(|reshape| reshape.shape(from)).ok()
        };
        assert_eq!(shape(&[Of(vec![0, 1]), Of(vec![2]), Size(3)], &[100, 50, 64, 3]), Some(vec![5000, 64, 3]));
        assert_eq!(shape(&[Rest, Size(4)], &[2, 6]), Some(vec![3, 4]));
        assert_eq!(shape(&[], &[1, 1]), Some(vec![]));
        assert_eq!(shape(&[Size(1), Of(vec![1])], &[1, 7]), Some(vec![1, 7]));
        assert_eq!(shape(&[Rest, Rest], &[4]), None);
        assert_eq!(shape(&[Of(vec![1]), Of(vec![0])], &[1, 1]), None, "that would be a transposition");
        assert_eq!(shape(&[Of(vec![1, 0])], &[2, 3]), None);
        assert_eq!(shape(&[Size(2), Of(vec![0])], &[3, 2]), None, "axis 0 is not the last one");
        assert_eq!(shape(&[Of(vec![3])], &[3]), None);
        assert_eq!(shape(&[Size(5)], &[2, 3]), None);
        assert_eq!(shape(&[Rest, Size(4)], &[6]), None);
        assert_eq!(shape(&[Rest, Size(0)], &[6]), None);
        assert_eq!(shape(&[Size(u64::MAX), Size(2)], &[6]), None);
    }
}
