//! A document, made of an answer: a page of harmless text, or a bitmap and its cells.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use ipc_proto_open_api as api;
use ipc_proto_open_api::{CELL_SIZE, Failed, OpenError, PAGE_MAX, PIXELS_MAX, ROW_MAX, Reason, URL_MAX};
use ipc_proto_types::{Bytes, Text};
use unikernels_http::{Kind, Response, Url};
use unikernels_picture as picture;
use unikernels_render as render;

use crate::limits::{LINKS_MAX, PICTURE, ROWS_MAX, TEXT_LEN_MAX};
use crate::why;

/// What is transparent shows this.
const BACKGROUND: [u8; 3] = [0, 0, 0];

/// What there is to show.
enum Content {
    Page { text: String, links: Vec<Url> },
    Picture { picture: picture::Picture, cells: picture::Cells, rows: usize },
}

/// A document that can be read.
pub(crate) struct Document {
    told: api::Document,
    content: Content,
}

impl Document {
    /// Renders or decodes an answer, for lines of so many columns.
    pub(crate) fn new(response: Response, columns: usize) -> Result<Self, Failed> {
        let (kind, status) = (response.media.kind, response.status);
        let bytes = u32::try_from(response.body.len()).unwrap_or(u32::MAX);
        let told =
            api::Document { title: Text::new(), status, bytes, text: 0, links: 0, cut: false, picture: None };
        match (page_format(kind), picture_format(kind)) {
            (Some(format), _) => Ok(Self::page(response, format, columns, told)),
            (_, Some(format)) => Self::picture(&response.body, format, columns, told),
            // Nothing needs no type to be shown.
            _ if response.body.is_empty() => Ok(Self::page(response, render::Format::Plain, columns, told)),
            _ => Err(why::failed(
                Reason::Kind,
                format_args!("{bytes} bytes of a type that is not shown, or of none that the host says"),
            )),
        }
    }

    fn page(response: Response, format: render::Format, columns: usize, told: api::Document) -> Self {
        let limits = render::Limits { columns, text_len_max: TEXT_LEN_MAX, links_max: LINKS_MAX };
        let text = unikernels_http::decode(&response.body, response.media.charset).text;
        // It is in memory a second time now.
        drop(response.body);
        let page = render::render(format, &text, &response.url, &limits);
        let told = api::Document {
            title: Text::truncated(&page.title),
            text: u32::try_from(page.text.len()).unwrap_or(u32::MAX),
            links: u16::try_from(page.links.len()).unwrap_or(u16::MAX),
            cut: page.cut,
            ..told
        };
        Self { told, content: Content::Page { text: page.text, links: page.links } }
    }

    fn picture(
        file: &[u8],
        format: picture::Format,
        columns: usize,
        told: api::Document,
    ) -> Result<Self, Failed> {
        let picture = picture::decode(format, file, &PICTURE).map_err(why::picture)?;
        let cells = picture::Cells::new(&picture, columns, ROWS_MAX, BACKGROUND);
        let rows = cells.rows().count();
        let side = |length: usize| u16::try_from(length).unwrap_or(u16::MAX);
        let info = api::PictureInfo {
            width: side(picture.width()),
            height: side(picture.height()),
            columns: side(cells.columns()),
            rows: side(rows),
        };
        let told = api::Document { picture: Some(info), ..told };
        Ok(Self { told, content: Content::Picture { picture, cells, rows } })
    }

    pub(crate) fn told(&self) -> &api::Document {
        &self.told
    }

    /// Whole lines of the page from a byte on. A line that is longer than a piece, which none of ours is, is cut.
    pub(crate) fn piece(&self, from: u32) -> Result<Text<PAGE_MAX>, OpenError> {
        let Content::Page { text, .. } = &self.content else { return Ok(Text::new()) };
        let from = usize::try_from(from).map_err(|_| OpenError::BadPlace)?;
        let rest = text.get(from..).ok_or(OpenError::BadPlace)?;
        let fitting = rest.get(..rest.floor_char_boundary(PAGE_MAX)).unwrap_or(rest);
        let end = match fitting.rfind('\n') {
            Some(at) if fitting.len() < rest.len() => at.saturating_add(1),
            _ => fitting.len(),
        };
        Ok(Text::truncated(fitting.get(..end).unwrap_or(fitting)))
    }

    /// Where a link leads.
    pub(crate) fn link(&self, number: u16) -> Result<Text<URL_MAX>, OpenError> {
        let Content::Page { links, .. } = &self.content else { return Err(OpenError::NoSuchLink) };
        let index = usize::from(number).checked_sub(1).ok_or(OpenError::NoSuchLink)?;
        let url = links.get(index).ok_or(OpenError::NoSuchLink)?;
        Text::try_from(url.to_string().as_str()).map_err(|_| OpenError::LinkTooLong)
    }

    /// A row of cells.
    pub(crate) fn cells(&self, row: u16) -> Result<Bytes<ROW_MAX>, OpenError> {
        let Content::Picture { cells, rows, .. } = &self.content else { return Err(OpenError::NoPicture) };
        let row = cells.rows().take(*rows).nth(usize::from(row)).ok_or(OpenError::BadPlace)?;
        let mut bytes = Bytes::new();
        for cell in row.iter().take(ROW_MAX / CELL_SIZE) {
            // There is room: no more are taken.
            let _ = bytes.extend_from_slice(&cell.upper);
            let _ = bytes.extend_from_slice(&cell.lower);
        }
        Ok(bytes)
    }

    /// Pixels from a byte on.
    pub(crate) fn pixels(&self, from: u32) -> Result<Bytes<PIXELS_MAX>, OpenError> {
        let Content::Picture { picture, .. } = &self.content else { return Err(OpenError::NoPicture) };
        let from = usize::try_from(from).map_err(|_| OpenError::BadPlace)?;
        let rest = picture.rgba().get(from..).ok_or(OpenError::BadPlace)?;
        Bytes::try_from(rest.get(..PIXELS_MAX).unwrap_or(rest)).map_err(|_| OpenError::BadPlace)
    }
}

fn page_format(kind: Kind) -> Option<render::Format> {
    Some(match kind {
        Kind::Html => render::Format::Html,
        Kind::Plain => render::Format::Plain,
        Kind::Markdown => render::Format::Markdown,
        Kind::Json => render::Format::Json,
        Kind::Png | Kind::Jpeg | Kind::Gif | Kind::WebP | Kind::Bmp | Kind::Other => return None,
    })
}

fn picture_format(kind: Kind) -> Option<picture::Format> {
    Some(match kind {
        Kind::Png => picture::Format::Png,
        Kind::Jpeg => picture::Format::Jpeg,
        Kind::Gif => picture::Format::Gif,
        Kind::WebP => picture::Format::WebP,
        Kind::Bmp => picture::Format::Bmp,
        Kind::Html | Kind::Plain | Kind::Markdown | Kind::Json | Kind::Other => return None,
    })
}
