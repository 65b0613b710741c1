//! Services known only by what they say of themselves: their canonical text and their table.
//!
//! A service that is no part of this tree cannot be linked into the host tool. A small program that does link it prints a
//! [`Dossier`]; from that this module makes the same [`Service`] again, with its shapes. Whether it is the same is checked: the
//! canonical text of what was made must be the text that was read.
//!
//! What it makes lives as long as the process: a tool reads a handful of services, once.

use std::fmt;

use ipc_proto_wire::{Field, Fields, Method, MethodKind, Service, Shape, Variant, canonical, schema_id};

/// Deepest nesting of a type; `ipc-proto-wire` compiles none that is deeper.
const DEPTH_MAX: usize = 16;

/// Why a dossier is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DossierError {
    /// What was met.
    pub found: String,
    /// What should stand there.
    pub expected: &'static str,
}

impl fmt::Display for DossierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a service's description has {} where {} should be", self.found, self.expected)
    }
}

impl std::error::Error for DossierError {}

/// What a service says of itself, as text: a line `NAME VERSION REQUEST_MAX REPLY_MAX MESSAGE_MAX TABLE`, the table in
/// hexadecimal digits, then its canonical text.
#[derive(Debug, Clone, Copy)]
pub struct Dossier<'t>(pub &'t str);

impl Dossier<'_> {
    /// The service.
    ///
    /// # Errors
    /// Says what is not as it should be.
    pub fn service(self) -> Result<&'static Service, DossierError> {
        let (facts, text) = self.0.split_once('\n').unwrap_or((self.0, ""));
        let [name, version, request_max, reply_max, message_max, table] =
            facts.split(' ').collect::<Vec<_>>()[..]
        else {
            return Err(wrong(facts, "a line of six facts"));
        };
        let number = |word: &str| word.parse::<u32>().map_err(|_| wrong(word, "a number of bytes"));
        let methods: &'static [Method] = Parser { rest: text, depth: 0 }.service(name)?.leak();
        if canonical(name, methods).as_str() != text {
            return Err(wrong(text, "a canonical text"));
        }
        Ok(Box::leak(Box::new(Service {
            name: String::leak(name.to_owned()),
            version: version.parse().map_err(|_| wrong(version, "a version"))?,
            methods,
            id: schema_id(text),
            table: hexadecimal(table)?.leak(),
            request_max: number(request_max)?,
            reply_max: number(reply_max)?,
            message_max: number(message_max)?,
        })))
    }
}

fn wrong(found: &str, expected: &'static str) -> DossierError {
    let found = found.get(..found.floor_char_boundary(40)).unwrap_or_default();
    DossierError { found: format!("`{found}`"), expected }
}

fn hexadecimal(digits: &str) -> Result<Vec<u8>, DossierError> {
    let pairs = digits.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    });
    pairs.collect::<Option<Vec<u8>>>().ok_or_else(|| wrong(digits, "a table in hexadecimal digits"))
}

/// What is left of a canonical text.
struct Parser<'t> {
    rest: &'t str,
    depth: usize,
}

type Parsed<T> = Result<T, DossierError>;

impl Parser<'_> {
    fn service(mut self, name: &str) -> Parsed<Vec<Method>> {
        self.expect("service ", "`service`")?;
        self.expect(name, "the service's name")?;
        self.expect("\n", "the end of the line")?;
        let mut methods = Vec::new();
        while !self.rest.is_empty() {
            methods.push(self.method()?);
        }
        Ok(methods)
    }

    fn method(&mut self) -> Parsed<Method> {
        let kind = match self.word()? {
            "call" => MethodKind::Call,
            "oneway" => MethodKind::Oneway,
            "event" => MethodKind::Event,
            other => return Err(wrong(other, "`call`, `oneway` or `event`")),
        };
        self.expect(" ", "a blank")?;
        let name = self.word()?;
        self.expect("(", "`(`")?;
        let request = Shape::Struct(name, Fields::Named(self.named(")")?));
        let reply = if kind == MethodKind::Call {
            self.expect(" -> ", "`->`")?;
            self.shape()?
        } else {
            &Shape::Unit
        };
        self.expect("\n", "the end of the line")?;
        Ok(Method { name, kind, request: leak(request), reply })
    }

    fn shape(&mut self) -> Parsed<&'static Shape> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(wrong(self.rest, "a type that is not so deep"));
        }
        let shape = if self.eat("(") {
            self.tuple()?
        } else if self.eat("[") {
            let item = self.shape()?;
            self.expect("; ", "`;`")?;
            Shape::Array(item, self.number_then("]")?)
        } else {
            self.named_shape()?
        };
        self.depth -= 1;
        Ok(leak(shape))
    }

    /// After `(`.
    fn tuple(&mut self) -> Parsed<Shape> {
        let items = self.shapes(")")?;
        Ok(if items.is_empty() { Shape::Unit } else { Shape::Tuple(items) })
    }

    fn named_shape(&mut self) -> Parsed<Shape> {
        let word = self.word()?;
        Ok(match word {
            "bool" => Shape::Bool,
            "u8" => Shape::U8,
            "i8" => Shape::I8,
            "u16" => Shape::U16,
            "u32" => Shape::U32,
            "u64" => Shape::U64,
            "i16" => Shape::I16,
            "i32" => Shape::I32,
            "i64" => Shape::I64,
            "struct" => {
                self.expect(" ", "a blank")?;
                let name = self.word()?;
                Shape::Struct(name, self.fields()?)
            }
            "enum" => self.variants()?,
            _ => self.parametric(word)?,
        })
    }

    fn parametric(&mut self, word: &str) -> Parsed<Shape> {
        self.expect("<", "a type")?;
        Ok(match word {
            "text" => Shape::Text(self.number_then(">")?),
            "bytes" => Shape::Bytes(self.number_then(">")?),
            "list" => {
                let item = self.shape()?;
                self.expect(", ", "`,`")?;
                Shape::List(item, self.number_then(">")?)
            }
            "option" | "secret" => {
                let value = self.shape()?;
                self.expect(">", "`>`")?;
                if word == "option" { Shape::Option(value) } else { Shape::Secret(value) }
            }
            "result" => {
                let value = self.shape()?;
                self.expect(", ", "`,`")?;
                let error = self.shape()?;
                self.expect(">", "`>`")?;
                Shape::Result(value, error)
            }
            other => return Err(wrong(other, "a type")),
        })
    }

    /// After `enum`.
    fn variants(&mut self) -> Parsed<Shape> {
        self.expect(" ", "a blank")?;
        let name = self.word()?;
        self.expect(" { ", "`{`")?;
        let mut variants = Vec::new();
        loop {
            let variant = self.word()?;
            variants.push(Variant { name: variant, fields: self.fields()? });
            if self.eat(" }") {
                return Ok(Shape::Enum(name, variants.leak()));
            }
            self.expect(", ", "`,` or `}`")?;
        }
    }

    /// The fields of a struct or a variant, if it has any.
    fn fields(&mut self) -> Parsed<Fields> {
        if self.eat("(") {
            return Ok(Fields::Unnamed(self.shapes(")")?));
        }
        // ` }` ends the enum around it.
        if self.rest.starts_with(" { ") {
            self.eat(" { ");
            return Ok(Fields::Named(self.named(" }")?));
        }
        Ok(Fields::Unit)
    }

    fn shapes(&mut self, close: &str) -> Parsed<&'static [&'static Shape]> {
        let mut shapes = Vec::new();
        while !self.eat(close) {
            if !shapes.is_empty() {
                self.expect(", ", "`,`")?;
            }
            shapes.push(self.shape()?);
        }
        Ok(shapes.leak())
    }

    fn named(&mut self, close: &str) -> Parsed<&'static [Field]> {
        let mut fields = Vec::new();
        while !self.eat(close) {
            if !fields.is_empty() {
                self.expect(", ", "`,`")?;
            }
            let name = self.word()?;
            self.expect(": ", "`:`")?;
            fields.push(Field { name, shape: self.shape()? });
        }
        Ok(fields.leak())
    }

    /// A number, and what follows it.
    fn number_then(&mut self, close: &str) -> Parsed<u32> {
        let end = self.rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        let number = digits.parse().map_err(|_| wrong(self.rest, "a number"))?;
        self.rest = rest;
        self.expect(close, "the end of a bound")?;
        Ok(number)
    }

    /// A name or keyword.
    fn word(&mut self) -> Parsed<&'static str> {
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '#';
        let end = self.rest.find(|letter| !is_part(letter)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        if word.is_empty() {
            return Err(wrong(self.rest, "a name"));
        }
        self.rest = rest;
        Ok(String::leak(word.to_owned()))
    }

    fn eat(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, text: &str, expected: &'static str) -> Parsed<()> {
        if self.eat(text) { Ok(()) } else { Err(wrong(self.rest, expected)) }
    }
}

fn leak(shape: Shape) -> &'static Shape {
    Box::leak(Box::new(shape))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Catalogue;

    fn dossier(service: &Service) -> String {
        let table: String = service.table.iter().map(|byte| format!("{byte:02x}")).collect();
        let Service { name, version, request_max, reply_max, message_max, methods, .. } = service;
        let text = canonical(name, methods);
        format!("{name} {version} {request_max} {reply_max} {message_max} {table}\n{}", text.as_str())
    }

    #[test]
    fn a_service_is_made_again_from_what_it_says_of_itself() {
        for service in Catalogue::builtin().services() {
            let again = Dossier(&dossier(service)).service().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!((again.name, again.version, again.id), (service.name, service.version, service.id));
            assert_eq!((again.methods, again.table), (service.methods, service.table));
            assert_eq!(
                (again.request_max, again.reply_max, again.message_max),
                (service.request_max, service.reply_max, service.message_max)
            );
        }
    }

    #[test]
    fn a_dossier_cut_anywhere_is_refused_and_nothing_panics() {
        let whole = dossier(&ipc_proto_vault_api::SERVICE);
        for end in 0..whole.len() {
            let cut = Dossier(&whole[..end]).service();
            // A text that ends with a line is a service with fewer methods; its id is another.
            assert!(cut.is_err() || whole.as_bytes()[end - 1] == b'\n', "{end}");
        }
    }

    #[test]
    fn a_type_too_deep_is_refused() {
        let deep = format!("{}u8{}", "option<".repeat(20), ">".repeat(20));
        let text = format!("x 1 1 1 1 00\nservice x\ncall a(b: {deep}) -> ()\n");
        assert!(Dossier(&text).service().is_err());
    }
}
