//! The vault on its disk: what stays between runs, through every driver and IOMMU, across kills, and in a clone.

use tests_e2e::{Terminal, blank_disk, plain, skep};

const PASSPHRASE: &str = "correct horse battery staple";

/// The desktop with a disk that is kept, as somebody runs it.
fn desktop(disk: &str, arguments: &[&str]) -> Terminal {
    let mut words = vec!["run", "desktop", "--no-color", "--disk", disk, "--disk-size", "256"];
    words.extend(arguments);
    Terminal::open(skep(&words))
}

/// Builds first: patience is for what runs.
fn built() {
    let image = tests_e2e::root().join("target/e2e/first.img");
    let _ = std::fs::create_dir_all(tests_e2e::root().join("target/e2e"));
    let built = skep(&["image", "desktop", "-o", &image.to_string_lossy()]).output().expect("cargo runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
}

#[test]
fn entries_stay_between_runs_through_every_driver_and_iommu() {
    built();
    let disk = blank_disk("kept");
    let machines = [("virtio", "amd"), ("nvme", "amd"), ("virtio", "intel"), ("nvme", "intel")];
    for (number, (kind, iommu)) in machines.iter().enumerate() {
        let mut t = desktop(&disk, &["--disk-kind", kind, "--iommu", iommu]);
        if number == 0 {
            assert!(t.command("vault status").contains("vault init"), "{}", t.seen);
            let opened = t.secret_command("vault init", &[PASSPHRASE, PASSPHRASE]);
            assert!(opened.contains("The vault is open"), "{opened}");
        } else {
            assert!(t.command("ls").contains("locked"), "{}", t.seen);
            let opened = t.secret_command("unlock", &[PASSPHRASE]);
            assert!(opened.contains("open"), "{kind} {iommu}: {opened}");
        }
        let added = t.secret_command(&format!("add e{number} --user me"), &["s3cret", "s3cret"]);
        assert!(added.contains("Added"), "{kind} {iommu}: {added}");
        for older in 0..=number {
            let shown = t.command(&format!("show e{older} --reveal"));
            assert!(shown.contains("s3cret"), "{kind} {iommu}: {shown}");
        }
        assert_eq!(t.power_off().0, 0);
    }
}

#[test]
fn a_vault_outlives_its_own_end_and_that_of_its_storage() {
    built();
    let disk = blank_disk("outlives");
    let mut t = desktop(&disk, &[]);
    let _ = t.secret_command("vault init", &[PASSPHRASE, PASSPHRASE]);
    assert!(t.secret_command("add one --user me", &["s3cret", "s3cret"]).contains("Added"));
    let _ = t.command("kill vault");
    let _ = t.command("ls");
    assert!(t.command("ls").contains("locked"), "{}", t.seen);
    assert!(t.secret_command("unlock", &[PASSPHRASE]).contains("1 entry"), "{}", t.seen);

    // What the storage qube had in memory was on the disk before it was acknowledged.
    let _ = t.command("kill storage");
    let first = t.secret_command("add two --user me", &["s3cret", "s3cret"]);
    if !first.contains("Added") {
        assert!(first.contains("could not write"), "{first}");
        assert!(t.secret_command("unlock", &[PASSPHRASE]).contains("1 entry"), "{}", t.seen);
        let again = t.secret_command("add two --user me", &["s3cret", "s3cret"]);
        assert!(again.contains("Added"), "{again}");
    }
    let list = plain(&t.command("ls"));
    assert!(list.contains("one") && list.contains("two"), "{list}");
    assert_eq!(t.power_off().0, 0);
    let mut t = desktop(&disk, &[]);
    assert!(t.secret_command("unlock", &[PASSPHRASE]).contains("2 entries"), "{}", t.seen);
    assert_eq!(t.power_off().0, 0);
}

#[test]
fn a_clone_has_the_entries_and_a_life_and_passphrase_of_its_own() {
    built();
    let disk = blank_disk("clone");
    let mut t = desktop(&disk, &[]);
    let _ = t.secret_command("vault init", &[PASSPHRASE, PASSPHRASE]);
    assert!(t.secret_command("add bank --user me", &["s3cret", "s3cret"]).contains("Added"));
    let cloned = t.secret_command("clone vault vault-work", &["another", "another"]);
    assert!(cloned.contains("1 entry"), "{cloned}");
    assert!(t.secret_command("vault-work add mail --user me", &["other", "other"]).contains("Added"));
    let (work, vault) = (plain(&t.command("vault-work ls")), plain(&t.command("ls")));
    assert!(work.contains("bank") && work.contains("mail"), "{work}");
    assert!(vault.contains("bank") && !vault.contains("mail"), "{vault}");
    assert_eq!(t.power_off().0, 0);

    let mut t = desktop(&disk, &[]);
    assert!(t.secret_command("vault-work unlock", &[PASSPHRASE]).contains("Wrong"), "{}", t.seen);
    assert!(t.secret_command("unlock", &[PASSPHRASE]).contains("1 entry"), "{}", t.seen);
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert!(t.secret_command("vault-work unlock", &["another"]).contains("2 entries"), "{}", t.seen);
    assert!(t.command("vault-work show bank --reveal").contains("s3cret"), "{}", t.seen);
    let full = t.secret_command("clone vault vault-work", &[]);
    assert!(full.contains("vault-work is not empty"), "{full}");
    assert_eq!(t.power_off().0, 0);
}

#[test]
fn a_backup_pasted_into_an_empty_vault_restores_it() {
    built();
    let disk = blank_disk("backup");
    let mut t = desktop(&disk, &[]);
    let _ = t.secret_command("vault init", &[PASSPHRASE, PASSPHRASE]);
    assert!(t.secret_command("add bank --user me", &["s3cret", "s3cret"]).contains("Added"));
    let shown = plain(&t.secret_command("vault export backup", &["bp", "bp"]));
    let lines = shown.lines().skip_while(|line| !line.starts_with("-----BEGIN SKEP FILE backup"));
    let lines: Vec<&str> = lines.skip(1).take_while(|line| !line.starts_with("-----END")).collect();
    assert!(lines.len() > 1, "{shown}");
    let _ = t.secret_command("vault-personal init", &["pp", "pp"]);
    t.keys("vault-personal import backup\r");
    t.until("backup: ");
    t.keys("bp\r");
    t.until("dot");
    for line in lines {
        t.keys(&format!("{line}\r"));
    }
    t.keys(".\r");
    let imported = t.until("skep> ");
    assert!(imported.contains("Added 1 entry"), "{imported}");
    assert!(t.command("vault-personal show bank --reveal").contains("s3cret"), "{}", t.seen);
    assert_eq!(t.power_off().0, 0);
}
