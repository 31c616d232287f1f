//! How a user reads and writes times.

use crate::permissions::{ask, search};
use crate::site::{START, Site};
use cresset_catalog::port::Users as _;
use cresset_model::user::{HourFormat, Preferences};
use serde_json::{Value, json};

async fn prefer(site: &Site, timezone: &str, date_format: &str, hour_format: HourFormat) {
    let user = site.catalog.user_by_name("bob").await.unwrap().unwrap();
    let preferences = Preferences {
        timezone: timezone.to_owned(),
        date_format: date_format.parse().unwrap(),
        hour_format,
    };
    let set = site.catalog.set_preferences(user.id, &preferences);
    set.await.unwrap();
}

#[tokio::test]
async fn preferences_are_shown_to_their_user() {
    let site = Site::new().await;
    prefer(&site, "Asia/Kathmandu", "%d/%m/%Y", HourFormat::Twelve).await;
    let fields = [("type", "user_preference")];
    assert_eq!(
        ask(&site, "bob", "/getalloweddata", &fields).await,
        json!({"success": true, "timezone": "Asia/Kathmandu", "date_format": "%d/%m/%Y",
            "hour_format": "12 Hour"})
    );
    assert_eq!(
        ask(&site, "admin", "/getalloweddata", &fields).await,
        json!({"success": true, "timezone": "UTC", "date_format": "%Y/%m/%d",
            "hour_format": "24 Hour"})
    );
}

/// 2 January 2026, 00:00 to 13:30, as users in different places write it.
#[tokio::test]
async fn time_ranges_are_read_as_the_user_writes_them() {
    let site = Site::new().await;
    let day = START + 86_400;
    let check = async |zone: &str, format: &str, text: &str, expected: Option<i64>| {
        prefer(&site, zone, format, HourFormat::TwentyFour).await;
        let data = json!({"query": "user=*", "time_range": text});
        let reply = search(&site, "bob", &data).await;
        let range = expected.map(|from| json!([from, from + 48_600]));
        let found = reply.get("time_range").cloned();
        assert_eq!(found, range, "{zone} {format} {text}: {reply}");
    };
    let tests: [(&str, &str, &str, Option<i64>); 8] = [
        (
            "UTC",
            "%Y/%m/%d",
            "2026/01/02 00:00:00 To 2026/01/02 13:30:00",
            Some(0),
        ),
        (
            "UTC",
            "%d/%m/%Y",
            "02/01/2026 00:00:00 To 02/01/2026 13:30:00",
            Some(0),
        ),
        (
            "UTC",
            "%m/%d/%Y",
            "01/02/2026 00:00:00 To 01/02/2026 13:30:00",
            Some(0),
        ),
        (
            "UTC",
            "%Y-%m-%d",
            "2026-01-02 12:00:00 AM To 2026-01-02 01:30:00 PM",
            Some(0),
        ),
        (
            "Europe/Berlin",
            "%d.%m.%Y",
            "02.01.2026 00:00 to 02.01.2026 1:30 pm",
            Some(-3_600),
        ),
        (
            "America/New_York",
            "%m/%d/%Y",
            "01/02/2026 To 01/02/2026 13:30",
            Some(5 * 3_600),
        ),
        (
            "UTC",
            "%Y/%m/%d",
            "02/01/2026 00:00:00 To 02/01/2026 13:30:00",
            None,
        ),
        (
            "UTC",
            "%m/%d/%Y",
            "31/01/2026 00:00:00 To 31/01/2026 13:30:00",
            None,
        ),
    ];
    for (zone, format, text, shift) in tests {
        check(zone, format, text, shift.map(|shift| day + shift)).await;
    }
    let relative = json!({"query": "user=*", "time_range": "Last 24 hours"});
    let reply: Value = search(&site, "bob", &relative).await;
    assert_eq!(reply["time_range"], json!([START - 86_400, START]));
}
