//! Wherever the elements of a chunk stand in memory: reading and writing them is what it is one
//! element at a time.

#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use zarr_engine::codec::chain::{Chain, Link};
use zarr_engine::element::{Fill, Swap};
use zarr_engine::error::Result;
use zarr_engine::exec::Exec;
use zarr_engine::object::{Object, join};
use zarr_engine::selection::{AxisMap, Indices, Mask, Points, Region};
use zarr_engine::shard::Sharding;
use zarr_engine::strided::{Output, View, runs_of, strides_of};
use zarr_engine::{read, write};

/// Bytes of a file: they are not handed out whole, and it is noted how they are read.
struct File {
    bytes: Vec<u8>,
    most: AtomicUsize,
}

impl File {
    fn new(bytes: &[u8]) -> Arc<Self> {
        Arc::new(Self { bytes: bytes.to_vec(), most: AtomicUsize::new(0) })
    }
}

impl Object for File {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }
    fn read_at(&self, offset: u64, dst: &mut [u8]) -> Result<()> {
        self.most.fetch_max(dst.len(), Ordering::Relaxed);
        self.bytes.read_at(offset, dst)
    }
}

/// A chunk, what is selected of it, and the memory where that stands.
#[derive(Debug, Clone)]
struct Case {
    shape: Vec<u64>,
    /// The codec `transpose`.
    order: Vec<usize>,
    size: usize,
    region: Region,
    /// The strides of the memory, where its first element stands, and how many bytes it has.
    strides: Vec<isize>,
    base: usize,
    len: usize,
}

fn axis(extent: u64) -> impl Strategy<Value = AxisMap> {
    let range = (0..extent, 1..4u64).prop_flat_map(move |(start, step)| {
        let most = (extent - start).div_ceil(step);
        prop_oneof![1 => 0..=most, 4 => Just(most)].prop_map(move |count| AxisMap::Range { start, step, count, at: 0 })
    });
    let pairs = proptest::collection::vec(0..extent, 0..6)
        .prop_map(|v| AxisMap::Pairs(v.into_iter().enumerate().map(|(at, i)| (i, at as u64)).collect()));
    let all = Just(AxisMap::Range { start: 0, step: 1, count: extent, at: 0 });
    prop_oneof![3 => all, 2 => range, 1 => pairs]
}

fn points(shape: &[u64]) -> impl Strategy<Value = Region> + use<> {
    let point: Vec<_> = shape.iter().map(|&n| 0..n).collect();
    let rank = shape.len();
    let shape = shape.to_vec();
    proptest::collection::vec(point, 0..40).prop_map(move |points| {
        let axis = |axis: usize| points.iter().map(|point| point[axis] as i64).collect::<Vec<_>>();
        let axes = (0..rank).map(|i| Box::new(axis(i)) as Box<dyn Indices>).collect();
        Region::Points(Points::new(axes, &shape).unwrap())
    })
}

/// The elements that a mask chooses: none, some in runs, or all of them.
fn mask(shape: &[u64]) -> impl Strategy<Value = Region> + use<> {
    let (shape, n) = (shape.to_vec(), shape.iter().product::<u64>() as usize);
    (proptest::collection::vec((any::<u8>(), 1usize..90), 1..20), 0u8..=2).prop_map(move |(runs, kind)| {
        let one = |&(seed, len): &(u8, usize)| {
            (0..len).map(move |i| if seed < 90 { u8::from(i as u8 % 5 == seed % 5) } else { seed % 3 })
        };
        let some: Vec<u8> = runs.iter().cycle().flat_map(one).take(n).collect();
        let chosen = if kind == 0 { vec![seed_of(&some); n] } else { some };
        Region::Mask(Mask::new(&shape, |start, out| out.copy_from_slice(&chosen[start..start + out.len()])).unwrap())
    })
}

fn seed_of(bytes: &[u8]) -> u8 {
    bytes.first().map_or(1, |byte| byte % 2)
}

fn case() -> impl Strategy<Value = Case> {
    let shape = prop_oneof![
        3 => proptest::collection::vec(1..5u64, 0..=6),
        2 => proptest::collection::vec(1..40u64, 1..=3),
        2 => proptest::collection::vec(20..150u64, 1..=2),
        1 => (1..4u64, 60..300u64, 1..3u64).prop_map(|(a, b, c)| vec![a, b, c]),
    ];
    let size = prop_oneof![Just(1usize), Just(2), Just(3), Just(4), Just(8), Just(16), Just(40)];
    (shape, size)
        .prop_flat_map(|(shape, size)| {
            let rank = shape.len();
            let axes: Vec<_> = shape.iter().map(|&n| axis(n)).collect();
            let boxed = axes.prop_map(Region::Box);
            let region = if rank == 0 {
                boxed.boxed()
            } else {
                prop_oneof![6 => boxed, 1 => points(&shape), 2 => mask(&shape)].boxed()
            };
            let permutation = || Just((0..rank).collect::<Vec<usize>>()).prop_shuffle();
            let layout = proptest::collection::vec((0..3usize, any::<bool>()), rank.max(1));
            (Just(shape), permutation(), Just(size), region, permutation(), layout)
        })
        .prop_map(|(shape, order, size, region, nesting, layout)| {
            let placed = region.view_shape();
            let mut strides = vec![0; placed.len()];
            let (mut stride, mut base, mut len) = (size, 0, size);
            let nesting: Vec<usize> = nesting.into_iter().filter(|&axis| axis < placed.len()).collect();
            for axis in nesting {
                let n = placed[axis].max(1) as usize;
                let (padding, reversed) = layout[axis];
                // The next axis' elements: none, one or two of them left out.
                let step = stride * [1, 1, 3][padding];
                strides[axis] = if reversed { -(step as isize) } else { step as isize };
                base += if reversed { step * (n - 1) } else { 0 };
                len += step * (n - 1);
                stride = step * n + size * padding;
            }
            Case { shape, order, size, region, strides, base, len }
        })
}

fn placed(listed: Vec<(Vec<u64>, u64)>, chunk: &[isize], to: isize) -> Vec<(isize, isize)> {
    let from = |indices: &[u64]| indices.iter().zip(chunk).map(|(&i, s)| i as isize * s).sum::<isize>();
    listed.iter().map(|(indices, at)| (from(indices), *at as isize * to)).collect()
}

/// Every element that is selected: where it stands in the chunk, and where in memory.
fn places(case: &Case, chunk: &[isize]) -> Vec<(usize, usize)> {
    let offsets = match &case.region {
        Region::Points(points) => placed(points.listed().unwrap(), chunk, case.strides[0]),
        Region::Mask(mask) => placed(mask.listed(), chunk, case.strides[0]),
        Region::Box(axes) => {
            let mut all = vec![(0isize, 0isize)];
            for (axis, (&s, &d)) in axes.iter().zip(chunk.iter().zip(&case.strides)) {
                let pairs: Vec<(u64, u64)> = match axis {
                    AxisMap::Range { start, step, count, at } => {
                        (0..*count).map(|i| (start + i * step, at + i)).collect()
                    }
                    AxisMap::Pairs(pairs) => pairs.clone(),
                };
                let one = |&(a, b): &(isize, isize)| {
                    pairs.iter().map(move |&(i, at)| (a + i as isize * s, b + at as isize * d)).collect::<Vec<_>>()
                };
                all = all.iter().flat_map(one).collect();
            }
            all
        }
    };
    offsets.into_iter().map(|(from, to)| (from as usize, (case.base as isize + to) as usize)).collect()
}

fn check(case: &Case) {
    let Case { shape, order, size, region, strides, base, len } = case;
    let (size, base) = (*size, *base);
    let fill = Fill::new(&vec![9; size]).unwrap();
    let links = vec![Link::Transpose(order.clone()), Link::Bytes(Swap::None)];
    let chain = Arc::new(Chain::new(links, shape.len(), &fill).unwrap());
    let form = chain.form(shape).unwrap();
    let chunk: Vec<u8> = (0..form.nbytes).map(|i| (i * 31 % 251) as u8 + 1).collect();
    let places = places(case, &form.strides);
    let placed: Vec<usize> = region.view_shape().iter().map(|&n| n as usize).collect();

    let mut expected = vec![0; *len];
    for &(from, to) in &places {
        expected[to..to + size].copy_from_slice(&chunk[from..from + size]);
    }
    let objects: [Arc<dyn Object>; 2] = [Arc::new(chunk.clone()), File::new(&chunk)];
    let mut memory = vec![0; *len];
    for object in &objects {
        memory.fill(0);
        // SAFETY: `len` and `base` are those of the strides and the shape.
        let out = unsafe { Output::new(memory.as_mut_ptr().add(base), &placed, strides, size, Arc::new(())) }.unwrap();
        read::chunk(&chain, &form, object, region, &out, Exec::Here).unwrap();
        assert!(memory == expected, "read otherwise than element by element: {case:?}");
    }

    let memory: Vec<u8> = (0..*len).map(|i| (i * 17 % 241) as u8 + 1).collect();
    let mut expected = chunk.clone();
    for &(from, to) in &places {
        expected[from..from + size].copy_from_slice(&memory[to..to + size]);
    }
    // SAFETY: as above.
    let view = unsafe { View::new(memory.as_ptr().add(base), &placed, strides, size, Arc::new(())) }.unwrap();
    let encoded =
        write::chunk(&chain, &form, shape, Some(&objects[1]), region, &view, true, Exec::Here).unwrap().unwrap();
    assert!(join(encoded, None).unwrap() == expected, "written otherwise than element by element: {case:?}");

    // The bytes that are wanted are those of the elements, and those between that are near.
    for gap in [0, 5, 1000] {
        let mut wanted: Vec<(u64, u64)> = Vec::new();
        let mut starts: Vec<usize> = places.iter().map(|place| place.0).collect();
        starts.sort_unstable();
        for start in starts {
            let run = (start as u64, (start + size) as u64);
            match wanted.last_mut() {
                Some(last) if run.0 <= last.1 + gap => last.1 = last.1.max(run.1),
                _ => wanted.push(run),
            }
        }
        assert_eq!(runs_of(region, &form.strides, size, gap).unwrap(), wanted, "{case:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn elements_are_placed_as_one_by_one(case in case()) {
        check(&case);
    }

    /// Parts of a region are, together, the region; and they reach no farther than they must.
    #[test]
    fn parts_of_a_region_are_the_region(case in case(), most in 0..3000u64) {
        prop_assume!(matches!(case.region, Region::Box(_)));
        let strides = zarr_engine::strided::strides_of(&case.shape, case.size).unwrap();
        let found = Mutex::new(Vec::new());
        let cut = case.region.cut(&strides, case.size, most, |part| {
            assert!(!part.is_empty() || case.region.is_empty());
            found.lock().unwrap().extend(places(&Case { region: part.clone(), ..case.clone() }, &strides));
            Ok(())
        }).unwrap();
        let mut found = found.into_inner().unwrap();
        let mut expected = places(&case, &strides);
        found.sort_unstable();
        expected.sort_unstable();
        if cut || !expected.is_empty() && case.region.reach(&strides, case.size) > case.size as u64 {
            prop_assert_eq!(found, expected);
        }
    }
}

/// Chunks of several blocks, of which short rows are read: no read is larger than a block, though the
/// rows are not read one by one.
#[test]
fn short_rows_of_large_chunks_are_read_a_block_at_a_time() {
    let all = |count| AxisMap::Range { start: 0, step: 1, count, at: 0 };
    let some = |start, step, count| AxisMap::Range { start, step, count, at: 0 };
    let listed = |v: &[u64]| AxisMap::Pairs(v.iter().enumerate().map(|(at, &i)| (i, at as u64)).collect());
    let cases: Vec<(Vec<u64>, usize, Vec<AxisMap>)> = vec![
        (vec![700_000, 1], 1, vec![all(700_000), all(1)]),
        (vec![300_000, 3], 1, vec![all(300_000), some(1, 1, 1)]),
        (vec![2, 300_000], 2, vec![some(1, 1, 1), some(0, 3, 100_000)]),
        (vec![90_000, 2, 3], 3, vec![some(7, 2, 44_000), some(0, 1, 2), some(0, 2, 2)]),
        (vec![300, 2000], 1, vec![all(300), listed(&[1999, 3, 3, 700])]),
        (vec![300, 2000], 1, vec![listed(&[299, 0, 17, 18]), some(5, 1, 1900)]),
        (vec![1_000_000], 1, vec![some(10, 9000, 100)]),
        (vec![40, 40, 600], 1, vec![all(40), some(3, 1, 30), some(0, 2, 300)]),
    ];
    for (shape, size, axes) in cases {
        let region = Region::Box(axes);
        let placed = region.view_shape();
        // Memory in which every element has a gap after it.
        let mut strides = zarr_engine::strided::strides_of(&placed, size * 2).unwrap();
        let len = region.len() as usize * size * 2;
        let order: Vec<usize> = (0..shape.len()).collect();
        for _ in 0..2 {
            let case = Case {
                shape: shape.clone(),
                order: order.clone(),
                size,
                region: region.clone(),
                strides,
                base: 0,
                len,
            };
            check(&case);
            let fill = Fill::new(&vec![9; size]).unwrap();
            let chain = Arc::new(Chain::new(vec![Link::Bytes(Swap::None)], shape.len(), &fill).unwrap());
            let form = chain.form(&shape).unwrap();
            let file = File::new(&vec![1; form.nbytes]);
            let object: Arc<dyn Object> = file.clone();
            let mut memory = vec![0u8; len];
            let placed: Vec<usize> = placed.iter().map(|&n| n as usize).collect();
            // SAFETY: the memory is as long as shape and strides reach.
            let out = unsafe { Output::new(memory.as_mut_ptr(), &placed, &case.strides, size, Arc::new(())) }.unwrap();
            read::chunk(&chain, &form, &object, &region, &out, Exec::Here).unwrap();
            assert!(file.most.load(Ordering::Relaxed) <= 256 << 10, "{case:?}");
            // Then in Fortran order.
            let shape: Vec<u64> = placed.iter().rev().map(|&n| n as u64).collect();
            strides = zarr_engine::strided::strides_of(&shape, size * 2).unwrap();
            strides.reverse();
        }
    }
}

/// Inner chunks of a shard whose rows are short are placed together where the view is large: what is read is
/// what was written, with absent chunks, with those that are cut at the end, and with a part of them.
#[test]
fn inner_chunks_in_a_large_view_are_what_was_written() {
    const SIZE: usize = 4;
    let shape = [70u64, 130, 500];
    let (inner, fill) = ([16u64, 13, 20], Fill::new(&[9, 8, 7, 6]).unwrap());
    let data: Vec<u8> = (0..shape.iter().product::<u64>() as u32)
        .flat_map(|i| if i / 40_000 % 7 == 3 { [9, 8, 7, 6] } else { i.wrapping_mul(2_654_435_761).to_le_bytes() })
        .collect();
    let data = Arc::new(data);
    let whole = [shape[0].div_ceil(16) * 16, 130, 500];
    for links in [vec![Link::Bytes(Swap::None)], vec![Link::Transpose(vec![2, 1, 0]), Link::Bytes(Swap::Every(4))]] {
        let chain = Chain::new(links, 3, &fill).unwrap();
        let index = Chain::new(vec![Link::Bytes(Swap::None)], 4, &Fill::new(&[255; 8]).unwrap()).unwrap();
        let order = zarr_engine::shard::Order::Lexicographic;
        let sharding = Arc::new(Sharding::new(inner.to_vec(), chain, index, true, order).unwrap());
        let region = Region::all(&shape);
        let out_shape = shape.map(|n| n as usize);
        let strides = strides_of(&shape, SIZE).unwrap();
        // SAFETY: the view's owner is the data.
        let view = unsafe { View::new(data.as_ptr(), &out_shape, &strides, SIZE, data.clone()).unwrap() };
        let parts = write::shard(&sharding, &whole, &shape, None, &region, &view, false, Exec::Here).unwrap().unwrap();
        let stored = join(parts, None).unwrap();
        let objects: [Arc<dyn Object>; 2] = [File::new(&stored), Arc::new(stored)];
        for (object, start) in objects.iter().flat_map(|object| [(object, 0), (object, 5)]) {
            let part: Vec<AxisMap> =
                shape.iter().map(|&n| AxisMap::Range { start, step: 1, count: n - start, at: start }).collect();
            let mut back = vec![0; data.len()];
            // SAFETY: nothing else uses `back` while there is the view.
            let output = unsafe { Output::new(back.as_mut_ptr(), &out_shape, &strides, SIZE, Arc::new(())).unwrap() };
            assert!(output.is_large());
            read::shard(&sharding, &whole, object, &Region::Box(part), &output, Exec::Here).unwrap();
            drop(output);
            for (i, (found, written)) in back.chunks(SIZE).zip(data.chunks(SIZE)).enumerate() {
                let at = [i / 65_000, i / 500 % 130, i % 500];
                let expected = if at.iter().all(|&at| at as u64 >= start) { written } else { &[0; SIZE] };
                assert_eq!(found, expected, "{at:?}");
            }
        }
    }
}
