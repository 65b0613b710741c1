//! Where secrets are planted: by path, as the schema has them.

/// A call that asks for secrets.
pub(crate) struct Request {
    /// What is typed.
    pub(crate) command: &'static str,
    /// The secrets it carries, in the order in which they are asked for.
    pub(crate) secrets: &'static [&'static str],
    /// What is typed for them when it is what an earlier request had, or nothing.
    pub(crate) like: &'static [&'static str],
    /// What the answer says.
    pub(crate) expected: &'static str,
}

impl Request {
    /// The paths whose values are typed, in order.
    pub(crate) fn asked(&self) -> impl Iterator<Item = &'static str> {
        let words = if self.like.is_empty() { self.secrets } else { self.like };
        words.iter().copied()
    }
}

const fn request(command: &'static str, secrets: &'static [&'static str], expected: &'static str) -> Request {
    Request { command, secrets, like: &[], expected }
}

/// Stands for a moment in which nothing is typed.
pub(crate) const WAIT: &str = "";

/// A file of no format at all.
const UPLOAD: Request = request("call vault:vault-files.upload 0", &["vault-files.upload data"], "ok");

/// Secrets that a client sends.
pub(crate) const REQUESTS: &[Request] = &[
    request(
        "call vault.init {passphrase:?,key_file:?}",
        &["vault.init keys passphrase", "vault.init keys key_file"],
        "ok",
    ),
    Request {
        like: &[
            "vault.init keys passphrase",
            "vault.init keys key_file",
            "vault.change new passphrase",
            "vault.change new key_file",
        ],
        ..request(
            "call vault.change {passphrase:?,key_file:?} {passphrase:?,key_file:?}",
            &[
                "vault.change old passphrase",
                "vault.change old key_file",
                "vault.change new passphrase",
                "vault.change new key_file",
            ],
            "ok",
        )
    },
    request("call vault.lock", &[], "()"),
    // A wrong one, since the right ones have been planted before.
    request(
        "call vault.unlock {passphrase:?,key_file:?}",
        &["vault.unlock keys passphrase", "vault.unlock keys key_file"],
        "WrongPassphrase",
    ),
    // Until another may be tried.
    request(WAIT, &[], ""),
    Request {
        like: &["vault.change new passphrase", "vault.change new key_file"],
        ..request("call vault.unlock {passphrase:?,key_file:?}", &[], "ok")
    },
    request(
        "call vault.add {title:tainted,group:\"\",user:me,url:\"\",tags:[],password:Given(?),\
         totp:{secret_base32:?,algorithm:Sha1,digits:8,period_s:255}}",
        &["vault.add entry password Given", "vault.add entry totp secret_base32"],
        "ok",
    ),
    request("call vault.edit tainted Password(Given(?))", &["vault.edit change Password Given"], "ok"),
    request("call vault.edit tainted Notes(?)", &["vault.edit change Notes"], "ok"),
    request(
        "call vault.edit tainted Field{name:pin,value:?,protected:true}",
        &["vault.edit change Field value"],
        "ok",
    ),
    request(
        "call vault.edit tainted Totp({secret_base32:?,algorithm:Sha1,digits:8,period_s:255})",
        &["vault.edit change Totp secret_base32"],
        "ok",
    ),
    UPLOAD,
    request("call vault:vault-files.attach tainted file", &[], "ok"),
    UPLOAD,
    request("call vault:vault-files.import Kdbx ? \"\"", &["vault-files.import passphrase"], "error("),
    UPLOAD,
    request("call vault:vault-files.key_import ?", &["vault-files.key_import passphrase"], "error("),
    UPLOAD,
    request("call vault:vault-files.verify", &["vault-files.verify passphrase"], "error("),
    request("call vault:vault-files.export Backup ?", &["vault-files.export passphrase"], "ok"),
    request("start converter", &[], "is started"),
    request("call convert.put 0", &["convert.put data"], "ok"),
    request("close converter", &[], "is gone"),
];

/// Secrets that a server answers with, and a call whose reply holds one.
pub(crate) const REPLIES: &[(&str, &str)] = &[
    ("vault-files.download ->", "call vault:vault-files.download 0"),
    ("vault.copy_once ->", "call vault.copy_once tainted"),
    ("vault.reveal ->", "call vault.reveal tainted Notes"),
    ("vault.show -> password", "call vault.show tainted true"),
    ("vault.totp -> digits", "call vault.totp tainted"),
];

/// Secrets that a server answers with and that no call typed by hand brings about, since no picture can be typed: the
/// command `vault convert` does.
pub(crate) const BY_COMMAND: &[&str] = &["convert.pixels ->"];
