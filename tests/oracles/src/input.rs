//! `Input`: bytes taken one after the other as decisions. What is not there is zero, so every input means something.

/// The rest of an input.
pub(crate) struct Input<'i> {
    rest: &'i [u8],
}

impl<'i> Input<'i> {
    pub(crate) fn new(rest: &'i [u8]) -> Self {
        Self { rest }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((byte, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        *byte
    }

    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::from(self.u16()) | u32::from(self.u16()) << 16
    }

    /// At most so many bytes.
    pub(crate) fn take(&mut self, count: usize) -> &'i [u8] {
        let (taken, rest) = self.rest.split_at(count.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// As many bytes as the next one says.
    pub(crate) fn counted(&mut self) -> &'i [u8] {
        let count = usize::from(self.byte());
        self.take(count)
    }

    /// One of `choices`, of which there is at least one.
    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::from(self.byte()) % choices.len()]
    }

    /// A number as drivers choose them: a small one, one near a power of two, or any.
    pub(crate) fn number(&mut self) -> u64 {
        match self.byte() {
            small @ 0..=0xbf => u64::from(small),
            near @ 0xc0..=0xdf => {
                let power = 1_u64.wrapping_shl(u32::from(near & 0x1f) * 2 + 1);
                power.wrapping_add(u64::from(self.byte())).wrapping_sub(128)
            }
            _ => u64::from(self.u32()) | u64::from(self.u32()) << 32,
        }
    }
}
