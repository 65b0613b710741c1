//! The commands that are not the vault's, in the order `help` shows them.

use super::{Spec, spec};

pub(super) static SPECS: [Spec; 18] = [
    spec(
        "qubes",
        "",
        "list the qubes",
        "Name, label, state, generation, memory, exits, messages in and out, and messages refused. A qube that was \
         ended says how.",
    ),
    spec(
        "clone",
        "VAULT NEW-VAULT",
        "make a second vault of one",
        "Copies everything of an open vault into an empty one, which gets keys and a passphrase of its own; changing one\n\
         leaves the other as it is. Example: clone vault vault-work",
    ),
    spec(
        "say",
        "QUBE TEXT",
        "send a text to a qube and show its answer",
        "A typed call to the echo service of that qube. Put a text with blanks in quotes.",
    ),
    spec(
        "call",
        "[QUBE:]SERVICE[.METHOD] [--reveal] [ARGUMENT...]",
        "call any service",
        "call SERVICE lists its methods. QUBE says which, when several serve it.\n\
         Arguments in order, or name=value: a text as it is, 12, 0x1f, true, hex:00ff, none, Locked, [1, 2],\n\
         { name: Ada, age: 36 }, Exit(1). Secrets are asked for, and hidden in the reply but with --reveal; one inside of\n\
         an argument is written ?. Example: call echo.say \"hello there\"",
    ),
    spec(
        "kill",
        "QUBE",
        "end a qube",
        "If its manifest says so it starts again, with a new generation and an empty memory. Whoever talks to it is told.",
    ),
    spec(
        "start",
        "DISPOSABLE",
        "start a disposable qube",
        "It waits with memory as new until then. Each life begins so, whatever the last one did or was told.",
    ),
    spec(
        "open",
        "URL | NUMBER [in NAME]",
        "open a document in a disposable",
        "Fetched and read by a qube that has the network and nothing else, and is wiped afterwards. What strangers wrote\n\
         stands behind a mark in the colour of that qube. A number follows a link of the open document, in a new life.\n\
         Without 'in NAME' the first viewer takes it; one that is kept for another qube has to be named. Ctrl-C stops it.\n\
         A page stops when the screen is full: space or Enter shows more, a all of it, q stops; the document stays open.\n\
         The line is not kept in the history. Example: open http://example.org/ in personal-bills",
    ),
    spec(
        "links",
        "",
        "list where the links of a document lead",
        "The number and the whole address of each link of the open document, as its viewer tells them; 'open NUMBER' follows one.",
    ),
    spec(
        "convert",
        "URL NAME | FILE",
        "make a clean picture of one that is not trusted",
        "A disposable decodes it and hands over pixels; this console makes a PNG file of them, so no byte of the original is in\n\
         it, and shows it as lines of base64 between two of dashes. PNG, JPEG, GIF, BMP and WebP of up to 524288 pixels.\n\
         convert URL NAME   a viewer fetches it; NAME is that of the new file. Example: convert http://example.org/a.gif a.png\n\
         convert FILE       paste it as with 'vault import'; a converter, which has no network, decodes it. The new file is\n\
         called FILE.safe.png, without FILE's own ending. Example: convert photo.jpg\n\
         'vault convert' does the same with a file attached to an entry. The line is not kept in the history.",
    ),
    spec(
        "close",
        "[DISPOSABLE]",
        "end a disposable qube and wipe its memory",
        "Without a name the one whose document is open. It does not start again until 'start' is typed. Whoever talks to it is told.",
    ),
    spec(
        "policy",
        "who-can-reach QUBE",
        "say who can reach a qube",
        "Read from the running tables: every qube with a chain of allowed calls to it, and what the first call may be.",
    ),
    spec(
        "audit",
        "[COUNT] [--all]",
        "show the last calls",
        "From, to, service, method, verdict and size; never what was said. 20 unless told, 64 at most.\n\
         The questions that commands like this one ask the supervisor are left out, but with --all.",
    ),
    spec("log", "", "show the supervisor's log", ""),
    spec(
        "services",
        "",
        "list the services",
        "Name, version, how many methods it has, and schema id. 'call SERVICE' lists the methods.",
    ),
    spec("clock", "", "show date and time (UTC)", "Also called date."),
    spec("help", "[COMMAND]", "show this, or more on one command", ""),
    spec("clear", "", "clear the screen", ""),
    spec(
        "poweroff",
        "",
        "end all qubes and switch off",
        "What is kept on a volume is there at the next start; what is kept in memory only is gone.",
    ),
];
