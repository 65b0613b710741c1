//! A guest that does at random whatever a qube can do: half of it looks right, so that the other half gets somewhere.

use ipc_proto_types::{ErrorCode, Kind, Role};
use ipc_proto_wire::{Header, Service};
use supervisor_mem::Gpa;
use supervisor_sim::{Cpu, Driver, Guest, NEXT, Ring, Rng, WRITE, register};
use supervisor_vcpu::{Access, Exit, Fault, Ticks};
use supervisor_virtio::control::Event;
use supervisor_virtio::offset;

use crate::guests::frame;

/// The guest. `services` are those of its ports.
pub struct Hostile {
    rng: Rng,
    services: Vec<&'static Service>,
    driver: Option<Driver>,
    correlation: Vec<u64>,
    /// The last call it heard on each port, and its body.
    calls: Vec<Option<(Header, Vec<u8>)>>,
    /// One in so many turns is its last.
    dies: u64,
    /// In one of so many turns it spoils a ring.
    spoils: u64,
}

impl Hostile {
    /// A guest that follows from `rng`.
    #[must_use]
    pub fn new(mut rng: Rng, services: &[&'static Service], dies: u64) -> Self {
        let spoils = rng.pick(&[10, 100, 1000, 10_000]);
        Self {
            spoils,
            rng,
            services: services.to_vec(),
            driver: None,
            correlation: vec![0; services.len()],
            calls: vec![None; services.len()],
            dies,
        }
    }

    /// An address: in a ring, near an end of the memory, or anywhere.
    fn address(&mut self, ring: &Ring) -> u64 {
        let rng = &mut self.rng;
        let base = rng.pick(&[
            ring.descriptors,
            ring.available,
            ring.used,
            ring.buffers,
            0x20_0000,
            0x28_0000,
            0x10_0000,
        ]);
        match rng.below(8) {
            0 => rng.number(),
            1 => base.wrapping_sub(rng.below(32)),
            _ => base + rng.below(256),
        }
    }

    fn ring<'d>(&mut self, driver: &'d mut Driver) -> &'d mut Ring {
        let place = self.rng.place(driver.ports.len() + 1);
        let is_rx = self.rng.one_in(2);
        match driver.ports.get_mut(place) {
            Some(port) if is_rx => &mut port.rx,
            Some(port) => &mut port.tx,
            None if is_rx => &mut driver.control_rx,
            None => &mut driver.control_tx,
        }
    }

    /// Looks at what came in on a port.
    fn hear(&mut self, port: usize, message: &[u8]) {
        let Ok((header, body)) = Header::parse(message) else { return };
        match header.kind {
            Kind::Call => self.calls[port] = Some((header, body.to_vec())),
            // It has lost count: perhaps the channel has begun anew.
            Kind::Error if body == [ErrorCode::BadCorrelation.as_u8()] => self.correlation[port] = 0,
            Kind::Reply | Kind::Error | Kind::Event => {}
        }
    }

    /// Says something on a port: right, nearly right, or noise.
    fn speak(&mut self, driver: &mut Driver, cpu: &mut Cpu<'_>) {
        let place = self.rng.place(driver.ports.len());
        let service = self.services[place];
        if let Some((call, body)) = self.calls[place].take().filter(|_| !self.rng.one_in(4)) {
            let answer = frame(service, call.method, Kind::Reply, call.correlation, &body);
            let _ = driver.send_anyway(cpu, place, &answer);
            return;
        }
        let role = driver.facts(cpu, place).role;
        let kinds: &[Kind] = match role {
            Role::Client => &[Kind::Call, Kind::Call, Kind::Event, Kind::Reply],
            Role::Server => &[Kind::Reply, Kind::Reply, Kind::Error, Kind::Event, Kind::Call],
        };
        let kind = self.rng.pick(kinds);
        let correlation = match (kind, role) {
            (Kind::Event, _) => 0,
            (Kind::Call, _) => {
                self.correlation[place] += 1;
                self.correlation[place]
            }
            _ => 1 + self.rng.below(12),
        };
        let mut body = vec![0; self.rng.pick(&[0, 1, 4, 12])];
        self.rng.fill(&mut body);
        if self.rng.one_in(2) && !body.is_empty() {
            // One text or byte string, as most bodies are.
            body[0] = u8::try_from(body.len() - 1).unwrap_or(0);
            body[1..].iter_mut().for_each(|byte| *byte &= 0x7f);
        }
        // Most often a method that goes with the kind: `echo` and the supervisor's services have calls first.
        let method = match (kind, self.rng.one_in(4)) {
            (Kind::Event, false) => 2,
            (_, false) => self.rng.small(2),
            (_, true) => self.rng.small(8),
        };
        let mut message = frame(service, method, kind, correlation, &body);
        if self.rng.one_in(6) {
            let at = self.rng.place(message.len());
            message[at] = self.rng.pick(&[0, 1, 0x7f, 0x80, 0xff]);
        }
        if self.rng.one_in(12) {
            message.truncate(self.rng.place(40));
        }
        let _ = driver.send_anyway(cpu, place, &message);
    }

    /// Spoils a ring.
    fn spoil(&mut self, driver: &mut Driver, cpu: &mut Cpu<'_>) {
        let ring = self.ring(driver).clone();
        let (at, slot) = (self.address(&ring), self.rng.small(ring.size + 2));
        match self.rng.below(5) {
            0 => {
                let mut bytes = [0; 4];
                self.rng.fill(&mut bytes);
                let _ = cpu.ram().write(at, &bytes);
            }
            1 => {
                let index = ring.made.wrapping_add(self.rng.small(4));
                let _ = cpu.ram().write(ring.available + 2, &index.to_le_bytes());
            }
            2 => self.ring(driver).offer(cpu.ram(), slot),
            _ if slot < ring.size => {
                let flags = self.rng.pick(&[0, 0, WRITE, WRITE, NEXT, NEXT, NEXT | WRITE, 4, 0x8000]);
                let len = self.rng.pick(&[0, 1, 32, 33, 64, 100, 4096, 65536, 65568, 65569, u32::MAX]);
                ring.describe(cpu.ram(), slot, at, len, flags, self.rng.small(70));
            }
            _ => {}
        }
    }

    /// Writes a register.
    fn write_register(&mut self, driver: &mut Driver) -> Exit {
        let ring = self.ring(driver).clone();
        let rng = &mut self.rng;
        let at = rng.pick(&[
            offset::STATUS,
            offset::QUEUE_SEL,
            offset::QUEUE_NUM,
            offset::QUEUE_READY,
            offset::QUEUE_DESC_LOW,
            offset::QUEUE_DRIVER_LOW,
            offset::QUEUE_DEVICE_HIGH,
            offset::DRIVER_FEATURES,
            offset::DRIVER_FEATURES_SEL,
            offset::DEVICE_FEATURES_SEL,
            offset::INTERRUPT_ACK,
            0x50,
            0xfff,
        ]);
        let low = u32::try_from(ring.descriptors).unwrap_or(0);
        let value = rng.pick(&[0, 1, 2, 3, 4, 8, 11, 15, 64, 128, low, u32::MAX, ring.number.into()]);
        register(rng.pick(&[0, 0, 0, 1, 2]), at, value)
    }

    fn control(&mut self, driver: &mut Driver, cpu: &mut Cpu<'_>) {
        while driver.control_tx.take(cpu.ram()).is_some() {}
        let event = self.rng.pick(&[
            Event::PortOpen,
            Event::PortOpen,
            Event::PortReady,
            Event::DeviceReady,
            Event::PortAdd,
        ]);
        let port = u32::from(self.rng.small(6));
        let value = self.rng.pick(&[0, 1, 1, 1]);
        let message = supervisor_virtio::control::Message { port, event, value }.to_bytes();
        let len = if self.rng.one_in(20) { self.rng.pick(&[0, 7, 8]) } else { 8 };
        driver.control_tx.send(cpu.ram(), &message[..len]);
        driver.want(Exit::Notify { queue: 3 });
    }

    fn last_words(&mut self) -> Exit {
        let at = Gpa(self.rng.pick(&[0, 0x20_0000, 0x20_4000, 0x27_fff8, u64::MAX]));
        let rng = &mut self.rng;
        let number = u32::try_from(rng.below(1 << 32)).unwrap_or(0);
        let faults = [
            Fault::Memory { at, access: Access::Execute },
            Fault::Port(0x64),
            Fault::Msr(number),
            Fault::Exception(17),
            Fault::Shutdown,
            Fault::Instruction(number),
            Fault::InvalidState,
            Fault::Unknown(number),
        ];
        match rng.below(3) {
            0 => Exit::Panic { at },
            1 => Exit::Finish { code: number.cast_signed() },
            _ => Exit::Fault(rng.pick(&faults)),
        }
    }

    fn act(&mut self, driver: &mut Driver, cpu: &mut Cpu<'_>) -> Exit {
        let queue = u32::from(self.ring(driver).number);
        let queue =
            if self.rng.one_in(10) { self.rng.pick(&[8, 50, 0xffff, 1 << 16, u32::MAX]) } else { queue };
        let pause = self.rng.pick(&[1_000, 5_000, 5_000, 50_000, 50_000, 300_000, 3_000_000]);
        let deadline = Ticks(if self.rng.one_in(10) { self.rng.number() } else { cpu.now() + pause });
        if self.rng.one_in(self.spoils) {
            self.spoil(driver, cpu);
            return Exit::Notify { queue };
        }
        match self.rng.below(32) {
            0..=12 => {
                self.speak(driver, cpu);
                driver.flush(None);
                driver.next_exit().unwrap_or(Exit::Answered)
            }
            13 if self.rng.one_in(10) => self.write_register(driver),
            14 => {
                self.control(driver, cpu);
                driver.next_exit().unwrap_or(Exit::Answered)
            }
            15..=19 => {
                for port in 0..driver.ports.len() {
                    while let Some(message) = driver.receive(cpu, port).filter(|_| !self.rng.one_in(6)) {
                        self.hear(port, &message);
                    }
                }
                // Now and then it gives a buffer that the device has already.
                if self.rng.one_in(self.spoils) {
                    seize(self.ring(driver));
                }
                Exit::Notify { queue }
            }
            20..=24 => Exit::NotifyAndWait { queue, deadline },
            27 => Exit::Log { at: Gpa(self.rng.pick(&[0x20_4000, 0x20_2000, 7, u64::MAX - 8])) },
            25 => Exit::Ready,
            26 if self.rng.one_in(20) => Exit::Interrupt,
            _ => Exit::Wait { deadline },
        }
    }
}

/// Whatever comes back is as good as any other.
fn spoiled(driver: &mut Driver) {
    for port in &mut driver.ports {
        (port.rx.is_spoiled, port.tx.is_spoiled) = (true, true);
    }
    (driver.control_rx.is_spoiled, driver.control_tx.is_spoiled) = (true, true);
}

/// Takes every slot back, as if the device were done with it.
fn seize(ring: &mut Ring) {
    ring.free = (0..ring.size).collect();
}

impl Guest for Hostile {
    fn run(&mut self, cpu: &mut Cpu<'_>) -> Exit {
        if self.rng.one_in(self.dies) {
            return self.last_words();
        }
        let mut driver = match self.driver.take() {
            // Now and then it resets its device and begins anew.
            Some(driver) if !self.rng.one_in(200) => driver,
            _ => {
                self.correlation.fill(0);
                let mut driver = Driver::new(cpu);
                spoiled(&mut driver);
                driver
            }
        };
        // It sets its device up to the end most of the time.
        let exit = if self.rng.one_in(300) { None } else { driver.next_exit() };
        let exit = exit.unwrap_or_else(|| self.act(&mut driver, cpu));
        self.driver = Some(driver);
        exit
    }
}
