//! Promises of every codec from bytes to bytes.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use zarr_engine::codec::BytesCodec;
use zarr_engine::codec::blosc::Blosc;
use zarr_engine::codec::crc32c::Crc32c;
use zarr_engine::codec::deflate::{Gzip, Zlib};
use zarr_engine::codec::lz4::Lz4;
use zarr_engine::codec::shuffle::Shuffle;
use zarr_engine::codec::zstd::Zstd;
use zarr_engine::error::Kind;

fn codecs() -> Vec<Box<dyn BytesCodec>> {
    let mut all: Vec<Box<dyn BytesCodec>> = vec![
        Box::new(Crc32c::new().unwrap()),
        Box::new(Shuffle::new(1).unwrap()),
        Box::new(Zstd::new(-7, false).unwrap()),
        Box::new(Zstd::new(0, true).unwrap()),
        Box::new(Zstd::new(3, false).unwrap()),
    ];
    for level in [-1, 0, 1, 6, 9] {
        all.push(Box::new(Gzip::new(level).unwrap()));
        all.push(Box::new(Zlib::new(level).unwrap()));
    }
    for acceleration in [-1, 0, 1, 50] {
        all.push(Box::new(Lz4::new(acceleration).unwrap()));
    }
    for cname in ["blosclz", "lz4", "lz4hc", "snappy", "zlib", "zstd"] {
        for (clevel, shuffle, typesize, blocksize) in
            [(0, 1, 4, 0), (1, 0, 1, 256), (5, 1, 4, 0), (5, 2, 8, 1000), (9, 1, 7, 512), (3, 2, 300, 0)]
        {
            all.push(Box::new(Blosc::new(cname, clevel, shuffle, typesize, blocksize).unwrap()));
        }
    }
    all
}

/// Data of some structure: slowly changing words, with noise in some of them.
fn data() -> impl Strategy<Value = Vec<u8>> {
    let smooth = (0usize..6000, any::<u32>(), 0u32..5, any::<u8>()).prop_map(|(n, start, step, tail)| {
        let mut data: Vec<u8> = (0..n as u32).flat_map(|i| start.wrapping_add(i * step).to_le_bytes()).collect();
        data.truncate(data.len().saturating_sub(usize::from(tail % 4)));
        data
    });
    let noise = proptest::collection::vec(any::<u8>(), 0..3000);
    prop_oneof![smooth, noise]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_was_encoded_decodes_to_the_same_bytes(data in data()) {
        for codec in codecs() {
            let mut out = b"before".to_vec();
            codec.encode(&data, &mut out).unwrap();
            prop_assert_eq!(&out[..6], b"before", "{:?} appends", codec);
            let encoded = &out[6..];
            prop_assert!(encoded.len() <= codec.encoded_bound(data.len()).unwrap(), "{:?}", codec);
            if let Some(exact) = codec.encoded_exact(data.len()) {
                prop_assert_eq!(encoded.len(), exact, "{:?}", codec);
            }
            let mut exact = vec![0xAA; data.len()];
            codec.decode_exact(encoded, &mut exact).unwrap();
            prop_assert_eq!(&exact, &data, "{:?}", codec);
            for limit in [data.len(), data.len() + 1, usize::MAX] {
                let mut bounded = b"replaced".to_vec();
                codec.decode_bounded(encoded, limit, &mut bounded).unwrap();
                prop_assert_eq!(&bounded, &data, "{:?} {}", codec, limit);
            }
        }
    }

    #[test]
    fn a_wrong_size_is_corruption(data in data()) {
        for codec in codecs() {
            let mut encoded = Vec::new();
            codec.encode(&data, &mut encoded).unwrap();
            let mut long = vec![0; data.len() + 1];
            prop_assert_eq!(codec.decode_exact(&encoded, &mut long).unwrap_err().kind(), Kind::Corrupt);
            if let Some(size) = data.len().checked_sub(1) {
                let error = codec.decode_exact(&encoded, &mut long[..size]).unwrap_err();
                prop_assert_eq!(error.limited_by_metadata().kind(), Kind::Corrupt, "{:?}", codec);
                let error = codec.decode_bounded(&encoded, size, &mut Vec::new()).unwrap_err();
                prop_assert_eq!(error.limited_by_metadata().kind(), Kind::Corrupt, "{:?}", codec);
            }
        }
    }

    #[test]
    fn bytes_after_the_end_and_missing_ones_are_corruption(data in data(), extra in 1usize..9, fill in any::<u8>()) {
        for codec in codecs() {
            let mut encoded = Vec::new();
            codec.encode(&data, &mut encoded).unwrap();
            let mut dst = vec![0; data.len()];
            let cut = encoded.len() - extra.min(encoded.len());
            let error = codec.decode_exact(&encoded[..cut], &mut dst);
            prop_assert_eq!(error.map_err(|e| e.kind()), Err(Kind::Corrupt), "{:?} cut", codec);
            encoded.extend(std::iter::repeat_n(fill, extra));
            let error = codec.decode_exact(&encoded, &mut dst);
            prop_assert_eq!(error.map_err(|e| e.kind()), Err(Kind::Corrupt), "{:?} extended", codec);
        }
    }
}

#[test]
fn encoding_is_deterministic() {
    let data: Vec<u8> = (0..40_000u32).flat_map(|i| (i / 7).to_le_bytes()).collect();
    for codec in codecs() {
        let (mut one, mut other) = (Vec::new(), vec![1; 100_000]);
        codec.encode(&data, &mut one).unwrap();
        other.clear();
        codec.encode(&data, &mut other).unwrap();
        assert!(one == other, "{codec:?}");
    }
}

#[test]
fn threads_share_a_codec() {
    let data: Vec<u8> = (0..20_000u32).flat_map(|i| (i / 5).to_le_bytes()).collect();
    for codec in codecs() {
        let mut encoded = Vec::new();
        codec.encode(&data, &mut encoded).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut again = Vec::new();
                    codec.encode(&data, &mut again).unwrap();
                    assert!(again == encoded, "{codec:?}");
                    let mut dst = vec![0; data.len()];
                    codec.decode_exact(&encoded, &mut dst).unwrap();
                    assert!(dst == data, "{codec:?}");
                });
            }
        });
    }
}

#[test]
fn what_a_format_cannot_hold_is_refused_before_it_is_read() {
    // Untouched zeros: the system does not give memory for them.
    let data = vec![0; i32::MAX as usize - 15];
    for codec in [&Blosc::new("lz4", 5, 1, 4, 0).unwrap() as &dyn BytesCodec, &Lz4::new(1).unwrap()] {
        let mut out = Vec::new();
        let error = codec.encode(&data, &mut out).unwrap_err();
        assert_eq!(error.kind(), Kind::TooLarge, "{error}");
        assert_eq!(out.capacity(), 0);
    }
}
