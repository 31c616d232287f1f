use super::*;
use proptest::prelude::*;

fn guard(allow: &[&str]) -> EgressGuard {
    EgressGuard::new(allow.iter().map(|net| net.parse().unwrap()).collect())
}

const PUBLIC: &[&str] = &[
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.1",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
    "::ffff:8.8.8.8",
    "::8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::1",
];

const REFUSED: &[(&str, &str)] = &[
    ("0.0.0.0", "unspecified"),
    ("0.1.2.3", "unspecified"),
    ("10.0.0.1", "private"),
    ("10.255.255.255", "private"),
    ("100.64.0.1", "carrier-grade NAT"),
    ("100.127.255.255", "carrier-grade NAT"),
    ("127.0.0.1", "loopback"),
    ("127.255.255.254", "loopback"),
    ("169.254.1.1", "link-local"),
    ("172.16.0.1", "private"),
    ("172.31.255.255", "private"),
    ("192.0.0.8", "reserved for protocols"),
    ("192.0.2.1", "documentation"),
    ("192.88.99.1", "6to4 relay"),
    ("192.168.0.1", "private"),
    ("198.18.0.1", "benchmarking"),
    ("198.19.255.255", "benchmarking"),
    ("198.51.100.7", "documentation"),
    ("203.0.113.9", "documentation"),
    ("224.0.0.1", "multicast"),
    ("239.255.255.250", "multicast"),
    ("240.0.0.1", "reserved"),
    ("255.255.255.255", "broadcast"),
    ("::", "unspecified"),
    ("::1", "loopback"),
    ("::ffff:127.0.0.1", "loopback"),
    ("::ffff:10.0.0.1", "private"),
    ("::ffff:a9fe:0101", "link-local"),
    ("::127.0.0.1", "loopback"),
    ("::192.168.0.1", "private"),
    ("::ffff:0:127.0.0.1", "loopback"),
    ("64:ff9b::127.0.0.1", "loopback"),
    ("64:ff9b::10.1.2.3", "private"),
    ("64:ff9b:1::10.1.2.3", "private"),
    ("64:ff9b:1::8.8.8.8", "NAT64 for local use"),
    ("2002:7f00:1::", "loopback"),
    ("2002:c0a8:1::1", "private"),
    ("2001:0:7f00:1::", "broadcast"),
    ("2001:0:4136:e378:8000:63bf:80ff:fffe", "loopback"),
    ("2001:0:4136:e378:8000:63bf:f5ff:fffe", "private"),
    ("2001:db8::1", "documentation"),
    ("3fff::1", "documentation"),
    ("2001:2::1", "benchmarking"),
    ("2001:10::1", "reserved for protocols"),
    ("2001:20::1", "reserved for protocols"),
    ("fc00::1", "unique-local"),
    ("fd12:3456:789a::1", "unique-local"),
    ("fe80::1", "link-local"),
    ("febf::1", "link-local"),
    ("fec0::1", "site-local"),
    ("ff02::1", "multicast"),
    ("100::1", "reserved"),
    ("5f00::1", "reserved"),
    ("4000::1", "reserved"),
    ("2606:4700::5efe:10.0.0.1", "private"),
];

const METADATA_FORMS: &[&str] = &[
    "169.254.169.254",
    "169.254.170.2",
    "169.254.170.23",
    "100.100.100.200",
    "192.0.0.192",
    "168.63.129.16",
    "fd00:ec2::254",
    "fd20:ce::254",
    "::ffff:169.254.169.254",
    "::169.254.169.254",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "2001:0:4136:e378:8000:63bf:5601:5601",
    "fe80::a9fe:a9fe",
];

#[test]
fn public_addresses_pass() {
    for text in PUBLIC {
        assert_eq!(guard(&[]).check(text.parse().unwrap()), Ok(()), "{text}");
    }
}

#[test]
fn other_addresses_are_refused_by_class() {
    for (text, expected) in REFUSED {
        match guard(&[]).check(text.parse().unwrap()) {
            Err(EgressError::Refused { class, .. }) => assert_eq!(class, *expected, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn metadata_is_never_reachable() {
    let all = guard(&["0.0.0.0/0", "::/0"]);
    for text in METADATA_FORMS {
        let verdict = all.check(text.parse().unwrap());
        assert!(
            matches!(verdict, Err(EgressError::Metadata { .. })),
            "{text}: {verdict:?}"
        );
    }
    for (text, _) in REFUSED {
        assert_eq!(all.check(text.parse().unwrap()), Ok(()), "{text}");
    }
}

#[test]
fn an_allowed_network_admits_every_form_of_its_addresses() {
    let lab = guard(&["10.1.0.0/16", "fd12::/16", "127.0.0.1"]);
    for text in [
        "10.1.2.3",
        "::ffff:10.1.2.3",
        "64:ff9b::10.1.2.3",
        "fd12::9",
        "127.0.0.1",
    ] {
        assert_eq!(lab.check(text.parse().unwrap()), Ok(()), "{text}");
    }
    for text in ["10.2.0.1", "fd13::9", "127.0.0.2", "192.168.1.1"] {
        assert!(lab.check(text.parse().unwrap()).is_err(), "{text}");
    }
}

#[test]
fn odd_number_forms_in_urls_become_plain_addresses() {
    // reqwest does not ask its resolver about literal addresses, so the guard relies on
    // the URL parser to recognise them all.
    let check = |url: &str, expect: &str| {
        let url: reqwest::Url = url.parse().unwrap();
        let host = url.host_str().unwrap();
        assert_eq!(
            host.trim_matches(['[', ']'])
                .parse::<IpAddr>()
                .unwrap()
                .to_string(),
            expect
        );
    };
    check("http://0x7f.1/", "127.0.0.1");
    check("http://0x7f000001/", "127.0.0.1");
    check("http://2130706433/", "127.0.0.1");
    check("http://127.1/", "127.0.0.1");
    check("http://127.0.1/", "127.0.0.1");
    check("http://0177.0.0.1/", "127.0.0.1");
    check("http://017700000001/", "127.0.0.1");
    check("http://127.0.0.1./", "127.0.0.1");
    check("http://%31%32%37.0.0.1/", "127.0.0.1");
    check("http://１２７.0.0.1/", "127.0.0.1");
    check("http://127。0。0。1/", "127.0.0.1");
    check("http://0/", "0.0.0.0");
    check("http://0xa9fea9fe/", "169.254.169.254");
    check("http://[::ffff:127.0.0.1]/", "::ffff:127.0.0.1");
    check("http://[::ffff:7f00:1]/", "::ffff:127.0.0.1");
    check("http://[0:0:0:0:0:0:0:1]/", "::1");
    check("http://user@10.0.0.1:80/", "10.0.0.1");
}

#[test]
fn mixed_answers_keep_the_good_ones() {
    let guard = guard(&[]);
    let addresses = |list: &[&str]| list.iter().map(|a| a.parse().unwrap()).collect::<Vec<_>>();
    let mixed = addresses(&["169.254.169.254:80", "8.8.8.8:80", "127.0.0.1:80"]);
    assert_eq!(guard.filter(mixed), Ok(addresses(&["8.8.8.8:80"])));
    let bad = addresses(&["169.254.169.254:80", "127.0.0.1:80"]);
    assert!(matches!(
        guard.filter(bad),
        Err(EgressError::Metadata { .. })
    ));
    assert_eq!(guard.filter(Vec::new()), Ok(Vec::new()));
}

#[test]
fn an_allowed_address_does_not_let_a_refused_one_pass_with_it() {
    // Teredo: server 10.0.0.1, client 192.168.1.1.
    let both: IpAddr = "2001:0:a00:1:0:0:3f57:fefe".parse().unwrap();
    assert!(guard(&["10.0.0.0/8"]).check(both).is_err());
    assert!(guard(&["192.168.0.0/16"]).check(both).is_err());
    assert_eq!(guard(&["10.0.0.0/8", "192.168.0.0/16"]).check(both), Ok(()));
}

#[test]
fn networks_are_read_and_printed() {
    let check = |text: &str, expect: &str| {
        let shown = match text.parse::<Cidr>() {
            Ok(net) => net.to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expect, "{text}");
    };
    check("10.0.0.0/8", "10.0.0.0/8");
    check("0.0.0.0/0", "0.0.0.0/0");
    check("::/0", "::/0");
    check("192.0.2.7", "192.0.2.7/32");
    check("fd12::/16", "fd12::/16");
    check(
        "10.1.2.3/8",
        "10.1.2.3/8 has bits set after the prefix; did you mean 10.0.0.0/8?",
    );
    let hint = "is no network; write it like 10.0.0.0/8, fd12::/16 or 192.0.2.7";
    for bad in [
        "",
        "10.0.0.0/33",
        "10.0.0.0/+8",
        "10.0.0/8",
        "localhost",
        "::/129",
        "1.1.1.1/",
    ] {
        check(bad, &format!("{bad:?} {hint}"));
    }
}

proptest! {
    #[test]
    fn no_wrapping_hides_a_refused_address(
        net in prop::sample::select(vec![0x7f00_0000_u32, 0x0a00_0000, 0xc0a8_0000, 0xa9fe_0000, 0x6440_0000, 0xe000_0000]),
        host in 1u32..0xffff,
        public_prefix: bool,
    ) {
        let raw = net | host;
        let plain = Ipv4Addr::from(raw);
        let v = u128::from(raw);
        let wrapped = [
            (0xffff_u128 << 32) | v,
            (0x64_ff9b_u128 << 96) | v,
            (0x2002_u128 << 112) | (v << 80),
            (0x2001_u128 << 112) | u128::from(!raw),
            (u128::from(if public_prefix { 0x2606_u16 } else { 0xfd00 }) << 112) | (0x5efe_u128 << 32) | v,
        ];
        for bits in wrapped {
            let address = IpAddr::V6(Ipv6Addr::from(bits));
            prop_assert!(guard(&[]).check(address).is_err(), "{address} hides {plain}");
        }
    }
}
