//! The same on processors with AVX2, for elements of 1, 2, 4, 8 and 16 bytes: where c-blosc, built for
//! the oldest processors, is slower.
//!
//! The place of a byte in `n` elements of `S` bytes has two digits, element and byte, which a shuffle
//! exchanges. Interleaving the first half of some vectors with the second moves the first bit of the
//! place to its end: four such steps bring the number of one of 16 elements behind that of its byte.
//! Two groups of 16 elements are worked on at once, one in each half of the vectors.

use std::arch::x86_64::*;

/// Elements that are regrouped at once.
const STEP: usize = 32;
const HALF: usize = STEP / 2;

/// As [`super::shuffle`]; `false` if it cannot be done here, and nothing was.
pub(super) fn shuffle(size: usize, src: &[u8], dst: &mut [u8]) -> bool {
    let split: unsafe fn(&[u8], &mut [u8]) = match size {
        2 => split_bytes::<2>,
        4 => split_bytes::<4>,
        8 => split_bytes::<8>,
        16 => split_bytes::<16>,
        _ => return false,
    };
    if !is_x86_feature_detected!("avx2") {
        return false;
    }
    let whole = src.len() - src.len() % size;
    // SAFETY: the processor has AVX2.
    unsafe { split(&src[..whole], dst) };
    dst[whole..].copy_from_slice(&src[whole..]);
    true
}

/// As [`super::bitshuffle`], likewise.
pub(super) fn bitshuffle(size: usize, src: &[u8], dst: &mut [u8], spare: &mut [u8]) -> bool {
    let whole = bitshuffled(size, src.len());
    if !is_x86_feature_detected!("avx2") {
        return false;
    }
    let planes = if size == 1 {
        &src[..whole]
    } else if shuffle(size, &src[..whole], &mut spare[..whole]) {
        &spare[..whole]
    } else {
        return false;
    };
    let n = (whole / size).max(1);
    for (plane, bits) in planes.chunks_exact(n).zip(dst.chunks_exact_mut(n)) {
        // SAFETY: the processor has AVX2.
        unsafe { split_bits(plane, bits) };
    }
    dst[whole..].copy_from_slice(&src[whole..]);
    true
}

/// As [`super::bitunshuffle`], likewise.
pub(super) fn bitunshuffle(size: usize, src: &[u8], dst: &mut [u8], spare: &mut [u8]) -> bool {
    if !is_x86_feature_detected!("avx2") || !matches!(size, 1 | 2 | 4 | 8 | 16) {
        return false;
    }
    let whole = bitshuffled(size, src.len());
    let n = (whole / size).max(1);
    let planes = if size == 1 { &mut dst[..whole] } else { &mut spare[..whole] };
    for (bits, plane) in src[..whole].chunks_exact(n).zip(planes.chunks_exact_mut(n)) {
        // SAFETY: the processor has AVX2.
        unsafe { join_bits(bits, plane) };
    }
    dst[whole..].copy_from_slice(&src[whole..]);
    if size > 1 {
        super::unshuffle(size, &spare[..whole], &mut dst[..whole]);
    }
    true
}

/// How many of `bytes` are regrouped by bit: none, if the elements are no multiple of eight.
fn bitshuffled(size: usize, bytes: usize) -> usize {
    let n = bytes / size;
    if n.is_multiple_of(8) { n * size } else { 0 }
}

/// Writes the planes of the bytes of whole elements of `S` bytes.
#[target_feature(enable = "avx2")]
fn split_bytes<const S: usize>(src: &[u8], dst: &mut [u8]) {
    let n = src.len() / S;
    for (i, block) in src.chunks_exact(STEP * S).enumerate() {
        let vectors = block.as_chunks().0;
        let mut x = [_mm256_setzero_si256(); S];
        for (k, x) in x.iter_mut().enumerate() {
            *x = load(&vectors[k], &vectors[S + k]);
        }
        for _ in 0..HALF.ilog2() {
            x = interleave(&x);
        }
        for (k, &x) in x.iter().enumerate() {
            let (low, high) = halves(&mut dst[k * n + i * STEP..]);
            store(x, low, high);
        }
    }
    for element in n - n % STEP..n {
        for k in 0..S {
            dst[k * n + element] = src[element * S + k];
        }
    }
}

/// Writes the first bits of all bytes of `plane`, then the second ones, and so on. The bytes are a
/// multiple of eight.
#[target_feature(enable = "avx2")]
fn split_bits(plane: &[u8], dst: &mut [u8]) {
    let row = plane.len() / 8;
    let (blocks, rest) = plane.as_chunks::<STEP>();
    for (i, block) in blocks.iter().enumerate() {
        let vectors = block.as_chunks().0;
        let mut x = load(&vectors[0], &vectors[1]);
        for bit in (0..8).rev() {
            let bits = _mm256_movemask_epi8(x);
            dst[bit * row + i * 4..][..4].copy_from_slice(&bits.to_le_bytes());
            x = _mm256_add_epi8(x, x);
        }
    }
    for (i, bytes) in rest.as_chunks().0.iter().enumerate() {
        let bits = transposed(u64::from_le_bytes(*bytes));
        for (bit, byte) in bits.to_le_bytes().into_iter().enumerate() {
            dst[bit * row + blocks.len() * 4 + i] = byte;
        }
    }
}

/// Undoes [`split_bits`].
#[target_feature(enable = "avx2")]
fn join_bits(src: &[u8], plane: &mut [u8]) {
    let row = plane.len() / 8;
    let mut at = 0;
    let mut blocks = plane.chunks_exact_mut(8 * STEP);
    for block in &mut blocks {
        let mut x = [_mm256_setzero_si256(); 8];
        for (bit, x) in x.iter_mut().enumerate() {
            let vectors = src[bit * row + at..][..STEP].as_chunks().0;
            *x = load(&vectors[0], &vectors[1]);
        }
        // The eight bytes that have the bits of eight bytes are brought together.
        for _ in 0..8usize.ilog2() {
            x = interleave(&x);
        }
        let (low, high) = block.split_at_mut(HALF * 8);
        for ((&x, low), high) in x.iter().zip(low.as_chunks_mut().0).zip(high.as_chunks_mut().0) {
            store(transposed_each(x), low, high);
        }
        at += STEP;
    }
    for (i, bytes) in blocks.into_remainder().as_chunks_mut().0.iter_mut().enumerate() {
        let bits: [u8; 8] = std::array::from_fn(|bit| src[bit * row + at + i]);
        *bytes = transposed(u64::from_le_bytes(bits)).to_le_bytes();
    }
}

/// Interleaves the bytes of the first half of the vectors with those of the second, in each half of
/// a vector by itself.
#[target_feature(enable = "avx2")]
fn interleave<const N: usize>(x: &[__m256i; N]) -> [__m256i; N] {
    let mut y = *x;
    for i in 0..N / 2 {
        y[2 * i] = _mm256_unpacklo_epi8(x[i], x[i + N / 2]);
        y[2 * i + 1] = _mm256_unpackhi_epi8(x[i], x[i + N / 2]);
    }
    y
}

/// Exchanges bit `i` of byte `k` and bit `k` of byte `i`.
fn transposed(x: u64) -> u64 {
    let swap = |x: u64, by: u32, mask: u64| {
        let moved = (x ^ x >> by) & mask;
        x ^ moved ^ moved << by
    };
    let x = swap(x, 7, 0x00aa_00aa_00aa_00aa);
    let x = swap(x, 14, 0x0000_cccc_0000_cccc);
    swap(x, 28, 0x0000_0000_f0f0_f0f0)
}

/// As [`transposed`], of each eight bytes.
#[target_feature(enable = "avx2")]
fn transposed_each(x: __m256i) -> __m256i {
    let x = swap_bits::<7>(x, 0x00aa_00aa_00aa_00aa);
    let x = swap_bits::<14>(x, 0x0000_cccc_0000_cccc);
    swap_bits::<28>(x, 0x0000_0000_f0f0_f0f0)
}

#[target_feature(enable = "avx2")]
fn swap_bits<const BY: i32>(x: __m256i, mask: i64) -> __m256i {
    let mask = _mm256_set1_epi64x(mask);
    let moved = _mm256_and_si256(_mm256_xor_si256(x, _mm256_srli_epi64::<BY>(x)), mask);
    _mm256_xor_si256(x, _mm256_xor_si256(moved, _mm256_slli_epi64::<BY>(moved)))
}

/// The first 32 bytes, as the places of the two halves of a vector.
fn halves(bytes: &mut [u8]) -> (&mut [u8; HALF], &mut [u8; HALF]) {
    let (low, rest) = bytes.split_at_mut(HALF);
    (&mut low.as_chunks_mut().0[0], &mut rest.as_chunks_mut().0[0])
}

#[target_feature(enable = "avx2")]
fn load(low: &[u8; HALF], high: &[u8; HALF]) -> __m256i {
    // SAFETY: both are valid for reads of 16 bytes, at any alignment.
    unsafe { _mm256_loadu2_m128i(high.as_ptr().cast(), low.as_ptr().cast()) }
}

#[target_feature(enable = "avx2")]
fn store(x: __m256i, low: &mut [u8; HALF], high: &mut [u8; HALF]) {
    // SAFETY: both are valid for writes of 16 bytes, at any alignment, and do not overlap.
    unsafe { _mm256_storeu2_m128i(high.as_mut_ptr().cast(), low.as_mut_ptr().cast(), x) }
}
