//! Blosc containers that other programs wrote, byte for byte.

#![allow(clippy::unwrap_used)]

use zarr_engine::codec::BytesCodec;
use zarr_engine::codec::blosc::Blosc;
use zarr_engine::error::Kind;

/// A configuration and what `words()` becomes by it.
type Golden = ((&'static str, i32, i32, usize, usize), &'static str);

#[rustfmt::skip]
const GOLDEN: &[Golden] = &[
// numcodecs.Blosc('blosclz', 5, 1, 0, typesize=4)
    (("blosclz", 5, 1, 4, 0),
     "020101046009000060090000f800000014000000420000002300000000e02e03010071e031000171e2e0310001e253e0 \
     31000153c4e0310001c435e031000135a6e0310001a617e03100011788e031000188f9e02f0002f9f9f9420000002300 \
     000000e02e03010011e03100011122e03100012234e03100013445e03100014557e03100015768e0310001687ae03100 \
     017a8be03100018b9ce02f00029c9c9c420000002300000000e02e03010001e03100010102e03100010203e031000103 \
     04e03100010405e03100010506e03100010607e03100010708e03100010809e02f00020909090e0000002300000000e0 \
     ffff4a0302000000"),
    // numcodecs.Blosc('lz4', 5, 1, 0, typesize=4)
    (("lz4", 5, 1, 4, 0),
     "020121046009000060090000d900000014000000380000001f000100281f710100281fe20100281f530100281fc40100 \
     281f350100281fa60100281f170100281f880100281ff901002350f9f9f9f9f9380000001f000100281f110100281f22 \
     0100281f340100281f450100281f570100281f680100281f7a0100281f8b0100281f9c010023509c9c9c9c9c38000000 \
     1f000100281f010100281f020100281f030100281f040100281f050100281f060100281f070100281f080100281f0901 \
     00235009090909090d0000001f000100ffff41500000000000"),
    // numcodecs.Blosc('lz4hc', 9, 2, 256, typesize=4)
    (("lz4hc", 9, 2, 4, 256),
     "0201340460090000000100002e020000380000005e0000008b000000c2000000fa00000036010000690100009e010000 \
     d20100000b02000022000000120001002ff00001000b1ff00800041f004000050f20001e0f01005f5000000000002900 \
     000012ff0100130001002bff0001000420001bff01000a1f000f4000070f20001e0f0100575000000000003300000011 \
     00010024f0ff01001f00010002042000390f00ff0100150f22000a10001bf048000e60000f2000060f01005750000000 \
     00003400000011ff01002400000800020100080a000818000410002affff28002fffff2000032f00006000030f200010 \
     0f01004f500000000000380000001000010043f0ffff00010013ff010004100009200013f01d00130f28001b0f300004 \
     20000e40000e60000f20000d0f01004f5000000000002f00000010ff01001300010016ff0100091300071b0004180009 \
     30000c28000c50000f6000100e20000f01004e500000000000310000006e00000000f0ff010017000100042000170f14 \
     000c10000428000820000448000f6000150e20000f01004a500000000000300000008cffffffff000000000800040c00 \
     0810000c01000834000c2c000c14000f6000010f2000111f00010047500000000000350000009b000000f0ffffffff00 \
     010013ff0100072000090800070100130f30000108000c20000f6000180f2000030f0100475000000000001f00000041 \
     ffffff0001001aff01000b1500080f00050c001f0001000b500000000000"),
    // numcodecs.Blosc('zlib', 1, 1, 0, typesize=4)
    (("zlib", 1, 1, 4, 0),
     "020161046009000060090000a5000000140000002600000078016360201f1452001e5100822900472800a61480651400 \
     710a400705e027050000974923dc2600000078016360201f085200942800261400570a403805208302504501e8a600cc \
     a1000000bfa9b6d1240000007801a5c1870100200800201b66fdff703f0844f40d30c1021b2438a0c0050f7cdbef0a8d \
     11000000780163601805a32140fd10000002580001"),
    // numcodecs.Blosc('zstd', 5, 2, 512, typesize=4)
    (("zstd", 5, 2, 4, 512),
     "0201940460090000000200005f010000240000005d0000009e000000de000000240100003500000028b52ffd6000015d \
     0100600000f0ff00ff00f0fff0ffff0d80f0ec0136402990e230f0c24b1ad8940c4a1af901238227a003e302363d0000 \
     0028b52ffd6000019d0100500000f0ff0000ff000f0f118050af032f1c054243443a34e9c0ca63400c459a420d47ad1a \
     1b0202c39adea0537004c601b0013c00000028b52ffd600001950100680000000000f0ff00ff00f00f0f0f8020bd1b38 \
     9c6a88880c6d828261e83705038863d45aa1bbb5330404a0055ed07900294200000028b52ffd600001c5010068000000 \
     00f0ff00000000ff0f0013a0b0c36a03c08209aaf629a0b68dd080a887412f411e10c404e20a328a3b6a0f430e716e52 \
     222ea6643700000028b52ffd6060006d010060000000f0ff00ffffffff0f0f0e8060b7361e97f254040c3cb18515085e \
     6c2cc2064697c4531200037e0c4006"),
    // numcodecs.Blosc('lz4', 1, 0, 1000, typesize=1)
    (("lz4", 1, 0, 1, 1000),
     "020120016009000060090000fb00000014000000e30000001f000100dcff047111010071110100711101007111010071 \
     11011400caff04e2220200e2220200e2220200e2220200e222021400caff045334030053340300533403005334030053 \
     34031400caff04c4450400c4450400c4450400c4450400c445041400caff043557050035570500355705003557050035 \
     57051400caff04a6680600a6680600a6680600a6680600a668061400caff04177a0700177a0700177a0700177a070017 \
     7a071400caff04888b0800888b0800888b0800888b0800888b081400caff04f99c0900f99c0900f99c0900f99c0900f9 \
     9c091400c55000f99c0900"),
    // numcodecs.Blosc('lz4', 9, 1, 300, typesize=3)
    (("lz4", 9, 1, 3, 300),
     "02013103600900002c010000cc010000300000005b00000091000000c7000000fa0000002d0100006301000099010000 \
     270000001f0001003c4c7100011104000f63003c1d0061003f71000164003d015500066900500001117100320000004f \
     710001110400254fe20002220400110f6100263f71000161001231e200022d000f6900240141000f69000b50000222e2 \
     00320000004fe20002220400114f530003340400250f6100123fe200026100263153000341000f690010012d000f6900 \
     1f5000033453002f0000004c5300033404004fc40004450400390d61003f53000361003a31c4000455000b6900011900 \
     0f69003350000445c4002f0000004f350005570400394ca600066804000f61003a3d350005610031a6000619000f6900 \
     3801550006690050000668a600320000004fa60006680400254f1700077a0400110f6100263fa6000661001231170007 \
     2d000f6900240141000f69000b5000077a1700320000004f1700077a0400114f8800088b0400250f6100123f17000761 \
     00263188000841000f690010012d000f69001f5000088b88002f0000004c8800088b04004ff900099c0400390d61003f \
     88000861003a31f9000955000b69000119000f6900335000099cf900"),
    // TensorStore, zarr driver, blosc with cname snappy, clevel 5, shuffle 1
    (("snappy", 5, 1, 4, 0),
     "020141046009000060090000e20000001400000034000000d8040000ea01000071ea010000e2ea01000053ea010000c4 \
     ea01000035ea010000a6ea01000017ea01000088ea010000f9ea010034000000d8040000ea01000011ea01000022ea01 \
     000034ea01000045ea01000057ea01000068ea0100007aea0100008bea0100009cea010034000000d8040000ea010000 \
     01ea01000002ea01000003ea01000004ea01000005ea01000006ea01000007ea01000008ea01000009ea010022000000 \
     d8040000fe0100fe0100fe0100fe0100fe0100fe0100fe0100fe0100fe01005a0100"),
];

/// `numpy.arange(600, dtype="<u4") // 60 * 70001`
fn words() -> Vec<u8> {
    (0..600u32).flat_map(|i| (i / 60 * 70001).to_le_bytes()).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.chars().filter_map(|c| c.to_digit(16)).map(|d| d as u8).collect();
    digits.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low).collect()
}

fn blosc() -> Blosc {
    Blosc::new("lz4", 5, 1, 4, 0).unwrap()
}

fn error(encoded: &[u8], size: usize) -> String {
    let error = blosc().decode_exact(encoded, &mut vec![0; size]).unwrap_err();
    assert_eq!(error.kind(), Kind::Corrupt);
    error.to_string()
}

#[test]
fn what_others_wrote_is_read() {
    for ((cname, ..), golden) in GOLDEN {
        let mut dst = vec![0; 2400];
        blosc().decode_exact(&bytes(golden), &mut dst).unwrap();
        assert!(dst == words(), "{cname}");
    }
}

#[test]
fn the_same_bytes_are_written_as_by_c_blosc() {
    for &((cname, clevel, shuffle, typesize, blocksize), golden) in GOLDEN {
        let codec = Blosc::new(cname, clevel, shuffle, typesize, blocksize).unwrap();
        let mut out = Vec::new();
        codec.encode(&words(), &mut out).unwrap();
        // libdeflate is not zlib, nor is every version of zstd the same.
        if !matches!(cname, "zlib" | "zstd") {
            assert!(out == bytes(golden), "{cname}");
        }
        assert_eq!(out[..12], bytes(golden)[..12], "{cname}");
    }
}

#[test]
fn small_and_empty_data_are_stored() {
    let cases: [(&[u8], &str); 2] =
        [(b"abc", "02013301030000000300000013000000616263"), (b"", "02013301000000000100000010000000")];
    for (data, golden) in cases {
        let codec = Blosc::new("lz4", 5, 1, 1, 0).unwrap();
        let mut out = Vec::new();
        codec.encode(data, &mut out).unwrap();
        assert_eq!(out, bytes(golden));
        let mut dst = vec![0; data.len()];
        codec.decode_exact(&out, &mut dst).unwrap();
        assert_eq!(dst, data);
    }
}

#[test]
fn a_long_element_is_taken_for_bytes() {
    let mut out = Vec::new();
    Blosc::new("lz4", 5, 1, 256, 0).unwrap().encode(&words(), &mut out).unwrap();
    assert_eq!(out[3], 1);
    Blosc::new("lz4", 5, 1, 255, 0).unwrap().encode(&words(), &mut out).unwrap();
}

#[test]
fn a_contradictory_configuration_is_refused() {
    let refused = [
        ("lzma", 5, 1, 4),
        ("lz4", 10, 1, 4),
        ("lz4", -1, 1, 4),
        ("lz4", 5, 3, 4),
        ("lz4", 5, -1, 4),
        ("lz4", 5, 1, 0),
    ];
    for (cname, clevel, shuffle, typesize) in refused {
        let error = Blosc::new(cname, clevel, shuffle, typesize, 0).unwrap_err();
        assert_eq!(error.kind(), Kind::Config, "{error}");
    }
}

#[test]
fn an_error_says_what_is_wrong_with_the_header() {
    let good = bytes(GOLDEN[1].1);
    let with = |at: usize, value: u8| {
        let mut bad = good.clone();
        bad[at] = value;
        error(&bad, 2400)
    };
    assert_eq!(with(0, 3), "blosc data are damaged: the version is unknown: expected 2, found 3");
    assert!(with(1, 2).contains("version of the compressor's format is unknown: expected 1, found 2"));
    assert!(with(2, 0x29).contains("reserved"));
    assert!(with(2, 0xE1).contains("the compressor is unknown"));
    assert!(with(3, 0).contains("contradicts"));
    assert_eq!(with(4, 0x61), "blosc data have the wrong size: expected 2400 bytes, found 2401 bytes");
    assert!(with(11, 0xFF).contains("contradicts"));
    assert!(with(12, 0xDA).contains("bytes follow their end: expected 218 bytes, found 217 bytes"));
    assert!(with(16, 0xFF).contains("outside"));
    assert!(with(20, 0xFF).contains("outside"));
    assert_eq!(error(&good[..10], 2400), "blosc data are damaged: the header is cut short");
}
