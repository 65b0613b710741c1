//! The arguments of a qube: words of `key=value`, separated by spaces.

/// Arguments as the manifest gives them.
#[derive(Clone, Copy, Debug)]
pub struct Args<'a>(&'a str);

impl<'a> Args<'a> {
    /// From one line of text.
    #[must_use]
    pub const fn new(line: &'a str) -> Self {
        Self(line)
    }

    /// The whole line.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// Every word: key and value, or the word and an empty value.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0
            .split(' ')
            .filter(|word| !word.is_empty())
            .map(|word| word.split_once('=').unwrap_or((word, "")))
    }

    /// The value of the first word with this key.
    #[must_use]
    pub fn get(self, key: &str) -> Option<&'a str> {
        self.iter().find_map(|(name, value)| (name == key).then_some(value))
    }

    /// The value as a number (or whatever `T` parses); `None` if absent or malformed.
    #[must_use]
    pub fn number<T: core::str::FromStr>(self, key: &str) -> Option<T> {
        self.get(key)?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_by_its_key() {
        let args = Args::new(" depth=64  mode=fast=er quiet depth=1");
        assert_eq!(args.get("depth"), Some("64"), "the first one counts");
        assert_eq!(args.number::<u16>("depth"), Some(64));
        assert_eq!(args.get("mode"), Some("fast=er"));
        assert_eq!(args.get("quiet"), Some(""));
        assert_eq!(args.number::<u16>("mode"), None);
        assert_eq!(args.get("qui"), None);
        assert_eq!(args.iter().count(), 4);
        assert_eq!(Args::new("").iter().count(), 0);
    }
}
