//! Faults: every exception ends the qube with a report. There are no other interrupts.
//!
//! The precompiled `core` keeps data below the stack pointer (the red zone), so an exception
//! must never push onto the stack it interrupts: every vector has the same IST stack. One stack
//! is enough because no handler returns; a fault inside the handler starts it over at the top,
//! which it notices and ends with a fixed text.
//! Source: AMD APM volume 2, chapter 8 (exceptions) and 12.2.5 (the 64-bit TSS).

use core::arch::global_asm;
use core::cell::{Cell, OnceCell, UnsafeCell};

use x86_64::instructions::segmentation::{CS, Segment};
use x86_64::instructions::tables::{lidt, load_tss};
use x86_64::registers::control::Cr2;
use x86_64::structures::DescriptorTablePointer;
use x86_64::structures::gdt::{Descriptor, GlobalDescriptorTable};
use x86_64::structures::idt::{Entry, HandlerFunc};
use x86_64::structures::tss::TaskStateSegment;
use x86_64::{PrivilegeLevel, VirtAddr};

use crate::one_cpu::OneCpu;
use crate::{hypercall, report};

/// Exceptions of the architecture; the rest of the table is left out by its limit.
const VECTORS: usize = 32;
/// Last byte of the table: an entry has 16 bytes.
const IDT_LIMIT: u16 = 32 * 16 - 1;
const _: () = assert!(size_of::<[Entry<HandlerFunc>; VECTORS]>() == IDT_LIMIT as usize + 1);
/// Formatting a report is the deepest the handler goes.
const STACK_BYTES: usize = 8192;

#[repr(C, align(16))]
struct Stack([u8; STACK_BYTES]);

static STACK: OneCpu<UnsafeCell<Stack>> = OneCpu::new(UnsafeCell::new(Stack([0; STACK_BYTES])));
static TSS: OneCpu<OnceCell<TaskStateSegment>> = OneCpu::new(OnceCell::new());
static GDT: OneCpu<OnceCell<GlobalDescriptorTable>> = OneCpu::new(OnceCell::new());
static IDT: OneCpu<OnceCell<[Entry<HandlerFunc>; VECTORS]>> = OneCpu::new(OnceCell::new());
static REPORTING: OneCpu<Cell<bool>> = OneCpu::new(Cell::new(false));

// One stub for each vector, 16 bytes apart: make the frame the same for all (the CPU pushes an
// error code for the vectors in the mask), add the vector, and go to the common end.
global_asm!(
    ".pushsection .text.fault, \"ax\"",
    ".balign 16",
    "skep_fault_stubs:",
    ".set vector, 0",
    ".rept {vectors}",
    ".balign 16",
    ".if ((0x60227d00 >> vector) & 1) == 0",
    "pushq $0",
    ".endif",
    "pushq $vector",
    "jmp 2f",
    ".set vector, vector + 1",
    ".endr",
    "2:",
    "cld",
    "movq %rsp, %rdi",
    "andq $-16, %rsp",
    "call {handler}",
    "ud2",
    ".popsection",
    vectors = const VECTORS,
    handler = sym handler,
    options(att_syntax)
);

/// What a stub leaves on the fault stack.
#[repr(C)]
struct Frame {
    vector: u64,
    error: u64,
    rip: u64,
    cs: u64,
    rflags: u64,
    rsp: u64,
    ss: u64,
}

unsafe extern "C" {
    /// The first stub; a label of the assembly above, not a value.
    static skep_fault_stubs: u8;
}

/// Distance between two stubs.
const STUB_BYTES: u64 = 16;

/// Takes over the descriptor tables: every exception now ends in [`handler`].
pub(crate) fn install() {
    let stack_top = STACK.get().get().addr() + STACK_BYTES;
    let tss = TSS.get().get_or_init(|| {
        let mut tss = TaskStateSegment::new();
        tss.interrupt_stack_table[0] = VirtAddr::new_truncate(stack_top as u64);
        tss
    });
    let mut code = None;
    let mut task = None;
    let gdt = GDT.get().get_or_init(|| {
        let mut gdt = GlobalDescriptorTable::new();
        code = Some(gdt.append(Descriptor::kernel_code_segment()));
        task = Some(gdt.append(Descriptor::tss_segment(tss)));
        gdt
    });
    let (Some(code), Some(task)) = (code, task) else {
        return; // Installed before: the closure above did not run.
    };
    gdt.load();
    // SAFETY: `code` is a 64-bit code segment of privilege 0 in the table just loaded.
    unsafe { CS::set_reg(code) };
    // SAFETY: `task` is the TSS in the table just loaded; both live in statics.
    unsafe { load_tss(task) };
    let idt = IDT.get().get_or_init(table);
    let pointer = DescriptorTablePointer { limit: IDT_LIMIT, base: VirtAddr::from_ptr(idt) };
    // SAFETY: the table is complete for its limit and lives in a static.
    unsafe { lidt(&pointer) };
}

/// One entry for each stub, all on the fault stack.
fn table() -> [Entry<HandlerFunc>; VECTORS] {
    let first = (&raw const skep_fault_stubs).addr() as u64;
    let mut stub = VirtAddr::new_truncate(first);
    core::array::from_fn(|_| {
        let mut entry = Entry::missing();
        // SAFETY: a stub is what the CPU expects to jump to: it takes the hardware frame and never returns.
        let options = unsafe { entry.set_handler_addr(stub) };
        options.set_privilege_level(PrivilegeLevel::Ring0);
        // SAFETY: IST 0 is the fault stack, shared by handlers of which none returns.
        unsafe { options.set_stack_index(0) };
        stub += STUB_BYTES;
        entry
    })
}

/// Reports the fault; the end of the qube.
extern "C" fn handler(frame: &Frame) -> ! {
    if REPORTING.get().replace(true) {
        hypercall::report(b"fault while reporting a fault");
    }
    report::end(format_args!(
        "fault {} ({}), error {:#x}, at {:#x}, address {:#x}, stack {:#x}, flags {:#x}",
        frame.vector,
        name(frame.vector),
        frame.error,
        frame.rip,
        Cr2::read_raw(),
        frame.rsp,
        frame.rflags,
    ))
}

/// What the manual calls a vector.
fn name(vector: u64) -> &'static str {
    match vector {
        0 => "division",
        1 => "debug",
        2 => "NMI",
        3 => "breakpoint",
        4 => "overflow",
        5 => "bounds",
        6 => "invalid instruction",
        7 => "no FPU",
        8 => "double fault",
        10 => "invalid TSS",
        11 => "segment not present",
        12 => "stack segment",
        13 => "general protection",
        14 => "page fault",
        16 => "x87",
        17 => "alignment",
        18 => "machine check",
        19 => "SIMD",
        _ => "reserved",
    }
}
