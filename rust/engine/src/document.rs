//! Where the documents of nodes lie in consolidated metadata: a large document is checked once, as
//! a whole, and nothing is made of what nobody asks for.

use std::ops::Range;

use crate::error::Result;
use crate::reserve::push;

/// Deeper documents are nobody's.
const DEEPEST: u32 = 100;
/// Python takes numbers of 4,300 digits.
const LONGEST_NUMBER: usize = 1000;

/// The kind of a member of an object, by its own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// No object; or one that must be read to be understood, since it names a field twice or in an
    /// unusual spelling.
    Other = b'?',
    /// An object that describes no node of a known format, as far as its first level tells.
    Object = b'O',
    /// A group of format 3.
    Group = b'G',
    /// An array of format 3.
    Array = b'A',
    /// A document of format 2.
    Version2 = b'2',
}

/// A member of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Where its value is in the document.
    pub value: Range<usize>,
    /// Where in the document the value of its field `attributes` is, if that is an object.
    pub attributes: Range<usize>,
    /// Its kind.
    pub kind: Kind,
}

/// An object in a document.
#[derive(Debug, PartialEq, Eq)]
pub struct Members {
    /// Where it is.
    pub place: Range<usize>,
    /// Its members, as they are listed: a name may come more than once.
    pub members: Vec<Member>,
}

/// The members of the object at `path` in a document in JSON, which is checked as a whole by the
/// grammar of Python's module `json`: that takes `NaN` and `Infinity`.
///
/// `None` if there is no such object, if the document is wrong, or if it is unusual: not in UTF-8,
/// nested deeply, or with names on the path that come twice. Then it must be parsed to be understood.
///
/// ```
/// use zarr_engine::document::{Kind, members};
///
/// let document = br#"{"metadata": {"a": {"zarr_format": 3, "node_type": "group"}, "b": [1]}}"#;
/// let found = members(document, &["metadata"])?.unwrap();
/// assert_eq!(&document[found.place], &document[13..document.len() - 1]);
/// assert_eq!(found.members[0].name, "a");
/// assert_eq!(found.members[0].kind, Kind::Group);
/// assert_eq!(&document[found.members[1].value.clone()], b"[1]");
///
/// assert_eq!(members(b"{\"metadata\": {}", &["metadata"])?, None);
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
pub fn members(document: &[u8], path: &[&str]) -> Result<Option<Members>> {
    if std::str::from_utf8(document).is_err() {
        return Ok(None);
    }
    let mut scanner = Scanner { text: document, at: 0, found: None, failed: None };
    let sound = scanner.top(path);
    match scanner.failed {
        Some(error) => Err(error),
        None => Ok(sound.and(scanner.found)),
    }
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    found: Option<Members>,
    /// Why the scan ended, if it is not because of the document.
    failed: Option<crate::error::Error>,
}

/// Each method reads from `at` on, and returns `None` if the document is not what it expects.
impl Scanner<'_> {
    fn top(&mut self, path: &[&str]) -> Option<()> {
        self.space();
        self.along(path, 0)?;
        self.space();
        (self.at == self.text.len()).then_some(())
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn takes(&mut self, byte: u8) -> bool {
        self.take(byte).is_some()
    }

    fn take_all(&mut self, word: &[u8]) -> Option<()> {
        self.text[self.at..].starts_with(word).then(|| self.at += word.len())
    }

    /// Reads an object; `member` is given where the name is between its quotes, and reads the value.
    fn object(&mut self, mut member: impl FnMut(&mut Self, Range<usize>) -> Option<()>) -> Option<()> {
        self.take(b'{')?;
        self.space();
        if self.takes(b'}') {
            return Some(());
        }
        loop {
            let name = self.string()?;
            self.space();
            self.take(b':')?;
            self.space();
            member(self, name)?;
            self.space();
            if self.takes(b'}') {
                return Some(());
            }
            self.take(b',')?;
            self.space();
        }
    }

    /// Reads the value that has the object that is looked for at `path`.
    fn along(&mut self, path: &[&str], depth: u32) -> Option<()> {
        let Some((&wanted, rest)) = path.split_first() else { return self.wanted(depth) };
        let mut seen = false;
        self.object(|scanner, name| {
            let name = &scanner.text[name];
            if name == wanted.as_bytes() {
                // The last one would hold.
                return if std::mem::replace(&mut seen, true) { None } else { scanner.along(rest, depth + 1) };
            }
            // Spelt otherwise it might be the same name.
            if name.contains(&b'\\') { None } else { scanner.value(depth + 1) }
        })
    }

    /// Reads the object that is looked for.
    fn wanted(&mut self, depth: u32) -> Option<()> {
        let (start, mut members) = (self.at, Vec::new());
        self.object(|scanner, name| {
            let name = unescaped(&scanner.text[name])?;
            let start = scanner.at;
            let (kind, attributes) = scanner.described(depth + 1)?;
            let member = Member { name, value: start..scanner.at, attributes, kind };
            push(&mut members, member).map_err(|error| scanner.failed = Some(error)).ok()
        })?;
        self.found = Some(Members { place: start..self.at, members });
        Some(())
    }

    /// Reads a value; its kind, and where its attributes are.
    fn described(&mut self, depth: u32) -> Option<(Kind, Range<usize>)> {
        if self.peek()? != b'{' {
            self.value(depth)?;
            return Some((Kind::Other, 0..0));
        }
        let (mut format, mut node, mut attributes) = (None, None, None);
        let mut usual = true;
        self.object(|scanner, name| {
            let (name, start) = (&scanner.text[name], scanner.at);
            let field = match name {
                b"zarr_format" => Some(&mut format),
                b"node_type" => Some(&mut node),
                b"attributes" => Some(&mut attributes),
                _ => None,
            };
            usual &= !name.contains(&b'\\');
            scanner.value(depth + 1)?;
            if let Some(field) = field {
                usual &= field.replace(start..scanner.at).is_none();
            }
            Some(())
        })?;
        let text = |place: &Option<Range<usize>>| place.clone().map(|place| &self.text[place]);
        let kind = match (text(&format), text(&node)) {
            _ if !usual => Kind::Other,
            (Some(b"3"), Some(b"\"group\"")) => Kind::Group,
            (Some(b"3"), Some(b"\"array\"")) => Kind::Array,
            (Some(b"2"), None) => Kind::Version2,
            _ => Kind::Object,
        };
        let is_object = text(&attributes).is_some_and(|text| text.first() == Some(&b'{'));
        Some((kind, attributes.filter(|_| is_object && usual).unwrap_or(0..0)))
    }

    fn value(&mut self, depth: u32) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        match self.peek()? {
            b'{' => self.object(|scanner, _| scanner.value(depth + 1)),
            b'[' => self.list(depth),
            b'"' => self.string().map(drop),
            b't' => self.take_all(b"true"),
            b'f' => self.take_all(b"false"),
            b'n' => self.take_all(b"null"),
            b'N' => self.take_all(b"NaN"),
            b'I' => self.take_all(b"Infinity"),
            b'-' if self.text.get(self.at + 1) == Some(&b'I') => self.take_all(b"-Infinity"),
            _ => self.number(),
        }
    }

    fn list(&mut self, depth: u32) -> Option<()> {
        self.take(b'[')?;
        self.space();
        if self.takes(b']') {
            return Some(());
        }
        loop {
            self.value(depth + 1)?;
            self.space();
            if self.takes(b']') {
                return Some(());
            }
            self.take(b',')?;
            self.space();
        }
    }

    /// Reads a string; where it is between its quotes.
    fn string(&mut self) -> Option<Range<usize>> {
        self.take(b'"')?;
        let start = self.at;
        loop {
            let byte = self.peek()?;
            self.at += 1;
            match byte {
                b'"' => return Some(start..self.at - 1),
                b'\\' => self.escape()?,
                0..0x20 => return None,
                _ => {}
            }
        }
    }

    /// Reads what follows a backslash.
    fn escape(&mut self) -> Option<()> {
        let byte = self.peek()?;
        self.at += 1;
        match byte {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => {
                let digits = self.text.get(self.at..self.at + 4)?;
                self.at += 4;
                digits.iter().all(u8::is_ascii_hexdigit).then_some(())
            }
            _ => None,
        }
    }

    fn number(&mut self) -> Option<()> {
        let start = self.at;
        self.takes(b'-');
        if !self.takes(b'0') {
            self.digits()?;
        }
        if self.takes(b'.') {
            self.digits()?;
        }
        if self.takes(b'e') || self.takes(b'E') {
            let _ = self.takes(b'+') || self.takes(b'-');
            self.digits()?;
        }
        (self.at - start <= LONGEST_NUMBER).then_some(())
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }
}

/// The string that stands between quotes; `None` if Rust has no such string.
fn unescaped(written: &[u8]) -> Option<String> {
    let written = std::str::from_utf8(written).ok()?;
    if !written.contains('\\') {
        return Some(written.to_owned());
    }
    let mut units = Vec::with_capacity(written.len());
    let mut rest = written.chars();
    while let Some(c) = rest.next() {
        let meant = match (c, if c == '\\' { rest.next()? } else { c }) {
            ('\\', 'u') => {
                let digits = rest.as_str().get(..4)?;
                rest = rest.as_str().get(4..)?.chars();
                units.push(u16::from_str_radix(digits, 16).ok()?);
                continue;
            }
            ('\\', 'b') => '\u{8}',
            ('\\', 'f') => '\u{c}',
            ('\\', 'n') => '\n',
            ('\\', 'r') => '\r',
            ('\\', 't') => '\t',
            (_, other) => other,
        };
        units.extend_from_slice(meant.encode_utf16(&mut [0; 2]));
    }
    String::from_utf16(&units).ok()
}
