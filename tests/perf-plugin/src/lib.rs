//! A QEMU plugin that counts retired instructions in host mode, exit by exit, without a trace of it in the supervisor.
//!
//! Every instruction adds one to a counter, inline. Three instructions have a callback: VMRUN, where host mode ends, VMSAVE,
//! the first instruction after an exit, and STGI, where host mode looks for interrupts. What lies between VMSAVE and VMRUN is
//! what an exit cost. The dearest exit is the longest stretch in which no interrupt is heard: one that looks for them, because a
//! qube was interrupted or memory is built while none wants to run, counts as the stretches between. What it copies is counted
//! apart: in host mode only copies load 16 bytes at a time (`supervisor/x86/src/mem_fns`), and each load has its store.
//!
//! At the end the plugin prints `plugin: name=value` lines: exits, host instructions, the dearest exit beside its copies and
//! with them, and the commonest costs.
//!
//! With the argument `profile=on` it also prints `profile: ADDRESS TIMES` for every host instruction that ran.
//!
//! With the argument `trace=on` it also prints `dearest: ADDRESS` for every instruction of the dearest exit, copies included,
//! in their order.
//!
//! With the argument `counter=FILE` it listens at that Unix socket and tells whoever connects, in a line, how many instructions
//! have been retired, both worlds. A processor that halts retires none.
//!
//! A qube that tries VMRUN or VMSAVE is counted too, before its exit; such runs measure attacks, not speed.
//! Source: QEMU's plugin API, version 1 (`qemu-plugin.h` of QEMU 7.2).

#![expect(unsafe_code, reason = "a plugin speaks C with QEMU")]

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::io::Write as _;
use std::os::unix::net::UnixListener;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Version of the API that this is written to.
#[unsafe(no_mangle)]
pub static qemu_plugin_version: c_int = 1;

type Id = u64;
type Callback = extern "C" fn(c_uint, *mut c_void);

unsafe extern "C" {
    fn qemu_plugin_register_vcpu_tb_trans_cb(id: Id, callback: extern "C" fn(Id, *mut c_void));
    fn qemu_plugin_register_atexit_cb(id: Id, callback: extern "C" fn(Id, *mut c_void), data: *mut c_void);
    fn qemu_plugin_tb_n_insns(block: *const c_void) -> usize;
    fn qemu_plugin_tb_get_insn(block: *const c_void, index: usize) -> *mut c_void;
    fn qemu_plugin_insn_data(instruction: *const c_void) -> *const u8;
    fn qemu_plugin_insn_vaddr(instruction: *const c_void) -> u64;
    fn qemu_plugin_insn_size(instruction: *const c_void) -> usize;
    fn qemu_plugin_register_vcpu_insn_exec_cb(
        instruction: *mut c_void,
        callback: Callback,
        flags: c_int,
        data: *mut c_void,
    );
    fn qemu_plugin_register_vcpu_insn_exec_inline(
        instruction: *mut c_void,
        operation: c_int,
        counter: *const AtomicU64,
        addend: u64,
    );
    fn qemu_plugin_outs(text: *const c_char);
}

/// Instructions retired, both worlds.
static RETIRED: AtomicU64 = AtomicU64::new(0);
/// What that was at the last exit.
static AT_EXIT: AtomicU64 = AtomicU64::new(0);
/// What that was when interrupts were last looked for, or at the exit.
static DEAF_SINCE: AtomicU64 = AtomicU64::new(0);

/// Instructions that copied, both worlds.
static COPYING: AtomicU64 = AtomicU64::new(0);
/// What that was when interrupts were last looked for, or at the exit.
static COPYING_SINCE: AtomicU64 = AtomicU64::new(0);

/// A qube runs.
static IN_QUBE: AtomicBool = AtomicBool::new(false);
/// Host instructions are to be counted one by one.
static PROFILE: AtomicBool = AtomicBool::new(false);
/// The instructions of the dearest exit are to be told.
static TRACE: AtomicBool = AtomicBool::new(false);
/// Addresses of the host instructions of this stretch, if they are traced.
static STRETCH: Mutex<Vec<u64>> = Mutex::new(Vec::new());
/// Their counters, by address.
static COUNTERS: Mutex<BTreeMap<u64, &'static AtomicU64>> = Mutex::new(BTreeMap::new());

/// What has been seen.
struct Seen {
    exits: u64,
    host: u64,
    boot: u64,
    dearest: u64,
    dearest_number: u64,
    dearest_with_copies: u64,
    costs: BTreeMap<u64, u64>,
    trace: Vec<u64>,
}

static SEEN: Mutex<Seen> = Mutex::new(Seen {
    exits: 0,
    host: 0,
    boot: 0,
    dearest: 0,
    dearest_number: 0,
    dearest_with_copies: 0,
    costs: BTreeMap::new(),
    trace: Vec::new(),
});

/// Called by QEMU when it loads the plugin.
///
/// # Safety
/// `argv` points to `argc` strings that end in NUL, as QEMU passes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qemu_plugin_install(
    id: Id,
    _info: *const c_void,
    argc: c_int,
    argv: *const *const c_char,
) -> c_int {
    for index in 0..usize::try_from(argc).unwrap_or(0) {
        // SAFETY: inside the array, as the caller says.
        let place = unsafe { argv.add(index) };
        // SAFETY: as above.
        let argument = unsafe { *place };
        // SAFETY: a string that ends in NUL, as the caller says.
        let argument = unsafe { CStr::from_ptr(argument) };
        match argument.to_str().ok().and_then(|text| text.split_once('=')) {
            Some(("profile", "on")) => PROFILE.store(true, Ordering::Relaxed),
            Some(("trace", "on")) => TRACE.store(true, Ordering::Relaxed),
            // A plugin that cannot be installed ends QEMU, which says so.
            Some(("counter", path)) if tell(path).is_err() => return 1,
            _ => {}
        }
    }
    // SAFETY: QEMU calls this once, with our id; both functions only store the callbacks.
    unsafe { qemu_plugin_register_vcpu_tb_trans_cb(id, translated) };
    // SAFETY: as above.
    unsafe { qemu_plugin_register_atexit_cb(id, finished, std::ptr::null_mut()) };
    0
}

/// Tells the count to whoever connects, until QEMU ends.
fn tell(path: &str) -> std::io::Result<()> {
    let listener = UnixListener::bind(path)?;
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // Whoever went away asks again.
            let _ = writeln!(stream, "{}", RETIRED.load(Ordering::Relaxed));
        }
    });
    Ok(())
}

/// A block of code was translated: watch each of its instructions.
extern "C" fn translated(_id: Id, block: *mut c_void) {
    // SAFETY: QEMU lends the block for this call.
    let count = unsafe { qemu_plugin_tb_n_insns(block) };
    for index in 0..count {
        // SAFETY: as above, and the index is below the count.
        let instruction = unsafe { qemu_plugin_tb_get_insn(block, index) };
        // SAFETY: the instruction belongs to the lent block; the counter is a static; 0 is "add" in this version.
        unsafe { qemu_plugin_register_vcpu_insn_exec_inline(instruction, 0, &raw const RETIRED, 1) };
        if PROFILE.load(Ordering::Relaxed) && !IN_QUBE.load(Ordering::Relaxed) {
            watch(instruction);
        }
        if TRACE.load(Ordering::Relaxed) && !IN_QUBE.load(Ordering::Relaxed) {
            trace(instruction);
        }
        let callback: Callback = match bytes(instruction).as_slice() {
            // MOVUPS from memory, with or without a prefix for the upper registers.
            [0x0f, 0x10, modrm, ..] | [0x40..=0x4f, 0x0f, 0x10, modrm, ..] if *modrm < 0xc0 => {
                // SAFETY: as above.
                unsafe {
                    qemu_plugin_register_vcpu_insn_exec_inline(instruction, 0, &raw const COPYING, 2);
                };
                continue;
            }
            [0x0f, 0x01, 0xd8] => entered,
            [0x0f, 0x01, 0xdb] => exited,
            [0x0f, 0x01, 0xdc] => heard,
            _ => continue,
        };
        // SAFETY: as above; flags 0 says that the callback reads no registers.
        unsafe { qemu_plugin_register_vcpu_insn_exec_cb(instruction, callback, 0, std::ptr::null_mut()) };
    }
}

/// Gives an instruction a counter of its own.
fn watch(instruction: *mut c_void) {
    // SAFETY: the instruction belongs to a block that QEMU lends for the call we are in.
    let address = unsafe { qemu_plugin_insn_vaddr(instruction) };
    let Ok(mut counters) = COUNTERS.lock() else { return };
    let counter: &'static AtomicU64 = counters.entry(address).or_insert_with(|| Box::leak(Box::default()));
    // SAFETY: as above; the counter lives for ever.
    unsafe { qemu_plugin_register_vcpu_insn_exec_inline(instruction, 0, counter, 1) };
}

/// Has an instruction told of whenever it runs.
fn trace(instruction: *mut c_void) {
    // SAFETY: the instruction belongs to a block that QEMU lends for the call we are in.
    let address = unsafe { qemu_plugin_insn_vaddr(instruction) };
    let data = std::ptr::without_provenance_mut(usize::try_from(address).unwrap_or(0));
    // SAFETY: as above; flags 0 says that the callback reads no registers, and what it is given is a number.
    unsafe { qemu_plugin_register_vcpu_insn_exec_cb(instruction, traced, 0, data) };
}

/// A host instruction is about to run.
extern "C" fn traced(_: c_uint, address: *mut c_void) {
    if let Ok(mut stretch) = STRETCH.lock() {
        stretch.push(address.addr() as u64);
    }
}

fn bytes(instruction: *const c_void) -> Vec<u8> {
    // SAFETY: the instruction belongs to a block that QEMU lends for the call we are in.
    let size = unsafe { qemu_plugin_insn_size(instruction) };
    // SAFETY: as above.
    let data = unsafe { qemu_plugin_insn_data(instruction) };
    // SAFETY: QEMU says that there are so many bytes.
    unsafe { std::slice::from_raw_parts(data, size) }.to_vec()
}

/// VMRUN is about to run: an exit's cost is complete. The VMSAVE that began it and this VMRUN are part of it.
extern "C" fn entered(_: c_uint, _: *mut c_void) {
    IN_QUBE.store(true, Ordering::Relaxed);
    let retired = RETIRED.load(Ordering::Relaxed);
    let cost = retired - AT_EXIT.load(Ordering::Relaxed);
    let Ok(mut seen) = SEEN.lock() else { return };
    if seen.boot == 0 {
        seen.boot = retired;
        return;
    }
    seen.exits += 1;
    seen.host += cost;
    *seen.costs.entry(cost).or_default() += 1;
    seen.deaf(retired);
}

impl Seen {
    /// A stretch in which nobody was heard is over.
    fn deaf(&mut self, retired: u64) {
        let stretch = retired - DEAF_SINCE.load(Ordering::Relaxed);
        let copying = COPYING.load(Ordering::Relaxed) - COPYING_SINCE.load(Ordering::Relaxed);
        self.dearest_with_copies = self.dearest_with_copies.max(stretch);
        if stretch - copying > self.dearest {
            self.dearest = stretch - copying;
            self.dearest_number = self.exits;
            if let Ok(stretch) = STRETCH.lock() {
                self.trace.clone_from(&stretch);
            }
        }
    }
}

/// STGI is about to run: interrupts are heard.
extern "C" fn heard(_: c_uint, _: *mut c_void) {
    if IN_QUBE.load(Ordering::Relaxed) {
        return;
    }
    let retired = RETIRED.load(Ordering::Relaxed);
    let Ok(mut seen) = SEEN.lock() else { return };
    // Before the first qube runs, the machine is set up.
    if seen.boot != 0 {
        seen.deaf(retired);
    }
    since(retired);
}

/// A stretch begins.
fn since(retired: u64) {
    DEAF_SINCE.store(retired, Ordering::Relaxed);
    COPYING_SINCE.store(COPYING.load(Ordering::Relaxed), Ordering::Relaxed);
    if let Ok(mut stretch) = STRETCH.lock() {
        stretch.clear();
    }
}

/// VMSAVE is about to run: an exit has just happened.
extern "C" fn exited(_: c_uint, _: *mut c_void) {
    IN_QUBE.store(false, Ordering::Relaxed);
    // VMSAVE itself is counted already, and belongs to the exit.
    let at = RETIRED.load(Ordering::Relaxed) - 1;
    AT_EXIT.store(at, Ordering::Relaxed);
    since(at);
}

/// QEMU ends: say what was seen.
extern "C" fn finished(_: Id, _: *mut c_void) {
    let Ok(seen) = SEEN.lock() else { return };
    let mut text = format!(
        "plugin: retired={}\nplugin: boot={}\nplugin: exits={}\nplugin: host={}\nplugin: dearest={}\nplugin: dearest_number={}\nplugin: with_copies={}\n",
        RETIRED.load(Ordering::Relaxed),
        seen.boot,
        seen.exits,
        seen.host,
        seen.dearest,
        seen.dearest_number,
        seen.dearest_with_copies
    );
    let mut costs: Vec<_> = seen.costs.iter().collect();
    costs.sort_by_key(|(cost, times)| (std::cmp::Reverse(**times), **cost));
    for (cost, times) in costs.into_iter().take(12) {
        text += &format!("plugin: cost_{cost}={times}\n");
    }
    for address in &seen.trace {
        text += &format!("dearest: {address:#x}\n");
    }
    if let Ok(counters) = COUNTERS.lock() {
        for (address, counter) in counters.iter() {
            text += &format!("profile: {address:#x} {}\n", counter.load(Ordering::Relaxed));
        }
    }
    if let Ok(text) = CString::new(text) {
        // SAFETY: a string that ends in NUL and lives through the call.
        unsafe { qemu_plugin_outs(text.as_ptr()) };
    }
}
