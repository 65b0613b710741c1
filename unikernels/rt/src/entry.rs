//! The first instructions of a qube, and the last.
//!
//! Hermit's entry contract (crate `hermit-entry`): 64-bit mode, low memory mapped one to one,
//! `RawBootInfo` in RDI, CPU number in RSI. The runtime uses its own stack, laid out by the link
//! script above a guard page, whatever RSP says, and needs nothing from the boot information:
//! what a qube wants to know is in the info page. The loader may have left SSE off (a stock
//! uhyve); the precompiled `core` uses it, so it is on before any Rust runs. Control registers
//! are written only if they differ, because a write may be an exit.

use core::arch::naked_asm;

use hermit_entry::boot_info::RawBootInfo;

use crate::{Qube, fault, hypercall, platform};

/// Where the loader jumps to.
///
/// # Safety
/// For loaders only: Hermit's entry contract, once, on one CPU.
#[unsafe(no_mangle)]
#[unsafe(naked)]
#[unsafe(link_section = ".text.start")]
unsafe extern "C" fn _start(boot: &'static RawBootInfo, cpu: u32) -> ! {
    naked_asm!(
        // CR0: EM (bit 2) and TS (bit 3) clear.
        "mov rax, cr0",
        "test al, 0x0c",
        "jz 2f",
        "and al, 0xf3",
        "mov cr0, rax",
        // CR4: OSFXSR (bit 9) and OSXMMEXCPT (bit 10) set.
        "2:",
        "mov rax, cr4",
        "mov ecx, eax",
        "not ecx",
        "test ecx, 0x600",
        "jz 3f",
        "or eax, 0x600",
        "mov cr4, rax",
        "3:",
        "lea rsp, [rip + __stack_top]",
        "xor ebp, ebp",
        "call {run}",
        "ud2",
        run = sym run,
    )
}

const _: hermit_entry::Entry = _start;

unsafe extern "Rust" {
    /// Defined by `main!` in the qube's binary.
    safe fn skep_main(qube: Qube) -> i32;
}

/// Rust from here: faults first, so that whatever goes wrong later is reported.
extern "C" fn run(_boot: &'static RawBootInfo, _cpu: u32) -> ! {
    fault::install();
    platform::start();
    let code = skep_main(Qube::new());
    exit(code)
}

/// Sends what is queued and ends the qube.
pub(crate) fn exit(code: i32) -> ! {
    platform::flush();
    hypercall::exit(code)
}

/// Makes a function `fn(Qube) -> i32` the program: exports it under the name the runtime calls,
/// and puts the notes into the image by which a loader knows it. The number it returns is the
/// exit code of the qube.
#[macro_export]
macro_rules! main {
    ($main:path) => {
        $crate::__private::define_entry_version!();
        $crate::__private::define_uhyve_interface_version!($crate::__private::UHYVE_INTERFACE_VERSION);

        // Not in a test build, which links `std` and its handler.
        #[cfg(not(test))]
        #[panic_handler]
        fn panic(info: &::core::panic::PanicInfo<'_>) -> ! {
            $crate::__private::panic(info)
        }

        #[unsafe(no_mangle)]
        fn skep_main(qube: $crate::Qube) -> i32 {
            $main(qube)
        }
    };
}
