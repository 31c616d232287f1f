use crate::support::{OWNER, at, commit, email, firing, http, id, with_rule};
use cresset_catalog::port::FiringCommit;
use cresset_catalog::{Catalog, Error};
use cresset_model::notification::{
    Channel, DispatchOption, EmailNotification, HttpAuth, HttpNotification,
};
use cresset_model::{ObjectId, SecretString};

async fn email_settings_round_trip_for_several_rules(catalog: &dyn Catalog) {
    let rules = [with_rule(catalog, 10).await, with_rule(catalog, 11).await];
    assert_eq!(catalog.email_notification(rules[0]).await.unwrap(), None);
    catalog
        .put_email_notification(&rules, id(OWNER), &email(), at(0))
        .await
        .unwrap();
    let changed = EmailNotification {
        subject: "changed".to_owned(),
        ..email()
    };
    catalog
        .put_email_notification(&rules[1..], id(OWNER), &changed, at(0))
        .await
        .unwrap();
    assert_eq!(
        catalog.email_notification(rules[0]).await.unwrap(),
        Some(email())
    );
    assert_eq!(
        catalog.email_notification(rules[1]).await.unwrap(),
        Some(changed)
    );
}

async fn http_settings_round_trip_with_every_kind_of_auth(catalog: &dyn Catalog) {
    let rule = with_rule(catalog, 10).await;
    assert_eq!(catalog.http_notification(rule).await.unwrap(), None);
    let secret = SecretString::new;
    for auth in [
        HttpAuth::None,
        HttpAuth::ApiToken {
            name: "X-Key".to_owned(),
            value: secret("v\"1"),
        },
        HttpAuth::Basic {
            user: "u".to_owned(),
            password: secret("päss"),
        },
        HttpAuth::Bearer { token: secret("") },
    ] {
        catalog
            .put_http_notification(&[rule], id(OWNER), &http(auth.clone()), at(0))
            .await
            .unwrap();
        let read = catalog.http_notification(rule).await.unwrap().unwrap();
        assert_eq!(read, http(auth));
        assert_eq!(read.url.expose(), "https://hooks.example.org/T-urlsecret");
    }
}

async fn only_the_owners_rules_take_notifications_all_or_none(catalog: &dyn Catalog) {
    let rule = with_rule(catalog, 10).await;
    let missing = |error: Error, id: String| {
        assert!(
            matches!(&error, Error::NotFound { what: "alert rule", name } if *name == id),
            "{error}"
        );
    };
    let http = http(HttpAuth::None);
    let error = catalog
        .put_email_notification(&[rule, id(98)], id(OWNER), &email(), at(0))
        .await;
    missing(error.unwrap_err(), id(98).to_string());
    let error = catalog
        .put_http_notification(&[rule, id(98)], id(OWNER), &http, at(0))
        .await;
    missing(error.unwrap_err(), id(98).to_string());
    let error = catalog
        .put_http_notification(&[rule], id(2), &http, at(0))
        .await;
    missing(error.unwrap_err(), rule.to_string());
    assert_eq!(catalog.email_notification(rule).await.unwrap(), None);
    assert_eq!(catalog.http_notification(rule).await.unwrap(), None);
}

async fn auto_channels_are_the_enabled_and_automatic(catalog: &dyn Catalog) {
    let rule = with_rule(catalog, 10).await;
    assert!(catalog.auto_channels(rule).await.unwrap().is_empty());
    let http = http(HttpAuth::None);
    catalog
        .put_email_notification(&[rule], id(OWNER), &email(), at(0))
        .await
        .unwrap();
    catalog
        .put_http_notification(&[rule], id(OWNER), &http, at(0))
        .await
        .unwrap();
    assert_eq!(
        catalog.auto_channels(rule).await.unwrap(),
        [Channel::Email, Channel::Http]
    );

    let off = EmailNotification {
        enabled: false,
        ..email()
    };
    catalog
        .put_email_notification(&[rule], id(OWNER), &off, at(0))
        .await
        .unwrap();
    assert_eq!(catalog.auto_channels(rule).await.unwrap(), [Channel::Http]);

    let manual = HttpNotification {
        dispatch: DispatchOption::Manual,
        ..http
    };
    catalog
        .put_http_notification(&[rule], id(OWNER), &manual, at(0))
        .await
        .unwrap();
    assert!(catalog.auto_channels(rule).await.unwrap().is_empty());
}

/// Channels of the outbox rows of an incident.
async fn told(catalog: &dyn Catalog, incident: u64) -> Vec<Channel> {
    let rows = catalog.deliveries_of(id(incident)).await.unwrap();
    let mut channels: Vec<_> = rows.iter().map(|d| d.channel).collect();
    channels.sort_unstable_by_key(|c| c.as_str());
    channels
}

/// A firing that was made when the rule had no notification.
fn untold(n: u64, rule: ObjectId, slot: i64) -> FiringCommit {
    let mut firing = firing(n, rule, slot);
    firing.deliveries.clear();
    commit(vec![firing])
}

async fn a_new_rule_tells_what_it_found_before(catalog: &dyn Catalog) {
    let rule = with_rule(catalog, 10).await;
    catalog.commit_firings(untold(1, rule, 0)).await.unwrap();
    assert_eq!(told(catalog, 1).await, []);
    for _ in 0..2 {
        catalog
            .put_email_notification(&[rule], id(OWNER), &email(), at(60))
            .await
            .unwrap();
        assert_eq!(told(catalog, 1).await, [Channel::Email]);
    }
    let manual = HttpNotification {
        dispatch: DispatchOption::Manual,
        ..http(HttpAuth::None)
    };
    catalog
        .put_http_notification(&[rule], id(OWNER), &manual, at(60))
        .await
        .unwrap();
    assert_eq!(told(catalog, 1).await, [Channel::Email]);
    let http = http(HttpAuth::None);
    catalog
        .put_http_notification(&[rule], id(OWNER), &http, at(60))
        .await
        .unwrap();
    assert_eq!(told(catalog, 1).await, [Channel::Email, Channel::Http]);
}

async fn an_old_rule_tells_only_what_it_finds_from_now_on(catalog: &dyn Catalog) {
    let rule = with_rule(catalog, 10).await;
    catalog.commit_firings(untold(1, rule, 0)).await.unwrap();
    catalog
        .put_email_notification(&[rule], id(OWNER), &email(), at(86_400))
        .await
        .unwrap();
    assert_eq!(told(catalog, 1).await, []);
}

async fn a_channel_that_comes_while_a_firing_is_made_is_not_left_out(catalog: &dyn Catalog) {
    let rule = with_rule(catalog, 10).await;
    let firing = untold(1, rule, 0);
    catalog
        .put_email_notification(&[rule], id(OWNER), &email(), at(60))
        .await
        .unwrap();
    catalog.commit_firings(firing).await.unwrap();
    assert_eq!(told(catalog, 1).await, [Channel::Email]);
}

conformance!(
    a_new_rule_tells_what_it_found_before,
    an_old_rule_tells_only_what_it_finds_from_now_on,
    a_channel_that_comes_while_a_firing_is_made_is_not_left_out,
    email_settings_round_trip_for_several_rules,
    http_settings_round_trip_with_every_kind_of_auth,
    only_the_owners_rules_take_notifications_all_or_none,
    auto_channels_are_the_enabled_and_automatic,
);
