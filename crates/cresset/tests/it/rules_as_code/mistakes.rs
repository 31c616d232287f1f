//! What must not pass in silence: mistakes that only a server would have found, and tests
//! that nobody runs.

use super::files::Files;
use anyhow::{Context, Result};
use std::fs;
use std::process::Stdio;

const GOOD: &str = "name: Good rule\nquery: a=b\nover: 10m\nrisk: low\n";

#[tokio::test]
async fn all_of_a_folder_in_one_run() -> Result<()> {
    let files = Files::new(&[])?;
    files.write(
        "many.yaml",
        "name: Many mistakes\nquery: 'a=('\nover: 10m\nevery: x\nrisk: awful\nmitre: [T9999]\n\
         colour: red\nlimit: 0\n",
    )?;
    files.write(
        "told.yaml",
        "name: Told badly\nquery: a=b\nover: 10m\nrisk: low\nnotifications:\n  email:\n    to: [nope]\n    \
         subject: '{{ x'\n    body: '{% for %}'\n  http:\n    url: 'ftp://x y'\n    method: post\n    body: '{{ y'\n",
    )?;
    fs::create_dir(files.dir.path().join("rules/lists"))?;
    for (name, text) in [
        ("BROKEN.csv", "a\n\"b\n"),
        ("EMPTY.txt", ""),
        ("bad name.txt", "a\n"),
        ("DUP.csv", "a\n"),
        ("DUP.txt", "a\n"),
        ("known.json", "[]"),
        ("README.md", "About lists"),
    ] {
        files.write(&format!("lists/{name}"), text)?;
    }
    let told = files.run(&["validate", "rules"]).await?.code(1)?;
    for part in [
        "rules/many.yaml:2:",
        "rules/many.yaml:4:",
        "rules/many.yaml:5:",
        "rules/many.yaml:6:",
        "rules/many.yaml:7:",
        "rules/many.yaml:8:1: the limit is at least 1",
        "rules/told.yaml:7:5: \"nope\" is not an e-mail address",
        "rules/told.yaml:8:5: the template does not read",
        "rules/told.yaml:9:5: the template does not read",
        "rules/told.yaml:11:5: the URL does not read",
        "rules/told.yaml:12:5: the method is one of",
        "rules/told.yaml:13:5: the template does not read",
        "rules/lists/BROKEN.csv: a quote that is opened in line 2",
        "rules/lists/EMPTY.txt: the file holds no values",
        "rules/lists/bad name.txt: \"bad name\" is no name of a list",
        "rules/lists/DUP.txt: the list DUP is in rules/lists/DUP.csv already",
        "rules/lists/known.json: a list is a .txt or a .csv file",
        "1 rule(s), 1 list(s), 17 mistake(s)",
    ] {
        assert!(told.contains(part), "{part:?} is not in\n{told}");
    }
    Ok(())
}

#[tokio::test]
async fn tests_of_a_broken_rule_are_not_run_with_another() -> Result<()> {
    let files = Files::new(&[])?;
    fs::create_dir(files.dir.path().join("rules/sub"))?;
    let test = "- name: it fires\n  events: [{a: b}]\n  expect: {fires: true}\n";
    files.write("a.yaml", GOOD)?;
    files.write(
        "sub/min.yml",
        "name: Broken rule\nquery: a=b\nover: 10m\nrisk: no\n",
    )?;
    files.write("sub/min.test.yaml", test)?;
    let told = files
        .run(&["test", "rules", "--junit", "out.xml"])
        .await?
        .code(1)?;
    for part in [
        "test rules/sub/min.yml :: it fires ... not run",
        "0 passed, 0 failed, 1 not run; 1 rule(s) without tests; 1 mistake(s)",
    ] {
        assert!(told.contains(part), "{part:?} is not in\n{told}");
    }
    let xml = fs::read_to_string(files.dir.path().join("out.xml"))?;
    for part in [
        "tests=\"2\" failures=\"0\" errors=\"2\"",
        "<testsuite name=\"rules/sub/min.yml\" tests=\"2\" failures=\"0\" errors=\"2\"",
        "<error message=\"not run",
    ] {
        assert!(xml.contains(part), "{part:?} is not in\n{xml}");
    }
    assert!(!xml.contains("rules/a.yaml"), "{xml}");

    files.write("sub/min.yml", &GOOD.replace("Good", "Other"))?;
    let good = files.run(&["test", "rules"]).await?.code(0)?;
    assert!(good.contains("1 passed, 0 failed; 1 rule(s)"), "{good}");
    let one = files.run(&["test", "rules/sub/min.yml"]).await?.code(0)?;
    assert!(one.contains("1 passed, 0 failed; 0 rule(s)"), "{one}");
    Ok(())
}

#[tokio::test]
async fn tests_that_belong_to_no_rule_are_a_mistake() -> Result<()> {
    let test = "- name: it fires\n  events: [{a: b}]\n  expect: {fires: true}\n";
    let check = async |name: &str, text: &str, code: i32, part: &str| -> Result<()> {
        let files = Files::new(&[])?;
        files.write("q.yaml", GOOD)?;
        files.write(name, text)?;
        let told = files.run(&["test", "rules"]).await?.code(code)?;
        assert!(told.contains(part), "{name}: {part:?} is not in\n{told}");
        Ok(())
    };
    check("q.test.yaml", test, 0, "1 passed, 0 failed; 0 rule").await?;
    check("q.test.yml", test, 0, "1 passed, 0 failed; 0 rule").await?;
    check("Q.test.yaml", test, 1, "these tests belong to no rule").await?;
    check("orphan.test.yaml", test, 1, "these tests belong to no rule").await?;
    check("q.test.yaml", "[]\n", 1, "the file holds no tests").await?;
    let bogus = test.replace("a: b", "a: b, _bogus: 1");
    check("q.test.yaml", &bogus, 1, "event 1: there is no _bogus").await?;
    let many = test.replace("a: b", "a: b, _repeat: 1000000");
    check("q.test.yaml", &many, 1, "whole number from 1 to 100000").await?;
    let rows = test
        .replace("a: b", "a: c")
        .replace("fires: true", "fires: false, rows: 7");
    check("q.test.yaml", &rows, 1, "although the rule is not to fire").await?;

    let files = Files::new(&[])?;
    let none = files.run(&["test", "rules"]).await?.code(1)?;
    assert!(none.contains("rules holds no rules"), "{none}");
    files.write("q.yaml", GOOD)?;
    files.write("q.test.yaml", &bogus)?;
    let told = files.run(&["validate", "rules"]).await?.code(1)?;
    assert!(
        told.contains("rules/q.test.yaml: test \"it fires\": event 1: there is no _bogus"),
        "{told}"
    );
    Ok(())
}

#[tokio::test]
async fn lists_are_read_as_a_server_reads_them() -> Result<()> {
    let files = Files::new(&[])?;
    fs::create_dir(files.dir.path().join("rules/lists"))?;
    files.write("lists/PEOPLE.txt", "Smith, John\n")?;
    files.write("lists/HOSTS.csv", "value,since\n\"a, b\",2020\nc,2021\n")?;
    files.write(
        "people.yaml",
        "name: People and hosts\nquery: user in PEOPLE host in HOSTS\nover: 1m\nevery: 1m\nrisk: low\ntests:\n  \
         - name: whole values\n    events: [{user: 'Smith, John', host: 'a, b'}]\n    expect: {fires: true}\n  \
         - name: no half of a line\n    events: [{user: Smith, host: c}]\n    expect: {fires: false}\n  \
         - name: no header\n    events: [{user: 'Smith, John', host: value}]\n    expect: {fires: false}\n",
    )?;
    let told = files.run(&["test", "rules"]).await?.code(0)?;
    assert!(told.contains("3 passed, 0 failed"), "{told}");
    Ok(())
}

#[tokio::test]
async fn a_closed_pipe_ends_a_command_without_a_word() -> Result<()> {
    let files = Files::new(&[])?;
    files.write("q.yaml", GOOD)?;
    let mut child = files
        .command(&["validate", "rules"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    drop(child.stdout.take().context("no stdout")?);
    let output = child.wait_with_output().await?;
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(141));
    Ok(())
}
