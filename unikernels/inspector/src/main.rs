//! The inspector qube: the wire between the second serial port and its channel to the supervisor.
//!
//! What passes is decided in `unikernels-inspector-core`. It keeps nothing of what it carries but the frame at hand, and
//! who sits at the other end of the line can do what this qube's rules allow and no more.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use ipc_proto_ctl_api::{FRAME_MAX, SERVICE};
use ipc_proto_rpc::{Port, Ticks};
use unikernels_inspector_core::{Bridge, LENGTH_BYTES, Stream, Verdict};
use unikernels_rt::{Channel, Qube, Serial, log};

unikernels_rt::main!(main);

/// Most bytes taken from the line before answers are looked for: a host that never stops must not silence them.
const BURST_MAX: usize = 1024;
/// How long to wait for the device to take more, should its interrupt be swallowed by one for input.
const ROOM_WAIT_MS: u64 = 20;

fn main(qube: Qube) -> i32 {
    let Some(mut serial) = qube.serial() else {
        log!("no serial port: give this qube devices = [\"inspect\"]");
        return 1;
    };
    let Some(channel) = qube.client(&SERVICE) else {
        log!("no channel: give this qube one for ctl to @supervisor");
        return 1;
    };
    serial.wake_on_input();
    let inspector = qube.place(Inspector {
        qube,
        serial,
        channel,
        bridge: Bridge::new(SERVICE.id),
        stream: Stream::new(),
        answer: [0; FRAME_MAX],
    });
    qube.ready();
    inspector.run()
}

struct Inspector {
    qube: Qube,
    serial: Serial,
    channel: Channel,
    bridge: Bridge,
    stream: Stream<FRAME_MAX>,
    answer: [u8; FRAME_MAX],
}

impl Inspector {
    fn run(&mut self) -> ! {
        loop {
            let busy = self.take_from_host();
            self.take_from_channel();
            // With more on the line only yield; else sleep until the line or the channel moves.
            let deadline = busy.then_some(Ticks(0));
            if self.qube.wait(deadline).device() {
                self.serial.acknowledge();
            }
        }
    }

    /// Carries what the host has sent; true when there may be more.
    fn take_from_host(&mut self) -> bool {
        for _ in 0..BURST_MAX {
            let Some(byte) = self.serial.read() else { return false };
            let now_ms = self.qube.clock().ns(self.qube.now().0) / 1_000_000;
            if let Some(length) = self.stream.push(byte, now_ms) {
                self.carry(length);
            }
        }
        true
    }

    fn carry(&mut self, length: usize) {
        let buffer = self.stream.buffer();
        let mut verdict = self.bridge.from_host(buffer, length);
        if verdict == Verdict::Forward {
            match self.channel.send(buffer.get(..length).unwrap_or_default()) {
                Ok(()) => self.bridge.sent(),
                Err(_) => verdict = self.bridge.not_sent(buffer, length),
            }
        }
        if let Verdict::Answer(length) = verdict {
            write(self.qube, &mut self.serial, self.stream.buffer().get(..length).unwrap_or_default());
        }
    }

    fn take_from_channel(&mut self) {
        while let Some(length) = self.channel.receive(&mut self.answer) {
            let Some(frame) = self.answer.get_mut(..length) else { continue };
            if self.bridge.from_channel(frame) {
                write(self.qube, &mut self.serial, frame);
            }
        }
    }
}

/// Says a frame to the host, behind its length. Sleeps while the device has no room.
fn write(qube: Qube, serial: &mut Serial, frame: &[u8]) {
    let length: [u8; LENGTH_BYTES] = u32::try_from(frame.len()).unwrap_or(0).to_le_bytes();
    for bytes in [&length, frame] {
        let mut sent = 0;
        let mut woken = false;
        while let Some(rest) = bytes.get(sent..)
            && !rest.is_empty()
        {
            let taken = serial.write(rest);
            sent += taken;
            if taken == 0 {
                if !core::mem::replace(&mut woken, true) {
                    serial.wake_on_room();
                }
                qube.wait(Some(qube.in_ms(ROOM_WAIT_MS)));
                serial.acknowledge();
            }
        }
        if woken {
            serial.no_wake_on_room();
        }
    }
}
