use super::*;
use proptest::prelude::*;
use std::net::{Ipv4Addr, Ipv6Addr};

fn networks(entries: &[&str]) -> Networks {
    Networks::parse(entries).unwrap()
}

#[test]
fn addresses_inside_and_outside() {
    let table: &[(&[&str], &str, bool)] = &[
        (&[], "192.0.2.1", true),
        (&[], "2001:db8::1", true),
        (&["192.0.2.1"], "192.0.2.1", true),
        (&["192.0.2.1"], "192.0.2.2", false),
        (&["192.0.2.1"], "::ffff:192.0.2.1", true),
        (&["192.0.2.1"], "::ffff:192.0.2.2", false),
        // The deprecated "compatible" form is no IPv4.
        (&["192.0.2.1"], "::192.0.2.1", false),
        (&["10.0.0.0/8"], "10.0.0.0", true),
        (&["10.0.0.0/8"], "10.255.255.255", true),
        (&["10.0.0.0/8"], "11.0.0.0", false),
        (&["10.0.0.0/8"], "9.255.255.255", false),
        (&["10.0.0.0/31"], "10.0.0.1", true),
        (&["10.0.0.0/31"], "10.0.0.2", false),
        (&["0.0.0.0/0"], "203.0.113.9", true),
        (&["0.0.0.0/0"], "::ffff:203.0.113.9", true),
        (&["0.0.0.0/0"], "2001:db8::1", false),
        (&["::/0"], "2001:db8::1", true),
        (&["::/0"], "203.0.113.9", false),
        (&["::/0"], "::ffff:203.0.113.9", false),
        (&["2001:db8::/32"], "2001:db8:ffff::1", true),
        (&["2001:db8::/32"], "2001:db9::", false),
        (&["2001:db8::7"], "2001:db8::7", true),
        (&["2001:db8::7"], "2001:db8::8", false),
        (&["::ffff:10.0.0.0/104"], "10.1.2.3", true),
        (&["::ffff:10.0.0.0/104"], "::ffff:10.1.2.3", true),
        (&["::ffff:10.0.0.0/104"], "11.0.0.0", false),
        (&["::ffff:192.0.2.1"], "192.0.2.1", true),
        (&["::ffff:0:0/96"], "203.0.113.9", true),
        (&["192.0.2.1", "2001:db8::/32"], "2001:db8::1", true),
        (&["192.0.2.1", "2001:db8::/32"], "192.0.2.1", true),
        (&["192.0.2.1", "2001:db8::/32"], "192.0.2.3", false),
    ];
    for (entries, address, permitted) in table {
        let outcome = networks(entries).permits(address.parse().unwrap());
        assert_eq!(outcome, *permitted, "{address} in {entries:?}");
    }
}

#[test]
fn entries_come_back_in_their_shortest_form() {
    let written = [
        " 10.0.0.0/8 ",
        "192.0.2.7/32",
        "192.0.2.7",
        "::ffff:192.0.2.7",
        "2001:0DB8:0:0::/32",
        "2001:db8::7/128",
        "::ffff:0:0/96",
    ];
    let shortest = [
        "10.0.0.0/8",
        "192.0.2.7",
        "2001:db8::/32",
        "2001:db8::7",
        "0.0.0.0/0",
    ];
    let list = networks(&written);
    assert_eq!(list.entries(), shortest);
    assert_eq!(Networks::parse(list.entries()).unwrap(), list);
    assert!(!list.is_empty());
    assert!(networks(&[]).is_empty());
}

#[test]
fn what_is_no_network_is_named() {
    for entry in [
        "",
        "localhost",
        "10.0.0.0/",
        "/8",
        "10.0.0.0/33",
        "2001:db8::/129",
        "::ffff:10.0.0.0/129",
        "10.0.0.0/-1",
        "10.0.0.0/+8",
        "10.0.0.0/8/8",
        "10.0.0.0 /8",
        "10.0.0.0/255.0.0.0",
        "10.0.0",
        "010.0.0.1",
        "10.0.0.0.0",
        "256.0.0.1",
        "0x0a.0.0.1",
        "10.*",
        "10.0.0.1-10.0.0.9",
        "fe80::1%eth0",
        "[::1]",
        "192.0.2.1:443",
        "2001:db8:::1",
        "10.0.0.0/8,192.0.2.1",
    ] {
        let error = Networks::parse(["192.0.2.1", entry]).unwrap_err();
        assert_eq!(error, NetworkError::Syntax(entry.to_owned()));
        assert!(error.to_string().contains(&format!("{entry:?}")), "{error}");
    }
}

#[test]
fn bits_after_the_prefix_are_asked_about() {
    let table = [
        (
            "10.1.2.3/8",
            "\"10.1.2.3/8\" has bits set after its prefix; write 10.0.0.0/8 for the network or 10.1.2.3 for the one address",
        ),
        (
            "2001:db8::1/32",
            "\"2001:db8::1/32\" has bits set after its prefix; write 2001:db8::/32 for the network or 2001:db8::1 for the one address",
        ),
        (
            "::ffff:10.1.2.3/104",
            "\"::ffff:10.1.2.3/104\" has bits set after its prefix; write 10.0.0.0/8 for the network or 10.1.2.3 for the one address",
        ),
    ];
    for (entry, message) in table {
        assert_eq!(Networks::parse([entry]).unwrap_err().to_string(), message);
    }
}

#[test]
fn lists_and_messages_are_bounded() {
    let many = |n: u32| Networks::parse((0..n).map(|i| Ipv4Addr::from_bits(i).to_string()));
    let most = u32::try_from(MAX_NETWORKS).unwrap();
    assert_eq!(many(most).unwrap().entries().len(), MAX_NETWORKS);
    assert_eq!(many(most + 1), Err(NetworkError::TooMany));
    assert_eq!(
        Networks::parse(std::iter::repeat("::1")),
        Err(NetworkError::TooMany)
    );
    let error = Networks::parse(["9".repeat(1 << 20)]).unwrap_err();
    assert!(error.to_string().len() < 300);
}

proptest! {
    /// Bit by bit, without masks.
    #[test]
    fn agrees_with_comparing_bits(network: u32, prefix in 0u32..=32, address: u32, near: bool) {
        let kept = |n: u32| (0..prefix).map(|i| n >> (31 - i) & 1).collect::<Vec<_>>();
        let base = (0..prefix).fold(0, |base, i| base | network & (1 << (31 - i)));
        // Addresses of the network itself would hardly ever come up by chance.
        let host = if prefix == 32 { 0 } else { address & (u32::MAX >> prefix) };
        let address = if near { base | host } else { address };
        let entry = format!("{}/{prefix}", Ipv4Addr::from_bits(base));
        let list = Networks::parse([entry]).unwrap();
        let expected = kept(address) == kept(base);
        let v4 = Ipv4Addr::from_bits(address);
        prop_assert_eq!(list.permits(v4.into()), expected);
        prop_assert_eq!(list.permits(v4.to_ipv6_mapped().into()), expected);
    }

    #[test]
    fn any_single_address_permits_itself_alone(one: u128, other: u128) {
        let (one, other) = (Ipv6Addr::from_bits(one), Ipv6Addr::from_bits(other));
        let list = Networks::parse([one.to_string()]).unwrap();
        prop_assert!(list.permits(one.into()));
        prop_assert_eq!(list.permits(other.into()), one == other);
    }

    #[test]
    fn any_text_is_judged(text in "[0-9a-f:./ %]{0,50}") {
        if let Ok(list) = Networks::parse([&text]) {
            prop_assert_eq!(Networks::parse(list.entries()).unwrap(), list);
        }
    }
}
