//! Hostile bytes end in an error: no panic, no crash, no endless work, no more memory than allowed.
//!
//! Every decoder is given thousands of damaged encodings, the same ones in every run.
//! `ZARR_FUZZ=n` makes it `n` times as many.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use zarr_engine::codec::affix::Affix;
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
use zarr_engine::codec::shuffle::Shuffle;
use zarr_engine::codec::vlen::Vlen;
use zarr_engine::codec::zstd::Zstd;
use zarr_engine::codec::{ArrayFilter, BytesCodec, Serializer, Spec, Window};
use zarr_engine::element::{Fill, Swap};
use zarr_engine::heap::{Heap, REFERENCE};

/// Damaged encodings per decoder.
const CASES: usize = 10_000;
/// Decoding one of them takes microseconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// A small generator of numbers (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `end`, or 0.
    fn below(&mut self, end: usize) -> usize {
        (self.next() >> 16) as usize % end.max(1)
    }

    fn bytes(&mut self, n: usize) -> Vec<u8> {
        (0..n).map(|_| self.next() as u8).collect()
    }

    /// A part of `0..n`.
    fn range(&mut self, n: usize) -> std::ops::Range<usize> {
        let (a, b) = (self.below(n + 1), self.below(n + 1));
        a.min(b)..a.max(b)
    }

    /// A size that is likely to be on the edge of something.
    fn size(&mut self, around: usize) -> u32 {
        let around = around as u32;
        match self.below(12) {
            0 => 0,
            1 => 1,
            2 => u32::MAX,
            3 => i32::MAX as u32,
            4 => i32::MIN as u32,
            5 => around.wrapping_sub(1),
            6 => around.wrapping_add(1),
            7 => around.wrapping_mul(2),
            8 => around / 2,
            9 => 1 << self.below(32),
            10 => self.below(70_000) as u32,
            _ => around,
        }
    }
}

/// Data that compress differently.
fn samples(random: &mut Random) -> Vec<Vec<u8>> {
    let words = |n: u32| (0..n).flat_map(|i| (i / 3).to_le_bytes()).collect::<Vec<u8>>();
    vec![
        Vec::new(),
        vec![7],
        vec![0; 1000],
        words(500),
        random.bytes(700),
        (0..600).flat_map(|i| (f64::from(i) * 0.1).sin().to_le_bytes()).collect(),
        [words(300), random.bytes(300), vec![255; 300]].concat(),
        [words(9000), random.bytes(4000)].concat(),
    ]
}

/// Damages `bytes` in one of many ways; `other` is another encoding by the same codec.
fn damage(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8], decoded: usize) {
    let n = bytes.len();
    match random.below(13) {
        0 if n > 0 => bytes[random.below(n)] ^= 1 << random.below(8),
        1 if n > 0 => bytes[random.below(n)] = [0, 255, 127, 128, 1][random.below(5)],
        2 if n > 0 => bytes[random.below(n.min(32))] = random.next() as u8,
        3 => bytes.truncate(random.below(n)),
        4 => {
            bytes.drain(random.range(n));
        }
        5 => {
            let part = bytes[random.range(n)].to_vec();
            let at = random.below(n + 1);
            bytes.splice(at..at, part);
        }
        6 => {
            let at = random.below(n + 1);
            bytes.truncate(at);
            bytes.extend_from_slice(&other[random.below(other.len())..]);
        }
        7 => {
            let extra = random.below(40);
            bytes.extend(random.bytes(extra));
        }
        8 => bytes.resize(n + random.below(40), [0, 255][random.below(2)]),
        9 | 10 if n >= 4 => {
            // A size, where sizes often are.
            let word = if random.below(3) == 0 { random.below(n / 4) } else { random.below((n / 4).min(12)) };
            let around = [n, decoded][random.below(2)];
            let size = random.size(around);
            bytes[word * 4..word * 4 + 4].copy_from_slice(&size.to_le_bytes());
        }
        11 => {
            let kept = random.below(n.min(24) + 1);
            bytes.truncate(kept);
            let extra = random.below(200);
            bytes.extend(random.bytes(extra));
        }
        _ => {
            let range = random.range(n);
            let value = random.next() as u8;
            bytes[range].fill(value);
        }
    }
}

fn cases() -> usize {
    let times = std::env::var("ZARR_FUZZ").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    CASES * times
}

/// Feeds `codec` damaged encodings of its own, which `mend` may make more plausible.
fn fuzz(codec: &dyn BytesCodec, align: usize, mend: impl Fn(&mut Random, &mut Vec<u8>, usize)) {
    let mut random = Random(0x5EED + codec.name().len() as u64);
    let encoded: Vec<(usize, Vec<u8>)> = samples(&mut random)
        .into_iter()
        .map(|mut data| {
            data.truncate(data.len() / align * align);
            let mut out = Vec::new();
            codec.encode(&data, &mut out).unwrap();
            (data.len(), out)
        })
        .collect();
    let mut refused = 0;
    for _ in 0..cases() {
        let (size, bytes) = &encoded[random.below(encoded.len())];
        let other = &encoded[random.below(encoded.len())].1;
        let mut bytes = bytes.clone();
        for _ in 0..=random.below(3) {
            damage(&mut random, &mut bytes, other, *size);
        }
        if random.below(2) == 0 {
            mend(&mut random, &mut bytes, *size);
        }
        // Exactly sized, so that a checker of memory sees every read past the end.
        let bytes = bytes.into_boxed_slice();
        let wanted = match random.below(8) {
            0 => random.below(70_000),
            1 => size + 1,
            2 => size.saturating_sub(1),
            _ => *size,
        };
        let start = Instant::now();
        let mut dst = vec![0xA5; wanted].into_boxed_slice();
        let whole = codec.decode_exact(&bytes, &mut dst);
        refused += usize::from(whole.is_err());
        if let Some((ranges, found)) = decode_ranges(&mut random, codec, &bytes, wanted)
            && whole.is_ok()
        {
            let start = ranges[0].0 as usize;
            for (from, to) in ranges.iter().map(|range| (range.0 as usize, range.1 as usize)) {
                assert_eq!(found[from - start..to - start], dst[from..to], "{codec:?}: a part is not what all is");
            }
        }
        let mut out = Vec::new();
        let done = codec.decode_bounded(&bytes, wanted, &mut out);
        assert!(out.len() <= wanted, "{codec:?}: {} bytes of output, {wanted} allowed", out.len());
        assert!(out.capacity() <= wanted + 64, "{codec:?}: took {} bytes, {wanted} allowed", out.capacity());
        refused += usize::from(done.is_err());
        assert!(start.elapsed() < PATIENCE, "{codec:?} took {:?}", start.elapsed());
    }
    // Damage everywhere should be noticed often.
    assert!(refused > cases() / 4, "{codec:?} refused {refused} only");
}

/// Ranges of data, and what was decoded of them.
type Parts = (Vec<(u64, u64)>, Vec<u8>);

/// Some ranges of `wanted` bytes that `bytes` are to become, and what was decoded of them.
fn decode_ranges(random: &mut Random, codec: &dyn BytesCodec, bytes: &[u8], wanted: usize) -> Option<Parts> {
    let mut ends: Vec<u64> = (0..2 * (1 + random.below(3))).map(|_| random.below(wanted + 1) as u64).collect();
    ends.sort_unstable();
    ends.dedup();
    let ranges: Vec<(u64, u64)> = ends.as_chunks::<2>().0.iter().map(|&[from, to]| (from, to)).collect();
    let (first, last) = (ranges.first()?.0, ranges.last()?.1);
    let mut dst = vec![0xA5; (last - first) as usize];
    let mut window = Window { total: wanted, ranges: &ranges, dst: &mut dst };
    let done = codec.decode_ranges(&bytes, &mut window).ok()?;
    done.then_some((ranges, dst))
}

fn no_mending(_: &mut Random, _: &mut Vec<u8>, _: usize) {}

#[test]
fn damaged_zstd_data_are_refused() {
    fuzz(&Zstd::new(1, false).unwrap(), 1, no_mending);
    fuzz(&Zstd::new(5, true).unwrap(), 1, |random, bytes, _| {
        // Without a size in the header, without a checksum.
        if let Some(flags) = bytes.get_mut(4) {
            *flags = random.next() as u8;
        }
    });
}

#[test]
fn damaged_gzip_data_are_refused() {
    fuzz(&Gzip::new(1).unwrap(), 1, |random, bytes, size| {
        // A plausible size at the end.
        if let Some(last) = bytes.last_chunk_mut::<4>() {
            *last = random.size(size).to_le_bytes();
        }
    });
}

#[test]
fn damaged_zlib_data_are_refused() {
    fuzz(&Zlib::new(6).unwrap(), 1, no_mending);
}

#[test]
fn damaged_lz4_data_are_refused() {
    fuzz(&Lz4::new(1).unwrap(), 1, |_, bytes, size| {
        if let Some(first) = bytes.first_chunk_mut::<4>() {
            *first = (size as u32).to_le_bytes();
        }
    });
}

#[test]
fn damaged_checksums_are_refused() {
    fuzz(&Crc32c::new().unwrap(), 1, no_mending);
}

#[test]
fn damaged_shuffled_data_are_refused() {
    for size in [2, 4, 8, 7] {
        fuzz(&Shuffle::new(size).unwrap(), size, no_mending);
    }
}

/// Damaged containers of `cname`.
fn fuzz_blosc(cname: &str) {
    for (shuffle, typesize, blocksize) in [(1, 4, 0), (2, 8, 1024), (0, 2, 300)] {
        let codec = Blosc::new(cname, 5, shuffle, typesize, blocksize).unwrap();
        fuzz(&codec, 1, |random, bytes, size| {
            let length = (bytes.len() as u32).to_le_bytes();
            if let Some(header) = bytes.first_chunk_mut::<16>() {
                // The sizes that are checked first, so that the rest is reached.
                header[4..8].copy_from_slice(&(size as u32).to_le_bytes());
                header[12..].copy_from_slice(&length);
                match random.below(6) {
                    0 => header[2] = random.next() as u8 & !0x0A,
                    1 => header[3] = random.next() as u8,
                    2 => header[8..12].copy_from_slice(&random.size(size).to_le_bytes()),
                    3 => header[2] ^= 1 << random.below(8),
                    _ => {}
                }
            }
        });
    }
}

#[test]
fn damaged_blosc_data_of_blosclz_are_refused() {
    fuzz_blosc("blosclz");
}

#[test]
fn damaged_blosc_data_of_lz4_are_refused() {
    fuzz_blosc("lz4");
}

#[test]
fn damaged_blosc_data_of_lz4hc_are_refused() {
    fuzz_blosc("lz4hc");
}

#[test]
fn damaged_blosc_data_of_snappy_are_refused() {
    fuzz_blosc("snappy");
}

#[test]
fn damaged_blosc_data_of_zlib_are_refused() {
    fuzz_blosc("zlib");
}

#[test]
fn damaged_blosc_data_of_zstd_are_refused() {
    fuzz_blosc("zstd");
}

#[test]
fn damaged_data_with_more_around_them_are_refused() {
    fuzz(&Optional::new(vec![Arc::new(Zstd::new(1, true).unwrap())], 1, "always").unwrap(), 1, no_mending);
    let codecs: Vec<Arc<dyn BytesCodec>> = vec![Arc::new(Lz4::new(1).unwrap()), Arc::new(Crc32c::new().unwrap())];
    fuzz(&Optional::new(codecs, 2, "smaller").unwrap(), 1, |random, bytes, _| {
        if let Some(header) = bytes.first_chunk_mut::<2>() {
            *header = [random.below(4) as u8, 0];
        }
    });
    let mut random = Random(0x5EED);
    let pad = Affix::new(true, vec![1, 2, 3]);
    for _ in 0..cases() {
        let length = random.below(10);
        let data = random.bytes(length);
        let wanted = random.below(10);
        assert_eq!(pad.decode_exact(&data, &mut vec![0; wanted]).is_ok(), length == wanted + 3);
        let mut out = Vec::new();
        assert_eq!(pad.decode_bounded(&data, wanted, &mut out).is_ok(), (3..=wanted + 3).contains(&length));
    }
}

#[test]
fn any_bytes_are_bits_if_they_are_as_many() {
    let mut random = Random(0x5EED);
    for _ in 0..cases() {
        let (dtype, size) = [("|u1", 1), ("<i2", 2), (">u4", 4), ("<i8", 8)][random.below(4)];
        let last = random.below(size * 8);
        let first = random.below(last + 1);
        let padding = ["none", "first_byte", "last_byte"][random.below(3)];
        let codec = PackBits::new(dtype, size as u32 * 8, first as u32, last as u32, padding).unwrap();
        let spec = Spec { shape: vec![random.below(9) as u64], size };
        let expected = codec.encoded_bound(&spec).unwrap().unwrap();
        let length = [expected, random.below(80)][random.below(2)];
        let mut bytes = random.bytes(length);
        let mut dst = vec![0xA5; spec.shape[0] as usize * size];
        let told = match padding {
            "first_byte" => bytes.first_mut(),
            "last_byte" => bytes.last_mut(),
            _ => None,
        };
        let missing = (8 - spec.shape[0] * (last - first + 1) as u64 % 8) % 8;
        let right = told.is_none_or(|told| {
            *told = [missing as u8, *told][random.below(2)];
            u64::from(*told) == missing
        });
        assert_eq!(codec.decode(&spec, &bytes, &mut dst).is_ok(), length == expected && right);
    }
}

#[test]
fn any_bytes_are_small_numbers_if_they_are_as_many() {
    let mut random = Random(0x5EED);
    for _ in 0..cases() {
        let size = random.below(5) + 1;
        let mask = random.bytes(size);
        let codec = Masked::new(Swap::None, &mask).unwrap();
        let spec = Spec { shape: vec![random.below(9) as u64], size };
        let expected = codec.encoded_bound(&spec).unwrap().unwrap();
        let length = [expected, random.below(50)][random.below(2)];
        let mut dst = vec![0xA5; expected];
        assert_eq!(codec.decode(&spec, &random.bytes(length), &mut dst).is_ok(), length == expected);
        assert!(length != expected || dst.iter().zip(mask.iter().cycle()).all(|(byte, mask)| byte & !mask == 0));
    }
}

#[test]
fn damaged_blocks_of_n5_are_refused() {
    let mut random = Random(0x5EED);
    let fill = Fill::new(&[1, 2]).unwrap();
    for compressed in [false, true] {
        let mut links = vec![Link::Transpose(vec![1, 0]), Link::Bytes(Swap::Every(2))];
        if compressed {
            links.push(Link::Outer(Arc::new(Zstd::new(1, true).unwrap())));
        }
        let codec = N5::new(Chain::new(links, 2, &fill).unwrap());
        let mut refused = 0;
        for _ in 0..cases() {
            let shape: Vec<u64> = vec![random.below(9) as u64 + 1, random.below(9) as u64 + 1];
            let spec = Spec { shape: shape.clone(), size: 2 };
            let data = random.bytes((shape[0] * shape[1] * 2) as usize);
            let mut bytes = Vec::new();
            codec.encode(&spec, &data, &mut bytes).unwrap();
            let other = bytes.clone();
            for _ in 0..=random.below(3) {
                damage(&mut random, &mut bytes, &other, data.len());
            }
            if random.below(2) == 0 {
                let size = random.size(shape[0] as usize).to_be_bytes();
                let at = [4, 8][random.below(2)];
                if let Some(length) = bytes.get_mut(at..at + 4) {
                    length.copy_from_slice(&size);
                }
            }
            let mut dst = vec![0xA5; data.len()];
            let start = Instant::now();
            refused += usize::from(codec.decode(&spec, &bytes, &mut dst).is_err());
            assert!(start.elapsed() < PATIENCE);
        }
        assert!(refused > cases() / 4, "refused {refused} only");
    }
}

#[test]
fn damaged_strings_are_refused() {
    let mut random = Random(0x5EED);
    let texts = ["", "a", "short", "é", "a string of more than a few letters, so that it is long"];
    for text in [true, false] {
        let mut refused = 0;
        for _ in 0..cases() {
            let count = random.below(20);
            let items: Vec<&str> = (0..count).map(|_| texts[random.below(texts.len())]).collect();
            let heap = Arc::new(Heap::new(text, Some(b"fill"), random.below(2) == 0).unwrap());
            let (codec, mut references) = (Vlen::new(Arc::clone(&heap)), Vec::new());
            let lengths: Vec<u32> = items.iter().map(|item| item.len() as u32).collect();
            heap.add(items.concat().into_bytes(), &lengths, &mut references).unwrap();
            let spec = Spec { shape: vec![count as u64], size: REFERENCE };
            let mut bytes = Vec::new();
            codec.encode(&spec, &references, &mut bytes).unwrap();
            let other = bytes.clone();
            for _ in 0..=random.below(3) {
                damage(&mut random, &mut bytes, &other, count * REFERENCE);
            }
            let mut decoded = vec![0xA5; count * REFERENCE];
            if codec.decode(&spec, &bytes, &mut decoded).is_err() {
                refused += 1;
                continue;
            }
            // Accepted data are those that were stored, and text.
            let mut again = Vec::new();
            codec.encode(&spec, &decoded, &mut again).unwrap();
            assert_eq!(again, bytes);
            let elements = heap.snapshot();
            for reference in decoded.as_chunks::<REFERENCE>().0 {
                let element = elements.get(reference).unwrap();
                assert!(!text || std::str::from_utf8(element).is_ok());
            }
        }
        assert!(refused > cases() / 4, "refused {refused} only");
    }
}

#[test]
fn any_bytes_are_differences() {
    let mut random = Random(0x5EED);
    let types = ["|u1", "<i2", ">i2", "<u4", ">f4", "<f4", "<i8", ">f8", "<f8"];
    for _ in 0..cases() {
        let dtype = types[random.below(types.len())];
        let filter = Delta::new(dtype).unwrap();
        let size = usize::from(dtype.as_bytes()[2] - b'0');
        let length = random.below(100);
        let mut data = random.bytes(length);
        let shape = vec![random.below(20) as u64, [1, 2, u64::MAX][random.below(3)]];
        let spec = Spec { size: [size, size, 3][random.below(3)], shape };
        let whole = spec.size == size
            && spec.shape[0].checked_mul(spec.shape[1]).and_then(|n| n.checked_mul(size as u64)) == Some(length as u64);
        assert_eq!(filter.decode(&spec, &mut data).is_ok(), whole);
        assert_eq!(data.len(), length);
    }
}

#[test]
fn a_run_that_overflows_a_length_is_refused() {
    // BloscLZ adds up the length of a match from bytes of 255, in a signed 32-bit number.
    let (size, run) = (16 << 20, (i32::MAX as usize / 255) + 100);
    let mut bytes = vec![2, 1, 0x10, 1];
    bytes.extend_from_slice(&(size as u32).to_le_bytes());
    bytes.extend_from_slice(&(size as u32).to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&20u32.to_le_bytes());
    let mut stream = vec![0, 9, 0xE0];
    stream.resize(run, 255);
    stream.extend_from_slice(&[0; 20]);
    bytes.extend_from_slice(&(stream.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&stream);
    let length = (bytes.len() as u32).to_le_bytes();
    bytes[12..16].copy_from_slice(&length);
    let codec = Blosc::new("blosclz", 5, 0, 1, 0).unwrap();
    let error = codec.decode_exact(&bytes, &mut vec![0; size]).unwrap_err();
    assert!(error.to_string().contains("a block is damaged"), "{error}");
}

#[test]
fn blocks_that_share_bytes_are_refused() {
    // Ten thousand blocks that are all the same long stream would be endless work: here a zlib
    // stream of 128 ones after a hundred thousand empty blocks.
    let mut stream = vec![0x78, 0x01];
    stream.extend_from_slice(&[0, 0, 0, 255, 255].repeat(100_000));
    stream.extend_from_slice(&[1, 128, 0, 127, 255]);
    stream.extend_from_slice(&[1; 128]);
    stream.extend_from_slice(&((128 + 128 * 129 / 2) << 16 | 129u32).to_be_bytes());
    let blocks = 10_000usize;
    let mut bytes = vec![2, 1, 0x70, 1];
    bytes.extend_from_slice(&((blocks * 128) as u32).to_le_bytes());
    bytes.extend_from_slice(&128u32.to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    for _ in 0..blocks {
        bytes.extend_from_slice(&((16 + 4 * blocks) as u32).to_le_bytes());
    }
    bytes.extend_from_slice(&(stream.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&stream);
    let length = (bytes.len() as u32).to_le_bytes();
    bytes[12..16].copy_from_slice(&length);
    let codec = Blosc::new("zstd", 5, 0, 1, 0).unwrap();
    let start = Instant::now();
    assert!(codec.decode_exact(&bytes, &mut vec![0; blocks * 128]).is_err());
    assert!(start.elapsed() < PATIENCE);
}

#[test]
fn a_bomb_takes_no_more_than_the_limit() {
    let zeros = vec![0; 64 << 20];
    let codecs: [&dyn BytesCodec; 5] = [
        &Zstd::new(1, false).unwrap(),
        &Gzip::new(1).unwrap(),
        &Zlib::new(1).unwrap(),
        &Lz4::new(1).unwrap(),
        &Blosc::new("lz4", 5, 1, 8, 0).unwrap(),
    ];
    for codec in codecs {
        let mut bomb = Vec::new();
        codec.encode(&zeros, &mut bomb).unwrap();
        let mut out = Vec::new();
        let error = codec.decode_bounded(&bomb, 1 << 20, &mut out).unwrap_err();
        assert!(error.to_string().contains("at most 1048576 bytes"), "{error}");
        assert!(out.capacity() <= 1 << 20, "{codec:?} took {} bytes", out.capacity());
    }
}

#[test]
fn an_announced_size_takes_no_memory_by_itself() {
    // A frame that says that it becomes 2^60 bytes, and its first block is all there is.
    let mut frame = vec![0x28, 0xB5, 0x2F, 0xFD, 0xE0];
    frame.extend_from_slice(&(1u64 << 60).to_le_bytes());
    frame.extend_from_slice(&[0x03, 0x00, 0x10, 7]);
    let mut out = Vec::new();
    assert!(Zstd::new(1, false).unwrap().decode_bounded(&frame, usize::MAX, &mut out).is_err());
    assert!(out.capacity() < 2 << 20);
    let mut out = Vec::new();
    let block = [0xFF, 0xFF, 0xFF, 0x7F, 0x10, 0];
    assert!(Lz4::new(1).unwrap().decode_bounded(&block, usize::MAX, &mut out).is_err());
    assert!(out.capacity() < 2 << 20);
    let member = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 3, 0, 0, 0, 0, 0, 255, 255, 255, 255];
    assert!(Gzip::new(1).unwrap().decode_bounded(&member, usize::MAX, &mut out).is_err());
    assert!(out.capacity() < 2 << 20);
}
