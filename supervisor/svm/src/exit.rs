//! From the hardware's exit code to an [`Exit`]. Every code of APM vol. 2, appendix C is listed; what is not ends the qube, and is
//! told from those that do so knowingly.

use supervisor_mem::Gpa;
use supervisor_vcpu::{Access, Exit, Fault, Ticks, port};

/// Exit code of an I/O instruction.
pub(crate) const IOIO: u64 = 0x07b;
const CPUID: u64 = 0x072;
/// Of EXITINFO1 after one: direction, string, repeat and size.
const ACCESS: u64 = 0x7d;
/// One 32-bit `out`.
const PLAIN_OUT_32: u64 = 1 << 6;

/// What the hardware and the qube's registers said at an exit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    pub(crate) code: u64,
    pub(crate) info1: u64,
    pub(crate) info2: u64,
    pub(crate) rax: u64,
    pub(crate) rcx: u64,
    pub(crate) rdi: u64,
}

/// How the qube goes on if it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resume {
    /// Where it stopped.
    Here,
    /// Behind the `out`, at this address.
    At(u64),
    /// Behind a CPUID that must be answered.
    AfterCpuid,
}

/// Whether EXITINFO1 of an I/O exit is that of the call at `port`.
#[inline(always)]
pub(crate) fn is_call(info1: u64, port: u16) -> bool {
    info1 & (0xffff_0000 | ACCESS) == u64::from(port) << 16 | PLAIN_OUT_32
}

/// Decodes an exit.
pub(crate) fn decode(facts: &Facts) -> (Exit, Resume) {
    let code32 = (facts.code & 0xffff_ffff) as u32;
    let instruction = (Exit::Fault(Fault::Instruction(code32)), Resume::Here);
    match facts.code {
        // INTR, NMI, SMI, INIT.
        0x060..=0x063 => (Exit::Interrupt, Resume::Here),
        CPUID => (Exit::Answered, Resume::AfterCpuid),
        IOIO => (port_access(facts), Resume::At(facts.info2)),
        0x07c => (Exit::Fault(Fault::Msr((facts.rcx & 0xffff_ffff) as u32)), Resume::Here),
        0x07f => (Exit::Fault(Fault::Shutdown), Resume::Here),
        0x400 => (Exit::Fault(memory_fault(facts)), Resume::Here),
        0x040..=0x05f => (Exit::Fault(Fault::Exception((facts.code & 0x1f) as u8)), Resume::Here),
        // Control and debug registers; virtual interrupt to selective CR0; descriptor tables to PUSHF and POPF.
        0x000..=0x03f | 0x064..=0x071 => instruction,
        // RSM, IRET, INT, INVD, PAUSE, HLT, INVLPG, INVLPGA; task switch, FERR freeze.
        0x073..=0x07a | 0x07d | 0x07e => instruction,
        // SVM's own, RDTSCP, ICEBP, WBINVD, MONITOR, MWAIT, XSETBV, RDPRU; writes to EFER, CR and DR after they are done.
        0x080..=0x09f => instruction,
        // INVLPGB, TLBSYNC, INVPCID, MCOMMIT, bus lock, idle HLT; AVIC; VMGEXIT.
        0x0a0..=0x0a6 | 0x401..=0x403 => instruction,
        // The processor found the state invalid, or itself busy.
        u64::MAX | 0xffff_ffff | 0xffff_ffff_ffff_fffe => (Exit::Fault(Fault::InvalidState), Resume::Here),
        _ => (Exit::Fault(Fault::Unknown(code32)), Resume::Here),
    }
}

/// IOIO: EXITINFO1 holds the port in its upper half, bit 0 the direction, bits 2 and 3 string and repeat, bits 4 to 6 the
/// size (15.10.2). Only a plain 32-bit `out` is a call.
#[inline]
fn port_access(facts: &Facts) -> Exit {
    let port = ((facts.info1 >> 16) & 0xffff) as u16;
    if facts.info1 & ACCESS != PLAIN_OUT_32 {
        return Exit::Fault(Fault::Port(port));
    }
    let eax = (facts.rax & 0xffff_ffff) as u32;
    let deadline = Ticks(facts.rdi);
    match port {
        port::NOTIFY_AND_WAIT => Exit::NotifyAndWait { queue: eax, deadline },
        port::WAIT => Exit::Wait { deadline },
        port::NOTIFY => Exit::Notify { queue: eax },
        port::REGISTER => Exit::Register { register: facts.rdi, value: eax },
        port::LOG => Exit::Log { at: Gpa(facts.rdi) },
        port::PANIC => Exit::Panic { at: Gpa(facts.rdi) },
        port::READY => Exit::Ready,
        port::FINISH => Exit::Finish { code: i32::from_le_bytes(low4(facts.rdi)) },
        _ => Exit::Fault(Fault::Port(port)),
    }
}

fn low4(word: u64) -> [u8; 4] {
    let [a, b, c, d, ..] = word.to_le_bytes();
    [a, b, c, d]
}

/// NPF: EXITINFO1 is a page-fault error code (bit 1 write, bit 4 fetch), EXITINFO2 the address (15.25.6).
fn memory_fault(facts: &Facts) -> Fault {
    let access = match facts.info1 & 0x12 {
        0x10 | 0x12 => Access::Execute,
        0x02 => Access::Write,
        _ => Access::Read,
    };
    Fault::Memory { at: Gpa(facts.info2), access }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(code: u64, info1: u64, info2: u64) -> Facts {
        Facts { code, info1, info2, rax: 0xffff_ffff_0000_0005, rcx: 0xc000_0080, rdi: 77 }
    }

    #[test]
    fn a_plain_out_to_a_call_port_is_that_call() {
        let check = |port: u16, expected| {
            assert_eq!(decode(&facts(0x7b, (u64::from(port) << 16) | 0x40, 9)), (expected, Resume::At(9)));
        };
        check(0x5300, Exit::Notify { queue: 5 });
        check(0x5301, Exit::Wait { deadline: Ticks(77) });
        check(0x5302, Exit::NotifyAndWait { queue: 5, deadline: Ticks(77) });
        check(0x5305, Exit::Register { register: 77, value: 5 });
        check(0x1010, Exit::Finish { code: 77 });
        check(0x1030, Exit::Log { at: Gpa(77) });
        check(0x5306, Exit::Fault(Fault::Port(0x5306)));
        check(0x0060, Exit::Fault(Fault::Port(0x60)));
    }

    #[test]
    fn input_strings_repeats_and_other_sizes_are_no_calls() {
        for low in [0x41, 0x44, 0x48, 0x10, 0x20, 0x4c, 0x00] {
            let (exit, _) = decode(&facts(0x7b, (0x5301 << 16) | low, 9));
            assert_eq!(exit, Exit::Fault(Fault::Port(0x5301)), "{low:#x}");
        }
    }

    #[test]
    fn nested_faults_say_how_memory_was_touched() {
        for (info1, access) in [
            (0x1_0000_0006, Access::Write),
            (0x1_0000_0004, Access::Read),
            (0x1_0000_0015, Access::Execute),
            (0x2_0000_0007, Access::Write),
        ] {
            let expected = Exit::Fault(Fault::Memory { at: Gpa(0xdead), access });
            assert_eq!(decode(&facts(0x400, info1, 0xdead)), (expected, Resume::Here));
        }
    }

    #[test]
    fn a_state_the_processor_refuses_is_told_in_either_width() {
        for code in [u64::MAX, 0xffff_ffff] {
            assert_eq!(decode(&facts(code, 0, 0)).0, Exit::Fault(Fault::InvalidState));
        }
        assert_eq!(decode(&facts(0xffff_fffe, 0, 0)).0, Exit::Fault(Fault::Unknown(0xffff_fffe)));
    }

    #[test]
    fn what_the_manual_does_not_list_is_told_apart() {
        for code in (0..0x500).chain([1 << 32, u64::MAX - 2]) {
            let listed = matches!(code, 0..=0xa6 | 0x400..=0x403);
            let unknown = matches!(decode(&facts(code, 0, 0)).0, Exit::Fault(Fault::Unknown(_)));
            assert_ne!(listed, unknown, "{code:#x}");
        }
    }

    #[test]
    fn no_exit_code_is_taken_for_a_call_but_port_output() {
        for code in (0..0x500).chain([u64::MAX, u64::MAX - 1, 1 << 40]) {
            let (exit, _) = decode(&facts(code, 0, 0));
            let harmless = matches!(exit, Exit::Fault(_) | Exit::Interrupt | Exit::Answered);
            assert!(harmless, "{code:#x}: {exit:?}");
        }
    }
}
