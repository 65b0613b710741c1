//! The rows of a CSV file, strictly by RFC 4180: commas, quotation marks doubled inside quotation marks, CR LF or LF.
//!
//! A reader of our own, because those there are read anything: an unclosed quotation mark swallows the rest of the file
//! without a word, and passwords with it. What is well-formed reads here as there; the tests hold that.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Fault, Why};
use crate::caps;
use crate::text::{Plain, SecretText};

/// One cell, still as it is in the file.
#[derive(Clone, Copy)]
pub(super) struct Cell<'a> {
    /// The line it begins in, from 1.
    pub(super) line: usize,
    /// Without the quotation marks around it.
    raw: &'a str,
    /// Whether quotation marks inside are doubled.
    doubled: bool,
}

impl Cell<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// The text. It can't grow, so no copy is left behind.
    pub(super) fn plain(&self) -> Plain {
        if !self.doubled {
            return Plain::new(self.raw.into());
        }
        let mut text = Plain::new(String::with_capacity(self.raw.len()));
        let mut rest = self.raw;
        while let Some((before, after)) = rest.split_once("\"\"") {
            text.push_str(before);
            text.push('"');
            rest = after;
        }
        text.push_str(rest);
        text
    }

    pub(super) fn secret(&self) -> SecretText {
        SecretText::new(&self.plain())
    }
}

/// The rows of a text.
pub(super) struct Rows<'a> {
    rest: &'a str,
    line: usize,
}

/// What ends a cell.
#[derive(PartialEq, Eq)]
enum End {
    Cell,
    Row,
}

impl<'a> Rows<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text.strip_prefix('\u{feff}').unwrap_or(text), line: 1 }
    }

    /// The next row that has anything in it.
    pub(super) fn next_row(&mut self) -> Result<Option<Vec<Cell<'a>>>, Fault> {
        self.skip_empty_lines();
        if self.rest.is_empty() {
            return Ok(None);
        }
        let mut row = Vec::new();
        loop {
            let column = row.len() + 1;
            if column > caps::COLUMNS_MAX {
                return Err(Fault::new(self.line, column, Why::Columns));
            }
            let line = self.line;
            let (cell, end) = self.cell().map_err(|(line, why)| Fault::new(line, column, why))?;
            row.push(Cell { line, ..cell });
            if end == End::Row {
                return Ok(Some(row));
            }
        }
    }

    fn skip_empty_lines(&mut self) {
        while let Some(rest) = self.rest.strip_prefix("\r\n").or_else(|| self.rest.strip_prefix('\n')) {
            self.rest = rest;
            self.line += 1;
        }
    }

    fn cell(&mut self) -> Result<(Cell<'a>, End), (usize, Why)> {
        match self.rest.strip_prefix('"') {
            Some(rest) => self.quoted(rest),
            None => {
                let end = self.rest.find([',', '\n', '"', '\r']).unwrap_or(self.rest.len());
                let (raw, rest) = self.rest.split_at(end);
                self.rest = rest;
                if rest.starts_with('"') {
                    return Err((self.line, Why::StrayQuote));
                }
                Ok((Cell { line: self.line, raw, doubled: false }, self.end(Why::Return)?))
            }
        }
    }

    fn quoted(&mut self, inside: &'a str) -> Result<(Cell<'a>, End), (usize, Why)> {
        let mut length = 0;
        let mut doubled = false;
        let first = self.line;
        loop {
            let found = inside[length..].find('"').ok_or((first, Why::OpenQuote))?;
            length += found;
            if !inside[length + 1..].starts_with('"') {
                break;
            }
            doubled = true;
            length += 2;
        }
        let raw = &inside[..length];
        self.rest = &inside[length + 1..];
        self.line += raw.matches('\n').count();
        Ok((Cell { line: first, raw, doubled }, self.end(Why::BehindQuote)?))
    }

    /// Takes the comma or the line's end that must come now.
    fn end(&mut self, otherwise: Why) -> Result<End, (usize, Why)> {
        if self.rest.is_empty() {
            return Ok(End::Row);
        }
        if let Some(rest) = self.rest.strip_prefix(',') {
            self.rest = rest;
            return Ok(End::Cell);
        }
        match self.rest.strip_prefix("\r\n").or_else(|| self.rest.strip_prefix('\n')) {
            Some(rest) => {
                self.rest = rest;
                self.line += 1;
                Ok(End::Row)
            }
            None => Err((self.line, otherwise)),
        }
    }
}
