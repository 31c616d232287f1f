//! The process handling; the server itself runs in the end-to-end tests.

use cresset_testkit::ServerProcess;

#[tokio::test]
async fn a_server_that_does_not_start_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("broken");
    std::fs::write(&script, "#!/bin/sh\necho \"no luck: $*\" >&2\nexit 3\n").unwrap();
    let run = std::process::Command::new("chmod")
        .arg("+x")
        .arg(&script)
        .status()
        .unwrap();
    assert!(run.success());
    let data = dir.path().join("data");
    let Err(error) = ServerProcess::start(&script, &data).await else {
        panic!("it started");
    };
    let text = error.to_string();
    assert!(
        text.contains("exit status: 3") && text.contains("no luck: serve --data-dir"),
        "{text}"
    );
    assert!(
        ServerProcess::start(dir.path().join("absent"), &data)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn signals_end_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("sleeper");
    let text = "#!/bin/sh\ntrap 'exit 0' TERM\necho up\nwhile :; do sleep 0.05; done\n";
    std::fs::write(&script, text).unwrap();
    let run = std::process::Command::new("chmod")
        .arg("+x")
        .arg(&script)
        .status()
        .unwrap();
    assert!(run.success());
    let mut server = ServerProcess::new(&script, dir.path().join("data")).unwrap();
    server.spawn().unwrap();
    assert!(server.spawn().is_err(), "it runs already");
    while !server.output().contains("up") {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert!(server.terminate().await.unwrap().success());
    assert_eq!(server.pid(), None);
    server.spawn().unwrap();
    assert!(server.pid().is_some());
    server.kill9().unwrap();
    assert!(server.kill9().is_err(), "it does not run");
    assert!(server.credentials().is_err());
}
