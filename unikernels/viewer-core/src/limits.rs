//! What a document may cost: bytes so that the viewer's memory holds it, milliseconds so that a person gets an answer.

use unikernels_http as http;
use unikernels_picture as picture;

/// Asking for the name and calling the host, redirect by redirect. `net` tries up to four addresses of a name.
pub const CONNECT_MS: u64 = 30_000;
/// Without a byte in either direction: a server that fell silent is given up.
pub const IDLE_MS: u64 = 20_000;
/// Everything together, redirects included: a server that sends a byte now and then is cut.
pub const TOTAL_MS: u64 = 120_000;

/// What is done in one turn at most, in calls of `net`: a fast server must not keep the viewer from answering its own client.
pub const STEPS_MAX: usize = 32;

/// Most bytes of a body, as sent and decompressed. As text they may become three times as many while they are rendered.
pub const BODY_LEN_MAX: usize = 2 * 1024 * 1024;

/// What HTTP may cost.
pub const HTTP: http::Limits = http::Limits {
    wire_len_max: BODY_LEN_MAX,
    body_len_max: BODY_LEN_MAX,
    redirects_max: ipc_proto_open_api::REDIRECTS_MAX,
};

/// What a picture may cost: 1,280 times 1,024 pixels take 20 MiB while they are decoded.
pub const PICTURE: picture::Limits = picture::Limits { side_max: 8192, pixels_max: 1280 * 1024 };

/// Rows of cells of a picture: it should fit on a screen.
pub const ROWS_MAX: usize = 40;

/// Most bytes of a page.
pub const TEXT_LEN_MAX: usize = 512 * 1024;

/// Most links that get a number.
pub const LINKS_MAX: usize = 1000;

/// Received bytes after which `changed` is said again.
pub const NEWS_LEN: u32 = 64 * 1024;
