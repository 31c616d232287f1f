use super::*;
use serde_json::json;

fn rule(name: &str, more: &str) -> RuleDoc {
    let text = format!("name: {name}\nquery: a=b\nover: 10m\nrisk: low\n{more}");
    RuleDoc::from_yaml(&text).unwrap()
}

const HOOK: &str =
    "notifications:\n  http:\n    url: http://h\n    method: POST\n    auth:\n      type: bearer\n";

fn only(wanted: RuleDoc, found: Option<RuleDoc>, options: Options) -> RuleStep {
    let mut folder = Folder::default();
    let mut present = Present::default();
    if let Some(found) = found {
        present.ids.insert(found.name.clone(), "id".to_owned());
        present.rules.insert(found.name.clone(), found);
    }
    folder.rules.insert(wanted.name.clone(), wanted);
    plan(&folder, &present, "ann", options).rules.remove(0)
}

#[test]
fn each_difference_has_its_action() {
    let check = |wanted: &str, found: Option<&str>, action: Action, paths: &[&str]| {
        let found = found.map(|more| rule("Rule one", more));
        let step = only(rule("Rule one", wanted), found, Options::default());
        assert_eq!(step.action, action, "{step:?}");
        let told: Vec<&str> = step.changes.iter().map(|c| c.path.as_str()).collect();
        assert_eq!(told, paths);
    };
    check("", None, Action::Create, &[]);
    check("", Some("assignee: ann\n"), Action::Unchanged, &[]);
    check("", Some("assignee: bob\n"), Action::Update, &["assignee"]);
    check("active: false\n", Some(""), Action::Deactivate, &["active"]);
    check("", Some("active: false\n"), Action::Activate, &["active"]);
    check(
        "limit: 5\n",
        Some("active: false\n"),
        Action::Update,
        &["active", "limit"],
    );
    check(
        "logsources: ['', a]\n",
        Some("logsources: [a]\n"),
        Action::Unchanged,
        &[],
    );
    let mail = "notifications:\n  email:\n    to: [a@b]\n";
    check(mail, Some(""), Action::Update, &["notifications.email.to"]);
    check("", Some(mail), Action::Update, &["notifications.email.to"]);
    let off = "notifications:\n  email:\n    to: [a@b]\n    enabled: false\n";
    check("", Some(off), Action::Unchanged, &[]);
    check(
        off,
        Some(mail),
        Action::Update,
        &["notifications.email.enabled"],
    );
}

#[test]
fn a_notification_that_must_go_is_switched_off() {
    let step = only(
        rule("Rule one", ""),
        Some(rule("Rule one", HOOK)),
        Options::default(),
    );
    let http = step.http.unwrap();
    assert!(!http.enabled && http.auth.is_none() && step.problem.is_none());
}

#[test]
fn secrets_are_sent_only_if_they_must_be() {
    let named = format!("{HOOK}      secret_env: TOKEN\n");
    let found = || Some(rule("Rule one", HOOK));
    let wanted = || rule("Rule one", &named);
    let step = only(wanted(), found(), Options::default());
    assert_eq!((step.action, step.http), (Action::Unchanged, None));
    let again = Options {
        update_secrets: true,
        ..Options::default()
    };
    assert!(only(wanted(), found(), again).http.is_some());
    assert_eq!(
        only(rule("Rule one", HOOK), found(), again).action,
        Action::Unchanged
    );

    let moved = rule("Rule one", &HOOK.replace("http://h", "http://g"));
    let step = only(moved, found(), Options::default());
    assert!(step.problem.unwrap().contains("secret_env"));
    let moved = rule("Rule one", &named.replace("http://h", "http://g"));
    assert_eq!(only(moved, found(), Options::default()).problem, None);
    assert!(
        only(rule("Rule one", HOOK), None, Options::default())
            .problem
            .is_some()
    );
}

#[test]
fn what_the_folder_lacks_goes_only_when_asked() {
    let mut present = Present::default();
    present.ids.insert("Old rule".to_owned(), "id".to_owned());
    let folder = Folder::default();
    assert_eq!(
        plan(&folder, &present, "ann", Options::default()).changes(),
        0
    );
    let prune = Options {
        prune: true,
        ..Options::default()
    };
    let plan = plan(&folder, &present, "ann", prune);
    assert_eq!(plan.rules[0].action, Action::Delete);
    assert_eq!(plan.rules[0].id.as_deref(), Some("id"));
}

#[test]
fn lists_are_imported_when_missing_or_when_asked() {
    let mut folder = Folder::default();
    let file = ListFile {
        filename: "BAD.txt".to_owned(),
        bytes: b"a\n".to_vec(),
    };
    folder.lists.insert("BAD".to_owned(), file);
    let with = |names: &[&str]| Present {
        lists: Some(names.iter().map(|n| (*n).to_owned()).collect()),
        ..Present::default()
    };
    let again = Options {
        update_lists: true,
        ..Options::default()
    };
    let lists = |present: &Present, options| plan(&folder, present, "ann", options).lists;
    assert_eq!(
        lists(&with(&[]), Options::default()),
        [("BAD".to_owned(), true)]
    );
    assert_eq!(lists(&with(&["BAD"]), Options::default()), []);
    assert_eq!(lists(&with(&["BAD"]), again), [("BAD".to_owned(), false)]);
}

#[test]
fn values_are_told_before_and_after() {
    let step = only(
        rule("Rule one", "limit: 5\n"),
        Some(rule("Rule one", "limit: 6\n")),
        Options::default(),
    );
    let change = FieldChange {
        path: "limit".to_owned(),
        old: json!(6),
        new: json!(5),
    };
    assert_eq!(step.changes, [change]);
}
