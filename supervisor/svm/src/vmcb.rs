//! The virtual machine control block: 4 KiB of fields at fixed offsets (APM vol. 2, appendix B), kept as 512 words.
//!
//! Plain memory between two runs; the hardware reads and writes it only inside VMRUN, VMLOAD and VMSAVE.

/// A control block.
#[repr(C, align(4096))]
pub(crate) struct Vmcb([u64; 512]);

/// First word of the state save area.
const SAVE_AREA_WORD: usize = 0x400 / 8;

/// A field by its byte offset and width in bits; offsets are in the order of appendix B.
#[derive(Clone, Copy)]
pub(crate) struct Field {
    word: usize,
    shift: u32,
    mask: u64,
}

const fn field(offset: usize, bits: u32) -> Field {
    let shift = (offset % 8) as u32 * 8;
    assert!(offset < 4096 && shift + bits <= 64, "a field lies inside one word");
    Field { word: offset / 8, shift, mask: if bits == 64 { u64::MAX } else { (1 << bits) - 1 } }
}

pub(crate) const INTERCEPT_CR: Field = field(0x000, 32);
pub(crate) const INTERCEPT_DR: Field = field(0x004, 32);
pub(crate) const INTERCEPT_EXCEPTIONS: Field = field(0x008, 32);
pub(crate) const INTERCEPT_MISC1: Field = field(0x00c, 32);
pub(crate) const INTERCEPT_MISC2: Field = field(0x010, 32);
pub(crate) const INTERCEPT_MISC3: Field = field(0x014, 32);
pub(crate) const IOPM_BASE: Field = field(0x040, 64);
pub(crate) const MSRPM_BASE: Field = field(0x048, 64);
pub(crate) const ASID: Field = field(0x058, 32);
pub(crate) const TLB_CONTROL: Field = field(0x05c, 8);
pub(crate) const INTERRUPT_CONTROL: Field = field(0x060, 64);
pub(crate) const INTERRUPT_SHADOW: Field = field(0x068, 64);
pub(crate) const EXIT_CODE: Field = field(0x070, 64);
pub(crate) const EXIT_INFO_1: Field = field(0x078, 64);
pub(crate) const EXIT_INFO_2: Field = field(0x080, 64);
pub(crate) const NESTED_CONTROL: Field = field(0x090, 64);
pub(crate) const NESTED_CR3: Field = field(0x0b0, 64);
pub(crate) const ES: usize = 0x400;
pub(crate) const CS: usize = 0x410;
pub(crate) const SS: usize = 0x420;
pub(crate) const DS: usize = 0x430;
pub(crate) const FS: usize = 0x440;
pub(crate) const GS: usize = 0x450;
pub(crate) const GDTR: usize = 0x460;
pub(crate) const LDTR: usize = 0x470;
pub(crate) const IDTR: usize = 0x480;
pub(crate) const TR: usize = 0x490;
pub(crate) const EFER: Field = field(0x4d0, 64);
pub(crate) const CR4: Field = field(0x548, 64);
pub(crate) const CR3: Field = field(0x550, 64);
pub(crate) const CR0: Field = field(0x558, 64);
pub(crate) const DR7: Field = field(0x560, 64);
pub(crate) const DR6: Field = field(0x568, 64);
pub(crate) const RFLAGS: Field = field(0x570, 64);
pub(crate) const RIP: Field = field(0x578, 64);
pub(crate) const RSP: Field = field(0x5d8, 64);
pub(crate) const RAX: Field = field(0x5f8, 64);
pub(crate) const GUEST_PAT: Field = field(0x668, 64);

impl Vmcb {
    /// All zero, which VMRUN refuses: a block must be filled before use.
    pub(crate) const fn new() -> Self {
        Self([0; 512])
    }

    /// Reads a field.
    #[inline(always)]
    pub(crate) fn get(&self, field: Field) -> u64 {
        (self.0[field.word & 511] >> field.shift) & field.mask
    }

    /// Writes a field; higher bits of `value` are dropped.
    #[inline(always)]
    pub(crate) fn set(&mut self, field: Field, value: u64) {
        let word = &mut self.0[field.word & 511];
        *word = (*word & !(field.mask << field.shift)) | ((value & field.mask) << field.shift);
    }

    /// Writes [`ASID`], and [`TLB_CONTROL`] beside it.
    #[inline(always)]
    pub(crate) fn set_space(&mut self, space: u64) {
        self.0[ASID.word] = space;
    }

    /// Writes a segment register: selector, attributes, limit, base (figure B-1).
    pub(crate) fn set_segment(
        &mut self,
        offset: usize,
        selector: u16,
        attributes: u16,
        limit: u32,
        base: u64,
    ) {
        let word = u64::from(selector) | (u64::from(attributes) << 16) | (u64::from(limit) << 32);
        self.0[(offset / 8) & 511] = word;
        self.0[(offset / 8 + 1) & 511] = base;
    }

    /// Zeroes all that a life leaves: the save area, with privilege level, CR2 and system-call registers, and the interrupt
    /// shadow.
    pub(crate) fn clear_guest(&mut self) {
        for word in self.0.iter_mut().skip(SAVE_AREA_WORD) {
            *word = 0;
        }
        self.set(INTERRUPT_SHADOW, 0);
    }

    /// Zeroes everything.
    pub(crate) fn clear(&mut self) {
        self.0 = [0; 512];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_one_word_do_not_disturb_each_other() {
        let mut vmcb = Vmcb::new();
        vmcb.set(ASID, 0x1_2345_6789);
        vmcb.set(TLB_CONTROL, 0x1ff);
        assert_eq!((vmcb.get(ASID), vmcb.get(TLB_CONTROL)), (0x2345_6789, 0xff));
        vmcb.set(TLB_CONTROL, 0);
        assert_eq!(vmcb.0[0x58 / 8], 0x2345_6789);
    }

    #[test]
    fn a_segment_is_laid_out_as_the_manual_says() {
        let mut vmcb = Vmcb::new();
        vmcb.set_segment(CS, 8, 0xa9b, 0xffff_ffff, 0x1234);
        assert_eq!(vmcb.0[0x410 / 8], 0xffff_ffff_0a9b_0008);
        assert_eq!(vmcb.0[0x418 / 8], 0x1234);
    }

    #[test]
    fn nothing_of_a_life_survives_but_what_binds_it() {
        let mut vmcb = Vmcb([u64::MAX; 512]);
        vmcb.clear_guest();
        assert!(vmcb.0[SAVE_AREA_WORD..].iter().all(|&word| word == 0));
        assert_eq!(vmcb.get(INTERRUPT_SHADOW), 0);
        assert_eq!(vmcb.get(ASID), 0xffff_ffff);
    }
}
