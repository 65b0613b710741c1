//! An address of the web, strict and small: scheme, host, port, and what to ask for.
//!
//! What two readers could take for different hosts is refused: credentials before the host, numbers that only
//! some read as an IP address, backslashes, letters beyond ASCII. Hosts are lower case and without a final
//! dot, so equal text is an equal host. The fragment is dropped: it is never sent. Source: RFC 3986; RFC 1123
//! section 2.1 and RFC 1035 section 2.3.4 for names.

use alloc::string::String;
use core::fmt::{self, Write as _};
use core::net::{Ipv4Addr, Ipv6Addr};

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// Most bytes of an address, before and after escaping. RFC 9110 section 4.1 asks for 8,000; a person reads
/// these.
const URL_LEN_MAX: usize = 4096;
/// Most bytes of a name and of one of its labels (RFC 1035 section 2.3.4).
const NAME_LEN_MAX: usize = 253;
const LABEL_LEN_MAX: usize = 63;
/// What is escaped in paths and queries. `%` is not: what is escaped already stays.
const ESCAPED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Why a text is no address that we go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UrlError {
    /// Longer than 4,096 bytes.
    TooLong,
    /// Neither `http://` nor `https://`.
    Scheme,
    /// A user name or password before the host: it makes one host look like another.
    Credentials,
    /// The host is missing or malformed.
    Host,
    /// The host has letters beyond ASCII; its `xn--` form says which are meant.
    International,
    /// The port is no number from 1 to 65535.
    Port,
    /// A control character.
    Character,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the address is too long",
            Self::Scheme => "the address does not begin with http:// or https://",
            Self::Credentials => "the address has a user name before the host",
            Self::Host => "the address has no valid host",
            Self::International => "the host has letters beyond ASCII; write its xn-- form",
            Self::Port => "the port is no number from 1 to 65535",
            Self::Character => "the address has a control character",
        })
    }
}

/// With TLS or without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `http`.
    Http,
    /// `https`.
    Https,
}

impl Scheme {
    /// Its name, as it is written before the colon.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port when none is given.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Who is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// A name, in lower case, without a final dot; international ones in their `xn--` form.
    Name(String),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address, without a zone.
    V6(Ipv6Addr),
}

impl Host {
    fn parse(text: &str) -> Result<Self, UrlError> {
        if let Some(rest) = text.strip_prefix('[') {
            let inner = rest.strip_suffix(']').ok_or(UrlError::Host)?;
            return inner.parse().map(Self::V6).map_err(|_| UrlError::Host);
        }
        if !text.is_ascii() {
            return Err(UrlError::International);
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        if name.len() > NAME_LEN_MAX || !name.split('.').all(is_label) {
            return Err(UrlError::Host);
        }
        // Others read `1.2.3`, `0x7f.1` and `2130706433` as IP addresses. Here only four decimal numbers are
        // one.
        let last = name.rsplit('.').next().unwrap_or("");
        let is_number = last.bytes().all(|byte| byte.is_ascii_digit())
            || last.strip_prefix("0x").or(last.strip_prefix("0X")).is_some_and(is_hex);
        if is_number {
            return name.parse().map(Self::V4).map_err(|_| UrlError::Host);
        }
        Ok(Self::Name(name.to_ascii_lowercase()))
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_label(label: &str) -> bool {
    (1..=LABEL_LEN_MAX).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::V4(address) => write!(f, "{address}"),
            Self::V6(address) => write!(f, "[{address}]"),
        }
    }
}

/// An address: `scheme://host:port/path?query`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    scheme: Scheme,
    host: Host,
    port: u16,
    /// Path and query, escaped, ASCII, beginning with `/`.
    target: String,
}

impl Url {
    /// Reads an absolute address. Blanks around it are left out.
    ///
    /// # Errors
    /// When it is not one that we go to.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let text = checked(text)?;
        let (scheme, rest) = scheme_of(text).ok_or(UrlError::Scheme)?;
        Self::with_authority(scheme?, rest.strip_prefix("//").ok_or(UrlError::Scheme)?)
    }

    /// Where a reference found at this address leads (RFC 3986 section 5).
    ///
    /// # Errors
    /// When it leads where we do not go, for example to `mailto:` or `javascript:`.
    pub fn join(&self, reference: &str) -> Result<Self, UrlError> {
        let reference = checked(reference)?;
        if let Some((scheme, rest)) = scheme_of(reference) {
            return Self::with_authority(scheme?, rest.strip_prefix("//").ok_or(UrlError::Scheme)?);
        }
        if let Some(rest) = reference.strip_prefix("//") {
            return Self::with_authority(self.scheme, rest);
        }
        let (own_path, _) = split_query(&self.target);
        let (path, query) = split_query(reference);
        let target = if reference.is_empty() {
            return Ok(self.clone());
        } else if path.is_empty() {
            target_of(own_path, query)?
        } else if path.starts_with('/') {
            target_of(path, query)?
        } else {
            let folder = own_path.rfind('/').and_then(|at| own_path.get(..=at)).unwrap_or("/");
            let mut merged = String::from(folder);
            merged.push_str(path);
            target_of(&merged, query)?
        };
        Ok(Self { target, ..self.clone() })
    }

    fn with_authority(scheme: Scheme, rest: &str) -> Result<Self, UrlError> {
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at_checked(end).ok_or(UrlError::Host)?;
        if authority.contains('@') {
            return Err(UrlError::Credentials);
        }
        // The colon of a port is behind the bracket of an IPv6 address.
        let colon =
            authority.rfind(':').filter(|at| authority.rfind(']').is_none_or(|bracket| *at > bracket));
        let (host, port) = match colon.and_then(|at| Some((authority.get(..at)?, authority.get(at + 1..)?))) {
            Some((host, "")) => (host, scheme.default_port()),
            Some((host, port)) => (host, port_of(port)?),
            None => (authority, scheme.default_port()),
        };
        let (path, query) = split_query(target);
        Ok(Self { scheme, host: Host::parse(host)?, port, target: target_of(path, query)? })
    }

    /// With TLS or without.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Who is asked.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// At which port, from 1 to 65535.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What is asked for: path and query, ASCII without blanks, beginning with `/`.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Writes the host, and the port unless it is the scheme's own: the value of `Host`.
    pub(crate) fn write_authority(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write!(out, "{}", self.host)?;
        if self.port == self.scheme.default_port() { Ok(()) } else { write!(out, ":{}", self.port) }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme.name())?;
        self.write_authority(f)?;
        f.write_str(&self.target)
    }
}

/// Without blanks around it and without its fragment.
fn checked(text: &str) -> Result<&str, UrlError> {
    if text.len() > URL_LEN_MAX {
        return Err(UrlError::TooLong);
    }
    let text = text.trim_matches([' ', '\t', '\r', '\n', '\u{c}']);
    if text.chars().any(char::is_control) {
        return Err(UrlError::Character);
    }
    Ok(text.split('#').next().unwrap_or(""))
}

/// The scheme, if the text begins with one, and what follows its colon.
fn scheme_of(text: &str) -> Option<(Result<Scheme, UrlError>, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let mut letters = scheme.bytes();
    let is_scheme = letters.next()?.is_ascii_alphabetic()
        && letters.all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    if !is_scheme {
        return None;
    }
    let known =
        [Scheme::Http, Scheme::Https].into_iter().find(|known| scheme.eq_ignore_ascii_case(known.name()));
    Some((known.ok_or(UrlError::Scheme), rest))
}

fn port_of(text: &str) -> Result<u16, UrlError> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(UrlError::Port);
    }
    text.parse().ok().filter(|port| *port != 0).ok_or(UrlError::Port)
}

fn split_query(text: &str) -> (&str, Option<&str>) {
    text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)))
}

/// Path and query as they are sent: without `.` and `..`, escaped.
fn target_of(path: &str, query: Option<&str>) -> Result<String, UrlError> {
    let mut target = String::new();
    let mut segments = path.strip_prefix('/').unwrap_or(path).split('/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            ".." => {
                target.truncate(target.rfind('/').unwrap_or(0));
                if is_last {
                    target.push('/');
                }
            }
            "." if is_last => target.push('/'),
            "." => {}
            _ => {
                target.push('/');
                target.extend(utf8_percent_encode(segment, ESCAPED));
            }
        }
    }
    if let Some(query) = query {
        // Writing to a `String` cannot fail.
        let _ = write!(target, "?{}", utf8_percent_encode(query, ESCAPED));
    }
    if target.len() > URL_LEN_MAX { Err(UrlError::TooLong) } else { Ok(target) }
}
