//! What was typed after `call`: whom to call, and the words for it, not yet looked at.

use ipc_proto_describe::Reveal;

/// What was typed after `call`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request<'l> {
    /// The qube that is to answer, if it was said.
    pub(super) qube: Option<&'l str>,
    pub(super) service: &'l str,
    /// None asks what methods there are.
    pub(super) method: Option<&'l str>,
    pub(super) arguments: &'l str,
    pub(super) reveal: Reveal,
}

impl<'l> Request<'l> {
    /// The rest of a line that begins with `call`; `None` for another line.
    pub(crate) fn rest(line: &'l str) -> Option<&'l str> {
        let rest = line.trim_start().strip_prefix("call")?;
        (rest.is_empty() || rest.starts_with([' ', '\t'])).then_some(rest)
    }

    /// Understands the rest of a line; `None` when it names nothing.
    pub(crate) fn parse(rest: &'l str) -> Option<Self> {
        let (before, rest) = reveal(rest);
        let rest = rest.trim_start();
        let (target, rest) = rest.split_at(rest.find([' ', '\t']).unwrap_or(rest.len()));
        let (after, arguments) = reveal(rest);
        let (qube, name) = match target.split_once(':') {
            Some((qube, name)) => (Some(qube), name),
            None => (None, target),
        };
        let (service, method) = match name.split_once('.') {
            Some((service, method)) => (service, Some(method)),
            None => (name, None),
        };
        let reveal = if before || after { Reveal::Secrets } else { Reveal::Nothing };
        (!service.is_empty()).then_some(Self { qube, service, method, arguments, reveal })
    }
}

/// Whether `--reveal` comes next, and what follows it.
fn reveal(rest: &str) -> (bool, &str) {
    let blank = |after: &&str| after.is_empty() || after.starts_with([' ', '\t']);
    match rest.trim_start().strip_prefix("--reveal").filter(blank) {
        Some(after) => (true, after),
        None => (false, rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Qube, service, method, arguments, whether secrets are shown.
    type Parts<'l> = (Option<&'l str>, &'l str, Option<&'l str>, &'l str, bool);

    fn check(line: &str, expected: Option<Parts<'_>>) {
        let request = Request::rest(line).and_then(Request::parse);
        let got =
            request.map(|r| (r.qube, r.service, r.method, r.arguments.trim(), r.reveal == Reveal::Secrets));
        assert_eq!(got, expected, "{line}");
    }

    #[test]
    fn a_line_names_a_service_a_method_and_perhaps_a_qube() {
        check("call echo.say hi", Some((None, "echo", Some("say"), "hi", false)));
        check("  call echo", Some((None, "echo", None, "", false)));
        check(
            "call echo2:echo.say \"a b\" --reveal",
            Some((Some("echo2"), "echo", Some("say"), "\"a b\" --reveal", false)),
        );
        check("call --reveal vault.show x true", Some((None, "vault", Some("show"), "x true", true)));
        check("call vault.show --reveal x true", Some((None, "vault", Some("show"), "x true", true)));
        check("call", None);
        check("call .say", None);
        check("calls echo.say", None);
        check("say echo", None);
    }
}
