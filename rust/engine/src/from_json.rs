//! Arrays and chains of codecs from the JSON of Zarr's documents.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::array::{Array, Coalesce};
use crate::codec::chain::Chain;
use crate::codec::registry::{self, Parameter, Scope, Value};
use crate::data_type::{DataType, Kind};
use crate::element::Fill;
use crate::error::{Error, Result};
use crate::grid::{Axis, Grid};
use crate::key::KeyEncoding;
use crate::reserve::{push, reserve};

/// The prefix of the names that numcodecs' codecs have in Zarr v3.
const NUMCODECS: &str = "numcodecs.";

impl Chain {
    /// The chain of a list of codecs, as the member `codecs` of a `zarr.json` holds it. Codecs of
    /// Zarr v2, which have an `id`, may be listed as well.
    ///
    /// ```
    /// use zarr_engine::codec::chain::Chain;
    /// use zarr_engine::codec::registry::Scope;
    /// use zarr_engine::data_type::DataType;
    /// use zarr_engine::element::Fill;
    ///
    /// let scope = Scope::new(1, DataType::named("uint16")?, Fill::new(&[0; 2])?);
    /// let codecs = r#"[{"name": "bytes", "configuration": {"endian": "little"}}, "crc32c"]"#;
    /// let chain = Chain::from_json(codecs, &scope)?;
    ///
    /// let form = chain.form(&[3])?;
    /// let mut stored = Vec::new();
    /// chain.encode(&form, &mut vec![1, 0, 2, 0, 3, 0], &mut stored)?;
    /// assert_eq!(stored.len(), 6 + 4);
    ///
    /// let mut chunk = [0; 6];
    /// chain.decode(&form, &stored, &mut chunk)?;
    /// assert_eq!(chunk, [1, 0, 2, 0, 3, 0]);
    /// # Ok::<(), zarr_engine::error::Error>(())
    /// ```
    pub fn from_json(codecs: &str, scope: &Scope) -> Result<Self> {
        registry::chain(&Item::new(&parse(codecs)?), scope)
    }
}

impl Array {
    /// The array that the document `zarr.json` describes, whose keys begin with `path`.
    ///
    /// Served are the core specification's data types of fixed size and `bfloat16`, regular and
    /// rectilinear grids, the chunk key encodings `default` and `v2`, and the codecs of the
    /// [registry]. All else is refused.
    ///
    /// ```
    /// use zarr_engine::array::Array;
    ///
    /// let document = r#"{
    ///     "zarr_format": 3, "node_type": "array", "shape": [4, 6], "data_type": "int32",
    ///     "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2, 3]}},
    ///     "chunk_key_encoding": {"name": "default"}, "fill_value": -1,
    ///     "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}]
    /// }"#;
    /// let array = Array::from_json("temperature", document)?;
    /// assert_eq!(array.shape(), [4, 6]);
    /// assert_eq!(array.key(&[1, 0])?, "temperature/c/1/0");
    /// assert_eq!(array.chain().fill().bytes(), (-1i32).to_ne_bytes());
    /// # Ok::<(), zarr_engine::error::Error>(())
    /// ```
    pub fn from_json(path: &str, document: &str) -> Result<Self> {
        let document = parse(document)?;
        let members = Members::of(&document, "the document")?;
        members.check(&[
            "zarr_format",
            "node_type",
            "shape",
            "data_type",
            "chunk_grid",
            "chunk_key_encoding",
            "fill_value",
            "codecs",
            "attributes",
            "dimension_names",
            "storage_transformers",
        ])?;
        if (members.get("zarr_format")?, members.get("node_type")?) != (&Json::from(3), &Json::from("array")) {
            return Err(Error::config("the document is not that of an array of Zarr v3"));
        }
        if members.found("storage_transformers").and_then(Json::as_array).is_some_and(|list| !list.is_empty()) {
            return Err(Error::config("the engine has no storage transformers"));
        }
        let shape = sizes(members.get("shape")?)?;
        let data_type = match members.get("data_type")? {
            Json::String(name) => DataType::named(name)?,
            other => return Err(Error::config(format!("the engine does not know the data type {other}"))),
        };
        let fill = fill(data_type, members.get("fill_value")?)?;
        let chain = registry::chain(&Item::new(members.get("codecs")?), &Scope::new(shape.len(), data_type, fill))?;
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let (grid, keys) = (grid(members.get("chunk_grid")?, &shape)?, keys(members.get("chunk_key_encoding")?)?);
        Self::new(prefix, grid, keys, chain, true, Coalesce::default())
    }
}

fn parse(document: &str) -> Result<Json> {
    serde_json::from_str(document).map_err(|error| Error::config(format!("the document is no JSON: {error}")))
}

/// The members of an object.
struct Members<'a>(&'a serde_json::Map<String, Json>, &'static str);

impl<'a> Members<'a> {
    fn of(value: &'a Json, name: &'static str) -> Result<Self> {
        value.as_object().map(|members| Self(members, name)).ok_or_else(|| wrong(&format!("{name}: an object"), value))
    }

    fn found(&self, member: &str) -> Option<&'a Json> {
        self.0.get(member)
    }

    fn get(&self, member: &str) -> Result<&'a Json> {
        self.found(member).ok_or_else(|| Error::config(format!("{} has no member {member:?}", self.1)))
    }

    /// Fails if there are other members, unless they say that nobody need understand them.
    fn check(&self, known: &[&str]) -> Result<()> {
        let optional = |value: &Json| value.get("must_understand") == Some(&Json::Bool(false));
        match self.0.iter().find(|(name, value)| !known.contains(&name.as_str()) && !optional(value)) {
            None => Ok(()),
            Some((name, _)) => Err(Error::config(format!("{} has an unknown member {name:?}", self.1))),
        }
    }
}

fn wrong(expected: &str, found: &Json) -> Error {
    let mut found = found.to_string();
    if let Some((end, _)) = found.char_indices().nth(80) {
        found.replace_range(end.., "…");
    }
    Error::config("the document has a value of another kind").expected(expected, found)
}

/// The name of an extension, and its configuration if it has one.
fn extension<'a>(value: &'a Json, name: &'static str) -> Result<(&'a str, &'a Json)> {
    if let Json::String(name) = value {
        return Ok((name, &Json::Null));
    }
    let members = Members::of(value, name)?;
    members.check(&["name", "configuration", "must_understand"])?;
    let found = members.get("name")?;
    let configuration = members.found("configuration").unwrap_or(&Json::Null);
    found.as_str().map(|found| (found, configuration)).ok_or_else(|| wrong("a name", found))
}

fn sizes(value: &Json) -> Result<Vec<u64>> {
    let sizes = value.as_array().and_then(|items| items.iter().map(Json::as_u64).collect());
    sizes.ok_or_else(|| wrong("a list of sizes", value))
}

fn grid(value: &Json, shape: &[u64]) -> Result<Grid> {
    let (name, configuration) = extension(value, "the chunk grid")?;
    let members = Members::of(configuration, "the configuration of the chunk grid")?;
    let chunks: Vec<Json> = match name {
        "regular" => {
            members.check(&["chunk_shape"])?;
            sizes(members.get("chunk_shape")?)?.into_iter().map(Json::from).collect()
        }
        "rectilinear" => {
            members.check(&["kind", "chunk_shapes"])?;
            if members.get("kind")? != "inline" {
                return Err(wrong("the kind \"inline\"", members.get("kind")?));
            }
            let shapes = members.get("chunk_shapes")?;
            shapes.as_array().cloned().ok_or_else(|| wrong("a list of edges", shapes))?
        }
        _ => return Err(Error::config(format!("the engine has no chunk grid {name:?}"))),
    };
    if chunks.len() != shape.len() {
        return Err(
            Error::config("the chunk grid has the wrong number of dimensions").expected(shape.len(), chunks.len())
        );
    }
    chunks.iter().zip(shape).map(|(chunks, &extent)| axis(chunks, extent)).collect::<Result<_>>().map(Grid)
}

/// The chunks of one dimension: their size, or a list of sizes and of pairs of a size and a count.
fn axis(chunks: &Json, extent: u64) -> Result<Axis> {
    if let Some(size) = chunks.as_u64() {
        return Axis::regular(size, extent);
    }
    let expected = || wrong("the sizes of chunks", chunks);
    let mut all = Vec::new();
    for item in chunks.as_array().ok_or_else(expected)? {
        match (item.as_u64(), item.as_array().map(Vec::as_slice)) {
            (Some(size), _) => push(&mut all, size)?,
            (None, Some([size, count])) => {
                let (size, count) = size.as_u64().zip(count.as_u64()).ok_or_else(expected)?;
                let count = usize::try_from(count).map_err(|_| expected())?;
                reserve(&mut all, count)?;
                all.resize(all.len() + count, size);
            }
            _ => return Err(expected()),
        }
    }
    Axis::varying(&all, extent)
}

fn keys(value: &Json) -> Result<KeyEncoding> {
    let (name, configuration) = extension(value, "the chunk key encoding")?;
    let separator = match configuration {
        Json::Null => None,
        other => {
            let members = Members::of(other, "the configuration of the chunk key encoding")?;
            members.check(&["separator"])?;
            members.found("separator")
        }
    };
    let separator = match separator.map(|separator| separator.as_str().ok_or(separator)) {
        None => None,
        Some(Ok("/")) => Some('/'),
        Some(Ok(".")) => Some('.'),
        Some(Ok(_)) => return Err(Error::config("a separator of chunk keys is \"/\" or \".\"")),
        Some(Err(other)) => return Err(wrong("a separator", other)),
    };
    match name {
        "default" => Ok(KeyEncoding::Default(separator.unwrap_or('/'))),
        "v2" => Ok(KeyEncoding::V2(separator.unwrap_or('.'))),
        _ => Err(Error::config(format!("the engine has no chunk key encoding {name:?}"))),
    }
}

/// The fill value that a document holds for elements of `data_type`.
fn fill(data_type: DataType, value: &Json) -> Result<Fill> {
    let size = data_type.size();
    let refused = || Error::config(format!("{value} is no fill value of the data type {data_type}"));
    let bytes = match data_type.kind() {
        Kind::Bool => value.as_bool().map(|value| vec![u8::from(value)]),
        Kind::Int => value.as_i64().filter(|&n| n >> (size * 8 - 1) == n >> 63).map(|n| in_memory(n as u64, size)),
        Kind::Uint => value.as_u64().filter(|&n| size == 8 || n >> (size * 8) == 0).map(|n| in_memory(n, size)),
        Kind::Float | Kind::Bfloat => float(data_type.kind(), value, size),
        Kind::Complex => match value.as_array().map(Vec::as_slice) {
            Some([real, imaginary]) => {
                let parts = [real, imaginary].map(|part| float(Kind::Float, part, size / 2));
                parts.into_iter().collect::<Option<Vec<_>>>().map(|parts| parts.concat())
            }
            _ => None,
        },
        Kind::Raw => match value {
            Json::Array(items) => {
                items.iter().map(|item| item.as_u64().and_then(|byte| u8::try_from(byte).ok())).collect()
            }
            Json::String(text) => base64(text),
            _ => None,
        },
    };
    Fill::new(&bytes.filter(|bytes| bytes.len() == size).ok_or_else(refused)?)
}

/// The lowest `size` bytes of a number, in the order of the machine.
fn in_memory(number: u64, size: usize) -> Vec<u8> {
    let mut bytes = number.to_le_bytes()[..size].to_vec();
    if cfg!(target_endian = "big") {
        bytes.reverse();
    }
    bytes
}

fn float(kind: Kind, value: &Json, size: usize) -> Option<Vec<u8>> {
    let number = match value {
        Json::Number(number) => number.as_f64()?,
        Json::String(text) => match text.as_str() {
            "NaN" => f64::NAN,
            "Infinity" => f64::INFINITY,
            "-Infinity" => f64::NEG_INFINITY,
            hex => {
                let digits = hex.strip_prefix("0x").filter(|digits| digits.len() == size * 2)?;
                return u64::from_str_radix(digits, 16).ok().map(|bits| in_memory(bits, size));
            }
        },
        _ => return None,
    };
    let bits = match (kind, size) {
        (_, 8) => number.to_bits(),
        (_, 4) => u64::from((number as f32).to_bits()),
        // The sign, the bits of the exponent and those of the mantissa.
        (Kind::Bfloat, _) => narrowed(number, 8, 7),
        _ => narrowed(number, 5, 10),
    };
    Some(in_memory(bits, size))
}

/// The nearest number with fewer bits of exponent and mantissa, the even one of two.
fn narrowed(number: f64, exponent: u32, mantissa: u32) -> u64 {
    let sign = number.to_bits() >> 63 << (exponent + mantissa);
    let highest = (1u64 << exponent) - 1;
    if number.is_nan() {
        return sign | highest << mantissa | 1 << (mantissa - 1);
    }
    let bias = (1i32 << (exponent - 1)) - 1;
    // How much the last bit of the mantissa counts: subnormal numbers share the lowest exponent.
    let power = ((number.to_bits() >> 52 & 0x7ff) as i32 - 1023).max(1 - bias);
    let steps = (number.abs() * 2f64.powi(mantissa as i32 - power)).round_ties_even() as u64;
    // A carry of the mantissa is one more in the exponent, as it should be.
    let bits = steps.saturating_add(((power + bias - 1) as u64) << mantissa);
    sign | bits.min(highest << mantissa)
}

/// The bytes of a string in Base64 (RFC 4648), with its padding.
fn base64(text: &str) -> Option<Vec<u8>> {
    let (groups, rest) = text.as_bytes().as_chunks::<4>();
    let mut bytes = Vec::new();
    reserve(&mut bytes, groups.len() * 3).ok()?;
    for (i, group) in groups.iter().enumerate() {
        let padding = if i + 1 == groups.len() { group.iter().rev().take_while(|&&c| c == b'=').count() } else { 0 };
        let mut bits = 0u32;
        for &c in &group[..4 - padding] {
            let six = match c {
                b'A'..=b'Z' => c - b'A',
                b'a'..=b'z' => c - b'a' + 26,
                b'0'..=b'9' => c - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(six);
        }
        bits <<= 6 * padding as u32;
        // Bits that no byte has must be zeros, so that each text has one meaning.
        if padding > 2 || bits & ((1 << (8 * padding as u32)) - 1) != 0 {
            return None;
        }
        bytes.extend_from_slice(&bits.to_be_bytes()[1..4 - padding]);
    }
    rest.is_empty().then_some(bytes)
}

/// A value of a codec's configuration.
struct Item<'a> {
    value: &'a Json,
    /// Whether it is the configuration of a codec of Zarr v2, in which the name stands as well.
    named: bool,
}

impl<'a> Item<'a> {
    fn new(value: &'a Json) -> Self {
        Self { value, named: false }
    }
}

impl Value for Item<'_> {
    fn parameters<const N: usize>(&self, wanted: [Parameter; N]) -> Result<[Option<Self>; N]> {
        let mut members: BTreeMap<&str, &Json> = match self.value {
            Json::Null => BTreeMap::new(),
            Json::Object(members) => members.iter().map(|(name, value)| (name.as_str(), value)).collect(),
            other => return Err(wrong("a configuration", other)),
        };
        if self.named {
            members.remove("id");
        }
        let found = wanted.map(|parameter| match parameter {
            Parameter::Stored(name) => members.remove(name).filter(|value| !value.is_null()).map(Item::new),
            Parameter::Told(_) => None,
        });
        match members.first_key_value() {
            None => Ok(found),
            Some((name, _)) => Err(Error::config(format!("the configuration has an unknown parameter {name:?}"))),
        }
    }

    fn integer(&self) -> Result<i128> {
        let number = self.value.as_i64().map(i128::from).or_else(|| self.value.as_u64().map(i128::from));
        number.ok_or_else(|| wrong("a whole number", self.value))
    }

    fn boolean(&self) -> Result<bool> {
        self.value.as_bool().ok_or_else(|| wrong("true or false", self.value))
    }

    fn string(&self) -> Result<String> {
        self.value.as_str().map(str::to_owned).ok_or_else(|| wrong("a string", self.value))
    }

    fn bytes(&self) -> Result<Vec<u8>> {
        self.value.as_str().and_then(base64).ok_or_else(|| wrong("bytes in Base64", self.value))
    }

    fn items(&self) -> Result<Vec<Self>> {
        let items = self.value.as_array().ok_or_else(|| wrong("a list", self.value))?;
        Ok(items.iter().map(Item::new).collect())
    }

    fn member(&self) -> Result<(String, Self)> {
        match self.value.as_object().map(|members| (members.len(), members.iter().next())) {
            Some((1, Some((name, value)))) => Ok((name.clone(), Item::new(value))),
            _ => Err(wrong("an object with one member", self.value)),
        }
    }

    fn codec(&self) -> Result<(String, Self)> {
        if let Some(id) = self.value.get("id") {
            let name = id.as_str().ok_or_else(|| wrong("the id of a codec", id))?;
            return Ok((name.to_owned(), Self { value: self.value, named: true }));
        }
        let (name, configuration) = extension(self.value, "the codec")?;
        Ok((name.strip_prefix(NUMCODECS).unwrap_or(name).to_owned(), Item::new(configuration)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fill_values_of_every_kind() {
        let bytes = |name: &str, value: &str| {
            fill(DataType::named(name).unwrap(), &parse(value).unwrap()).ok().map(|fill| fill.bytes().to_vec())
        };
        assert_eq!(bytes("bool", "true"), Some(vec![1]));
        assert_eq!(bytes("int8", "-128"), Some(vec![0x80]));
        assert_eq!(bytes("int8", "128"), None);
        assert_eq!(bytes("uint8", "256"), None);
        assert_eq!(bytes("uint64", "18446744073709551615"), Some(vec![0xff; 8]));
        assert_eq!(bytes("int64", "-9223372036854775808"), Some(i64::MIN.to_ne_bytes().to_vec()));
        assert_eq!(bytes("float32", "1.5"), Some(1.5f32.to_ne_bytes().to_vec()));
        assert_eq!(bytes("float64", "\"0x7ff8000000000001\""), Some(0x7ff8_0000_0000_0001u64.to_ne_bytes().to_vec()));
        assert_eq!(bytes("float64", "\"NaN\""), Some(f64::NAN.to_ne_bytes().to_vec()));
        assert_eq!(bytes("float64", "\"nan\""), None);
        assert_eq!(
            bytes("complex64", "[1, \"-Infinity\"]"),
            Some([1f32, f32::NEG_INFINITY].map(f32::to_ne_bytes).concat())
        );
        assert_eq!(bytes("r16", "[1, 2]"), Some(vec![1, 2]));
        assert_eq!(bytes("r16", "\"AQI=\""), Some(vec![1, 2]));
        assert_eq!(bytes("r16", "[1]"), None);
        assert_eq!(bytes("int32", "null"), None);
    }

    #[test]
    fn short_floating_point_numbers_are_the_nearest_ones() {
        let half = |number: f64| narrowed(number, 5, 10);
        for (number, bits) in [
            (0.0, 0),
            (-0.0, 0x8000),
            (1.0, 0x3c00),
            (-2.0, 0xc000),
            (65504.0, 0x7bff),
            (65520.0, 0x7c00),
            (1e300, 0x7c00),
            (f64::NEG_INFINITY, 0xfc00),
            (f64::NAN, 0x7e00),
            (6e-8, 1),
            (1e-8, 0),
            (6.103515625e-5, 0x0400),
            (0.333251953125, 0x3555),
            (2049.0, 0x6800),
            (2051.0, 0x6802),
        ] {
            assert_eq!(half(number), bits, "{number}");
        }
        assert_eq!(narrowed(1.0, 8, 7), 0x3f80);
        assert_eq!(narrowed(3.4e38, 8, 7), 0x7f80);
    }

    #[test]
    fn base64_has_one_spelling() {
        assert_eq!(base64(""), Some(vec![]));
        assert_eq!(base64("SUk="), Some(b"II".to_vec()));
        assert_eq!(base64("/+8A"), Some(vec![0xff, 0xef, 0]));
        for wrong in ["SUl=", "SUk", "S===", "====", "SU=k", "S Uk", "SUk=SUk="] {
            assert_eq!(base64(wrong), None, "{wrong}");
        }
    }
}
