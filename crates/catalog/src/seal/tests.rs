use super::key::KEY_LEN;
use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use proptest::prelude::*;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicUsize, Ordering};

mod slow;

struct Fixed(u8);

impl Entropy for Fixed {
    fn fill(&self, buf: &mut [u8]) {
        buf.fill(self.0);
    }
}

fn sealer(byte: u8) -> Sealer {
    Sealer::from_text(&SecretString::new(BASE64.encode([byte; KEY_LEN]))).unwrap()
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
        text.contains(&sealer(1).key_id()) && text.contains(&sealer(2).key_id()),
        "{text}"
    );
    assert!(text.contains("restore the key file"), "{text}");
}

#[test]
fn other_texts_are_refused() {
    let key_id = sealer(1).key_id();
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
        text.contains(&sealer(1).key_id()) && text.len() < 60,
        "{text}"
    );
}

#[test]
fn the_first_key_seals_and_all_open() {
    let lines = |bytes: &[u8]| {
        let lines: Vec<String> = bytes.iter().map(|b| BASE64.encode([*b; KEY_LEN])).collect();
        SecretString::new(lines.join("\n"))
    };
    let both = Sealer::from_text(&lines(&[2, 1])).unwrap();
    assert_eq!(both.key_ids(), [sealer(2).key_id(), sealer(1).key_id()]);
    let sealed = both.seal(HERE, &SecretString::new("x")).unwrap();
    assert_eq!(key_id_of(&sealed), Some(&*sealer(2).key_id()));
    let older = sealer(1).seal(HERE, &SecretString::new("y")).unwrap();
    assert_eq!(both.open(HERE, &older).unwrap().expose(), "y");
    assert_eq!(sealer(2).open(HERE, &sealed).unwrap().expose(), "x");

    let twice = Sealer::from_text(&lines(&[1, 1])).unwrap();
    assert_eq!(twice.key_ids(), [sealer(1).key_id()]);
    let text = format!("# mine\n\n  {}  \r\n", BASE64.encode([1; KEY_LEN]));
    let commented = Sealer::from_text(&SecretString::new(text)).unwrap();
    assert_eq!(commented.key_ids(), [sealer(1).key_id()]);

    let many: Vec<u8> = (0..=MAX_KEYS as u8).collect();
    let error = Sealer::from_text(&lines(&many)).unwrap_err().to_string();
    assert!(error.contains("keys forget"), "{error}");
    let secret = format!("{}\nnot-a-key", BASE64.encode([1; KEY_LEN]));
    let error = Sealer::from_text(&SecretString::new(secret)).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("line 2 holds no key"), "{error}");
    assert!(!error.contains("not-a-key"), "{error}");
}

#[test]
fn a_key_that_is_added_to_the_file_is_taken_without_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sealing.key");
    let running = Sealer::generate_file(&path, &Fixed(7)).unwrap();
    let clone = running.clone();
    let first = running.key_id();
    let elsewhere = KeyFile::new(&path);
    let second = elsewhere.add_key(&Fixed(8)).unwrap();
    let inode = |path: &Path| std::os::unix::fs::MetadataExt::ino(&path.metadata().unwrap());
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let sealed = Sealer::load_file(&path).unwrap();
    assert_eq!(sealed.key_ids(), [second.clone(), first.clone()]);
    let sealed = sealed.seal(HERE, &SecretString::new("x")).unwrap();

    assert_eq!(clone.key_ids(), std::slice::from_ref(&first));
    assert_eq!(running.open(HERE, &sealed).unwrap().expose(), "x");
    assert_eq!(
        clone.key_ids(),
        [second.clone(), first.clone()],
        "they share"
    );

    let before = inode(&path);
    let error = elsewhere.add_key(&Fixed(7)).unwrap_err().to_string();
    assert!(error.contains("try again"), "{error}");
    assert_eq!(inode(&path), before, "nothing was written");
    elsewhere.remove_keys(&[first]).unwrap();
    assert_eq!(Sealer::load_file(&path).unwrap().key_ids(), [second]);
    assert_eq!(
        std::fs::read_dir(dir.path()).unwrap().count(),
        1,
        "no draft is left"
    );
}

#[test]
fn a_linked_key_file_stays_a_link_and_a_damaged_one_loses_no_key_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    let (real, link) = (dir.path().join("real"), dir.path().join("link"));
    std::os::unix::fs::symlink(&real, &link).unwrap();
    Sealer::generate_file(&real, &Fixed(7)).unwrap();
    let sealer = Sealer::load_file(&link).unwrap();
    KeyFile::new(&link).add_key(&Fixed(8)).unwrap();
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(Sealer::load_file(&real).unwrap().key_ids().len(), 2);

    let mine = sealer.seal(HERE, &SecretString::new("x")).unwrap();
    let other = Sealer::load_file(&real).unwrap();
    let other = other.seal(HERE, &SecretString::new("y")).unwrap();
    std::fs::write(&real, "damaged\n").unwrap();
    let error = sealer.open(HERE, &other).unwrap_err().to_string();
    assert!(error.contains("line 1 holds no key"), "{error}");
    assert_eq!(sealer.open(HERE, &mine).unwrap().expose(), "x");
}

/// Cannot tell whether it changed.
#[derive(Debug)]
struct Program(Arc<(Mutex<String>, AtomicUsize)>);

impl KeySource for Program {
    fn read(&self) -> Result<SecretString> {
        self.0.1.fetch_add(1, Ordering::Relaxed);
        Ok(SecretString::new(self.0.0.lock().clone()))
    }

    fn kind(&self) -> SourceKind {
        SourceKind::Command
    }

    fn name(&self) -> String {
        "the program".to_owned()
    }
}

#[test]
fn a_source_is_not_asked_over_and_over_for_a_key_that_it_lacks() {
    let line = |byte: u8| BASE64.encode([byte; KEY_LEN]);
    let state = Arc::new((Mutex::new(line(1)), AtomicUsize::new(0)));
    let running = Sealer::from_source(Box::new(Program(Arc::clone(&state)))).unwrap();
    let asked = || state.1.load(Ordering::Relaxed);
    assert_eq!(asked(), 1);
    let strange = sealer(3).seal(HERE, &SecretString::new("x")).unwrap();
    for _ in 0..3 {
        let error = running.open(HERE, &strange).unwrap_err().to_string();
        assert!(error.contains("the program has"), "{error}");
    }
    assert_eq!(asked(), 2);
    // Another key is asked for nevertheless.
    *state.0.lock() = format!("{}\n{}", line(2), line(1));
    let newer = sealer(2).seal(HERE, &SecretString::new("y")).unwrap();
    assert_eq!(running.open(HERE, &newer).unwrap().expose(), "y");
    assert_eq!(asked(), 3);
    assert_eq!(running.open(HERE, &newer).unwrap().expose(), "y");
    assert_eq!(asked(), 3);
}

#[test]
fn no_file_is_written_that_could_not_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sealing.key");
    Sealer::generate_file(&path, &Fixed(7)).unwrap();
    let key = std::fs::read_to_string(&path).unwrap();
    let text = format!("{key}# {}\n", "c".repeat(4093 - key.len()));
    assert_eq!(text.len(), 4096);
    std::fs::write(&path, &text).unwrap();
    Sealer::load_file(&path).unwrap();
    let error = KeyFile::new(&path).add_key(&Fixed(8)).unwrap_err();
    assert!(matches!(error, Error::Refused(_)), "{error}");
    let error = error.to_string();
    assert!(
        error.contains("4141 bytes") && error.contains("at most 4096"),
        "{error}"
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    // Just small enough.
    std::fs::write(&path, text.replace(&"c".repeat(45), "")).unwrap();
    KeyFile::new(&path).add_key(&Fixed(8)).unwrap();
    assert_eq!(Sealer::load_file(&path).unwrap().key_ids().len(), 2);
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
