//! `transpose`, where it does not come first: then the elements must really move.

use crate::codec::{ArrayFilter, Spec};
use crate::error::{Error, Result};
use crate::scratch::Scratch;
use crate::selection::Region;
use crate::strided::{Output, strides_of};

/// Dimension `i` of the encoded array is dimension `order[i]` of the array.
///
/// ```
/// use zarr_engine::codec::transpose::Transpose;
/// use zarr_engine::codec::{ArrayFilter, Spec};
///
/// let mut data = vec![1, 2, 3, 4, 5, 6];
/// Transpose::new(vec![1, 0]).encode(&Spec { shape: vec![2, 3], size: 1 }, &mut data)?;
/// assert_eq!(data, [1, 4, 2, 5, 3, 6]);
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
#[derive(Debug)]
pub struct Transpose {
    order: Vec<usize>,
}

impl Transpose {
    /// A transposition; `order` is a permutation (the chain checks it).
    pub fn new(order: Vec<usize>) -> Self {
        Self { order }
    }

    /// The strides of the array's dimensions in the encoded array.
    fn strides(&self, spec: &Spec) -> Result<Vec<isize>> {
        let mut strides = vec![0; spec.shape.len()];
        for (&stride, &axis) in strides_of(&self.encoded_spec(spec)?.shape, spec.size)?.iter().zip(&self.order) {
            strides[axis] = stride;
        }
        Ok(strides)
    }
}

impl ArrayFilter for Transpose {
    fn name(&self) -> &str {
        "transpose"
    }

    fn encoded_spec(&self, spec: &Spec) -> Result<Spec> {
        if spec.shape.len() != self.order.len() {
            return Err(Error::config("a transposition has the wrong number of axes")
                .expected(spec.shape.len(), self.order.len()));
        }
        Ok(Spec { shape: self.order.iter().map(|&axis| spec.shape[axis]).collect(), size: spec.size })
    }

    fn encode(&self, spec: &Spec, data: &mut Vec<u8>) -> Result<()> {
        let mut out = Scratch::of(data.len())?;
        with_view(data, spec, |view| view.gather(&Region::all(&spec.shape), &mut out, &self.strides(spec)?))?;
        std::mem::swap(data, &mut *out);
        Ok(())
    }

    fn decode(&self, spec: &Spec, data: &mut Vec<u8>) -> Result<()> {
        let mut out = Scratch::of(data.len())?;
        with_view(&mut out, spec, |view| view.scatter(&Region::all(&spec.shape), data, &self.strides(spec)?, 0))?;
        std::mem::swap(data, &mut *out);
        Ok(())
    }
}

fn with_view<T>(data: &mut [u8], spec: &Spec, f: impl FnOnce(&Output) -> Result<T>) -> Result<T> {
    Output::with(data, &spec.shape, &strides_of(&spec.shape, spec.size)?, spec.size, f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposes_and_back() {
        let spec = Spec { shape: vec![2, 3], size: 1 };
        let filter = Transpose::new(vec![1, 0]);
        let mut data = vec![1, 2, 3, 4, 5, 6];
        filter.encode(&spec, &mut data).unwrap();
        assert_eq!(data, [1, 4, 2, 5, 3, 6]);
        filter.decode(&spec, &mut data).unwrap();
        assert_eq!(data, [1, 2, 3, 4, 5, 6]);
    }
}
