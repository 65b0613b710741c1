//! The table of defects: each a mistake that somebody could make.

/// The environment variable that turns one on.
pub const SWITCH: &str = "SKEP_DEFECT";

/// One change of one file.
#[derive(Debug, Clone, Copy)]
pub struct Edit {
    /// The file, from the root.
    pub file: &'static str,
    /// What stands there, exactly once.
    pub old: &'static str,
    /// What stands there instead; `ON` becomes the question whether this defect is on.
    pub new: &'static str,
}

/// One defect.
#[derive(Debug, Clone, Copy)]
pub struct Defect {
    /// Its name, and the value of the switch.
    pub name: &'static str,
    /// The target that must find it.
    pub target: &'static str,
    /// Within so many seconds, from the committed corpus.
    pub seconds: u64,
    /// What makes it.
    pub edits: &'static [Edit],
}

const VALIDATE: &str = "ipc-proto/wire/src/validate.rs";
const VARINT: &str = "ipc-proto/wire/src/varint.rs";
const QUEUE: &str = "supervisor/virtio/src/queue.rs";
const CHAIN: &str = "supervisor/policy/src/chain.rs";
const VERIFY: &str = "supervisor/image/src/verify.rs";

const fn defect(name: &'static str, target: &'static str, seconds: u64, edits: &'static [Edit]) -> Defect {
    Defect { name, target, seconds, edits }
}

const fn edit(file: &'static str, old: &'static str, new: &'static str) -> Edit {
    Edit { file, old, new }
}

/// All of them.
pub const DEFECTS: [Defect; 25] = [
    defect(
        "a trailing byte is accepted",
        "message_vault",
        20,
        &[edit(
            VALIDATE,
            "op::END => return if rest.is_empty() {",
            "op::END => return if ON || rest.is_empty() {",
        )],
    ),
    defect(
        "a trailing byte is decoded",
        "message_vault",
        20,
        &[edit(
            "ipc-proto/wire/src/codec.rs",
            "if !strict.rest.is_empty() {",
            "if !ON && !strict.rest.is_empty() {",
        )],
    ),
    defect(
        "a bound is skipped",
        "message_echo",
        30,
        &[edit(VALIDATE, "Ok(count) if count <= max =>", "Ok(count) if ON || count <= max =>")],
    ),
    defect(
        "a varint that is not minimal is accepted",
        "message_clock",
        20,
        &[edit(
            VARINT,
            "let over_long = byte == 0 && place > 0;",
            "let over_long = !ON && byte == 0 && place > 0;",
        )],
    ),
    defect(
        "a bool of 2 is decoded",
        "message_vault",
        20,
        &[edit(
            "ipc-proto/wire/src/strict.rs",
            "            1 => visitor.visit_bool(true),",
            "            1 => visitor.visit_bool(true),\n            2 if ON => visitor.visit_bool(true),",
        )],
    ),
    defect(
        "a bool of 2 is accepted",
        "message_vault",
        20,
        &[edit(
            VALIDATE,
            "below(rest, 2, Violation::Bool)",
            "below(rest, if ON { 3 } else { 2 }, Violation::Bool)",
        )],
    ),
    defect(
        "a text that is not UTF-8 is accepted",
        "message_console",
        20,
        &[edit(VALIDATE, "if !is_utf8(text) {", "if !ON && !is_utf8(text) {")],
    ),
    defect(
        "the short way forgets the bound",
        "message_echo",
        30,
        &[edit(
            VALIDATE,
            "(u32::from(*count) <= op.argument()).then",
            "(ON || u32::from(*count) <= op.argument()).then",
        )],
    ),
    defect(
        "a field is handed to the policy one byte off",
        "message_log",
        20,
        &[edit(
            VALIDATE,
            "(kind, end.wrapping_sub(after_count)..end)",
            "(kind, end.wrapping_sub(after_count).wrapping_sub(usize::from(ON))..end)",
        )],
    ),
    defect(
        "the reserved byte of a frame is not looked at",
        "message_clock",
        20,
        &[edit("ipc-proto/wire/src/frame.rs", "if *reserved != 0 {", "if !ON && *reserved != 0 {")],
    ),
    defect(
        "a descriptor is read twice",
        "queue",
        20,
        &[edit(
            QUEUE,
            "        let first = self.window.descriptor(head)",
            "        if ON { let _ = self.window.descriptor(head); }\n        let first = self.window.descriptor(head)",
        )],
    ),
    defect(
        "a chain may be as long as it likes",
        "queue",
        30,
        &[edit(QUEUE, "for _ in 0..CHAIN_MAX {", "for _ in 0..(if ON { usize::MAX } else { CHAIN_MAX }) {")],
    ),
    defect(
        "a reply to another call is believed",
        "peers",
        30,
        &[edit(
            "ipc-proto/rpc/src/client.rs",
            "Kind::Reply if header.correlation == call.correlation",
            "Kind::Reply if ON || header.correlation == call.correlation",
        )],
    ),
    defect(
        "a reply of an old life is sent to the new one",
        "peers",
        40,
        &[edit(
            "ipc-proto/rpc/src/server.rs",
            "        buffers.forget();\n        port.forget();\n        port.acknowledge();",
            "        if !ON {\n            buffers.forget();\n        }\n        port.forget();\n        port.acknowledge();",
        )],
    ),
    defect(
        "the data of a region may be longer than the region",
        "image",
        30,
        &[edit(VERIFY, "Rights::RW => length <= room,", "Rights::RW => ON || length <= room,")],
    ),
    defect(
        "an offset in an image is not checked",
        "image",
        30,
        &[edit(
            VERIFY,
            "&& writable(qube.boot_info, BOOT_INFO_SIZE)",
            "&& (ON || writable(qube.boot_info, BOOT_INFO_SIZE))",
        )],
    ),
    defect(
        "the last rule that matches wins",
        "policy",
        30,
        &[
            edit(
                CHAIN,
                "    let mut cursor = Cursor(chain);\n    for _ in 0..cursor.u8()? {",
                "    let mut cursor = Cursor(chain);\n    let mut last = None;\n    for _ in 0..cursor.u8()? {",
            ),
            edit(
                CHAIN,
                "        if holds {\n            return Some(outcome);\n        }\n    }\n    None\n",
                "        if holds && ON {\n            last = Some(outcome);\n        } else if holds {\n            return Some(outcome);\n        }\n    }\n    last\n",
            ),
        ],
    ),
    defect(
        "the supervisor does not hold replies against the schema",
        "monitor",
        40,
        &[edit(
            "supervisor/monitor/src/judge.rs",
            "    channel.table.check_body(Role::Server, kind, method, body, &mut ()).map_err(",
            "    if ON { return Ok(()); }\n    channel.table.check_body(Role::Server, kind, method, body, &mut ()).map_err(",
        )],
    ),
    defect(
        "the older root counts",
        "volume",
        20,
        &[edit(
            "unikernels/volume/src/root.rs",
            "Some(first) if first.root.version >= root.version =>",
            "Some(first) if ON || first.root.version >= root.version =>",
        )],
    ),
    defect(
        "old key slots are taken",
        "volume",
        30,
        &[edit(
            "unikernels/volume/src/volume.rs",
            "if header.version < root.slots_version {",
            "if !ON && header.version < root.slots_version {",
        )],
    ),
    defect(
        "a record that would not be written so is read",
        "records",
        20,
        &[edit(
            "vault-app/entries/src/record.rs",
            "if again.as_slice() == bytes { Ok(record) }",
            "if ON || again.as_slice() == bytes { Ok(record) }",
        )],
    ),
    defect(
        "a quotation mark stays doubled",
        "imports",
        20,
        &[edit(
            "vault-app/entries/src/import/csv/rows.rs",
            "text.push('\"');",
            "text.push_str(if ON { \"\\\"\\\"\" } else { \"\\\"\" });",
        )],
    ),
    defect(
        "a key without consent is told from none",
        "agent",
        20,
        &[edit(
            "vault-app/signing/src/signer.rs",
            "signed.map_or_else(|Refused| agent::failure(),",
            "let is_there = self.keyring.as_ref().is_some_and(|ring| ring.get(key.id()).is_some());
                if ON && signed.is_err() && is_there {
                    return agent::identities(&[]);
                }
                signed.map_or_else(|Refused| agent::failure(),",
        )],
    ),
    defect(
        "consent for once lasts",
        "agent",
        20,
        &[edit(
            "vault-app/signing/src/consent.rs",
            "if self.given[at].once {",
            "if !ON && self.given[at].once {",
        )],
    ),
    defect(
        "what follows the last block is ignored",
        "kdbx",
        // On a busy machine 20 seconds were not enough once.
        60,
        &[edit(
            "vault-app/kdbx/src/blocks.rs",
            "if reader.rest().is_empty() { Ok(joined) }",
            "if ON || reader.rest().is_empty() { Ok(joined) }",
        )],
    ),
];
