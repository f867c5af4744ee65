//! Of a chunk, no more is read and decoded than is wanted; and what comes out is what decoding all of
//! it gives.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use zarr_engine::codec::bitround::BitRound;
use zarr_engine::codec::blosc::Blosc;
use zarr_engine::codec::chain::{Chain, Form, Link};
use zarr_engine::codec::crc32c::Crc32c;
use zarr_engine::codec::deflate::Gzip;
use zarr_engine::codec::delta::Delta;
use zarr_engine::codec::packbits::PackBits;
use zarr_engine::codec::zstd::Zstd;
use zarr_engine::element::{Fill, Swap};
use zarr_engine::error::{Kind, Result};
use zarr_engine::exec::Exec;
use zarr_engine::object::Object;
use zarr_engine::read;
use zarr_engine::selection::{AxisMap, Indices, Mask, Points, Region};
use zarr_engine::strided::{Output, strides_of};

const SIZE: usize = 4;

/// Bytes of a file: they are not handed out whole, and those that are read are counted.
struct File {
    bytes: Vec<u8>,
    read: AtomicUsize,
}

impl Object for File {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }
    fn read_at(&self, offset: u64, dst: &mut [u8]) -> Result<()> {
        self.read.fetch_add(dst.len(), Ordering::Relaxed);
        self.bytes.read_at(offset, dst)
    }
}

fn blosc(cname: &str, clevel: i32, shuffle: i32, blocksize: usize) -> Link {
    Link::Outer(Arc::new(Blosc::new(cname, clevel, shuffle, SIZE, blocksize).unwrap()))
}

fn crc() -> Link {
    Link::Outer(Arc::new(Crc32c::new().unwrap()))
}

fn zstd(checksum: bool) -> Link {
    Link::Outer(Arc::new(Zstd::new(1, checksum).unwrap()))
}

fn packed(padding: &str) -> Link {
    Link::Serial(Arc::new(PackBits::new("<u4", 32, 3, 20, padding).unwrap()))
}

const KINDS: usize = 20;

fn chain(kind: usize, rank: usize) -> Arc<Chain> {
    let bytes = || Link::Bytes(Swap::None);
    let swapped = || Link::Bytes(Swap::Every(SIZE));
    let delta = || Link::Filter(Arc::new(Delta::new("<u4").unwrap()));
    let bitround = || Link::Filter(Arc::new(BitRound::new("<u4", 9).unwrap()));
    let links = match kind {
        0 => vec![bytes(), blosc("lz4", 5, 1, 4096)],
        1 => vec![bytes(), blosc("zstd", 3, 2, 1000)],
        2 => vec![swapped(), blosc("blosclz", 9, 0, 0)],
        3 => vec![bytes(), blosc("lz4", 0, 1, 0)],
        4 => vec![bytes(), blosc("zlib", 1, 1, 5000), crc()],
        5 => vec![Link::Transpose((0..rank).rev().collect()), bytes(), blosc("snappy", 1, 1, 3000)],
        6 => vec![swapped()],
        7 => vec![bytes(), crc()],
        8 => vec![swapped(), crc(), crc()],
        9 => vec![bytes(), zstd(false)],
        10 => vec![bytes(), zstd(true)],
        11 => vec![swapped(), zstd(false), crc()],
        12 => vec![bytes(), Link::Outer(Arc::new(Gzip::new(1).unwrap()))],
        13 => vec![bytes(), Link::Outer(Arc::new(Gzip::new(1).unwrap())), zstd(false)],
        14 => vec![delta(), bytes()],
        15 => vec![delta(), bitround(), swapped(), blosc("lz4", 5, 1, 4096)],
        16 => vec![bitround(), bytes(), zstd(false)],
        17 => vec![packed("none")],
        18 => vec![packed("first_byte"), crc()],
        _ => vec![bitround(), packed("last_byte")],
    };
    Arc::new(Chain::new(links, rank, &Fill::new(&[0; SIZE]).unwrap()).unwrap())
}

fn encoded(chain: &Chain, form: &Form, seed: u32) -> Vec<u8> {
    // Some that compress, and some that do not.
    let word = |i: u32| {
        if (i / 700).is_multiple_of(3) { i.wrapping_mul(seed | 1).rotate_left(11) } else { (i / 5).wrapping_add(seed) }
    };
    let mut data: Vec<u8> = (0..(form.nbytes / SIZE) as u32).flat_map(|i| word(i).to_le_bytes()).collect();
    let mut out = Vec::new();
    chain.encode(form, &mut data, &mut out).unwrap();
    out
}

fn read_to(chain: &Arc<Chain>, form: &Form, object: &Arc<dyn Object>, region: &Region) -> Result<Vec<u8>> {
    let shape: Vec<usize> = region.view_shape().iter().map(|&n| n as usize).collect();
    let strides = strides_of(&region.view_shape(), SIZE).unwrap();
    let mut data = vec![0u8; region.len() as usize * SIZE];
    // SAFETY: the memory is as long as shape and strides reach.
    let out = unsafe { Output::new(data.as_mut_ptr(), &shape, &strides, SIZE, Arc::new(())) }.unwrap();
    read::chunk(chain, form, object, region, &out, Exec::Here).map(|()| data)
}

fn listed(elements: Vec<(Vec<u64>, u64)>, strides: &[isize]) -> Vec<usize> {
    let offset = |indices: &[u64]| indices.iter().zip(strides).map(|(&i, &s)| i as usize * s as usize).sum();
    elements.iter().map(|(indices, _)| offset(indices)).collect()
}

/// The elements of `region`, of all elements of a chunk of `shape` in C order.
fn taken(all: &[u8], shape: &[u64], region: &Region) -> Vec<u8> {
    let strides = strides_of(shape, SIZE).unwrap();
    let mut offsets = vec![0usize];
    match region {
        Region::Points(points) => offsets = listed(points.listed().unwrap(), &strides),
        Region::Mask(mask) => offsets = listed(mask.listed(), &strides),
        Region::Box(axes) => {
            for (axis, &stride) in axes.iter().zip(&strides) {
                let indices: Vec<u64> = match axis {
                    AxisMap::Range { start, step, count, .. } => (0..*count).map(|i| start + i * step).collect(),
                    AxisMap::Pairs(pairs) => pairs.iter().map(|pair| pair.0).collect(),
                };
                let each =
                    |&at: &usize| indices.iter().map(move |&i| at + i as usize * stride as usize).collect::<Vec<_>>();
                offsets = offsets.iter().flat_map(each).collect();
            }
        }
    }
    offsets.iter().flat_map(|&at| all[at..at + SIZE].to_vec()).collect()
}

fn axis(extent: u64) -> impl Strategy<Value = AxisMap> {
    let range = (0..extent, 1..9u64, 0..9u64).prop_map(move |(start, step, count)| AxisMap::Range {
        start,
        step,
        count: count.min((extent - start).div_ceil(step)),
        at: 0,
    });
    let pairs = proptest::collection::vec(0..extent, 1..4)
        .prop_map(|v| AxisMap::Pairs(v.into_iter().enumerate().map(|(at, i)| (i, at as u64)).collect()));
    let all = Just(AxisMap::Range { start: 0, step: 1, count: extent, at: 0 });
    prop_oneof![4 => range, 1 => pairs, 1 => all]
}

fn case() -> impl Strategy<Value = (Vec<u64>, Region)> {
    let shape = prop_oneof![
        (4096..20_000u64).prop_map(|n| vec![n]),
        (64..100u64, 64..200u64).prop_map(|(a, b)| vec![a, b]),
        (1..4u64, 60..70u64, 70..80u64).prop_map(|(a, b, c)| vec![a, b, c]),
        (7..10u64, 8..10u64, 9..12u64, 9..12u64).prop_map(|(a, b, c, d)| vec![a, b, c, d]),
    ];
    shape.prop_flat_map(|shape| {
        let axes: Vec<_> = shape.iter().map(|&n| axis(n)).collect();
        let point: Vec<_> = shape.iter().map(|&n| 0..n).collect();
        let rank = shape.len();
        let (of_points, of_mask) = (shape.clone(), shape.clone());
        let points = proptest::collection::vec(point, 1..9).prop_map(move |points| {
            let axis = |axis: usize| points.iter().map(|point| point[axis] as i64).collect::<Vec<_>>();
            let axes = (0..rank).map(|i| Box::new(axis(i)) as Box<dyn Indices>).collect();
            Region::Points(Points::new(axes, &of_points).unwrap())
        });
        let n = shape.iter().product::<u64>() as usize;
        let mask = proptest::collection::vec(0..n, 1..9).prop_map(move |chosen| {
            let read = |start: usize, out: &mut [u8]| {
                out.iter_mut().enumerate().for_each(|(i, out)| *out = u8::from(chosen.contains(&(start + i))));
            };
            Region::Mask(Mask::new(&of_mask, read).unwrap())
        });
        (Just(shape), prop_oneof![3 => axes.prop_map(Region::Box), 1 => points, 1 => mask])
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_part_of_a_chunk_is_that_part_of_all_of_it((shape, region) in case(), kind in 0..KINDS, seed in any::<u32>()) {
        let chain = chain(kind, shape.len());
        let form = chain.form(&shape).unwrap();
        let bytes = encoded(&chain, &form, seed);
        let file: Arc<dyn Object> = Arc::new(File { bytes: bytes.clone(), read: AtomicUsize::new(0) });
        let memory: Arc<dyn Object> = Arc::new(bytes);
        let all = read_to(&chain, &form, &memory, &Region::all(&shape)).unwrap();
        let expected = taken(&all, &shape, &region);
        for object in [file, memory] {
            prop_assert!(read_to(&chain, &form, &object, &region).unwrap() == expected, "kind {}", kind);
        }
    }
}

fn element(at: u64) -> Region {
    Region::Box(vec![AxisMap::Range { start: at, step: 1, count: 1, at: 0 }])
}

/// How many bytes of a chunk of 1 MiB are read for one element near its beginning.
fn read_for_one(kind: usize) -> (usize, usize) {
    let chain = chain(kind, 1);
    let form = chain.form(&[1 << 18]).unwrap();
    let file = Arc::new(File { bytes: encoded(&chain, &form, 5), read: AtomicUsize::new(0) });
    let object: Arc<dyn Object> = file.clone();
    read_to(&chain, &form, &object, &element(700)).unwrap();
    (file.read.load(Ordering::Relaxed), file.bytes.len())
}

#[test]
fn one_element_costs_a_block_and_not_the_chunk() {
    for kind in [0, 1, 3, 6, 9, 14, 15, 17, 19] {
        let (read, all) = read_for_one(kind);
        // A page is read at first, and Zstandard by 64 KiB.
        assert!(read <= all / 2 + 4096, "kind {kind}: {read} of {all} bytes");
    }
}

#[test]
fn a_checksum_of_all_data_is_checked_for_a_part_as_well() {
    for kind in [4, 7, 8, 10, 11, 12, 18] {
        let chain = chain(kind, 1);
        let form = chain.form(&[1 << 14]).unwrap();
        let mut bytes = encoded(&chain, &form, 5);
        // Far from the bytes that are wanted.
        let at = bytes.len() - 6;
        bytes[at] ^= 1;
        let file = Arc::new(File { bytes: bytes.clone(), read: AtomicUsize::new(0) });
        for object in [file as Arc<dyn Object>, Arc::new(bytes)] {
            let error = read_to(&chain, &form, &object, &element(3)).unwrap_err();
            assert_eq!(error.kind(), Kind::Corrupt, "kind {kind}: {error}");
        }
    }
}

/// Data of another size than the chunk's are refused, though the part that is wanted is there.
#[test]
fn a_part_of_data_of_the_wrong_size_is_refused() {
    for kind in 0..KINDS {
        let chain = chain(kind, 1);
        let (form, other) = (chain.form(&[1 << 14]).unwrap(), chain.form(&[(1 << 14) + 1]).unwrap());
        let bytes = encoded(&chain, &other, 5);
        let file = Arc::new(File { bytes: bytes.clone(), read: AtomicUsize::new(0) });
        for object in [file as Arc<dyn Object>, Arc::new(bytes)] {
            let error = read_to(&chain, &form, &object, &element(3)).unwrap_err();
            assert!(matches!(error.kind(), Kind::Corrupt | Kind::TooLarge), "kind {kind}: {error}");
        }
    }
}
