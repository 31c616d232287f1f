//! Without a server: mistakes and unit tests.

use super::files::Files;
use anyhow::Result;
use std::fs;

#[tokio::test]
async fn mistakes_are_shown_at_their_place() -> Result<()> {
    let files = Files::new(&[])?;
    files.write(
        "good.yaml",
        "name: Good rule\nquery: a=b\nover: 10m\nrisk: low\n",
    )?;
    files.write(
        "query.yaml",
        "name: Bad query\nquery: |-\n  a=b\n  | chart nothing( by x\nover: 10m\nrisk: low\n",
    )?;
    files.write(
        "field.yaml",
        "name: Bad field\nquery: a=b\nover: 10m\nrisk: low\ncolour: red\n",
    )?;
    files.write(
        "span.yaml",
        "name: Bad span\nquery: a=b\nover: 10m\nevery: 3m\nrisk: low\n",
    )?;
    files.write(
        "twin.yaml",
        "risk: low\nname: Good rule\nquery: a=b\nover: 10m\n",
    )?;
    let told = files.run(&["validate", "rules"]).await?.code(1)?;
    for part in [
        "rules/query.yaml:4:",
        "4 |   | chart nothing( by x\n",
        "rules/field.yaml:5:1: ",
        "5 | colour: red\n    | ^",
        "rules/span.yaml:4:1: the span between evaluations must divide the time range",
        "rules/twin.yaml:2:1: the rule \"Good rule\" is in rules/good.yaml already",
        "4 rule(s), 0 list(s), 4 mistake(s)",
    ] {
        assert!(told.contains(part), "{part:?} is not in\n{told}");
    }
    let refused = files
        .run(&["apply", "rules", "--yes", "--to", "a=http://127.0.0.1:1"])
        .await?;
    assert!(refused.code(1)?.contains("nothing was done"));
    Ok(())
}

const TESTED: &str = r#"
name: Brute force
query: label=Fail user in KNOWN | chart count() as cnt by user | search cnt>=5
every: 1m
over: 10m
risk: high
tests:
  - name: five failures of one user
    lists: {KNOWN: [bob, "adm*"]}
    events:
      - {label: Fail, user: bob, _repeat: 5, _every: 2m}
    expect: {fires: true, rows: 1, risk: high, first: {user: bob, cnt: 5}}
  - name: too slow
    lists: {KNOWN: [bob]}
    events:
      - {label: Fail, user: bob, _repeat: 5, _every: 3m}
    expect: {fires: false}
"#;

#[tokio::test]
async fn rules_are_tested_without_a_server() -> Result<()> {
    let files = Files::new(&[])?;
    files.write("brute.yaml", TESTED)?;
    files.write(
        "quiet.yaml",
        "name: Nothing came\nquery: '| chart count() as cnt | search cnt>=0'\nover: 1m\nevery: 1m\n\
         condition: '< 1'\nrisk: low\n",
    )?;
    files.write(
        "quiet.test.yaml",
        "- name: silence\n  expect: {fires: true, incidents: 1}\n\
         - name: a line\n  events: [{_raw: 'Jan  1 10:00:00 h sshd[1]: Failed password for root', _at: 5s}]\n  \
         expect: {fires: false}\n",
    )?;
    let good = files
        .run(&["test", "rules", "--junit", "out.xml"])
        .await?
        .code(0)?;
    assert!(
        good.contains("test Brute force :: five failures of one user ... ok"),
        "{good}"
    );
    assert!(
        good.contains("4 passed, 0 failed; 0 rule(s) without tests"),
        "{good}"
    );

    files.write("brute.yaml", &TESTED.replace("_every: 2m", "_every: 3m"))?;
    let bad = files
        .run(&["test", "rules", "--junit", "out.xml"])
        .await?
        .code(1)?;
    assert!(
        bad.contains("expected the rule to fire; it did not"),
        "{bad}"
    );
    assert!(bad.contains("3 passed, 1 failed"), "{bad}");
    let xml = fs::read_to_string(files.dir.path().join("out.xml"))?;
    assert!(xml.contains("tests=\"4\" failures=\"1\""), "{xml}");
    assert!(
        xml.contains("<failure message=\"expected the rule to fire"),
        "{xml}"
    );
    Ok(())
}
