//! Groups and entries, changed. What a change does not mean stays where it is.

use alloc::string::{String, ToString};

use crate::entry::{Entry, NOTES, PASSWORD, Protection, TITLE, URL, USER_NAME};
use crate::group::Group;
use crate::tree::{Element, Node, PROTECTED};
use crate::value::{Time, Uuid, flag_text};

pub(crate) const GROUP: &str = "Group";
pub(crate) const ENTRY: &str = "Entry";

/// A group that may be changed.
#[derive(Debug)]
pub struct GroupMut<'a>(pub(crate) &'a mut Element);

impl GroupMut<'_> {
    /// The group, looked at.
    #[must_use]
    pub const fn view(&self) -> Group<'_> {
        Group(self.0)
    }

    /// The element itself, for what has no method here.
    pub const fn element(&mut self) -> &mut Element {
        self.0
    }

    /// Sets its name.
    pub fn set_name(&mut self, name: &str, now: Time) {
        self.0.child_or_new("Name").set_text(name);
        stamp(self.0, "LastModificationTime", now);
    }

    /// Sets a custom data item, which programs keep and do not show.
    pub fn set_custom_data(&mut self, key: &str, value: &str) {
        set_custom_data(self.0, key, value);
    }

    /// Appends an empty group. `uuid` is drawn at random.
    pub fn add_group(&mut self, uuid: Uuid, name: &str, now: Time) -> GroupMut<'_> {
        GroupMut(push(self.0, new_group(uuid, name, now)))
    }

    /// Appends an entry with five empty fields. `uuid` is drawn at random.
    pub fn add_entry(&mut self, uuid: Uuid, now: Time) -> EntryMut<'_> {
        EntryMut(push(self.0, new_entry(uuid, now)))
    }
}

/// An entry that may be changed. Who changes one [archives](EntryMut::archive) it first.
#[derive(Debug)]
pub struct EntryMut<'a>(pub(crate) &'a mut Element);

impl<'a> EntryMut<'a> {
    /// The element, which is an entry's, as [`new_entry`] makes it.
    #[must_use]
    pub const fn of(element: &'a mut Element) -> Self {
        Self(element)
    }

    /// The entry, looked at.
    #[must_use]
    pub const fn view(&self) -> Entry<'_> {
        Entry(self.0)
    }

    /// The element itself, for what has no method here.
    pub const fn element(&mut self) -> &mut Element {
        self.0
    }

    /// Sets a field in its place, or appends it: `Title`, `UserName`, `Password`, `URL`, `Notes`, `otp` or any other.
    pub fn set_field(&mut self, key: &str, value: &str, protection: Protection) {
        let is_it = |child: &&mut Element| child.name == "String" && child.child_text("Key") == Some(key);
        if let Some(string) = self.0.elements_mut().find(is_it) {
            set_value(string.child_or_new("Value"), value, protection);
            return;
        }
        let mut new = Element::new("Value");
        set_value(&mut new, value, protection);
        insert_after_like(self.0, Element::new("String").with(Element::with_text("Key", key)).with(new));
    }

    /// Removes a field; whether it was there.
    pub fn remove_field(&mut self, key: &str) -> bool {
        self.0.remove_elements(|child| child.name == "String" && child.child_text("Key") == Some(key)) > 0
    }

    /// Sets the tags. A separator in one becomes a blank.
    pub fn set_tags<'t>(&mut self, tags: impl IntoIterator<Item = &'t str>) {
        let mut text = String::new();
        for tag in tags {
            if !text.is_empty() {
                text.push(';');
            }
            text.extend(tag.chars().map(|letter| if matches!(letter, ';' | ',') { ' ' } else { letter }));
        }
        self.0.child_or_new("Tags").set_text(&text);
    }

    /// Sets when it expires, or that it does not.
    pub fn set_expiry(&mut self, expiry: Option<Time>) {
        let times = self.0.child_or_new("Times");
        times.child_or_new("Expires").set_text(flag_text(expiry.is_some()));
        if let Some(expiry) = expiry {
            times.child_or_new("ExpiryTime").set_text(&expiry.to_text());
        }
    }

    /// Notes that it was changed now.
    pub fn touch(&mut self, now: Time) {
        stamp(self.0, "LastModificationTime", now);
    }

    /// Attaches what [`crate::Database::add_binary`] gave a reference to, in place of one of the same name.
    pub fn attach(&mut self, name: &str, reference: usize) {
        self.detach(name);
        let mut value = Element::new("Value");
        value.set_attribute("Ref", &reference.to_string());
        insert_after_like(self.0, Element::new("Binary").with(Element::with_text("Key", name)).with(value));
    }

    /// Removes an attachment; whether it was there. Its contents stay, for histories and others may refer to them.
    pub fn detach(&mut self, name: &str) -> bool {
        self.0.remove_elements(|child| child.name == "Binary" && child.child_text("Key") == Some(name)) > 0
    }

    /// Appends the entry as it is now to its history, and drops the oldest beyond `items_max`.
    pub fn archive(&mut self, items_max: Option<usize>) {
        let mut copy = self.0.clone();
        copy.remove_elements(|child| child.name == "History");
        let history = self.0.child_or_new("History");
        history.children.push(Node::Element(copy));
        let count = history.children_named(ENTRY).count();
        let mut surplus = items_max.map_or(0, |max| count.saturating_sub(max));
        history.remove_elements(|child| {
            let goes = child.name == ENTRY && surplus > 0;
            surplus -= usize::from(goes);
            goes
        });
    }

    /// Sets a custom data item, which programs keep and do not show.
    pub fn set_custom_data(&mut self, key: &str, value: &str) {
        set_custom_data(self.0, key, value);
    }
}

fn set_value(element: &mut Element, value: &str, protection: Protection) {
    match protection {
        Protection::Protected => element.set_attribute(PROTECTED, flag_text(true)),
        Protection::Plain => element.remove_attribute(PROTECTED),
    }
    element.set_text(value);
}

/// Inserts `child` after the last element of its name; else before the history, which programs expect last; else last.
fn insert_after_like(parent: &mut Element, child: Element) {
    let named = |node: &Node, name: &str| node.element().is_some_and(|element| element.name == name);
    let like = parent.children.iter().rposition(|node| named(node, &child.name)).map(|at| at + 1);
    let history = || parent.children.iter().position(|node| named(node, "History"));
    let at = like.or_else(history).unwrap_or(parent.children.len());
    parent.children.insert(at, Node::Element(child));
}

fn push(parent: &mut Element, child: Element) -> &mut Element {
    parent.children.push(Node::Element(child));
    match parent.children.last_mut() {
        Some(Node::Element(child)) => child,
        _ => unreachable!("it was pushed just now"),
    }
}

/// Sets one of the times of a group or entry.
pub(crate) fn stamp(element: &mut Element, name: &str, now: Time) {
    element.child_or_new("Times").child_or_new(name).set_text(&now.to_text());
}

pub(crate) fn set_custom_data(element: &mut Element, key: &str, value: &str) {
    let data = element.child_or_new("CustomData");
    let item = data.elements_mut().find(|item| item.name == "Item" && item.child_text("Key") == Some(key));
    match item {
        Some(item) => item.child_or_new("Value").set_text(value),
        None => {
            let text = Element::with_text;
            let item = Element::new("Item").with(text("Key", key)).with(text("Value", value));
            data.children.push(Node::Element(item));
        }
    }
}

fn times(now: Time) -> Element {
    let text = Element::with_text;
    let now = now.to_text();
    Element::new("Times")
        .with(text("LastModificationTime", &now))
        .with(text("CreationTime", &now))
        .with(text("LastAccessTime", &now))
        .with(text("ExpiryTime", &now))
        .with(text("Expires", flag_text(false)))
        .with(text("UsageCount", "0"))
        .with(text("LocationChanged", &now))
}

pub(crate) fn new_group(uuid: Uuid, name: &str, now: Time) -> Element {
    let text = Element::with_text;
    Element::new(GROUP)
        .with(text("UUID", &uuid.to_text()))
        .with(text("Name", name))
        .with(text("Notes", ""))
        .with(text("IconID", "48"))
        .with(times(now))
        .with(text("IsExpanded", flag_text(true)))
        .with(text("DefaultAutoTypeSequence", ""))
        .with(text("EnableAutoType", "null"))
        .with(text("EnableSearching", "null"))
        .with(text("LastTopVisibleEntry", &Uuid::NIL.to_text()))
}

/// An entry with five empty fields, in no group yet. `uuid` is drawn at random.
#[must_use]
pub fn new_entry(uuid: Uuid, now: Time) -> Element {
    let text = Element::with_text;
    let mut entry = Element::new(ENTRY)
        .with(text("UUID", &uuid.to_text()))
        .with(text("IconID", "0"))
        .with(text("ForegroundColor", ""))
        .with(text("BackgroundColor", ""))
        .with(text("OverrideURL", ""))
        .with(text("Tags", ""))
        .with(times(now));
    let mut view = EntryMut(&mut entry);
    for key in [TITLE, USER_NAME, PASSWORD, URL, NOTES] {
        let protection = if key == PASSWORD { Protection::Protected } else { Protection::Plain };
        view.set_field(key, "", protection);
    }
    entry.with(Element::new("History"))
}

fn is(element: &Element, uuid: Uuid) -> bool {
    [GROUP, ENTRY].contains(&element.name.as_str())
        && element.child_text("UUID").and_then(Uuid::from_text) == Some(uuid)
}

/// The group or entry of this identifier at or below `element`. Recursion goes as deep as groups nest; reading and
/// writing bound that.
pub(crate) fn look(element: &Element, uuid: Uuid) -> Option<&Element> {
    if is(element, uuid) {
        return Some(element);
    }
    let inside = if element.name == GROUP { Some(element) } else { None };
    inside.into_iter().flat_map(Element::elements).find_map(|child| look(child, uuid))
}

/// The same, to be changed, and only if it is of this name.
pub(crate) fn find<'a>(element: &'a mut Element, name: &str, uuid: Uuid) -> Option<&'a mut Element> {
    if element.name == name && is(element, uuid) {
        return Some(element);
    }
    if element.name != GROUP {
        return None;
    }
    element.elements_mut().find_map(|child| find(child, name, uuid))
}

/// Takes the group or entry of this identifier out from below `group`.
pub(crate) fn take(group: &mut Element, uuid: Uuid) -> Option<Element> {
    let at = group.children.iter().position(|node| node.element().is_some_and(|child| is(child, uuid)));
    if let Some(at) = at {
        return match group.children.remove(at) {
            Node::Element(element) => Some(element),
            _ => None,
        };
    }
    group.elements_mut().filter(|child| child.name == GROUP).find_map(|child| take(child, uuid))
}
