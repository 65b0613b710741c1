//! The ways in: the ISO under BIOS and UEFI, and machines and images that cannot work.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use tests_e2e::{Terminal, empty_folder, plain, qemu, root, skep};

fn made(arguments: &[&str]) {
    let output = skep(arguments).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn scratch(name: &str) -> PathBuf {
    let folder = root().join("target/e2e");
    fs::create_dir_all(&folder).expect("a folder for what the tests make");
    folder.join(name)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// Boots an ISO with its terminal on the pseudo-terminal.
fn boot_iso(iso: &Path, firmware: &[&str]) -> Terminal {
    let mut arguments = vec!["-cpu", "EPYC,+svm,+npt", "-cdrom", text(iso), "-serial", "stdio"];
    arguments.extend(firmware);
    Terminal::open(qemu(&arguments))
}

#[test]
fn the_iso_boots_under_bios_and_under_uefi() {
    let iso = scratch("desktop.iso");
    made(&["iso", "desktop", "-o", text(&iso)]);
    for firmware in [&[][..], &["-bios", "/usr/share/ovmf/OVMF.fd"]] {
        let mut t = boot_iso(&iso, firmware);
        assert!(t.command("say echo iso").contains("echo: iso"), "{firmware:?}");
        assert!(t.command("qubes").contains("vault"));
        // QEMU's exit status for a clean power off is 33.
        assert_eq!(t.power_off().0, 33, "{firmware:?}");
    }
}

/// A terminal and as many that answer as there may be; QEMU's processor has sixteen address-space ids, the host's among them.
fn crowd(answering: usize) -> String {
    let names = || (1..=answering).map(|number| format!("e{number}"));
    let qubes =
        names().map(|name| format!("    {{ path = \"../../unikernels/echo\", name = \"{name}\" }},\n"));
    let rules = names().map(|name| format!("echo.* console {name} allow\n"));
    let channel = |server: &str, service| {
        format!("[[channel]]\nclient = \"console\"\nserver = \"{server}\"\nservice = \"{service}\"\n")
    };
    // The terminal has 24 ports, one of them the supervisor's.
    let channels = names().map(|name| channel(&name, "echo"));
    format!(
        "name = \"crowd\"\nmemory = \"32MiB\"\nqubes = [\n    \"../../unikernels/console\",\n{}]\npolicy = \"\"\"\n\
         {}ctl.tap @anyvm @supervisor deny\nctl.tapped @anyvm @supervisor deny\n\
         ctl.* console @supervisor allow\n\"\"\"\n{}{}",
        qubes.collect::<String>(),
        rules.collect::<String>(),
        channels.collect::<String>(),
        channel("@supervisor", "ctl")
    )
}

#[test]
fn twenty_four_qubes_boot_answer_and_begin_anew_and_a_twenty_fifth_is_refused() {
    let folder = empty_folder("crowd");
    let mut t = Terminal::run_text(&folder, &crowd(23), &[]);
    for number in 1..24 {
        let said = t.command(&format!("call e{number}:echo.say word-{number}"));
        assert!(said.contains(&format!("\"word-{number}\"")), "{said}");
    }
    // One with an id of its own, and two that share one.
    for name in ["e2", "e15", "e23"] {
        assert!(t.command(&format!("kill {name}")).contains("starts again as generation 2"), "{}", t.seen);
    }
    for name in ["e1", "e2", "e14", "e15", "e16", "e23"] {
        // The first call of a new life may be answered with the news of it.
        let _ = t.command(&format!("call {name}:echo.say news"));
        let said = t.command(&format!("call {name}:echo.say again-{name}"));
        assert!(said.contains(&format!("\"again-{name}\"")), "{said}");
    }
    let qubes = plain(&t.command("qubes"));
    assert_eq!(qubes.lines().filter(|line| line.contains("MiB")).count(), 24, "{qubes}");
    assert_eq!(t.power_off().0, 0);

    let manifest = folder.join("system.toml");
    fs::write(&manifest, crowd(24).replace("../..", text(&root()))).expect("the manifest");
    let output = skep(&["image", text(&manifest), "-o", text(&folder.join("system.img"))]).output();
    let output = output.expect("cargo runs");
    let told =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("25 qubes") && told.contains("expected: 1 to 24 qubes"), "{told}");
}

/// Boots the supervisor with an image until it ends; gives the log and the exit status.
fn boot(image: &Path, cpu: &str) -> (String, Option<i32>) {
    let supervisor = root().join("target/metal/supervisor-metal");
    let log = scratch("boot.log");
    let console = format!("file:{}", text(&log));
    let arguments = [
        "-cpu",
        cpu,
        "-kernel",
        text(&supervisor),
        "-initrd",
        text(image),
        "-serial",
        "stdio",
        "-debugcon",
        &console,
    ];
    let Output { status, stdout, .. } = qemu(&arguments).output().expect("QEMU runs");
    let told = fs::read_to_string(&log).unwrap_or_default();
    (told + &String::from_utf8_lossy(&stdout), status.code())
}

#[test]
fn a_processor_without_svm_or_nested_paging_is_told_so() {
    let image = scratch("minimal.img");
    made(&["image", "minimal", "-o", text(&image)]);
    for (cpu, word) in [("qemu64,-svm", "SVM"), ("EPYC,+svm,-npt", "nested paging")] {
        let (told, status) = boot(&image, cpu);
        assert!(told.contains(word), "{cpu}: {told}");
        assert_eq!(status, Some(37), "{cpu}: {told}");
    }
}

#[test]
fn a_damaged_image_is_refused_with_a_sentence() {
    let image = scratch("whole.img");
    made(&["image", "minimal", "-o", text(&image)]);
    let whole = fs::read(&image).expect("the image");
    let damaged = scratch("damaged.img");
    let flips = [0, 8, 16, 100, 300, whole.len() / 2, whole.len() - 1];
    let mut cases: Vec<Vec<u8>> = flips.iter().map(|&at| flipped(&whole, at)).collect();
    cases.push(whole[..whole.len() - 64].to_vec());
    cases.push(whole[..10].to_vec());
    cases.push(b"no image at all".repeat(100));
    for case in cases {
        fs::write(&damaged, &case).expect("a file");
        let (told, status) = boot(&damaged, "EPYC,+svm,+npt");
        assert!(told.contains("cannot boot"), "{told}");
        assert!(told.contains("image"), "{told}");
        assert_eq!(status, Some(35), "{told}");
    }
}

fn flipped(whole: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 0x40;
    }
    bytes
}

#[test]
fn a_wrong_manifest_fails_the_build_with_line_and_fix() {
    let manifest = scratch("wrong.toml");
    fs::write(&manifest, "name = \"wrong\"\nmemory = \"8MiB\"\nqubez = []\n").expect("a file");
    let output = skep(&["image", text(&manifest), "-o", text(&scratch("wrong.img"))]).output();
    let output = output.expect("cargo runs");
    let told =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("wrong.toml:3") && told.contains("qubes"), "{told}");
}
