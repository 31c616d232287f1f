//! `cresset keys` with a real server: rotation while requests run, kill -9, keys from elsewhere,
//! and what the bytes of the database give away.

mod elsewhere;
mod raw_file;
mod unopened;

use crate::cli::{cresset, stdout};
use crate::world::{World, binary, now};
use anyhow::{Context, Result, ensure};
use cresset_auth::lmv1::{self, SignedRequest};
use cresset_catalog::port::{NewUser, Sealing as _, Users as _};
use cresset_catalog::seal::Sealer;
use cresset_catalog::sqlite::SqliteCatalog;
use cresset_model::{ObjectId, SecretString, Timestamp};
use cresset_testkit::http::{self, Answer};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Users beside the first one, for rotations that take their time.
const USERS: u64 = 1500;
/// Requests while keys are rotated.
const REQUESTS: u64 = 100;

/// A credential that signs, and where.
#[derive(Clone)]
struct Signer {
    url: String,
    id: String,
    key: SecretString,
}

impl Signer {
    fn first(world: &World) -> Self {
        Self {
            url: world.server.url("/santaba/rest"),
            id: world.credentials.access_id.clone(),
            key: SecretString::new(world.credentials.access_key.clone()),
        }
    }

    /// The same place with another token, as the answer to its creation has it.
    fn with(&self, made: &Value) -> Result<Self> {
        let text = |name: &str| made[name].as_str().context("no token").map(str::to_owned);
        Ok(Self {
            url: self.url.clone(),
            id: text("accessId")?,
            key: SecretString::new(text("accessKey")?),
        })
    }

    async fn send(&self, method: &str, path: &str, body: &'static str) -> Result<Answer> {
        let signed = SignedRequest {
            method,
            path: path.split('?').next().unwrap_or(path),
            body: body.as_bytes(),
        };
        let header = lmv1::sign(&self.id, &self.key, &signed, Timestamp::from_secs(now()));
        let request = http::client()?
            .request(method.parse()?, format!("{}{path}", self.url))
            .header("authorization", header)
            .header("x-version", "3")
            .header("content-type", "application/json")
            .body(body);
        http::send(request, None).await
    }

    async fn list(&self) -> Result<Answer> {
        self.send("GET", "/setting/admins/1/apitokens?size=1", "")
            .await?
            .ok()
    }

    async fn create(&self) -> Result<Value> {
        let made = self.send("POST", "/setting/admins/1/apitokens", "{\"note\":\"n\"}");
        made.await?.ok()?.json()
    }
}

/// A server that counts no requests.
async fn world() -> Result<World> {
    World::with(|server| {
        ["GET", "POST", "DELETE"]
            .into_iter()
            .fold(server, |server, verb| {
                server.env(format!("CRESSET_QUOTA_{verb}"), "100000")
            })
    })
    .await
}

/// Adds users without passwords, whose hashes would take long, to a data directory in use.
async fn add_users(dir: &Path) -> Result<()> {
    let sealer = Sealer::load_file(&dir.join("sealing.key"))?;
    let catalog = SqliteCatalog::open(&dir.join("catalog.db"), sealer).await?;
    for n in 0..USERS {
        let mut id = [9; 12];
        id[4..].copy_from_slice(&n.to_be_bytes());
        let user = NewUser {
            id: ObjectId::from_bytes(id),
            username: format!("user{n}"),
            email: String::new(),
            roles: vec!["readonly".to_owned()],
            password: None,
            api_access_key: SecretString::new(format!("key-of-user{n}")),
            created_at: Timestamp::from_secs(now()),
        };
        catalog.create_user(user).await?;
    }
    catalog.close().await;
    Ok(())
}

/// That keys of users can be read by a process that starts now.
fn check_users(dir: &Path) -> Result<()> {
    let out = dir.join("shown");
    for n in [0, USERS / 2, USERS - 1] {
        let name = format!("user{n}");
        let out = out.to_str().context("path")?;
        stdout(&cresset(dir, &["user", "access-key", &name, "--out", out])?)?;
        let shown = std::fs::read_to_string(out)?;
        ensure!(shown.trim() == format!("key-of-{name}"), "{shown}");
    }
    Ok(())
}

/// Id, whether it is the current one, and how many secrets need it, of each key.
fn keys(dir: &Path) -> Result<Vec<(String, bool, u64)>> {
    let shown: Value = serde_json::from_str(&stdout(&cresset(dir, &["keys", "list", "--json"])?)?)?;
    let rows = shown.as_array().context("no list")?;
    let row = |row: &Value| {
        Some((
            row["id"].as_str()?.to_owned(),
            row["current"].as_bool()?,
            row["secrets"].as_u64()?,
        ))
    };
    rows.iter().map(|r| row(r).context("no key")).collect()
}

fn said(output: &Output) -> String {
    let said = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8_lossy(&said).into_owned()
}

/// What the users of tokens are told, and tell.
#[derive(Default)]
struct Traffic {
    stop: AtomicBool,
    /// Requests that succeeded.
    requests: AtomicU64,
}

/// Creates, uses and deletes tokens until told to stop or a request fails; gives those that
/// are left.
async fn use_tokens(first: Signer, traffic: Arc<Traffic>) -> Result<Vec<Signer>> {
    let mut kept = Vec::new();
    while !traffic.stop.load(Ordering::Relaxed) {
        let made = first.create().await?;
        let token = first.with(&made)?;
        token.list().await?;
        first.list().await?;
        let sent = traffic.requests.fetch_add(3, Ordering::Relaxed);
        if kept.len() < 20 && sent.is_multiple_of(4) {
            kept.push(token);
        } else {
            let path = format!("/setting/admins/1/apitokens/{}", made["id"]);
            token.send("DELETE", &path, "").await?.ok()?;
            traffic.requests.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(kept)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_loses_no_request() -> Result<()> {
    let mut world = world().await?;
    let dir = world.server.data_dir().to_owned();
    add_users(&dir).await?;
    let first = Signer::first(&world);
    let traffic = Arc::new(Traffic::default());
    let running: Vec<_> = (0..3)
        .map(|_| tokio::spawn(use_tokens(first.clone(), Arc::clone(&traffic))))
        .collect();
    let oldest = keys(&dir)?[0].0.clone();
    let mut rotations = 0;
    while rotations < 2 || (rotations < 12 && traffic.requests.load(Ordering::Relaxed) < REQUESTS) {
        let dir = dir.clone();
        let rotated = tokio::task::spawn_blocking(move || cresset(&dir, &["keys", "rotate"]));
        stdout(&rotated.await??)?;
        rotations += 1;
    }
    traffic.stop.store(true, Ordering::Relaxed);
    let mut tokens = vec![first];
    for user in running {
        let kept = user.await?.with_context(|| world.server.output())?;
        tokens.extend(kept);
    }
    let requests = traffic.requests.load(Ordering::Relaxed);
    ensure!(requests >= REQUESTS, "too few for a proof: {requests}");
    ensure!(tokens.len() > 1, "no token of that time is left");
    println!("{requests} requests during {rotations} rotations, none refused");

    let after = keys(&dir)?;
    assert_eq!(after.len(), rotations + 1);
    let (current, is_current, secrets) = &after[0];
    ensure!(*is_current && *secrets > USERS, "{after:?}");
    ensure!(
        after[1..].iter().all(|(_, _, needed)| *needed == 0),
        "{after:?}"
    );
    for token in &tokens {
        token.list().await?;
    }
    let forgotten = stdout(&cresset(&dir, &["keys", "forget"])?)?;
    ensure!(forgotten.contains(&oldest), "{forgotten}");
    // A second time there is nothing to forget, and the current one stays.
    let nothing = stdout(&cresset(&dir, &["keys", "forget"])?)?;
    ensure!(nothing.contains("no key but the current"), "{nothing}");
    let refused = said(&cresset(&dir, &["keys", "forget", current])?);
    ensure!(refused.contains("the one that seals"), "{refused}");
    let text = stdout(&cresset(&dir, &["keys", "list"])?)?;
    ensure!(
        text.contains(current.as_str()) && text.contains("current"),
        "{text}"
    );

    assert!(world.server.terminate().await?.success());
    world.server.run().await?;
    for token in &tokens {
        token.list().await?;
    }
    check_users(&dir)?;
    let key = std::fs::read_to_string(dir.join("sealing.key"))?;
    assert_eq!(key.lines().count(), 1);
    for text in [&text, &forgotten, &refused, &world.server.output()] {
        assert!(!text.contains(key.trim()), "a key was printed");
    }
    Ok(())
}

/// Starts a rotation and kills it as soon as at most `left` secrets need the old key.
async fn rotate_and_kill(dir: &Path, watch: &SqliteCatalog, left: u64) -> Result<()> {
    let mut rotating = Command::new(binary())
        .args(["keys", "rotate", "--data-dir"])
        .arg(dir)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let said = rotating.stderr.take().context("no stderr")?;
    let mut line = String::new();
    BufReader::new(said.take(1 << 20)).read_line(&mut line)?;
    ensure!(line.contains("to seal anew"), "{line}");
    loop {
        let uses = watch.key_uses().await?;
        let old = uses.iter().filter(|used| !used.current);
        if old.map(|used| used.secrets).sum::<u64>() <= left {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    rotating.kill()?;
    rotating.wait()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_that_was_killed_goes_on() -> Result<()> {
    let mut world = world().await?;
    let dir = world.server.data_dir().to_owned();
    add_users(&dir).await?;
    let first = Signer::first(&world);
    let before = keys(&dir)?;
    let all = before[0].2;
    let sealer = Sealer::load_file(&dir.join("sealing.key"))?;
    let watch = SqliteCatalog::open(&dir.join("catalog.db"), sealer).await?;
    let mut met = Vec::new();
    for round in 0..3 {
        let left = met.last().map_or(all, |last| last - 1);
        rotate_and_kill(&dir, &watch, left).await?;
        // All is as usual in between, for the server that runs and for commands.
        first.list().await?;
        let made = first.create().await?;
        first.with(&made)?.list().await?;
        check_users(&dir)?;
        let found = keys(&dir)?;
        assert_eq!(found.len(), 2, "no further key in round {round}: {found:?}");
        ensure!(found[0].1 && found[1].0 == before[0].0, "{found:?}");
        let refused = cresset(&dir, &["keys", "forget"])?;
        ensure!(
            !refused.status.success() && said(&refused).contains("is needed"),
            "killed too late: {found:?}"
        );
        met.push(found[1].2);
    }
    println!("secrets that need the old key after each kill, of {all}: {met:?}");
    ensure!(met[2] < met[1] && met[1] < all, "{met:?}");
    watch.close().await;

    // The server is killed, too; then the rotation is finished.
    world.server.kill9()?;
    let finished = stdout(&cresset(&dir, &["keys", "rotate"])?)?;
    ensure!(
        finished.contains("interrupted") && finished.contains("no further key was made"),
        "{finished}"
    );
    let after = keys(&dir)?;
    assert_eq!(after.len(), 2, "{after:?}");
    assert_eq!(after[1].2, 0);
    assert_eq!(after[0].2, all + 3);
    stdout(&cresset(&dir, &["keys", "forget"])?)?;
    world.server.run().await?;
    first.list().await?;
    check_users(&dir)?;
    // The next one is a new rotation.
    let next = stdout(&cresset(&dir, &["keys", "rotate", "--json"])?)?;
    let next: Value = serde_json::from_str(&next)?;
    assert_eq!(next["rotated"], true, "{next}");
    assert_ne!(keys(&dir)?[0].0, after[0].0);
    Ok(())
}
