//! No copy of a message shows a secret, wherever in it the secret stands; all else it shows.

use ipc_proto_ctl_api::{AuditVerdict, CtlClient, MessageKind, NOBODY};
use ipc_proto_derive::{Schema, service};
use ipc_proto_echo_api as echo;
use ipc_proto_rpc::Caller as From;
use ipc_proto_types::{Bytes, Kind, List, Role, Secret, Text};
use ipc_proto_wire::{Table, encode};
use serde::{Deserialize, Serialize};
use supervisor_sim::{Driver, Guest, MS, ServerPort};
use supervisor_vcpu::Ticks;
use tests_sim::{Qube, frame};

use crate::tap::{inspect, plan, read};

/// One of several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub(crate) struct Item {
    /// Shown.
    name: Text<16>,
    /// Never shown.
    key: Secret<Text<64>>,
}

/// Secrets of every kind, in every place.
#[service(name = "safe", version = 1)]
pub(crate) trait Safe {
    /// Leaves, and what follows them.
    fn put(
        &mut self,
        name: Text<16>,
        text: Secret<Text<64>>,
        bytes: Secret<Bytes<64>>,
        after: Text<16>,
        number: Secret<u64>,
        lost: Text<16>,
    ) -> Result<Secret<Text<64>>, u8>;

    /// Choices.
    fn maybe(
        &mut self,
        name: Text<16>,
        inner: Option<Secret<Text<64>>>,
        outer: Secret<Option<Text<64>>>,
    ) -> u8;

    /// Lists.
    fn many(&mut self, items: List<Item, 4>, hidden: Secret<List<u64, 4>>) -> Secret<Bytes<64>>;

    /// Nobody answers.
    #[oneway]
    fn drop(&mut self, text: Secret<Text<64>>);

    /// Said by the server.
    #[event]
    fn found(&mut self, name: Text<16>, text: Secret<Text<64>>);
}

/// What must be in no copy.
const TEXT: &str = "kanarienvogel im text";
const BYTES: [u8; 12] = [0xca, 0x4a, 0x12, 0xe5, 0x77, 0x90, 0xab, 0xcd, 0xef, 0x13, 0x57, 0x9b];
const NUMBER: u64 = 0x00c0_ffee_1234_5678;

fn text() -> Secret<Text<64>> {
    Secret::new(Text::truncated(TEXT))
}

fn bytes() -> Secret<Bytes<64>> {
    Secret::new(Bytes::try_from(&BYTES[..]).unwrap())
}

/// The server, which says an event before each answer.
struct Keeper;

impl Safe for Keeper {
    fn put(
        &mut self,
        _: &From,
        _: Text<16>,
        _: Secret<Text<64>>,
        _: Secret<Bytes<64>>,
        _: Text<16>,
        _: Secret<u64>,
        _: Text<16>,
    ) -> Result<Secret<Text<64>>, u8> {
        Ok(text())
    }

    fn maybe(
        &mut self,
        _: &From,
        _: Text<16>,
        _: Option<Secret<Text<64>>>,
        _: Secret<Option<Text<64>>>,
    ) -> u8 {
        7
    }

    fn many(&mut self, _: &From, _: List<Item, 4>, _: Secret<List<u64, 4>>) -> Secret<Bytes<64>> {
        bytes()
    }

    fn drop(&mut self, _: &From, _: Secret<Text<64>>) {}
}

pub(crate) fn keeper() -> impl Guest {
    let mut buffers = Buffers::new();
    Qube::new(move |driver: &mut Driver, cpu| {
        let mut port = ServerPort::new(driver, cpu, 0);
        while serve(&mut Keeper, &mut port, &mut buffers) > 0 {
            let _ = SafeNotifier::new(&mut port).found(Text::truncated("event"), text());
        }
        Ticks::NEVER
    })
}

/// Whether a piece of a canary is in `body`: any four bytes of one, which no other field has.
fn shows_a_secret(body: &[u8]) -> bool {
    let mut number = [0; 16];
    let length = encode(&NUMBER, &mut number).unwrap();
    let canaries = [TEXT.as_bytes(), &BYTES, &number[..length]];
    canaries.iter().any(|canary| canary.windows(4).any(|piece| body.windows(4).any(|it| it == piece)))
}

#[test]
fn no_copy_shows_a_secret_and_all_else_is_shown() {
    let mut plan = plan();
    plan.channels[2].decisions = vec![1, 1, 1, 1, 1];
    inspect(&plan, |inspector| {
        let (mut first, mut third) = (inspector.port(0), inspector.port(2));
        let (mut ctl, mut safe) = (CtlClient::new(&mut first), SafeClient::new(&mut third));
        ctl.tap(true).unwrap();
        let (name, after) = (Text::truncated("name"), Text::truncated("after"));
        let put = safe.put(name.clone(), text(), bytes(), after.clone(), Secret::new(NUMBER), after).unwrap();
        assert_eq!(put, Ok(text()));
        let inner = Some(text());
        let outer = Secret::new(Some(Text::truncated(TEXT)));
        assert_eq!(safe.maybe(name.clone(), inner, outer), Ok(7));
        let mut items = List::<Item, 4>::new();
        for name in ["one", "two"] {
            items.push(Item { name: Text::truncated(name), key: text() }).unwrap();
        }
        let numbers = Secret::new(List::try_from([NUMBER, NUMBER].as_slice()).unwrap());
        assert_eq!(safe.many(items, numbers), Ok(bytes()));
        safe.drop(text()).unwrap();
        inspector.sleep(MS);

        let Some(SafeEvent::Found { name, text: said }) = safe.next_event() else { panic!("no event") };
        assert_eq!((name, said), (Text::truncated("event"), text()));

        let (copies, lost) = read(&mut ctl, 0);
        assert_eq!((lost, copies.iter().any(|copy| shows_a_secret(&copy.body))), (0, false), "{copies:x?}");
        let stars = |count: usize| "*".repeat(count);
        let (hidden, hidden_bytes) = (format!("\x15{}", stars(21)), format!("\x0c{}", stars(12)));
        let expected = [
            (MessageKind::Call, 0, format!("\x04name{hidden}{hidden_bytes}\x05after")),
            (MessageKind::Reply, 0, format!("\0{hidden}")),
            (MessageKind::Event, 4, format!("\x05event{hidden}")),
            (MessageKind::Call, 1, format!("\x04name\x01{hidden}")),
            (MessageKind::Reply, 1, "\x07".to_string()),
            (MessageKind::Event, 4, format!("\x05event{hidden}")),
            (MessageKind::Call, 2, format!("\x02\x03one{hidden}\x03two{hidden}")),
            (MessageKind::Reply, 2, hidden_bytes),
            (MessageKind::Event, 4, format!("\x05event{hidden}")),
            (MessageKind::Event, 3, hidden.clone()),
            (MessageKind::Event, 4, format!("\x05event{hidden}")),
        ];
        let found: Vec<_> = copies
            .iter()
            .map(|it| (it.kind, it.method, String::from_utf8(it.body.to_vec()).unwrap()))
            .collect();
        assert_eq!(found, expected);
        // What is not cut is in order still.
        let table = Table::parse(SERVICE.table).unwrap();
        for (copy, sender) in
            copies.iter().zip([Role::Client, Role::Server, Role::Server].iter().cycle()).take(9)
        {
            let kind = [Kind::Call, Kind::Reply, Kind::Event][copy.kind as usize];
            let is_whole = copy.body.len() == copy.size as usize;
            let in_order = table.check_body(*sender, kind, copy.method.into(), &copy.body, &mut ()).is_ok();
            assert_eq!(is_whole, in_order, "{copy:?}");
        }
    });
}

#[test]
fn a_refused_message_leaves_no_byte_of_its_body() {
    let mut plan = plan();
    plan.channels[2].decisions = vec![0, 1, 1, 1, 1];
    inspect(&plan, |inspector| {
        let mut first = inspector.port(0);
        let mut ctl = CtlClient::new(&mut first);
        ctl.tap(true).unwrap();
        let mut body = [0; 200];
        let after = Text::<16>::truncated("after");
        let put = (after.clone(), text(), bytes(), after.clone(), Secret::new(NUMBER), after);
        let length = encode(&put, &mut body).unwrap();
        // Denied; a byte too many; a schema that is another's; a number out of turn; no frame at all.
        inspector.send(2, &frame(&SERVICE, 0, Kind::Call, 1, &body[..length]));
        inspector.send(2, &frame(&SERVICE, 0, Kind::Call, 2, &body[..length + 1]));
        inspector.send(2, &frame(&echo::SERVICE, 0, Kind::Call, 3, &body[..length]));
        inspector.send(2, &frame(&SERVICE, 0, Kind::Call, 9, &body[..length]));
        inspector.send(2, &body[..length]);
        let (copies, _) = read(&mut ctl, 0);
        let refused: Vec<_> = copies.iter().filter(|it| it.verdict != AuditVerdict::Allowed).collect();
        let whys: Vec<u8> = refused.iter().map(|it| it.why).collect();
        assert_eq!((whys.len(), &whys[..4]), (5, &[6, 0x29, 1, 2][..]));
        assert_eq!(refused.iter().map(|it| it.method).collect::<Vec<_>>(), [0, 0, NOBODY, 0, NOBODY]);
        assert!(refused.iter().all(|it| it.body.is_empty() && it.size > 0), "{refused:?}");
        assert!(!copies.iter().any(|copy| shows_a_secret(&copy.body)));
    });
}
