use crate::support::{OWNER, email, http, id, with_rule};
use cresset_catalog::{Catalog, Error};
use cresset_model::SecretString;
use cresset_model::notification::{
    Channel, DispatchOption, EmailNotification, HttpAuth, HttpNotification,
};

async fn email_settings_round_trip_for_several_rules(catalog: &dyn Catalog) {
    let rules = [with_rule(catalog, 10).await, with_rule(catalog, 11).await];
    assert_eq!(catalog.email_notification(rules[0]).await.unwrap(), None);
    catalog
        .put_email_notification(&rules, id(OWNER), &email())
        .await
        .unwrap();
    let changed = EmailNotification {
        subject: "changed".to_owned(),
        ..email()
    };
    catalog
        .put_email_notification(&rules[1..], id(OWNER), &changed)
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
            .put_http_notification(&[rule], id(OWNER), &http(auth.clone()))
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
        .put_email_notification(&[rule, id(98)], id(OWNER), &email())
        .await;
    missing(error.unwrap_err(), id(98).to_string());
    let error = catalog
        .put_http_notification(&[rule, id(98)], id(OWNER), &http)
        .await;
    missing(error.unwrap_err(), id(98).to_string());
    let error = catalog.put_http_notification(&[rule], id(2), &http).await;
    missing(error.unwrap_err(), rule.to_string());
    assert_eq!(catalog.email_notification(rule).await.unwrap(), None);
    assert_eq!(catalog.http_notification(rule).await.unwrap(), None);
}

async fn auto_channels_are_the_enabled_and_automatic(catalog: &dyn Catalog) {
    let rule = with_rule(catalog, 10).await;
    assert!(catalog.auto_channels(rule).await.unwrap().is_empty());
    let http = http(HttpAuth::None);
    catalog
        .put_email_notification(&[rule], id(OWNER), &email())
        .await
        .unwrap();
    catalog
        .put_http_notification(&[rule], id(OWNER), &http)
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
        .put_email_notification(&[rule], id(OWNER), &off)
        .await
        .unwrap();
    assert_eq!(catalog.auto_channels(rule).await.unwrap(), [Channel::Http]);

    let manual = HttpNotification {
        dispatch: DispatchOption::Manual,
        ..http
    };
    catalog
        .put_http_notification(&[rule], id(OWNER), &manual)
        .await
        .unwrap();
    assert!(catalog.auto_channels(rule).await.unwrap().is_empty());
}

conformance!(
    email_settings_round_trip_for_several_rules,
    http_settings_round_trip_with_every_kind_of_auth,
    only_the_owners_rules_take_notifications_all_or_none,
    auto_channels_are_the_enabled_and_automatic,
);
