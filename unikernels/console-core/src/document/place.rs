//! In which disposables a document may be opened.
//!
//! What comes from another qube is opened only in a disposable that the manifest says is opened for it, because that one can
//! do no more than both may. And no other document is opened there, unless the person names it. Without a name the
//! first viewer is meant, and the others of its kind: what the manifest calls otherwise is for something else.

use core::fmt;

use crate::session::{Done, Given, Session};
use crate::show::Qubes;
use crate::starting::Places;
use crate::system::World;
use ipc_proto_ctl_api::QubeInfo;
use ipc_proto_types::{List, MAX_QUBES, QubeName};

/// Where a document is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a viewer that is nobody else's.
    Own,
    /// In the disposable of this name, or in one of its instances.
    Named(QubeName),
    /// In a disposable that is opened for this qube.
    For(QubeName),
}

impl<W: World> Session<'_, W> {
    /// The place that a person named, if any.
    pub(super) fn place_named(&mut self, name: Option<&str>) -> Result<Place, Given> {
        let Some(name) = name else { return Ok(Place::Own) };
        match QubeName::new(name) {
            Ok(name) => Ok(Place::Named(name)),
            Err(_) => self.no_such_qube(name),
        }
    }

    /// The disposables of a place, at least one; when there are none it is said why.
    pub(super) fn places(&mut self, place: &Place) -> Result<Places, Given> {
        if self.screen.world.viewer_name(0).is_none() {
            return self.no_channel("open");
        }
        let qubes = self.all_qubes()?;
        let places = self.places_among(&qubes, place);
        if !places.is_empty() {
            if let Place::Named(name) = place {
                self.must_have_network(&qubes, name, &places)?;
            }
            return Ok(places);
        }
        match place {
            Place::Own => self.give_up(format_args!(
                "Every viewer is kept for another qube: 'open URL in NAME' names one that 'qubes' shows."
            )),
            Place::For(asker) => self.give_up(format_args!("No disposable is opened for {asker}.")),
            Place::Named(name) => self.opens_nothing(&qubes, name),
        }
    }

    /// Names the viewers of other kinds, whose network may be another.
    pub(super) fn name_others(&mut self, viewer: &QubeName) {
        let mut others = List::<QubeName, MAX_QUBES>::new();
        for number in 0..MAX_QUBES {
            let Some(name) = self.screen.world.viewer_name(number) else { break };
            let kind = QubeName::new(family(name.as_str())).unwrap_or(name);
            if kind.as_str() != family(viewer.as_str()) && !others.contains(&kind) {
                // There is room for one each.
                let _ = others.push(kind);
            }
        }
        let Some((first, rest)) = others.split_first() else { return };
        self.say(format_args!("Others may: 'open URL in NAME' takes {}.", Or(first, rest)));
    }

    fn places_among(&mut self, qubes: &Qubes, place: &Place) -> Places {
        let own_name = self.screen.world.own_name();
        let opener = |qube: &QubeInfo| qubes.get(usize::from(qube.opened_for?)).map(|opener| &opener.name);
        let mut own_family = None;
        let mut places = Places::new();
        for number in 0..MAX_QUBES {
            let Some(name) = self.screen.world.viewer_name(number) else { break };
            let Some(qube) = qubes.iter().find(|qube| name == *qube.name.as_str()) else { continue };
            let family = family(name.as_str());
            let is_here = match place {
                Place::Named(wanted) => *wanted == name || *wanted == *family,
                Place::For(asker) => opener(qube).is_some_and(|opener| *asker == *opener.as_str()),
                Place::Own if opener(qube).is_some_and(|opener| own_name != *opener.as_str()) => false,
                Place::Own => {
                    // The name is kept: the family borrows from it.
                    let first = *own_family.get_or_insert(name);
                    self::family(first.as_str()) == family
                }
            };
            if is_here {
                let pushed = places.push((qube.clone(), name));
                debug_assert!(pushed.is_ok(), "no more viewers than qubes");
            }
        }
        places
    }

    /// What is said of a qube in which no document can be opened.
    fn opens_nothing<T>(&mut self, qubes: &Qubes, name: &QubeName) -> Result<T, Given> {
        if !qubes.iter().any(|qube| *name == *qube.name.as_str()) {
            return self.no_such_qube(name.as_str());
        }
        if self.has_network(qubes, name)? {
            self.give_up(format_args!("{name} opens no documents for this console."))
        } else {
            self.give_up(format_args!("{name} has no channel to the network, and opens no documents."))
        }
    }

    fn must_have_network(&mut self, qubes: &Qubes, name: &QubeName, places: &Places) -> Done {
        for (_, place) in places {
            if self.has_network(qubes, place)? {
                return Ok(());
            }
        }
        self.give_up(format_args!("{name} has no channel to the network."))
    }

    fn has_network(&mut self, qubes: &Qubes, name: &QubeName) -> Result<bool, Given> {
        let index = qubes.iter().position(|qube| *name == *qube.name.as_str());
        let channels = self.all_channels()?;
        Ok(channels
            .iter()
            .any(|channel| Some(usize::from(channel.client)) == index && channel.service.as_str() == "net"))
    }
}

/// What a place is called.
pub(super) fn places_name(places: &Places) -> &str {
    places.first().map_or("", |(_, name)| family(name.as_str()))
}

/// The name without the number of an instance.
fn family(name: &str) -> &str {
    match name.rsplit_once('-') {
        Some((family, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => family,
        _ => name,
    }
}

/// Names to choose one of.
struct Or<'n>(&'n QubeName, &'n [QubeName]);

impl fmt::Display for Or<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        for (left, name) in (0..self.1.len()).rev().zip(self.1) {
            let between = if left == 0 { " or " } else { ", " };
            write!(f, "{between}{name}")?;
        }
        Ok(())
    }
}
