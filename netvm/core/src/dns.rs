//! Messages of DNS: one question, and what of an answer can be believed.
//!
//! An answer counts when it has the id of the question and repeats it. Of its records only those count that the name leads
//! to, over at most eight aliases, and only addresses that somebody can have. Nothing else it says is looked at, so there is
//! nothing to poison. Who sent it and to which port is looked at where packets are.
//! Sources: RFC 1035 sections 4.1 and 4.2.1, RFC 5452 section 9, RFC 6891 section 6.2.3.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use netvm_firewall::HostName;
use smoltcp::wire::{
    DnsFlags, DnsOpcode, DnsPacket, DnsQueryType, DnsQuestion, DnsRcode, DnsRecord, DnsRecordData,
};

use crate::guard::can_be_at;

/// Most bytes of an answer, as we say in questions: what passes everywhere in one packet (DNS flag day 2020).
pub(crate) const ANSWER_MAX: usize = 1232;
/// Most bytes of a question: header, the longest name, type and class, and the record with the size of answers.
pub(crate) const QUESTION_MAX: usize = HEADER + 255 + 4 + OPT;
/// Most records of an answer that are looked at; more would make one packet cost too much.
const RECORDS_MAX: u16 = 64;
/// Most aliases of a name that are followed: a chain may be a circle.
const ALIASES_MAX: usize = 8;
/// Most addresses that are taken from one answer.
const ADDRESSES_MAX: usize = 8;
/// The longest lifetime that a record can have, in seconds; a longer one counts as none (RFC 2181 section 8).
const TTL_MAX: u32 = i32::MAX as u32;
/// Most labels of a name: each is two bytes at least.
const LABELS_MAX: usize = 128;

const HEADER: usize = 12;
/// The record that says how long an answer may be.
const OPT: usize = 11;
const OPT_TYPE: u16 = 41;
const CLASS_IN: u16 = 1;
const FLAG_RECURSION_DESIRED: u16 = 0x0100;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    A,
    Aaaa,
}

impl Kind {
    const fn number(self) -> u16 {
        match self {
            Self::A => 1,
            Self::Aaaa => 28,
        }
    }

    fn is(self, kind: DnsQueryType) -> bool {
        match self {
            Self::A => kind == DnsQueryType::A,
            Self::Aaaa => kind == DnsQueryType::Aaaa,
        }
    }
}

/// An address and for how many seconds it is one.
pub(crate) type Address = (IpAddr, u32);

/// Why a packet gives no addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is no answer to this question: somebody guesses.
    NotOurs,
    /// It is an answer that cannot be read, or is cut off.
    Malformed,
    /// There is no such name.
    NoSuchName,
    /// The server cannot or will not say.
    Failed,
}

/// Writes a question to the front of `out`; gives its length.
pub(crate) fn question(id: u16, name: &HostName, kind: Kind, out: &mut [u8; QUESTION_MAX]) -> usize {
    let mut message = Vec::with_capacity(QUESTION_MAX);
    for number in [id, FLAG_RECURSION_DESIRED, 1, 0, 0, 1] {
        message.extend_from_slice(&number.to_be_bytes());
    }
    for label in name.as_str().split('.') {
        // A label of a name has at most 63 bytes.
        message.push(u8::try_from(label.len()).unwrap_or(0));
        message.extend_from_slice(label.as_bytes());
    }
    message.push(0);
    message.extend_from_slice(&kind.number().to_be_bytes());
    message.extend_from_slice(&CLASS_IN.to_be_bytes());
    // The root's name, the type, our size instead of a class, and neither flags nor options.
    message.push(0);
    message.extend_from_slice(&OPT_TYPE.to_be_bytes());
    message.extend_from_slice(&u16::try_from(ANSWER_MAX).unwrap_or(512).to_be_bytes());
    message.extend_from_slice(&[0; 6]);
    let length = message.len().min(QUESTION_MAX);
    for (to, from) in out.iter_mut().zip(&message) {
        *to = *from;
    }
    length
}

/// The addresses that an answer gives for a name; there may be none.
pub(crate) fn answer(packet: &[u8], id: u16, name: &HostName, kind: Kind) -> Result<Vec<Address>, Refused> {
    if packet.len() > ANSWER_MAX {
        return Err(Refused::NotOurs);
    }
    let packet = DnsPacket::new_checked(packet).map_err(|_| Refused::NotOurs)?;
    let is_answer = packet.flags().contains(DnsFlags::RESPONSE) && packet.opcode() == DnsOpcode::Query;
    if packet.transaction_id() != id || !is_answer || packet.question_count() != 1 {
        return Err(Refused::NotOurs);
    }
    let (records, asked) = DnsQuestion::parse(packet.payload()).map_err(|_| Refused::NotOurs)?;
    if !kind.is(asked.type_) || read_name(&packet, asked.name).as_ref() != Some(name) {
        return Err(Refused::NotOurs);
    }
    match packet.rcode() {
        DnsRcode::NoError => {}
        DnsRcode::NXDomain => return Err(Refused::NoSuchName),
        _ => return Err(Refused::Failed),
    }
    let is_cut = packet.flags().contains(DnsFlags::TRUNCATED);
    let records = read_records(&packet, records, is_cut)?;
    let addresses = follow(name, &records);
    // Some addresses of a name are as good as all of them; none may mean that they are in the part that was cut off.
    if is_cut && addresses.is_empty() { Err(Refused::Malformed) } else { Ok(addresses) }
}

/// One record that can lead somewhere.
struct Record {
    owner: HostName,
    ttl_s: u32,
    leads: Leads,
}

enum Leads {
    To(IpAddr),
    On(HostName),
}

/// The records of an answer; of one that was cut off (RFC 2181 section 9), those that are whole.
fn read_records(packet: &DnsPacket<&[u8]>, mut rest: &[u8], is_cut: bool) -> Result<Vec<Record>, Refused> {
    let mut records = Vec::new();
    for _ in 0..packet.answer_record_count().min(RECORDS_MAX) {
        let (after, record) = match DnsRecord::parse(rest) {
            Ok(read) => read,
            Err(_) if is_cut => break,
            Err(_) => return Err(Refused::Malformed),
        };
        rest = after;
        let leads = match record.data {
            DnsRecordData::A(address) => Some(Leads::To(address.into())),
            DnsRecordData::Aaaa(address) => Some(Leads::To(address.into())),
            DnsRecordData::Cname(target) => read_name(packet, target).map(Leads::On),
            DnsRecordData::Other(..) => None,
        };
        if let (Some(owner), Some(leads)) = (read_name(packet, record.name), leads) {
            let ttl_s = if record.ttl > TTL_MAX { 0 } else { record.ttl };
            records.push(Record { owner, ttl_s, leads });
        }
    }
    Ok(records)
}

/// The addresses that a name leads to. Each is good for as long as all aliases on the way are.
fn follow(name: &HostName, records: &[Record]) -> Vec<Address> {
    let (mut at, mut ttl_s) = (name, u32::MAX);
    for _ in 0..=ALIASES_MAX {
        let mut addresses = Vec::new();
        let mut on = None;
        for record in records.iter().filter(|record| record.owner == *at) {
            match &record.leads {
                Leads::To(address) if can_be_at(*address) && addresses.len() < ADDRESSES_MAX => {
                    addresses.push((*address, ttl_s.min(record.ttl_s)));
                }
                Leads::To(_) => {}
                Leads::On(next) => on = Some((next, record.ttl_s)),
            }
        }
        match on {
            Some((next, next_ttl_s)) if addresses.is_empty() => (at, ttl_s) = (next, ttl_s.min(next_ttl_s)),
            _ => return addresses,
        }
    }
    Vec::new()
}

/// A name in a packet; none when it is not one of a host.
fn read_name(packet: &DnsPacket<&[u8]>, from: &[u8]) -> Option<HostName> {
    let mut text = String::new();
    // The library only follows pointers backwards and reads no byte twice, so names end.
    for (place, label) in packet.parse_name(from).enumerate() {
        let label = core::str::from_utf8(label.ok()?).ok()?;
        if place >= LABELS_MAX || label.contains('.') || text.len() > netvm_firewall::HOST_MAX {
            return None;
        }
        if place > 0 {
            text.push('.');
        }
        text.push_str(label);
    }
    HostName::new(&text).ok()
}
