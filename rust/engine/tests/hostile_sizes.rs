//! Sizes that a stranger tells — in a configuration, a shape, a header — cost an error at most: no
//! panic, no division by zero, no abort, no memory.
//!
//! The allocator of these tests refuses an allocation that is large, or that would bring the large ones
//! above a sum. Code that is not ready for the refusal ends the process, and with it the test. Small
//! allocations are always served: every program makes them without being ready (an error's own text).
//! The tests run one at a time, as the sum is the process's.

#![allow(clippy::unwrap_used, clippy::panic, unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zarr_engine::codec::affix::Affix;
use zarr_engine::codec::bitround::BitRound;
use zarr_engine::codec::blosc::Blosc;
use zarr_engine::codec::chain::{Chain, Link};
use zarr_engine::codec::crc32c::Crc32c;
use zarr_engine::codec::deflate::{Gzip, Zlib};
use zarr_engine::codec::delta::Delta;
use zarr_engine::codec::lz4::Lz4;
use zarr_engine::codec::masked::Masked;
use zarr_engine::codec::n5::N5;
use zarr_engine::codec::optional::Optional;
use zarr_engine::codec::packbits::PackBits;
use zarr_engine::codec::reshape::{Dimension, Reshape};
use zarr_engine::codec::shuffle::Shuffle;
use zarr_engine::codec::vlen::Vlen;
use zarr_engine::codec::zstd::Zstd;
use zarr_engine::codec::{ArrayFilter, BytesCodec, Serializer, Spec};
use zarr_engine::element::{Fill, Swap};
use zarr_engine::error::{Kind, Result};
use zarr_engine::exec::Exec;
use zarr_engine::grid::{Axis, Grid};
use zarr_engine::heap::{Heap, REFERENCE};
use zarr_engine::object::Object;
use zarr_engine::read;
use zarr_engine::selection::{AxisMap, Region};
use zarr_engine::shard::{MOST_INNER, Order, Sharding};
use zarr_engine::strided::Output;

/// No test here needs more at once.
const MOST: usize = 64 << 20;
/// A smaller allocation is never refused, and not counted.
const LARGE: usize = 1 << 20;

/// The bytes of large allocations that are in use.
static USED: AtomicUsize = AtomicUsize::new(0);

/// Makes a test wait for the others.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Sparing;

/// The bytes of an allocation that count.
fn counted(layout: Layout) -> usize {
    if layout.size() < LARGE { 0 } else { layout.size() }
}

// SAFETY: hands everything on to the system's allocator, or refuses it.
unsafe impl GlobalAlloc for Sparing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let counted = counted(layout);
        if USED.fetch_add(counted, Ordering::Relaxed) + counted > 4 * MOST || counted > MOST {
            USED.fetch_sub(counted, Ordering::Relaxed);
            return std::ptr::null_mut();
        }
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        USED.fetch_sub(counted(layout), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Sparing = Sparing;

const SIZES: [u64; 17] = [
    0,
    1,
    2,
    3,
    8,
    16,
    255,
    256,
    1 << 16,
    (1 << 31) - 1,
    1 << 31,
    1 << 32,
    1 << 59,
    1 << 60,
    (1 << 63) - 1,
    1 << 63,
    u64::MAX,
];
const LEVELS: [i32; 9] = [i32::MIN, -131_073, -1, 0, 1, 9, 10, 23, i32::MAX];

fn inputs() -> [Vec<u8>; 4] {
    [Vec::new(), vec![7], vec![0; 64], (0..4096u32).flat_map(|i| (i / 3).to_le_bytes()).collect()]
}

/// Codes every input, and decodes it as if it were encoded; whatever comes, nothing breaks.
fn exercise(codec: &dyn BytesCodec) {
    for input in inputs() {
        let mut encoded = Vec::new();
        if codec.encode(&input, &mut encoded).is_ok() {
            let mut back = vec![0; input.len()];
            codec.decode_exact(&encoded, &mut back).unwrap();
            assert_eq!(back, input, "{codec:?}");
            let mut back = Vec::new();
            codec.decode_bounded(&encoded, input.len(), &mut back).unwrap();
            assert_eq!(back, input, "{codec:?}");
        }
        for size in [0, 1, 64] {
            let _ = codec.decode_exact(&input, &mut vec![0; size]);
        }
        for limit in [0, 1, 64, usize::MAX] {
            let mut out = Vec::new();
            if codec.decode_bounded(&input, limit, &mut out).is_ok() {
                assert!(out.len() <= limit);
            }
        }
        for size in SIZES {
            let _ = (codec.encoded_bound(size as usize), codec.encoded_exact(size as usize));
        }
    }
}

fn made<T: BytesCodec>(codec: Result<T>) {
    match codec {
        Ok(codec) => exercise(&codec),
        Err(error) => assert_eq!(error.kind(), Kind::Config),
    }
}

#[test]
fn codecs_of_extreme_configurations_code_or_are_refused() {
    let _alone = alone();
    for size in SIZES {
        let size = size as usize;
        made(Shuffle::new(size));
        for shuffle in [-1, 0, 1, 2, 3] {
            made(Blosc::new("lz4", 5, shuffle, size, 0));
            made(Blosc::new("zstd", 1, shuffle, 4, size));
            made(Blosc::new("blosclz", 9, shuffle, size, size));
        }
        let optional = Optional::new(vec![Arc::new(Shuffle::new(1).unwrap())], size, "always");
        if let Ok(optional) = optional {
            exercise(&optional);
        }
    }
    for level in LEVELS {
        made(Zstd::new(level, true));
        made(Gzip::new(level));
        made(Zlib::new(level));
        made(Lz4::new(level));
        for cname in ["blosclz", "lz4", "lz4hc", "snappy", "zlib", "zstd", ""] {
            made(Blosc::new(cname, level, 1, 8, 0));
        }
    }
    made(Crc32c::new());
    exercise(&Affix::new(true, Vec::new()));
    exercise(&Affix::new(false, vec![1; 100]));
}

#[test]
fn a_shuffle_names_the_parameter_that_is_too_large() {
    let _alone = alone();
    let error = Shuffle::new(1 << 60).unwrap_err();
    assert!(error.to_string().contains("elementsize"), "{error}");
}

/// The shapes of up to three dimensions that the sizes make, or some of them.
fn shapes() -> Vec<Vec<u64>> {
    let mut shapes = vec![Vec::new()];
    for a in SIZES {
        shapes.push(vec![a]);
        for b in SIZES {
            shapes.push(vec![a, b]);
            shapes.push(vec![0, a, b]);
            shapes.push(vec![a, 2, b]);
        }
    }
    shapes
}

#[test]
fn arrays_of_extreme_shapes_are_coded_or_refused() {
    let _alone = alone();
    let filters: Vec<Box<dyn ArrayFilter>> = vec![
        Box::new(Delta::new("<i4").unwrap()),
        Box::new(BitRound::new("<f4", 3).unwrap()),
        Box::new(Reshape::new(vec![Dimension::Rest]).unwrap()),
        Box::new(Reshape::new(vec![Dimension::Size(u64::MAX), Dimension::Rest]).unwrap()),
        Box::new(Reshape::new(vec![Dimension::Of(vec![0, usize::MAX])]).unwrap()),
        Box::new(Reshape::new(vec![Dimension::Of(vec![0, 1]), Dimension::Of(vec![2])]).unwrap()),
    ];
    let heap = Arc::new(Heap::new(true, Some(b"fill"), false).unwrap());
    let serializers: Vec<Box<dyn Serializer>> = vec![
        Box::new(PackBits::new("<u4", 32, 0, 31, "last_byte").unwrap()),
        Box::new(Masked::new(Swap::None, &[255; 4]).unwrap()),
        Box::new(Vlen::new(heap)),
    ];
    let inputs = inputs();
    for shape in shapes() {
        for size in [0, 1, 4, REFERENCE, 1 << 31, 1 << 60, usize::MAX] {
            let spec = Spec { shape: shape.clone(), size };
            for filter in &filters {
                let _ = filter.encoded_spec(&spec);
                for data in &inputs {
                    let _ = filter.decode(&spec, &mut data.clone());
                }
            }
            for serializer in &serializers {
                let _ = (serializer.encoded_bound(&spec), serializer.encoded_exact(&spec));
                for data in &inputs {
                    let _ = serializer.decode(&spec, data, &mut [0; 64]);
                }
            }
        }
    }
}

fn chain(links: Vec<Link>, axes: usize) -> Chain {
    Chain::new(links, axes, &Fill::new(&[7]).unwrap()).unwrap()
}

fn sharding(inner: &[u64], checksum: bool) -> Result<Arc<Sharding>> {
    let mut index = vec![Link::Bytes(Swap::None)];
    if checksum {
        index.push(Link::Outer(Arc::new(Crc32c::new().unwrap())));
    }
    let index = Chain::new(index, inner.len() + 1, &Fill::new(&[255; 8]).unwrap()).unwrap();
    let inside = chain(vec![Link::Bytes(Swap::None)], inner.len());
    Sharding::new(inner.to_vec(), inside, index, true, Order::Morton).map(Arc::new)
}

#[test]
fn shards_have_no_more_inner_chunks_than_an_index_is_held_of() {
    let _alone = alone();
    let error = sharding(&[1], true).unwrap().counts(&[MOST_INNER + 1]).unwrap_err();
    assert!(error.to_string().contains(&MOST_INNER.to_string()), "{error}");
    assert!(error.to_string().contains(&(MOST_INNER + 1).to_string()), "{error}");
    for inner in shapes() {
        let Ok(sharding) = sharding(&inner, true) else { continue };
        for factor in [0, 1, 2, MOST_INNER, u64::MAX] {
            let shape: Vec<u64> = inner.iter().map(|n| n.wrapping_mul(factor)).collect();
            let _ = (sharding.counts(&shape), sharding.encoded_bound(&shape));
            let outer = Chain::new(vec![Link::Bytes(Swap::None)], inner.len(), &Fill::new(&[7]).unwrap());
            let _ = outer.unwrap().form(&shape);
        }
    }
}

#[test]
fn an_index_that_the_machine_cannot_hold_is_an_error() {
    let _alone = alone();
    for checksum in [true, false] {
        let sharding = sharding(&[1], checksum).unwrap();
        let shape = [MOST_INNER];
        let mut out = [0u8; 1];
        let region = Region::Box(vec![AxisMap::Range { start: 5, step: 1, count: 1, at: 0 }]);
        for stored in inputs() {
            let object: Arc<dyn Object> = Arc::new(stored);
            let done = read::shard(&sharding, &shape, &object, &region, &view(&mut out, 1), Exec::Here);
            assert_eq!(done.unwrap_err().kind(), Kind::Corrupt);
        }
        let view = view(&mut out, 1);
        let written = zarr_engine::write::shard(&sharding, &shape, &shape, None, &region, &view, true, Exec::Here);
        assert_eq!(written.unwrap_err().kind(), Kind::NoMemory);
    }
}

/// A view of one dimension.
fn view(data: &mut [u8], size: usize) -> Output {
    // SAFETY: the view has the elements of `data`, and is used before these go.
    unsafe { Output::new(data.as_mut_ptr(), &[data.len() / size], &[size as isize], size, Arc::new(())).unwrap() }
}

/// A stored value that says that it is long, and has the same byte everywhere.
struct Endless(u64, u8);

impl Object for Endless {
    fn size(&self) -> u64 {
        self.0
    }

    fn read_at(&self, _: u64, dst: &mut [u8]) -> Result<()> {
        dst.fill(self.1);
        Ok(())
    }
}

#[test]
fn a_value_that_says_that_it_is_long_is_an_error() {
    let _alone = alone();
    let heap = Arc::new(Heap::new(true, Some(b"fill"), false).unwrap());
    let of_strings = || Link::Serial(Arc::new(Vlen::new(Arc::clone(&heap))));
    let zstd = || Link::Outer(Arc::new(Zstd::new(1, true).unwrap()));
    let gzip = || Link::Outer(Arc::new(Gzip::new(1).unwrap()));
    let chains = [
        vec![Link::Bytes(Swap::None)],
        vec![Link::Bytes(Swap::None), zstd()],
        vec![of_strings()],
        vec![of_strings(), gzip()],
        vec![of_strings(), zstd(), gzip()],
    ];
    let whole = Region::all(&[4]);
    for links in chains {
        let size = if matches!(links[0], Link::Serial(_)) { REFERENCE } else { 1 };
        let chain = Arc::new(Chain::new(links, 1, &Fill::new(&vec![0; size]).unwrap()).unwrap());
        let form = chain.form(&[4]).unwrap();
        for long in [1 << 40, 1 << 62, u64::MAX] {
            let object: Arc<dyn Object> = Arc::new(Endless(long, 0x28));
            let mut out = vec![0; 4 * size];
            let done = read::chunk(&chain, &form, &object, &whole, &view(&mut out, size), Exec::Here);
            assert!(matches!(done.unwrap_err().kind(), Kind::Corrupt | Kind::NoMemory));
        }
    }
}

#[test]
fn blocks_of_n5_of_any_announced_shape_are_decoded_or_refused() {
    let _alone = alone();
    let codec = N5::new(chain(vec![Link::Transpose(vec![1, 0]), Link::Bytes(Swap::None)], 2));
    for a in [0, 1, 3, 1 << 16, 1 << 31, u32::MAX] {
        for b in [0, 1, 3, 1 << 16, 1 << 31, u32::MAX] {
            let mut bytes = vec![0, 0, 0, 2];
            bytes.extend_from_slice(&u32::to_be_bytes(a));
            bytes.extend_from_slice(&u32::to_be_bytes(b));
            bytes.extend_from_slice(&[1; 9]);
            let _ = codec.decode(&Spec { shape: vec![3, 3], size: 1 }, &bytes, &mut [0; 9]);
        }
    }
}

#[test]
fn what_the_metadata_do_not_tell_has_a_limit_that_can_be_raised() {
    let _alone = alone();
    // Strings whose compressed form becomes 48 MiB of zeros, of 50 kB.
    let mut stored = Vec::new();
    Zstd::new(1, false).unwrap().encode(&vec![0; 48 << 20], &mut stored).unwrap();
    stored = [stored.clone(), stored].concat();
    let heap = Arc::new(Heap::new(true, Some(b""), false).unwrap());
    for (most, kind) in [(1 << 20, Kind::OverLimit), (32 << 20, Kind::OverLimit), (usize::MAX, Kind::NoMemory)] {
        let links = vec![
            Link::Serial(Arc::new(Vlen::new(Arc::clone(&heap)))),
            Link::Outer(Arc::new(Zstd::new(1, false).unwrap())),
        ];
        let chain = Chain::new(links, 1, &Fill::new(&[0; REFERENCE]).unwrap()).unwrap().at_most(most);
        let form = chain.form(&[4]).unwrap();
        let error = chain.decode(&form, &stored, &mut [0; 4 * REFERENCE]).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
}

#[test]
fn sixteen_bytes_of_blosc_take_no_memory() {
    let _alone = alone();
    for format in 0..8u8 {
        for blocksize in [1u32, 65536, 0x2AAA_AA00, 0x7FFF_FFEF] {
            for tail in [0usize, 4, 100] {
                let mut bytes = vec![2, 1, format << 5 | 4, 8];
                bytes.extend_from_slice(&0x7FFF_FFEFu32.to_le_bytes());
                bytes.extend_from_slice(&blocksize.to_le_bytes());
                bytes.extend_from_slice(&(16 + tail as u32).to_le_bytes());
                bytes.resize(16 + tail, 0);
                let mut out = Vec::new();
                let codec = Blosc::new("lz4", 5, 1, 8, 0).unwrap();
                assert!(codec.decode_bounded(&bytes, usize::MAX, &mut out).is_err());
                assert!(out.capacity() < 8 << 20, "{format} {blocksize} {tail} took {}", out.capacity());
            }
        }
    }
}

#[test]
fn a_range_has_any_number_of_chunks() {
    let _alone = alone();
    let grid = Grid(vec![Axis::regular(1, u64::MAX).unwrap(), Axis::regular(1, u64::MAX).unwrap()]);
    let all = |count| AxisMap::Range { start: 0, step: 1, count, at: 0 };
    assert!(Region::Box(vec![all(u64::MAX), all(0)]).split(&grid).unwrap().is_empty());
    assert_eq!(Region::Box(vec![all(1 << 40), all(1)]).split(&grid).unwrap().len(), 1 << 40);
}
