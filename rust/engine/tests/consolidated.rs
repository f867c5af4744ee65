//! Consolidated metadata: where the nodes are in a document, and which documents are none.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use zarr_engine::document::{Kind, Members, members};

fn found(document: &str) -> Option<Members> {
    members(document.as_bytes(), &["c", "metadata"]).unwrap()
}

/// A document whose only node is `value`.
fn with(value: &str) -> String {
    format!(r#"{{"a": [1], "c": {{"metadata": {{"n": {value}}}, "kind": "inline"}}}}"#)
}

#[test]
fn nodes_are_told_apart_by_their_first_level() {
    for (value, kind) in [
        (r#"{"zarr_format": 3, "node_type": "array"}"#, Kind::Array),
        (r#"{ "node_type":"group","zarr_format":3 }"#, Kind::Group),
        (r#"{"zarr_format": 2, "shape": []}"#, Kind::Version2),
        (r#"{"zarr_format": 3.0, "node_type": "group"}"#, Kind::Object),
        (r#"{"zarr_format": 3, "node_type": "table"}"#, Kind::Object),
        (r#"{"deeper": {"zarr_format": 3, "node_type": "array"}}"#, Kind::Object),
        (r#"{"zarr_format": 3, "zarr_format": 3, "node_type": "group"}"#, Kind::Other),
        (r#"{"zarr_format": 3, "node\u005ftype": "group"}"#, Kind::Other),
        ("{}", Kind::Object),
        ("[{}]", Kind::Other),
        ("-Infinity", Kind::Other),
    ] {
        let document = with(value);
        let found = found(&document).unwrap();
        assert_eq!(found.members[0].kind, kind, "{value}");
        assert_eq!(&document[found.members[0].value.clone()], value);
        assert!(document[found.place].starts_with(r#"{"n""#));
    }
}

#[test]
fn attributes_are_found_where_they_are_an_object() {
    for (value, attributes) in [
        (r#"{"attributes": {"a": {"attributes": {}}}, "shape": [1]}"#, r#"{"a": {"attributes": {}}}"#),
        (r#"{"attributes": null}"#, ""),
        (r#"{"attributes": {}, "attributes": {"b": 1}}"#, ""),
        (r#"{"inner": {"attributes": {}}}"#, ""),
    ] {
        let document = with(value);
        assert_eq!(&document[found(&document).unwrap().members[0].attributes.clone()], attributes);
    }
}

#[test]
fn names_are_what_they_mean() {
    let name = |written: &str| {
        let document = format!(r#"{{"c": {{"metadata": {{"{written}": 1}}}}}}"#);
        found(&document).map(|found| found.members[0].name.clone())
    };
    assert_eq!(name("g/é").unwrap(), "g/é");
    assert_eq!(name(r"\u00e9\ud83d\ude00\/\n\\u").unwrap(), "é😀/\n\\u");
    // Python has such strings, and Rust has not.
    assert_eq!(name(r"\ud83d"), None);
}

#[test]
fn what_python_refuses_or_takes_otherwise_is_left_to_it() {
    let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    for value in
        ["nul", "01", "1.", "-", "+1", ".5", "1e", "'a'", r#""\x""#, r#""\u12g4""#, "\"\t\"", "[1,]", "{\"a\"}"]
    {
        assert_eq!(found(&with(value)), None, "{value}");
    }
    for value in ["NaN", "Infinity", "-0.5e+3", "\"\u{7f}\"", "[ ]", &deep(90), &"9".repeat(900)] {
        assert!(found(&with(value)).is_some(), "{value}");
    }
    for value in [&*deep(300), &"9".repeat(5000)] {
        assert_eq!(found(&with(value)), None);
    }
    for document in [
        "",
        "[]",
        r#"{"c": {"metadata": []}}"#,
        r#"{"c": {}}"#,
        r#"{"c": {"metadata": {}}} x"#,
        r#"{"c": {"metadata": {}}, "c": {"metadata": {}}}"#,
        r#"{"c": {"metadata": {}}, "\u0063": 1}"#,
        "\u{feff}{\"c\": {\"metadata\": {}}}",
    ] {
        assert_eq!(found(document), None, "{document}");
    }
    assert_eq!(members(b"{\"c\": {\"metadata\": {\"\xff\": 1}}}", &["c", "metadata"]).unwrap(), None);
}

proptest! {
    #[test]
    fn no_bytes_do_harm(bytes in proptest::collection::vec(any::<u8>(), 0..60), at in 0usize..120, keep in any::<bool>()) {
        let mut document = with(r#"{"zarr_format": 3, "node_type": "array", "attributes": {"a": [1.5]}}"#).into_bytes();
        let at = at.min(document.len());
        let end = if keep { at } else { (at + bytes.len()).min(document.len()) };
        document.splice(at..end, bytes);
        if let Some(found) = members(&document, &["c", "metadata"]).unwrap() {
            for member in &found.members {
                prop_assert!(found.place.start < member.value.start && member.value.end < found.place.end);
            }
        }
    }
}
