//! Keys that a command prints.

use cresset_catalog::seal::{KeySource, SourceKind};
use cresset_catalog::{Error, Result};
use cresset_model::SecretString;
use std::io::{self, Read};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// Longest that the command may take.
const LIMIT: Duration = Duration::from_secs(10);
/// Most bytes that it may print.
const MAX_KEYS: u64 = 4096;
/// Most bytes of its complaints that are shown.
const MAX_SHOWN: u64 = 1024;
/// How long complaints are waited for after its end.
const AFTERWARDS: Duration = Duration::from_millis(200);
const POLL: Duration = Duration::from_millis(5);

/// A command for `/bin/sh` that prints keys, one a line.
#[derive(Debug)]
pub(super) struct KeyCommand {
    /// It may hold a credential.
    text: SecretString,
    limit: Duration,
}

impl KeyCommand {
    pub(super) fn new(text: SecretString) -> Self {
        Self { text, limit: LIMIT }
    }
}

impl KeySource for KeyCommand {
    fn read(&self) -> Result<SecretString> {
        run(self.text.expose(), self.limit)
            .map_err(|why| Error::Seal(format!("{}: {why}", self.name())))
    }

    fn kind(&self) -> SourceKind {
        SourceKind::Command
    }

    fn name(&self) -> String {
        "sealing.key_command".to_owned()
    }
}

/// What the command prints; the error is for people.
fn run(text: &str, limit: Duration) -> std::result::Result<SecretString, String> {
    let started = Instant::now();
    let mut child = Command::new("/bin/sh")
        .arg("-c")
        .arg(text)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // All that it starts ends with it.
        .process_group(0)
        .spawn()
        .map_err(|error| format!("/bin/sh cannot be started: {error}"))?;
    let printed = beginning(child.stdout.take(), MAX_KEYS);
    let complaints = beginning(child.stderr.take(), MAX_SHOWN);
    let ended = wait(&mut child, started, limit);
    let left = limit.saturating_sub(started.elapsed());
    let printed = ended.and_then(|status| Some((status, printed.recv_timeout(left).ok()?)));
    let Some((status, printed)) = printed else {
        end_group(&mut child);
        return Err(format!(
            "the command did not end within {} s{}",
            limit.as_secs_f32(),
            told(&complaints)
        ));
    };
    if !status.success() {
        return Err(format!(
            "the command failed ({status}){}",
            told(&complaints)
        ));
    }
    if printed.len() as u64 > MAX_KEYS {
        return Err(format!("the command printed more than {MAX_KEYS} bytes"));
    }
    let text = std::str::from_utf8(&printed).map_err(|_| "the command did not print text")?;
    if text.trim().is_empty() {
        return Err(format!("the command printed nothing{}", told(&complaints)));
    }
    Ok(SecretString::new(text))
}

/// How the command ended, if it did in time.
fn wait(child: &mut Child, started: Instant, limit: Duration) -> Option<ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if started.elapsed() < limit => std::thread::sleep(POLL),
            _ => return None,
        }
    }
}

fn end_group(child: &mut Child) {
    let group = child.id();
    // Whatever is left of it has nobody to answer to.
    let _ = Command::new("/bin/sh")
        .arg("-c")
        .arg(format!("kill -s KILL -- -{group}"))
        .stderr(Stdio::null())
        .status();
    let _ = child.wait();
}

/// Reads a stream to its end on another thread, and gives its beginning: `most` bytes and one
/// more, if there are.
fn beginning(
    stream: Option<impl Read + Send + 'static>,
    most: u64,
) -> Receiver<Zeroizing<Vec<u8>>> {
    let (done, result) = mpsc::channel();
    std::thread::spawn(move || {
        // Never moved to a larger piece of memory, which would leave a copy.
        let mut begun = Zeroizing::new(Vec::with_capacity(most as usize + 1));
        if let Some(mut stream) = stream {
            let _ = io::copy(&mut stream.by_ref().take(most + 1), &mut *begun);
            let _ = io::copy(&mut stream, &mut io::sink());
        }
        let _ = done.send(begun);
    });
    result
}

/// What a command complained of, as the end of a sentence.
fn told(complaints: &Receiver<Zeroizing<Vec<u8>>>) -> String {
    let begun = complaints.recv_timeout(AFTERWARDS).unwrap_or_default();
    let text = String::from_utf8_lossy(&begun);
    match text.trim() {
        "" => String::new(),
        text => format!(": {}", crate::cmd::plain_lines(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: std::result::Result<&str, &str>) {
        let got = run(text, Duration::from_secs(5));
        match (&got, expect) {
            (Ok(got), Ok(expect)) => assert_eq!(got.expose(), expect, "{text}"),
            (Err(got), Err(expect)) => assert!(got.contains(expect), "{text}: {got}"),
            _ => panic!("{text}: {:?}", got.err()),
        }
    }

    #[test]
    fn what_is_printed_is_taken_if_all_goes_well() {
        check("echo a; echo b", Ok("a\nb\n"));
        check("printf 'a' | cat; echo harmless >&2", Ok("a"));
        check(
            "echo secret; echo 'no such key' >&2; exit 3",
            Err("no such key"),
        );
        check("echo secret; kill -9 $$", Err("failed (signal: 9"));
        check("/nonexistent/program", Err("exit status: 127"));
        check("true", Err("printed nothing"));
        check("echo but why >&2", Err("printed nothing: but why"));
        check("printf '\\377\\376'", Err("did not print text"));
        check(
            "head -c 5000 /dev/zero | tr '\\0' a",
            Err("more than 4096 bytes"),
        );
        check("head -c 4096 /dev/zero | tr '\\0' a", Ok(&"a".repeat(4096)));
        check("head -c 2000000 /dev/zero >&2; echo a", Ok("a\n"));
        // What it leaves behind without printing does not hold it up.
        check("sleep 60 >/dev/null 2>&1 & echo a", Ok("a\n"));
    }

    #[test]
    fn a_failure_shows_no_key() {
        let error = run("echo the-key; echo complaint >&2; false", LIMIT).unwrap_err();
        assert!(
            error.contains("complaint") && !error.contains("the-key"),
            "{error}"
        );
        let command = KeyCommand::new(SecretString::new("curl -u user:the-password"));
        assert!(!format!("{command:?}").contains("password"));
    }

    #[test]
    fn what_takes_too_long_is_ended_with_all_that_it_started() {
        let dir = tempfile::tempdir().unwrap();
        let mark = dir.path().join("mark");
        let late = format!("(sleep 1; touch '{}') & sleep 60", mark.display());
        let started = Instant::now();
        let error = run(&late, Duration::from_millis(300)).unwrap_err();
        assert!(error.contains("did not end within 0.3 s"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(10));
        // A program in the background that holds the output open counts, too.
        let held = run("sleep 60 & echo a", Duration::from_millis(300)).unwrap_err();
        assert!(held.contains("did not end"), "{held}");
        std::thread::sleep(Duration::from_millis(1500));
        assert!(!mark.exists(), "it went on");
    }
}
