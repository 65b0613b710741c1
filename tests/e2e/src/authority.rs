//! Authorities of the tests and what they sign, made by OpenSSL in a folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use base64ct::{Base64, Encoding as _};

/// Two authorities, `ca` and `other`, and a server's key `leaf`.
#[derive(Debug)]
pub struct Authority {
    folder: PathBuf,
}

impl Authority {
    /// Makes the keys and the authorities' own certificates.
    ///
    /// # Panics
    /// When OpenSSL does not.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        let made = Self { folder: folder.to_owned() };
        for key in ["ca", "other", "leaf"] {
            made.openssl(&format!("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {key}.key"));
        }
        for ca in ["ca", "other"] {
            made.openssl(&format!("req -x509 -new -key {ca}.key -subj /CN={ca} -days 30 -out {ca}.pem"));
        }
        made.openssl("req -new -key leaf.key -subj /CN=leaf -out leaf.csr");
        made.openssl("x509 -in ca.pem -outform DER -out ca.der");
        made
    }

    /// Has `ca` or `other` sign `NAME.pem` for the key `leaf`, in whose place it may stand for so many days.
    ///
    /// # Panics
    /// When OpenSSL does not.
    pub fn sign(&self, name: &str, ca: &str, host: &str, days: u32) {
        std::fs::write(self.folder.join("leaf.ext"), format!("subjectAltName={host}\n")).expect("its names");
        let sign =
            format!("x509 -req -in leaf.csr -CA {ca}.pem -CAkey {ca}.key -CAcreateserial -days {days}");
        self.openssl(&format!("{sign} -extfile leaf.ext -out {name}.pem"));
    }

    /// `ca` as an argument of a qube has it.
    ///
    /// # Panics
    /// When it is not there any more.
    #[must_use]
    pub fn argument(&self) -> String {
        Base64::encode_string(&std::fs::read(self.folder.join("ca.der")).expect("the authority"))
    }

    fn openssl(&self, arguments: &str) {
        let mut command = Command::new("openssl");
        let output =
            command.current_dir(&self.folder).args(arguments.split(' ')).output().expect("OpenSSL runs");
        assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
