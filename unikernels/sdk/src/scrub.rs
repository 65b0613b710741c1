//! Wiping the dead part of the stack.
//!
//! A moved value leaves its bytes where it was, and `Secret` wipes only where it ends. So a program that handled a secret
//! calls [`scrub_stack`] when it is back in its main loop: whatever deeper calls left below is overwritten.
//!
//! It can't reach registers, nor more of the stack than it is told, and a deep command of the console went further than
//! [`STACK_SCRUBBED`]. So a qube calls `unikernels_rt::scrub_stack`, which knows where its stack ends; this one is for programs
//! on a host, such as tests of what a qube leaves behind.

use zeroize::Zeroize;

/// How much is wiped below the caller, in bytes.
pub const STACK_SCRUBBED: usize = 48 * 1024;

/// Overwrites [`STACK_SCRUBBED`] bytes of the stack below the caller's frame. The stack must have that much left.
#[inline(never)]
pub fn scrub_stack() {
    let mut dead = [0_u64; STACK_SCRUBBED / 8];
    // Written through volatile pointers, so the compiler can't drop it as useless.
    dead.zeroize();
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::hint::black_box;
    use std::os::unix::fs::FileExt;

    use super::*;

    const CANARY: u64 = 0x5ec2_e7ca_9a2f_1234;

    /// Leaves the canary some 16 KiB down the dead stack and gives its address.
    #[inline(never)]
    fn handle_a_secret() -> u64 {
        #[inline(never)]
        fn deeper() -> u64 {
            let secret = black_box([CANARY; 8]);
            core::ptr::from_ref(&secret) as u64
        }
        let depth = black_box([0_u8; 16 * 1024]);
        let address = deeper();
        black_box(&depth);
        address
    }

    fn word_at(address: u64) -> u64 {
        let mut bytes = [0; 8];
        File::open("/proc/self/mem").unwrap().read_exact_at(&mut bytes, address).unwrap();
        u64::from_le_bytes(bytes)
    }

    #[test]
    fn what_a_call_left_on_the_stack_is_overwritten() {
        let address = handle_a_secret();
        assert_eq!(word_at(address), CANARY, "without the scrub it stays");
        let address = handle_a_secret();
        scrub_stack();
        assert_ne!(word_at(address), CANARY);
    }
}
