//! Data that numcodecs and Python's own modules wrote, byte for byte.

#![allow(clippy::unwrap_used)]

use zarr_engine::codec::crc32c::Crc32c;
use zarr_engine::codec::deflate::{Gzip, Zlib};
use zarr_engine::codec::delta::Delta;
use zarr_engine::codec::lz4::Lz4;
use zarr_engine::codec::shuffle::Shuffle;
use zarr_engine::codec::zstd::Zstd;
use zarr_engine::codec::{ArrayFilter, BytesCodec, Spec};
use zarr_engine::error::Kind;

fn text() -> Vec<u8> {
    b"to be, or not to be, that is the question: ".repeat(3)
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.chars().filter_map(|c| c.to_digit(16)).map(|d| d as u8).collect();
    digits.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low).collect()
}

fn encoded(codec: &dyn BytesCodec, data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    codec.encode(data, &mut out).unwrap();
    out
}

/// Decodes in both ways, which must agree.
fn decoded(codec: &dyn BytesCodec, src: &[u8], size: usize) -> Result<Vec<u8>, String> {
    let mut dst = vec![0; size];
    let exact = codec.decode_exact(src, &mut dst);
    let mut out = Vec::new();
    let bounded = codec.decode_bounded(src, size + 1, &mut out);
    match exact {
        Ok(()) => {
            bounded.unwrap();
            assert_eq!(dst, out);
            Ok(dst)
        }
        Err(error) => {
            assert_eq!(error.kind(), Kind::Corrupt);
            Err(error.to_string())
        }
    }
}

const ZSTD: &str = "28b52ffd20818501003402746f2062652c206f72206e6f74207468617420697320746865207175657374696f6e3a\
                    0300ec1402817a4cb85309";
const ZSTD_CHECKSUM: &str = "28b52ffd24817501004402746f2062652c206f72206e6f742074686174206973207468652071756573746\
                             96f6e3a200200c6a9d944369571bf22a3";
/// `GzipFile("name.bin", "wb", 9, …, mtime=1)`
const GZIP: &str = "1f8b08080100000002ff6e616d652e62696e002bc957484ad551c82f52c8cb2f512881f04a32124b14328b8174aa4261\
                    696a7149667e9e154c92ca4a01f35f77cb81000000";
const ZLIB: &str =
    "78012bc957484ad551c82f52c8cb2f512881f04a32124b14328b154a3252150a4b538b4b32f3f3ac609254560a0010d22bdb";
const LZ4: &str = "81000000e3746f2062652c206f72206e6f74200e00f4067468617420697320746865207175657374696f6e3a1d000f2b00\
                   3750696f6e3a20";

#[test]
fn zstd_frames_are_read_one_after_the_other() {
    let codec = Zstd::new(1, false).unwrap();
    let frame = bytes(ZSTD);
    let checked = bytes(ZSTD_CHECKSUM);
    assert_eq!(decoded(&codec, &frame, 129).unwrap(), text());
    assert_eq!(decoded(&codec, &checked, 129).unwrap(), text());
    // To be skipped: four bytes.
    let skipped = bytes("5a2a4d1804000000 01020304");
    let all = [&skipped[..], &frame, &skipped, &checked, &skipped].concat();
    assert_eq!(decoded(&codec, &all, 258).unwrap(), [text(), text()].concat());
    assert_eq!(decoded(&codec, &skipped, 0).unwrap(), b"");
    assert_eq!(encoded(&codec, b""), bytes("28b52ffd2000010000"));
}

#[test]
fn a_zstd_frame_without_a_size_is_read() {
    let codec = Zstd::new(1, false).unwrap();
    // No size, a window of 64 MiB, one raw and one run-length block.
    let frame = bytes("28b52ffd 00 80 180000 616263 fb0000 7a");
    let mut wanted = b"abc".to_vec();
    wanted.resize(3 + 31, b'z');
    assert_eq!(decoded(&codec, &frame, 34).unwrap(), wanted);
    assert!(decoded(&codec, &frame, 33).unwrap_err().contains("expected 33 bytes, found more than 33 bytes"));
    assert!(decoded(&codec, &frame, 35).unwrap_err().contains("expected 35 bytes, found 34 bytes"));
    let mut out = Vec::new();
    let error = codec.decode_bounded(&frame, 33, &mut out).unwrap_err();
    assert!(error.to_string().contains("expected at most 33 bytes"), "{error}");
}

#[test]
fn a_zstd_error_says_what_is_wrong() {
    let codec = Zstd::new(1, false).unwrap();
    let frame = bytes(ZSTD);
    let error = |src: &[u8], size| decoded(&codec, src, size).unwrap_err();
    assert_eq!(error(&frame, 100), "zstd data have the wrong size: expected 100 bytes, found 129 bytes");
    assert_eq!(error(&frame, 200), "zstd data have the wrong size: expected 200 bytes, found 129 bytes");
    assert_eq!(error(b"", 0), "zstd data are empty");
    assert_eq!(error(&[&frame[..], b"junk"].concat(), 129), "byte 57 of the zstd data starts no frame");
    assert!(error(&frame[..50], 129).starts_with("zstd data are damaged"));
    let mut checked = bytes(ZSTD_CHECKSUM);
    *checked.last_mut().unwrap() ^= 1;
    assert!(error(&checked, 129).contains("checksum"));
    // A frame of zstd 0.7, which the library may know.
    assert!(error(&bytes("27b52ffd 00 80 180000 616263 fb0000 7a"), 34).contains("starts no frame"));
}

#[test]
fn a_zstd_level_beyond_the_range_is_the_nearest() {
    let data = text();
    let highest = encoded(&Zstd::new(22, false).unwrap(), &data);
    assert_eq!(encoded(&Zstd::new(100, false).unwrap(), &data), highest);
    // numcodecs.Zstd(level=-500000).encode(b"abc" * 10)
    let lowest = bytes("28b52ffd201ef10000616263616263616263616263616263616263616263616263616263616263");
    assert_eq!(encoded(&Zstd::new(-500_000, false).unwrap(), &b"abc".repeat(10)), lowest);
}

#[test]
fn gzip_members_are_read_one_after_the_other() {
    let codec = Gzip::new(5).unwrap();
    let member = bytes(GZIP);
    assert_eq!(decoded(&codec, &member, 129).unwrap(), text());
    let own = encoded(&codec, &text());
    let empty = encoded(&codec, b"");
    let all = [&member[..], &empty, &own, &own, &empty].concat();
    assert_eq!(decoded(&codec, &all, 387).unwrap(), text().repeat(3));
    assert_eq!(decoded(&codec, &empty, 0).unwrap(), b"");
}

#[test]
fn bytes_after_a_gzip_member_are_refused() {
    let codec = Gzip::new(5).unwrap();
    for junk in [&b"\0"[..], &[0; 512], b"junk", &bytes(GZIP)[..20]] {
        let error = decoded(&codec, &[&bytes(GZIP)[..], junk].concat(), 129).unwrap_err();
        assert_eq!(error, "what follows byte 69 of the gzip data is no member or a damaged one");
    }
}

#[test]
fn gzip_output_says_nothing_of_time_and_place() {
    let out = encoded(&Gzip::new(6).unwrap(), &text());
    // No flags, no time; the operating system is unknown.
    assert_eq!(out[..8], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
    assert_eq!(out[9], 255);
}

#[test]
fn a_zlib_stream_stands_alone() {
    let codec = Zlib::new(6).unwrap();
    let stream = bytes(ZLIB);
    assert_eq!(decoded(&codec, &stream, 129).unwrap(), text());
    let twice = stream.repeat(2);
    let error = decoded(&codec, &twice, 129).unwrap_err();
    assert_eq!(error, "bytes follow the end of the zlib data: expected 50 bytes, found 100 bytes");
    let error = decoded(&codec, &stream, 130).unwrap_err();
    assert_eq!(error, "zlib data have the wrong size: expected 130 bytes, found 129 bytes");
    let error = decoded(&codec, &stream, 128).unwrap_err();
    assert_eq!(error, "zlib data have the wrong size: expected 128 bytes, found more than 128 bytes");
}

#[test]
fn a_deflate_level_is_0_to_9() {
    for level in [-2, 10] {
        assert_eq!(Gzip::new(level).unwrap_err().kind(), Kind::Config);
        assert_eq!(Zlib::new(level).unwrap_err().kind(), Kind::Config);
    }
    let data = text();
    let stored = encoded(&Gzip::new(0).unwrap(), &data);
    assert!(stored.len() > data.len());
    assert_eq!(encoded(&Gzip::new(-1).unwrap(), &data), encoded(&Gzip::new(6).unwrap(), &data));
}

#[test]
fn lz4_is_a_size_and_a_block() {
    let codec = Lz4::new(1).unwrap();
    let golden = bytes(LZ4);
    assert_eq!(encoded(&codec, &text()), golden);
    assert_eq!(decoded(&codec, &golden, 129).unwrap(), text());
    assert_eq!(encoded(&codec, b""), [0; 5]);
    assert_eq!(decoded(&codec, &[0; 5], 0).unwrap(), b"");
    let error = decoded(&codec, &golden, 100).unwrap_err();
    assert_eq!(error, "LZ4 data have the wrong size: expected 100 bytes, found 129 bytes");
    let error = decoded(&codec, &[&golden[..], b"x"].concat(), 129).unwrap_err();
    assert_eq!(error, "LZ4 data are damaged");
    // numcodecs.LZ4(acceleration=10).encode(b"abcdefgh" * 10)
    let golden = bytes(
        "50000000ff11616263646566676861626364656667686162636465666768616263646566676820001850\
                        6465666768",
    );
    assert_eq!(encoded(&Lz4::new(10).unwrap(), &b"abcdefgh".repeat(10)), golden);
}

#[test]
fn a_checksum_follows_the_data() {
    let codec = Crc32c::new().unwrap();
    let golden = bytes("313233343536373839 839206e3");
    assert_eq!(encoded(&codec, b"123456789"), golden);
    assert_eq!(decoded(&codec, &golden, 9).unwrap(), b"123456789");
    let mut bad = golden.clone();
    bad[0] = b'0';
    let error = decoded(&codec, &bad, 9).unwrap_err();
    assert_eq!(error, "the checksum does not match: expected 0xe3069283, found 0x173844cb");
    let error = decoded(&codec, &bad[..3], 0).unwrap_err();
    assert_eq!(error, "there is no checksum: expected at least 4 bytes, found 3 bytes");
    // As long as several steps.
    let long = vec![1; 100_000];
    assert_eq!(decoded(&codec, &encoded(&codec, &long), 100_000).unwrap(), long);
}

#[test]
fn shuffled_bytes_stand_by_their_place_in_the_element() {
    let data: Vec<u8> = (0..16).collect();
    for (size, golden) in [
        (0, "000102030405060708090a0b0c0d0e0f"),
        (1, "000102030405060708090a0b0c0d0e0f"),
        (2, "00020406080a0c0e01030507090b0d0f"),
        (4, "0004080c0105090d02060a0e03070b0f"),
        (8, "00080109020a030b040c050d060e070f"),
        (16, "000102030405060708090a0b0c0d0e0f"),
    ] {
        let codec = Shuffle::new(size).unwrap();
        assert_eq!(encoded(&codec, &data), bytes(golden));
        assert_eq!(decoded(&codec, &bytes(golden), 16).unwrap(), data);
    }
    // Every size, and lengths around those that are done in registers.
    for size in 2..40 {
        for count in [0, 1, 7, 15, 16, 17, 33, 100] {
            let data: Vec<u8> = (0..size * count).map(|i| (i * 7 % 251) as u8).collect();
            let codec = Shuffle::new(size).unwrap();
            let out = encoded(&codec, &data);
            let plain: Vec<u8> = (0..size * count).map(|i| data[i % count * size + i / count]).collect();
            assert_eq!(out, plain, "{size} {count}");
            assert_eq!(decoded(&codec, &out, data.len()).unwrap(), data, "{size} {count}");
        }
    }
}

#[test]
fn only_whole_elements_are_shuffled() {
    let codec = Shuffle::new(4).unwrap();
    let error = codec.encode(&[1, 2, 3, 4, 5], &mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), Kind::Config);
    let error = decoded(&codec, &[1, 2, 3, 4, 5], 5).unwrap_err();
    assert!(error.ends_with("expected a multiple of 4 bytes, found 5 bytes"), "{error}");
}

#[test]
fn differences_are_those_of_numcodecs() {
    for (dtype, data, differences, back) in [
        ("|u1", "0501c803ff", "05fcc73bfc", "0501c803ff"),
        (">i2", "80007fff00000005", "8000ffff80010005", "80007fff00000005"),
        ("<i4", "05000000 01000000 c8000000", "05000000 fcffffff c7000000", "05000000 01000000 c8000000"),
        (
            "<f4",
            "cdcccc3d9a99993e00000080caf249716f12833a0000e840",
            "cdcccc3dcecc4c3e9a9999becaf24971caf249f1cff7e740",
            "cdcccc3d9a99993e00000000caf2497100000000cff7e740",
        ),
        (
            ">f8",
            "3fb999999999999a3fd3333333333333800000000000000046293e5939a08cea3f50624dd2f1a9fc401d000000000000",
            "3fb999999999999a3fc9999999999999bfd333333333333346293e5939a08ceac6293e5939a08cea401cfef9db22d0e5",
            "3fb999999999999a3fd3333333333333000000000000000046293e5939a08cea0000000000000000401cfef9db22d0e5",
        ),
        ("<u8", "", "", ""),
    ] {
        let filter = Delta::new(dtype).unwrap();
        let size = usize::from(dtype.as_bytes()[2] - b'0');
        let mut data = bytes(data);
        let spec = Spec { shape: vec![1, (data.len() / size) as u64], size };
        assert_eq!(filter.encoded_spec(&spec).unwrap(), spec);
        filter.encode(&spec, &mut data).unwrap();
        assert_eq!(data, bytes(differences), "{dtype}");
        filter.decode(&spec, &mut data).unwrap();
        assert_eq!(data, bytes(back), "{dtype}");
    }
}

#[test]
fn integers_wrap_around() {
    for dtype in ["|i1", "|u1", "<i2", ">u2", "<i4", ">i4", "<u8", ">i8"] {
        let filter = Delta::new(dtype).unwrap();
        let size = usize::from(dtype.as_bytes()[2] - b'0');
        let data: Vec<u8> = (0..size as u32 * 1000).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let spec = Spec { shape: vec![1000], size };
        let mut filtered = data.clone();
        filter.encode(&spec, &mut filtered).unwrap();
        assert_ne!(filtered, data);
        filter.decode(&spec, &mut filtered).unwrap();
        assert_eq!(filtered, data, "{dtype}");
    }
}

#[test]
fn differences_are_of_numbers_of_the_array() {
    for dtype in ["", "<", "<i3", "<f2", "<c8", "|b1", "<M8[s]", "i4", "S4"] {
        assert_eq!(Delta::new(dtype).unwrap_err().kind(), Kind::Config, "{dtype}");
    }
    let filter = Delta::new("<i4").unwrap();
    let error = filter.encode(&Spec { shape: vec![2], size: 2 }, &mut vec![0; 4]).unwrap_err();
    assert_eq!(error.kind(), Kind::Config);
    let error = filter.decode(&Spec { shape: vec![2], size: 4 }, &mut vec![0; 7]).unwrap_err();
    assert_eq!(error.kind(), Kind::Corrupt);
}
