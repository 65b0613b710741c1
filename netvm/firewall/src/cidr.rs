//! `Cidr`: the addresses that begin with the same bits.

use core::fmt;
use core::net::IpAddr;

/// An address and how many of its first bits count. An address of IPv4 inside IPv6 (`::ffff:a.b.c.d`) is never in here:
/// it is the address of IPv4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    address: IpAddr,
    prefix: u8,
}

/// Why a text is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CidrError {
    /// What stands before the slash is no address.
    Address,
    /// What stands after the slash is no number of bits that the address has.
    Prefix,
    /// A bit is set that does not count: an address was meant, or another prefix.
    HostBits,
    /// An address of IPv4 as one of IPv6, with a prefix that takes in others.
    Mapped,
}

impl Cidr {
    /// This one address.
    #[must_use]
    pub const fn one(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self { address, prefix: if address.is_ipv4() { 32 } else { 128 } }
    }

    /// The network of `address/prefix`, or of one address.
    ///
    /// # Errors
    /// Says why it is none.
    pub fn new(text: &str) -> Result<Self, CidrError> {
        let network = Self::with_any_host_bits(text)?;
        let stated: IpAddr = text.split('/').next().unwrap_or("").parse().map_err(|_| CidrError::Address)?;
        if network.address == stated.to_canonical() { Ok(network) } else { Err(CidrError::HostBits) }
    }

    /// As [`Cidr::new`], and bits that do not count may be anything.
    ///
    /// # Errors
    /// Says why it is none.
    pub fn with_any_host_bits(text: &str) -> Result<Self, CidrError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| CidrError::Address)?;
        let Some(prefix) = prefix else { return Ok(Self::one(address)) };
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let is_plain = !prefix.is_empty() && prefix.bytes().all(|digit| digit.is_ascii_digit());
        let prefix: u8 = prefix.parse().map_err(|_| CidrError::Prefix)?;
        if prefix > bits || !is_plain {
            return Err(CidrError::Prefix);
        }
        if address.to_canonical() != address {
            return if prefix == bits { Ok(Self::one(address)) } else { Err(CidrError::Mapped) };
        }
        Ok(Self { address: network(address, prefix), prefix })
    }

    /// Whether these are addresses of IPv4.
    #[must_use]
    pub const fn is_v4(&self) -> bool {
        self.address.is_ipv4()
    }

    /// Whether the address is one of these.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        network(address.to_canonical(), self.prefix) == self.address
    }
}

/// The address with all but its first `prefix` bits cleared.
fn network(address: IpAddr, prefix: u8) -> IpAddr {
    let prefix = u32::from(prefix);
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(prefix)).unwrap_or(0);
            IpAddr::V4((address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(prefix)).unwrap_or(0);
            IpAddr::V6((address.to_bits() & mask).into())
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_read_strictly() {
        let check = |text: &str, expected: Result<&str, CidrError>| {
            let network = Cidr::new(text).map(|network| network.to_string());
            assert_eq!(network, expected.map(str::to_owned), "{text}");
        };
        check("10.0.0.0/8", Ok("10.0.0.0/8"));
        check("10.1.2.3", Ok("10.1.2.3/32"));
        check("0.0.0.0/0", Ok("0.0.0.0/0"));
        check("::/0", Ok("::/0"));
        check("2001:db8::/32", Ok("2001:db8::/32"));
        check("2001:db8::1", Ok("2001:db8::1/128"));
        check("::ffff:10.1.2.3", Ok("10.1.2.3/32"));
        check("::ffff:10.1.2.3/128", Ok("10.1.2.3/32"));
        check("::ffff:0.0.0.0/96", Err(CidrError::Mapped));
        check("10.0.0.1/8", Err(CidrError::HostBits));
        check("10.0.0.0/33", Err(CidrError::Prefix));
        check("10.0.0.0/", Err(CidrError::Prefix));
        check("10.0.0.0/+8", Err(CidrError::Prefix));
        check("10.0.0.0/8/8", Err(CidrError::Prefix));
        check("10.0.0/8", Err(CidrError::Address));
        check("010.0.0.0/8", Err(CidrError::Address));
        check("fe80::1%eth0", Err(CidrError::Address));
        check("", Err(CidrError::Address));
    }

    #[test]
    fn every_prefix_splits_where_it_says() {
        for prefix in 0..=32_u32 {
            let network = Cidr::with_any_host_bits(&format!("255.255.255.255/{prefix}")).unwrap();
            for bit in 0..32 {
                let other = IpAddr::V4((u32::MAX ^ (1 << (31 - bit))).into());
                assert_eq!(network.contains(other), bit >= prefix, "{network} and {other}");
            }
        }
        for prefix in 0..=128_u32 {
            let network =
                Cidr::with_any_host_bits(&format!("{}/{prefix}", core::net::Ipv6Addr::from(u128::MAX)));
            for bit in 0..128 {
                let other = IpAddr::V6((u128::MAX ^ (1 << (127 - bit))).into());
                assert_eq!(network.unwrap().contains(other), bit >= prefix);
            }
        }
    }

    #[test]
    fn the_versions_of_ip_are_apart_and_a_mapped_address_is_of_version_four() {
        let mapped: IpAddr = "::ffff:10.1.2.3".parse().unwrap();
        assert!(Cidr::new("10.0.0.0/8").unwrap().contains(mapped));
        assert!(!Cidr::new("::/0").unwrap().contains(mapped), "it is no way round a rule");
        assert!(!Cidr::new("0.0.0.0/0").unwrap().contains("2001:db8::1".parse().unwrap()));
    }
}
