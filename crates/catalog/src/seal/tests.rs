use super::*;
use proptest::prelude::*;

struct Fixed(u8);

impl Entropy for Fixed {
    fn fill(&self, buf: &mut [u8]) {
        buf.fill(self.0);
    }
}

fn sealer(byte: u8) -> Sealer {
    Sealer::from_key(&[byte; KEY_LEN]).unwrap()
}

const HERE: Place<'static> = Place {
    table: "users",
    column: "api_access_key",
    row: "a",
};

#[test]
fn opens_only_where_it_was_sealed() {
    let sealed = sealer(1).seal(HERE, &SecretString::new("hunter2")).unwrap();
    assert!(
        sealed.starts_with(&format!("v1:{}:", sealer(1).key_id())),
        "{sealed}"
    );
    assert!(!sealed.contains("hunter2"));
    assert_eq!(sealer(1).open(HERE, &sealed).unwrap().expose(), "hunter2");

    for elsewhere in [
        Place { row: "b", ..HERE },
        Place {
            column: "other",
            ..HERE
        },
        Place {
            table: "other",
            ..HERE
        },
    ] {
        let text = sealer(1).open(elsewhere, &sealed).unwrap_err().to_string();
        assert!(text.contains("copied here from another place"), "{text}");
    }
}

#[test]
fn a_wrong_key_is_named() {
    let sealed = sealer(1).seal(HERE, &SecretString::new("hunter2")).unwrap();
    let text = sealer(2).open(HERE, &sealed).unwrap_err().to_string();
    assert!(
        text.contains(sealer(1).key_id()) && text.contains(sealer(2).key_id()),
        "{text}"
    );
    assert!(text.contains("restore the key file"), "{text}");
}

#[test]
fn other_texts_are_refused() {
    let key_id = sealer(1).key_id().to_owned();
    let check = |text: &str, expect: &str| {
        let met = sealer(1).open(HERE, text).unwrap_err().to_string();
        assert!(met.contains(expect), "{text:?}: {met}");
    };
    check("", "unknown form");
    check("hunter2", "unknown form");
    check("v2:00000000:AAAA", "unknown form");
    check(&format!("v1:{key_id}:"), "damaged");
    check(&format!("v1:{key_id}:AAAA"), "damaged");
    check(&format!("v1:{key_id}:not base64"), "damaged");
    check(
        &format!("v1:{key_id}:{}", BASE64.encode([0; 64])),
        "damaged",
    );
}

#[test]
fn key_file_round_trips_and_is_private() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sealing.key");
    let draft = format!("sealing.key.{}.new", std::process::id());
    std::fs::write(dir.path().join(draft), "half").unwrap(); // of a process that died, readable by all
    let made = Sealer::generate_file(&path, &Fixed(7)).unwrap();
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(
        std::fs::read_dir(dir.path()).unwrap().count(),
        1,
        "no draft is left"
    );

    let sealed = made.seal(HERE, &SecretString::new("x")).unwrap();
    assert_eq!(
        Sealer::load_file(&path)
            .unwrap()
            .open(HERE, &sealed)
            .unwrap()
            .expose(),
        "x"
    );

    let before = std::fs::read(&path).unwrap();
    let again = Sealer::generate_file(&path, &Fixed(8)).unwrap_err();
    assert!(
        matches!(&again, Error::Io { source, .. } if source.kind() == std::io::ErrorKind::AlreadyExists),
        "{again}"
    );
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(
        std::fs::read_dir(dir.path()).unwrap().count(),
        1,
        "no draft is left"
    );
}

#[test]
fn a_key_file_open_to_others_is_refused_with_the_cure() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sealing.key");
    Sealer::generate_file(&path, &Fixed(7)).unwrap();
    for mode in [0o640, 0o604, 0o660, 0o601, 0o644] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let text = Sealer::load_file(&path).unwrap_err().to_string();
        assert!(
            text.contains("chmod 600") && text.contains("sealing.key"),
            "{text}"
        );
    }
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).unwrap();
    Sealer::load_file(&path).unwrap();
}

#[test]
fn files_without_a_key_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sealing.key");
    for content in [b"".as_slice(), b"AAAA\n", b"\xff\xfe", &[b'A'; 5000]] {
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let text = Sealer::load_file(&path).unwrap_err().to_string();
        assert!(text.contains("holds no key"), "{text}");
    }
    let missing = Sealer::load_file(&dir.path().join("none")).unwrap_err();
    assert!(matches!(missing, Error::Io { .. }), "{missing}");
}

#[test]
fn debug_output_holds_no_key() {
    let text = format!("{:?}", sealer(1));
    assert!(
        text.contains(sealer(1).key_id()) && text.len() < 60,
        "{text}"
    );
}

proptest! {
    #[test]
    fn every_secret_round_trips_and_every_change_is_noticed(
        secret in ".{0,200}", row in ".{0,20}", at in 0..10_000_usize,
    ) {
        let place = Place { row: &row, ..HERE };
        let sealed = sealer(1).seal(place, &SecretString::new(&*secret)).unwrap();
        let opened = sealer(1).open(place, &sealed).unwrap();
        prop_assert_eq!(opened.expose(), &*secret);

        let mut changed = sealed.into_bytes();
        let at = at % changed.len();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        prop_assert!(sealer(1).open(place, std::str::from_utf8(&changed).unwrap()).is_err());
    }
}
