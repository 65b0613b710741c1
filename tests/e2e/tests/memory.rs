//! What is left in the machine's memory after the vault was locked: a dump of all of it, searched for what was typed.

use tests_e2e::{Terminal, dump, root, skep};

const PASSPHRASE: &str = "planted-passphrase-c0ffee";
const PASSWORD: &str = "planted-password-7f3a91";
/// Typed where it is no secret, to show that the search finds what is there.
const MARKER: &str = "planted-marker-51d0be";
/// Addresses at which `needle` stands.
fn places(memory: &[u8], needle: &str) -> Vec<usize> {
    memchr::memmem::find_iter(memory, needle).collect()
}

/// Fails when a secret stands anywhere.
fn assert_gone(memory: &[u8], when: &str) {
    assert!(!places(memory, MARKER).is_empty(), "{when}: the search does not find what is no secret");
    for secret in [PASSPHRASE, PASSWORD] {
        let left = places(memory, secret);
        assert!(left.is_empty(), "{when}: {secret} is left at {left:x?}");
    }
}

#[test]
fn a_locked_or_killed_vault_leaves_neither_passphrase_nor_password_in_memory() {
    let folder = root().join("target/e2e");
    std::fs::create_dir_all(&folder).expect("a folder for what the tests make");
    let (socket, file) = (folder.join("qmp.sock"), folder.join("memory.bin"));
    let _ = std::fs::remove_file(&socket);
    let qmp = format!("unix:{},server=on,wait=off", socket.display());
    let mut t = Terminal::open(skep(&["run", "desktop", "--no-color", "--", "-qmp", &qmp]));

    let _ = t.secret_command("vault init", &[PASSPHRASE, PASSPHRASE]);
    let added = t.secret_command("vault add planted --user me", &[PASSWORD, PASSWORD]);
    assert!(added.contains("Added"), "{added}");
    let _ = t.command(&format!("say echo {MARKER}"));
    let open = dump(&socket, &file);
    assert!(!places(&open, PASSWORD).is_empty(), "the search does not find what an open vault holds");

    let _ = t.command("lock");
    assert_gone(&dump(&socket, &file), "after lock");

    assert!(t.secret_command("unlock", &[PASSPHRASE]).contains("open"));
    assert!(t.command("show planted --reveal").contains(PASSWORD));
    let _ = t.command("kill vault");
    // The answer to the next call comes from the new life, so the memory of the old one is zeroed by then.
    assert!(t.command("ls").contains("restarted"));
    assert_gone(&dump(&socket, &file), "after kill");
    assert_eq!(t.power_off().0, 0);
}
