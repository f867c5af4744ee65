//! Documents of Zarr become arrays and chains that do what they say; all else is refused.

#![cfg(all(feature = "codecs", feature = "json"))]
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use zarr_engine::array::Array;
use zarr_engine::codec::chain::Chain;
use zarr_engine::codec::registry::Scope;
use zarr_engine::data_type::DataType;
use zarr_engine::element::Fill;
use zarr_engine::error::Kind;
use zarr_engine::heap::{Heap, REFERENCE};

const LITTLE: &str = r#"{"name": "bytes", "configuration": {"endian": "little"}}"#;

fn scope(axes: usize, data_type: &str) -> Scope {
    let data_type = DataType::named(data_type).unwrap();
    Scope::new(axes, data_type, Fill::new(&vec![0; data_type.size()]).unwrap())
}

/// The stored form of a chunk of 4 x 6 elements, all of its bytes different; it must come back.
fn stored(data_type: &str, codecs: &str) -> Vec<u8> {
    let scope = scope(2, data_type);
    let chain = Chain::from_json(codecs, &scope).unwrap();
    let form = chain.form(&[4, 6]).unwrap();
    let chunk: Vec<u8> = (0..form.nbytes).map(|i| i as u8 + 1).collect();
    let (mut out, mut back) = (Vec::new(), vec![0; form.nbytes]);
    chain.encode(&form, &mut chunk.clone(), &mut out).unwrap();
    chain.decode(&form, &out, &mut back).unwrap();
    assert_eq!(back, chunk, "{codecs}");
    out
}

fn refused(data_type: &str, codecs: &str) -> String {
    let error = Chain::from_json(codecs, &scope(2, data_type)).unwrap_err();
    assert_eq!(error.kind(), Kind::Config, "{codecs}");
    error.to_string()
}

fn codec(name: &str, configuration: &str) -> String {
    format!(r#"{{"name": "{name}", "configuration": {configuration}}}"#)
}

#[test]
fn every_codec_of_a_document_gives_back_what_it_was_given() {
    let bytes = [
        codec("numcodecs.shuffle", r#"{"elementsize": 2}"#),
        codec("blosc", r#"{"cname": "zstd", "clevel": 5, "shuffle": "bitshuffle", "typesize": 2, "blocksize": 0}"#),
        codec("blosc", r#"{"cname": "lz4", "clevel": 1, "shuffle": "noshuffle", "blocksize": 0}"#),
        r#""crc32c""#.to_owned(),
        codec("gzip", r#"{"level": 5}"#),
        codec("zstd", r#"{"level": -3, "checksum": true}"#),
        codec("offset", r#"{"offset": 2, "prefix": "SUk="}"#),
        codec("pad", r#"{"location": "end", "nbytes": 3}"#),
        codec("optional", r#"{"codecs": ["crc32c", {"name": "zstd"}], "header_bits": 16}"#),
        codec("numcodecs.lz4", r#"{"acceleration": 1}"#),
        codec("numcodecs.zlib", r#"{"level": -1}"#),
        codec("numcodecs.blosc", r#"{"cname": "blosclz", "clevel": 5, "shuffle": -1}"#),
        r#"{"id": "zstd", "level": 22}"#.to_owned(),
        r#"{"id": "crc32c", "location": null}"#.to_owned(),
    ];
    for bytes in &bytes {
        stored("uint16", &format!("[{LITTLE}, {bytes}]"));
    }
    stored("uint16", &format!("[{LITTLE}, {}]", bytes.join(", ")));
    for filter in [
        codec("transpose", r#"{"order": [1, 0]}"#),
        codec("transpose", r#"{"order": "F"}"#),
        codec("reshape", r#"{"shape": [[0, 1]]}"#),
        codec("reshape", r#"{"shape": [-1, 3]}"#),
        codec("singleton_dim", r#"{"operations": [{"insert": 1}, {"insert": 0}, {"remove": 2}]}"#),
        codec("numcodecs.delta", r#"{"dtype": "<u2", "astype": "<u2"}"#),
        codec("bitround", r#"{"keepbits": 16}"#),
    ] {
        stored("uint16", &format!("[{filter}, {LITTLE}]"));
    }
    stored("uint16", r#"["packbits"]"#);
    stored("complex64", &format!("[{}]", codec("packbits", r#"{"first_bit": 0, "padding_encoding": "last_byte"}"#)));
    let transposed = codec("transpose", r#"{"order": [1, 0]}"#);
    let big = codec("bytes", r#"{"endian": "big"}"#);
    stored("int16", &format!("[{}]", codec("n5_default", &format!(r#"{{"codecs": [{transposed}, {big}]}}"#))));
}

#[test]
fn shards_of_a_document_may_hold_shards() {
    let shard = |shape: &str, codecs: &str, location: &str| {
        let parts = format!(
            r#"{{"chunk_shape": {shape}, "codecs": [{codecs}], "index_codecs": [{LITTLE}, "crc32c"] {location}}}"#
        );
        codec("sharding_indexed", &parts)
    };
    let zstd = codec("zstd", r#"{"level": 1, "checksum": false}"#);
    let inner = shard("[1, 3]", &format!("{LITTLE}, {zstd}"), r#", "index_location": "start""#);
    stored("uint16", &format!("[{}]", shard("[2, 3]", &inner, "")));
    // Behind a codec that changes the number of dimensions, shards have that many.
    let flat = codec("reshape", r#"{"shape": [[0, 1]]}"#);
    stored("uint16", &format!("[{flat}, {}]", shard("[8]", LITTLE, "")));
    assert!(refused("uint16", &format!("[{}]", shard("[2, 0]", LITTLE, ""))).contains("inner chunk"));
    let compressed = shard("[2, 3]", LITTLE, "").replace(r#""crc32c""#, &zstd);
    assert!(refused("uint16", &format!("[{compressed}]")).contains("fixed size"));
}

#[test]
fn the_byte_order_of_a_document_is_that_of_the_stored_bytes() {
    let scope = scope(1, "uint16");
    for (endian, bytes) in [("little", [2, 1]), ("big", [1, 2])] {
        let codecs = format!("[{}]", codec("bytes", &format!(r#"{{"endian": "{endian}"}}"#)));
        let chain = Chain::from_json(&codecs, &scope).unwrap();
        let mut out = Vec::new();
        chain.encode(&chain.form(&[1]).unwrap(), &mut 0x0102u16.to_ne_bytes().to_vec(), &mut out).unwrap();
        assert_eq!(out, bytes);
    }
    assert!(refused("uint16", r#"["bytes"]"#).contains("byte order"));
    let middle = codec("bytes", r#"{"endian": "middle"}"#);
    assert!(refused("uint16", &format!("[{middle}]")).contains("middle"));
}

#[test]
fn strings_are_those_of_a_heap() {
    let heap = Arc::new(Heap::new(true, Some(b""), true).unwrap());
    let scope = Scope { heap: Some(Arc::clone(&heap)), ..Scope::untyped(1, Fill::new(heap.fill()).unwrap()) };
    let chain = Chain::from_json(r#"["vlen-utf8"]"#, &scope).unwrap();
    let (mut slots, mut out) = (Vec::new(), Vec::new());
    heap.add(b"abc".to_vec(), &[1, 2], &mut slots).unwrap();
    assert_eq!(chain.size(), REFERENCE);
    chain.encode(&chain.form(&[2]).unwrap(), &mut slots, &mut out).unwrap();
    assert_eq!(out, b"\x02\0\0\0\x01\0\0\0a\x02\0\0\0bc");
    assert_eq!(Chain::from_json(r#"["vlen-bytes"]"#, &scope).unwrap_err().kind(), Kind::Config);
}

#[test]
fn what_a_document_must_not_say_is_refused_with_the_name_of_the_codec() {
    let outer = |outer: &str| refused("uint16", &format!("[{LITTLE}, {outer}]"));
    assert!(outer(r#""zfp""#).contains("no codec \"zfp\""));
    assert!(outer(&codec("zstd", r#"{"level": "high"}"#)).contains("codec zstd"));
    assert!(outer(&codec("zstd", r#"{"level": 1, "threads": 2}"#)).contains("\"threads\""));
    assert!(outer(&codec("gzip", r#"{"level": 10}"#)).contains("codec gzip"));
    assert!(outer(&codec("blosc", r#"{"cname": "lz5"}"#)).contains("lz5"));
    assert!(outer(&codec("blosc", r#"{"shuffle": "much"}"#)).contains("much"));
    assert!(outer(&codec("pad", r#"{"location": "end", "nbytes": 3, "padding": "SUk="}"#)).contains("length"));
    assert!(outer(&codec("offset", r#"{"offset": 4294967296}"#)).contains("codec offset"));
    assert!(outer(&codec("offset", r#"{"offset": -1}"#)).contains("-1"));
    assert!(outer(&codec("optional", &format!(r#"{{"codecs": [{LITTLE}]}}"#))).contains("bytes to bytes"));
    assert!(outer(r#"{"name": "zstd", "must_obey": true}"#).contains("must_obey"));
    assert!(outer("7").contains("codec"));
    assert!(refused("uint16", "[").contains("JSON"));
    assert!(refused("uint16", r#"["crc32c"]"#).contains("wrong place"));
    assert!(refused("r16", r#"["packbits"]"#).contains("r16"));
    // How chunks are written is no part of a document, nor what the data type tells.
    assert!(outer(&codec("optional", r#"{"codecs": [], "apply": "never"}"#)).contains("\"apply\""));
    assert!(
        refused("uint16", &format!("[{}]", codec("bitround", r#"{"keepbits": 3, "dtype": "<u2"}"#))).contains("dtype")
    );
}

const ARRAY: &str = r#"{
    "zarr_format": 3, "node_type": "array", "shape": [4, 6], "data_type": "int32",
    "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2, 4]}},
    "chunk_key_encoding": {"name": "v2"}, "fill_value": 7, "attributes": {"a": 1},
    "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}], "dimension_names": ["y", null]
}"#;

#[test]
fn arrays_are_what_their_documents_say() {
    let array = Array::from_json("a/b", ARRAY).unwrap();
    assert_eq!((array.shape(), array.grid().uniform()), (vec![4, 6], Some(vec![2, 4])));
    assert_eq!(array.key(&[1, 0]).unwrap(), "a/b/1.0");
    assert_eq!(array.chain().fill().bytes(), 7i32.to_ne_bytes());

    let edges = r#"{"name": "rectilinear", "configuration": {"kind": "inline", "chunk_shapes": [[1, [2, 2]], 4]}}"#;
    let regular = r#"{"name": "regular", "configuration": {"chunk_shape": [2, 4]}}"#;
    let array = Array::from_json("", &ARRAY.replace(regular, edges)).unwrap();
    assert_eq!(array.key(&[2, 1]).unwrap(), "2.1");
    assert_eq!([array.grid().size(&[0, 0]), array.grid().size(&[1, 1])], [[1, 4], [2, 4]]);
    assert_eq!(array.grid().valid(&[2, 1]), [1, 2]);
}

#[test]
fn documents_that_cannot_be_served_are_refused() {
    let with = |from: &str, to: &str| {
        assert!(ARRAY.contains(from), "{from}");
        Array::from_json("", &ARRAY.replace(from, to)).map_err(|error| {
            assert_eq!(error.kind(), Kind::Config);
            error.to_string()
        })
    };
    assert!(with(r#""zarr_format": 3"#, r#""zarr_format": 2"#).is_err());
    assert!(with(r#""node_type": "array""#, r#""node_type": "group""#).is_err());
    assert!(with(r#""int32""#, r#""int33""#).unwrap_err().contains("int33"));
    assert!(with(r#""int32""#, r#"{"name": "struct"}"#).unwrap_err().contains("struct"));
    assert!(with("[4, 6]", "[4, -6]").is_err());
    assert!(with("[2, 4]", "[2]").unwrap_err().contains("dimensions"));
    assert!(with("[2, 4]", "[0, 4]").is_err());
    assert!(with(r#""regular""#, r#""hexagonal""#).unwrap_err().contains("hexagonal"));
    assert!(with(r#"{"name": "v2"}"#, r#"{"name": "v2", "configuration": {"separator": "-"}}"#).is_err());
    assert!(with(r#""fill_value": 7"#, r#""fill_value": 7.5"#).unwrap_err().contains("7.5"));
    assert!(with(r#""fill_value": 7, "#, "").unwrap_err().contains("fill_value"));
    // Extensions count, unless they say that nobody need know them.
    assert!(with(r#"{"a": 1}"#, r#"{}, "ext": {"name": "x"}"#).unwrap_err().contains("ext"));
    assert!(with(r#"{"a": 1}"#, r#"{}, "ext": {"name": "x", "must_understand": false}"#).is_ok());
    assert!(with(r#"{"a": 1}"#, r#"{}, "storage_transformers": [{"name": "x"}]"#).is_err());
    assert!(with(r#"{"a": 1}"#, r#"{}, "storage_transformers": []"#).is_ok());
    // More chunks than memory holds are an error, and no abort.
    let edges = r#"{"name": "rectilinear", "configuration": {"kind": "inline", "chunk_shapes": [[[1, 1000000000000000000]], 4]}}"#;
    let regular = r#"{"name": "regular", "configuration": {"chunk_shape": [2, 4]}}"#;
    assert!(Array::from_json("", &ARRAY.replace(regular, edges)).is_err());
}
