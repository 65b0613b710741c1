//! Who puts an unbounded type into a message is told what to use instead.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// Compiles a program against `ipc-proto-wire` and gives what the compiler says.
fn compile(wire: &Path, program: &str) -> (bool, String) {
    let folder = wire.parent().expect("a library lies in a folder");
    let source = folder.join(format!("diagnostic-{}.rs", std::process::id()));
    fs::write(&source, program).expect("the target folder can be written");
    // A file of our own: the compiler renames onto its output, which by root would replace /dev/null itself.
    let metadata = source.with_extension("rmeta");
    let output = Command::new(env::var("RUSTC").unwrap_or_else(|_| "rustc".into()))
        .args(["--edition=2024", "--crate-type=lib", "--emit=metadata", "-o"])
        .arg(&metadata)
        .arg("--extern")
        .arg(format!("ipc_proto_wire={}", wire.display()))
        .arg("-L")
        .arg(format!("dependency={}", folder.display()))
        .arg(&source)
        .output()
        .expect("the compiler runs");
    let _ = fs::remove_file(source);
    let _ = fs::remove_file(metadata);
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The library this test was linked with, and others that were built beside it; newest first.
fn libraries() -> Vec<PathBuf> {
    let test = env::current_exe().expect("a test knows where it is");
    let folder = test.parent().expect("a test lies in a folder");
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the folder of a test can be read")
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
            name.starts_with("libipc_proto_wire-")
                && path.extension().is_some_and(|extension| extension == "rlib")
        })
        .collect();
    found.sort_by_key(|path| path.metadata().and_then(|data| data.modified()).ok());
    found.reverse();
    found
}

const BOUNDED: &str =
    "pub fn shape<T: ipc_proto_wire::Schema>() -> &'static ipc_proto_wire::Shape { T::SHAPE }\n";

#[test]
fn an_unbounded_type_does_not_compile_and_the_message_names_the_fix() {
    let libraries = libraries();
    // An older library may lack a dependency by now; the first that works is the one.
    let good = format!("{BOUNDED}pub fn good() {{ shape::<(u8, bool)>(); }}");
    let wire = libraries.iter().find(|library| compile(library, &good).0).expect("a library that works");
    for unbounded in ["String", "Vec<u8>", "&'static str", "f64", "char", "usize"] {
        let (compiled, says) = compile(wire, &format!("{BOUNDED}pub fn bad() {{ shape::<{unbounded}>(); }}"));
        assert!(!compiled, "{unbounded}");
        assert!(says.contains("use Text<N>, Bytes<N>, List<T, N>"), "{unbounded}:\n{says}");
        assert!(says.contains("every type in a message is bounded"), "{unbounded}:\n{says}");
    }
}
