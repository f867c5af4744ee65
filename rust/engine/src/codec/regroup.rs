//! Elements ↔ planes of their bytes or bits: by routines of our own for the usual sizes on processors
//! with AVX2, else by the vectorised ones of c-blosc, which is built for the oldest processors.
//!
//! Bytes at the end that are no whole element stay where they are.

// The thin face of a C library.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
mod avx2;

use std::ffi::c_int;

// Links the C library, whose shuffles have no Rust declaration.
use blosc_src as _;

unsafe extern "C" {
    fn blosc_internal_shuffle(size: usize, bytes: usize, src: *const u8, dst: *mut u8);
    fn blosc_internal_unshuffle(size: usize, bytes: usize, src: *const u8, dst: *mut u8);
    fn blosc_internal_bitshuffle(size: usize, bytes: usize, src: *const u8, dst: *mut u8, spare: *mut u8) -> c_int;
    fn blosc_internal_bitunshuffle(size: usize, bytes: usize, src: *const u8, dst: *mut u8, spare: *mut u8) -> c_int;
}

/// Writes the first bytes of all elements of `size` bytes, then the second ones, and so on.
pub(super) fn shuffle(size: usize, src: &[u8], dst: &mut [u8]) {
    let bytes = src.len().min(dst.len());
    if !regroups(size, bytes) {
        return dst[..bytes].copy_from_slice(&src[..bytes]);
    }
    #[cfg(target_arch = "x86_64")]
    if avx2::shuffle(size, &src[..bytes], &mut dst[..bytes]) {
        return;
    }
    // SAFETY: `src` is valid for reads and `dst` for writes of `bytes`; they do not overlap; the
    // size is neither 0 nor so large that a multiple of it overflows.
    unsafe { blosc_internal_shuffle(size, bytes, src.as_ptr(), dst.as_mut_ptr()) }
}

/// Undoes [`shuffle`].
pub(super) fn unshuffle(size: usize, src: &[u8], dst: &mut [u8]) {
    let bytes = src.len().min(dst.len());
    if !regroups(size, bytes) {
        return dst[..bytes].copy_from_slice(&src[..bytes]);
    }
    // SAFETY: as above.
    unsafe { blosc_internal_unshuffle(size, bytes, src.as_ptr(), dst.as_mut_ptr()) }
}

/// Whether `bytes` have a whole element of `size` bytes to regroup. Else the library must not be
/// asked: it multiplies the size by that of a vector, and divides by the product.
fn regroups(size: usize, bytes: usize) -> bool {
    size > 1 && size <= bytes
}

/// Writes the first bits of all elements of `size` bytes, then the second ones, and so on; copies
/// what is no multiple of eight elements. `spare` is as long as the others, and so is what is
/// transposed: at most 2 GiB.
pub(super) fn bitshuffle(size: usize, src: &[u8], dst: &mut [u8], spare: &mut [u8]) {
    let bytes = src.len().min(dst.len()).min(spare.len()).min(i32::MAX as usize);
    if size == 0 || size > bytes {
        return dst[..bytes].copy_from_slice(&src[..bytes]);
    }
    #[cfg(target_arch = "x86_64")]
    if avx2::bitshuffle(size, &src[..bytes], &mut dst[..bytes], &mut spare[..bytes]) {
        return;
    }
    // SAFETY: `src` is valid for reads and the others for writes of `bytes`; no two overlap; the
    // size is not 0, and it and the number of elements fit a C int.
    unsafe {
        blosc_internal_bitshuffle(size, bytes, src.as_ptr(), dst.as_mut_ptr(), spare.as_mut_ptr());
    }
}

/// Undoes [`bitshuffle`].
pub(super) fn bitunshuffle(size: usize, src: &[u8], dst: &mut [u8], spare: &mut [u8]) {
    let bytes = src.len().min(dst.len()).min(spare.len()).min(i32::MAX as usize);
    if size == 0 || size > bytes {
        return dst[..bytes].copy_from_slice(&src[..bytes]);
    }
    #[cfg(target_arch = "x86_64")]
    if avx2::bitunshuffle(size, &src[..bytes], &mut dst[..bytes], &mut spare[..bytes]) {
        return;
    }
    // SAFETY: as above.
    unsafe {
        blosc_internal_bitunshuffle(size, bytes, src.as_ptr(), dst.as_mut_ptr(), spare.as_mut_ptr());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(n: usize) -> Vec<u8> {
        let mut x = 0x9e37_79b9_7f4a_7c15_u64;
        let next = || {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            x as u8
        };
        std::iter::repeat_with(next).take(n).collect()
    }

    /// The routines of our own do what those of c-blosc do.
    #[test]
    fn every_processor_writes_the_same_bytes() {
        for size in 1..=17 {
            for n in (1..700).chain([4096, 4100, 10_007]) {
                let src = noise(n);
                let (mut dst, mut back, mut spare) = (vec![1; n], vec![2; n], vec![3; n]);
                if regroups(size, n) {
                    let mut expected = vec![4; n];
                    // SAFETY: as in `shuffle`.
                    unsafe { blosc_internal_shuffle(size, n, src.as_ptr(), expected.as_mut_ptr()) };
                    shuffle(size, &src, &mut dst);
                    assert_eq!(dst, expected, "{size} {n}");
                    unshuffle(size, &dst, &mut back);
                    assert_eq!(back, src, "{size} {n}");
                }
                if size <= n {
                    let mut expected = vec![5; n];
                    // SAFETY: as in `bitshuffle`.
                    unsafe {
                        blosc_internal_bitshuffle(size, n, src.as_ptr(), expected.as_mut_ptr(), spare.as_mut_ptr());
                    }
                    bitshuffle(size, &src, &mut dst, &mut spare);
                    assert_eq!(dst, expected, "{size} {n}");
                    bitunshuffle(size, &dst, &mut back, &mut spare);
                    assert_eq!(back, src, "{size} {n}");
                }
            }
        }
    }
}
