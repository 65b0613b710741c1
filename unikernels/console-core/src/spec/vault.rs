//! The commands of the vault, in the order `help vault` shows them.

use super::{Spec, spec};

pub(super) static SPECS: [Spec; 38] = [
    spec(
        "vault init",
        "[--key-file]",
        "give the vault a passphrase",
        "Asks twice and never shows what is typed.\n\
         --key-file   it opens only with a key file too, which is asked for as one line of base64: 32 random bytes are \
         enough",
    ),
    spec(
        "vault unlock",
        "[--key-file]",
        "open the vault",
        "After a wrong passphrase the next one has to wait: 1 second, then 2, then 4, up to 5 minutes.",
    ),
    spec("vault lock", "", "seal the vault", "The key is wiped; the passphrase opens it again."),
    spec(
        "vault passwd",
        "[--key-file | --no-key-file]",
        "change the passphrase",
        "Asks for the old one and twice for the new one.\n\
         --key-file      another key file from now on\n\
         --no-key-file   none any more",
    ),
    spec(
        "vault auto-lock",
        "SECONDS|never",
        "have it lock itself when it is not used",
        "After so many seconds without a command. Example: vault auto-lock 300",
    ),
    spec(
        "vault status",
        "",
        "say whether the vault is open",
        "And what it keeps its entries on: a volume, or memory, which ends with the qube.",
    ),
    spec(
        "vault add",
        "NAME [--group PATH] [--user USER] [--url URL] [--tags A,B] [--expires DATE] \
         [--generate LENGTH | --words COUNT] [--totp]",
        "add an entry",
        "Without --generate or --words it asks for the password.\n\
         --generate LENGTH   have the vault draw one; it holds lower and upper case, digits and symbols, at least one \
         of each\n\
         --no-lower, --no-upper, --no-digits, --no-symbols   leave a class out\n\
         --no-look-alikes    leave out what looks alike: 0 and O, 1, l and I\n\
         --words COUNT       have the vault draw words of the EFF's list; --separator says what stands between them\n\
         --totp              ask for the base32 secret of one-time codes\n\
         --algorithm sha1|sha256|sha512, --digits 6..8, --period SECONDS   as the site says; else sha1, 6, 30\n\
         --steam             the same for Steam, whose codes are letters\n\
         --expires DATE      as 2027-12-31, the day from which it is too old\n\
         Example: add github --user me --url https://github.com --tags code,daily --words 6",
    ),
    spec(
        "vault edit",
        "NAME OPTION...",
        "change an entry",
        "What it held before becomes its history.\n\
         --title NEW, --group PATH, --user USER, --url URL, --tags A,B, --expires DATE|never\n\
         --password          ask for another one; --generate and --words as with 'add'\n\
         --notes             ask for the notes, line by line\n\
         --field FIELD [--protected]   ask for the value of a field of your own; --no-field FIELD removes it\n\
         --totp, --steam     ask for the secret of one-time codes; --no-totp removes it\n\
         Example: edit github --field 'recovery code' --protected",
    ),
    spec(
        "vault ls",
        "[SEARCH...]",
        "list the entries",
        "Titles, groups and users, never a password. SEARCH is any of: a word in the entry, tag:WORD, group:WORD, \
         is:expired,\nis:recycled, which lists the bin. All of them must fit. Example: ls group:work tag:daily",
    ),
    spec("vault find", "SEARCH...", "list the entries that fit", "As 'vault ls SEARCH'."),
    spec(
        "vault show",
        "NAME [--reveal]",
        "show an entry",
        "The password is shown only with --reveal. What is on the screen stays in the terminal's scrollback.\n\
         NAME is the title; GROUP/TITLE when several groups have one; or # and the first digits of the id.",
    ),
    spec("vault notes", "NAME", "show the notes of an entry", ""),
    spec(
        "vault write",
        "NAME",
        "write a text",
        "Line by line, in sight, as the notes of the entry NAME: behind what is there, or in a new entry. 'notes' shows it, \n\
         'edit --notes' asks for all of it anew, 'history' and 'revert' have what it was before. Example: work-write write plan",
    ),
    spec("vault field", "NAME FIELD", "show a field of an entry", "Protected ones too: you asked for it."),
    spec(
        "vault copy-once",
        "NAME",
        "copy a password to the terminal's clipboard",
        "By OSC 52, which your terminal may have to be told to allow. It is cleared after 30 seconds, or when the vault \
         is locked.",
    ),
    spec("vault totp", "NAME", "show the one-time code", "And how many seconds it still holds."),
    spec(
        "vault history",
        "NAME [--reveal | --forget]",
        "list earlier versions of an entry",
        "--reveal   with their passwords\n--forget   forget them all; asks first",
    ),
    spec(
        "vault revert",
        "NAME NUMBER",
        "make an entry hold what it held",
        "NUMBER is that of a version in 'vault history NAME'. What it holds now becomes its history.",
    ),
    spec("vault rm", "NAME", "put an entry into the bin", "'restore' takes it out again."),
    spec("vault restore", "NAME", "take an entry out of the bin", ""),
    spec("vault purge", "NAME", "remove an entry of the bin for good", "Asks first."),
    spec("vault empty-bin", "", "remove all in the bin for good", "Asks first."),
    spec("vault groups", "", "list the groups", ""),
    spec(
        "vault mkgroup",
        "PATH",
        "make a group",
        "The one above it must be there. Example: vault mkgroup work/servers",
    ),
    spec(
        "vault mvgroup",
        "PATH TO",
        "give a group another name or place",
        "Example: vault mvgroup work/servers servers",
    ),
    spec("vault rmgroup", "PATH", "put a group and all in it into the bin", "Asks first."),
    spec("vault report", "", "list weak, reused and expired passwords", "The worst first."),
    spec(
        "vault import",
        "kdbx|csv|bitwarden|backup [--group PATH]",
        "take entries in from a file",
        "Paste the file as lines of base64, then a line with a dot: on your machine, base64 FILE shows it.\n\
         Nothing pasted is shown. A backup goes into an empty vault only. Example: vault import kdbx --group old",
    ),
    spec(
        "vault export",
        "kdbx|csv|backup",
        "show all entries as a file",
        "In base64 between two lines of dashes; paste what is between into base64 -d. kdbx and backup are encrypted with a\n\
         passphrase that is asked for. csv is in the clear, and asked about.",
    ),
    spec(
        "vault verify",
        "",
        "check that a backup is whole",
        "Paste it as with 'vault import'. Nothing is changed.",
    ),
    spec(
        "vault attach",
        "NAME FILE",
        "attach a file to an entry",
        "Paste it as with 'vault import'. FILE is the name it gets; one of that name is replaced.",
    ),
    spec("vault detach", "NAME FILE", "take an attached file off", ""),
    spec("vault fetch", "NAME FILE", "show an attached file", "As 'vault export' does, in base64."),
    spec(
        "vault convert",
        "NAME FILE",
        "make a clean picture of an attached one",
        "A disposable with no network decodes it, and a PNG is made of its pixels and attached beside it: photo.jpg becomes\n\
         photo.safe.png. FILE stays as it is; when there is a file of the new name already, nothing is done.\n\
         PNG, JPEG, GIF, BMP and WebP of up to 524288 pixels. Example: vault convert passport photo.jpg",
    ),
    spec(
        "vault key",
        "make COMMENT | ls | import | rm KEY",
        "keys for signing",
        "They never leave the vault. 'import' takes an OpenSSH private key, pasted as it is. KEY is the 16 digits that \
         'vault key ls' shows.\nExample: vault key make me@example",
    ),
    spec(
        "vault allow",
        "QUBE KEY once|SECONDS",
        "let a qube sign with a key",
        "Once, or for so many seconds, a day at most. A qube that asks while the vault is open has you asked at the prompt:\n\
         o is one signature of the data with the hash shown, m all for a minute, n or no answer none.\nExample: vault allow builder 66687aadf862bd77 600",
    ),
    spec("vault disallow", "QUBE KEY", "take back what was allowed", ""),
    spec(
        "vault requests",
        "",
        "list signatures that were refused",
        "For want of consent; the newest first. What you were asked and said no to is here too.",
    ),
];
