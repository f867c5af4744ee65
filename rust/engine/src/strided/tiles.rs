//! Copies in which neighbours on one side are far apart on the other: transpositions, in any number
//! of dimensions.

#![allow(unsafe_code)]

use std::mem::MaybeUninit;

use super::transfer::line;

/// The bytes of a tile: they are copied by way of a buffer of so many, which stays in the first cache.
const TILE: usize = 16 << 10;
/// Larger elements fill cache lines by themselves.
const LARGEST: usize = 48;
/// So many steps of the other loops are taken together: more would reach too many pages at once.
const STEPS: usize = 4;
/// Of fewer elements, going through the buffer costs more than it spares.
const LEAST: usize = 8;

/// A loop of a copy: how many steps, and how far each goes on either side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub(super) n: usize,
    pub(super) src: isize,
    pub(super) dst: isize,
}

/// Two loops that follow one another in memory on one side, as one; the second may be no loop at all.
#[derive(Debug, Clone, Copy)]
struct Pair {
    inner: usize,
    outer: Option<usize>,
}

/// A copy by tiles, each of which is read in rows along the source, and written in rows along the
/// destination. Every cache line is then touched once, whatever the strides: rows that are a power of
/// two apart compete for the same few lines of the cache.
#[derive(Debug)]
pub(super) struct Tiles {
    lines: Vec<Line>,
    /// How many steps of each loop are one tile.
    steps: Vec<usize>,
    /// The loops of which the steps are shortest in the source, and those in the destination.
    from: Pair,
    to: Pair,
}

impl Tiles {
    /// `None` if the same loop has the shortest steps on both sides: then the other order is no worse.
    pub(super) fn new(lines: Vec<Line>, size: usize) -> Option<Self> {
        let shortest = |stride: fn(&Line) -> isize| {
            let steps = lines.iter().map(|line| stride(line).unsigned_abs()).enumerate();
            steps.min_by_key(|step| step.1).map(|step| step.0)
        };
        let (from, to) = (shortest(|line| line.src)?, shortest(|line| line.dst)?);
        if lines[from].src.unsigned_abs() == lines[to].src.unsigned_abs() || size > LARGEST {
            return None;
        }
        // The loop that goes on where the shortest one ends.
        let next = |inner: usize, stride: fn(&Line) -> isize, taken: Option<usize>| {
            let reach = stride(&lines[inner]).checked_mul(lines[inner].n as isize);
            (0..lines.len()).find(|&i| i != from && i != to && Some(i) != taken && Some(stride(&lines[i])) == reach)
        };
        let to = Pair { inner: to, outer: next(to, |line| line.dst, None) };
        let from = Pair { inner: from, outer: next(from, |line| line.src, to.outer) };
        let room = TILE / size;
        let side = 1 << (room.ilog2() / 2);
        let length = |pair: Pair| lines[pair.inner].n.saturating_mul(pair.outer.map_or(1, |i| lines[i].n));
        let mut tiles = Self { steps: vec![STEPS; lines.len()], lines: Vec::new(), from, to };
        // Where one side is short, the other may be longer.
        let most = (room / length(to).clamp(1, side)).max(side);
        let taken = tiles.divide(&lines, from, most);
        tiles.divide(&lines, to, room / taken);
        tiles.lines = lines;
        Some(tiles)
    }

    /// Makes the steps of `pair` in a tile `most` at most, and tells them.
    fn divide(&mut self, lines: &[Line], pair: Pair, most: usize) -> usize {
        // Tiles of about one size.
        let even = |n: usize, most: usize| n.div_ceil(n.div_ceil(most.max(1)).max(1)).max(1);
        let n = lines[pair.inner].n;
        let (inner, outer) =
            (even(n, most), pair.outer.map(|i| if n <= most { even(lines[i].n, most / n.max(1)) } else { 1 }));
        self.steps[pair.inner] = inner;
        if let (Some(i), Some(outer)) = (pair.outer, outer) {
            self.steps[i] = outer;
        }
        inner * outer.unwrap_or(1)
    }

    /// # Safety
    ///
    /// Every combination of the loops' offsets is valid on both sides; the sides do not overlap. `size`
    /// is the one that the tiles were made for, and `N`, or `N` is 0.
    pub(super) unsafe fn copy<const N: usize>(&self, src: *const u8, dst: *mut u8, size: usize) {
        let mut left: Vec<usize> = self.lines.iter().map(|line| line.n).collect();
        let mut buffer = [MaybeUninit::uninit(); TILE];
        // SAFETY: handed on.
        unsafe { self.part::<N>(&mut left, &mut buffer, src, dst, size) };
    }

    /// Copies `left` steps of each loop: halves them until they are a tile, so that what is near on
    /// either side is copied at about the same time.
    ///
    /// # Safety
    ///
    /// As for `copy`, with `left` steps of each loop.
    unsafe fn part<const N: usize>(
        &self,
        left: &mut [usize],
        buffer: &mut [MaybeUninit<u8>; TILE],
        src: *const u8,
        dst: *mut u8,
        size: usize,
    ) {
        let tiles = |i: usize, left: &[usize]| left[i].div_ceil(self.steps[i]);
        let most = (0..left.len()).max_by_key(|&i| tiles(i, left)).filter(|&i| tiles(i, left) > 1);
        let Some(i) = most else {
            // SAFETY: handed on.
            unsafe { self.tile::<N>(0, left, buffer, src, dst, size) };
            return;
        };
        let (all, half) = (left[i], tiles(i, left) / 2 * self.steps[i]);
        let line = self.lines[i];
        // SAFETY: both halves are steps of the whole.
        unsafe {
            left[i] = half;
            self.part::<N>(left, buffer, src, dst, size);
            left[i] = all - half;
            let done = half as isize;
            self.part::<N>(left, buffer, src.offset(done * line.src), dst.offset(done * line.dst), size);
        }
        left[i] = all;
    }

    /// Copies a tile, loop number `i` and those after it.
    ///
    /// # Safety
    ///
    /// As for `part`; of the two pairs there are no more steps than of a tile.
    unsafe fn tile<const N: usize>(
        &self,
        i: usize,
        left: &[usize],
        buffer: &mut [MaybeUninit<u8>; TILE],
        src: *const u8,
        dst: *mut u8,
        size: usize,
    ) {
        if i == left.len() {
            let side = |pair: Pair| {
                let outer = pair.outer.map(|i| Line { n: left[i], ..self.lines[i] });
                let none = Line { n: 1, src: 0, dst: 0 };
                Side { inner: Line { n: left[pair.inner], ..self.lines[pair.inner] }, outer: outer.unwrap_or(none) }
            };
            // SAFETY: handed on.
            unsafe { square::<N>(&side(self.from), &side(self.to), buffer, src, dst, size) };
            return;
        }
        let inside = [Some(self.from.inner), self.from.outer, Some(self.to.inner), self.to.outer].contains(&Some(i));
        let (line, steps) = (self.lines[i], if inside { 1 } else { left[i] });
        for step in 0..steps as isize {
            // SAFETY: the step is one of the loop's.
            unsafe {
                self.tile::<N>(i + 1, left, buffer, src.offset(step * line.src), dst.offset(step * line.dst), size);
            }
        }
    }
}

/// One side of a tile: two loops. On one side of the copy they are one.
#[derive(Debug, Clone, Copy)]
struct Side {
    inner: Line,
    outer: Line,
}

impl Side {
    fn len(&self) -> usize {
        self.inner.n * self.outer.n
    }

    /// Calls `f` with each step's offsets on both sides.
    #[inline(always)]
    fn each(&self, mut f: impl FnMut(isize, isize)) {
        for i in 0..self.outer.n as isize {
            for j in 0..self.inner.n as isize {
                f(i * self.outer.src + j * self.inner.src, i * self.outer.dst + j * self.inner.dst);
            }
        }
    }

    /// Where step number `i` goes in the destination.
    fn dst(&self, i: usize) -> isize {
        let (outer, inner) = (i / self.inner.n, i % self.inner.n);
        outer as isize * self.outer.dst + inner as isize * self.inner.dst
    }
}

/// Copies every step of `a` with every step of `b`: the first are one loop in the source, the second one
/// in the destination.
///
/// # Safety
///
/// Every combination of the loops' offsets is valid on both sides; the sides do not overlap.
unsafe fn square<const N: usize>(
    a: &Side,
    b: &Side,
    buffer: &mut [MaybeUninit<u8>; TILE],
    src: *const u8,
    dst: *mut u8,
    size: usize,
) {
    let size = if N == 0 { size } else { N };
    let (n, m) = (a.len(), b.len());
    if n < LEAST || m < LEAST || n * m * size > TILE {
        // With the longer loop inside.
        let (short, long) = if n < m { (a, b) } else { (b, a) };
        let Line { n, src: s, dst: d } = long.inner;
        short.each(|from, to| {
            for i in 0..long.outer.n as isize {
                // SAFETY: handed on.
                unsafe {
                    let (src, dst) = (src.offset(from + i * long.outer.src), dst.offset(to + i * long.outer.dst));
                    line::<N>(n, src, s, dst, d, size);
                }
            }
        });
        return;
    }
    let (row, buffer) = (n * size, buffer.as_mut_ptr().cast::<u8>());
    let mut at = buffer;
    // SAFETY: the source and the destination are handed on. The buffer has room for `m` rows of `n`
    // elements, as was just checked; all of them are written before they are read.
    b.each(|from, _| unsafe {
        line::<N>(n, src.offset(from), a.inner.src, at, size as isize, size);
        at = at.wrapping_add(row);
    });
    if N == 1 && b.inner.dst == 1 {
        // SAFETY: as above.
        unsafe { bytes(n, m, buffer, dst, a) };
        return;
    }
    let mut at = buffer.cast_const();
    // SAFETY: as above.
    a.each(|_, to| unsafe {
        line::<N>(m, at, row as isize, dst.offset(to), b.inner.dst, size);
        at = at.wrapping_add(size);
    });
}

/// Transposes `m` rows of `n` bytes, 8 at least of both, to where the steps of `a` go, `m` bytes each.
///
/// # Safety
///
/// `src` is valid for reading `m` times `n` bytes, `dst` for writing `m` at each step; they do not overlap.
unsafe fn bytes(n: usize, m: usize, src: *const u8, dst: *mut u8, a: &Side) {
    // The last block of eight begins where it ends with the row: some bytes are written twice.
    for i in (0..n).step_by(8).map(|i| i.min(n - 8)) {
        let places: [isize; 8] = std::array::from_fn(|k| a.dst(i + k));
        for j in (0..m).step_by(8).map(|j| j.min(m - 8)) {
            // SAFETY: `j + 8 <= m` and `i + 8 <= n`.
            unsafe {
                let rows = std::array::from_fn(|k| src.add((j + k) * n + i).cast::<[u8; 8]>().read_unaligned());
                for (row, place) in eight(rows).into_iter().zip(places) {
                    dst.offset(place).add(j).cast::<[u8; 8]>().write_unaligned(row);
                }
            }
        }
    }
}

/// Transposes 8 times 8 bytes: swaps the halves that are off the diagonal, then those of each quarter, and
/// so on.
fn eight(rows: [[u8; 8]; 8]) -> [[u8; 8]; 8] {
    let mut words = rows.map(u64::from_le_bytes);
    for (step, mask) in [(4, 0x0000_0000_ffff_ffff), (2, 0x0000_ffff_0000_ffff), (1, 0x00ff_00ff_00ff_00ff)] {
        for i in (0..8).filter(|i| i & step == 0) {
            let swapped = (words[i] >> (8 * step) ^ words[i + step]) & mask;
            words[i + step] ^= swapped;
            words[i] ^= swapped << (8 * step);
        }
    }
    words.map(u64::to_le_bytes)
}
