//! User-defined lists: Logpoint's endpoints and our own.

use crate::rules::rule;
use crate::site::{ALL, Answer, JSON, START, Site, request};
use cresset_catalog::port::{Lists as _, Users as _};
use cresset_model::{Clock as _, Duration};
use serde_json::{Value, json};

const IMPORT: &str = "/UserDefinedList/import_api";
const MULTIPART: &str = "multipart/form-data; boundary=BOUNDARY";

fn part(head: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("--BOUNDARY\r\nContent-Disposition: form-data; {head}\r\n\r\n");
    [head.as_bytes(), content, b"\r\n"].concat()
}

fn form(name: &str, file: &str, content: &[u8]) -> Vec<u8> {
    let parts = [
        part("name=\"package_import_name\"", name.as_bytes()),
        part(
            &format!("name=\"package_import\"; filename=\"{file}\"\r\nContent-Type: text/csv"),
            content,
        ),
        b"--BOUNDARY--\r\n".to_vec(),
    ];
    parts.concat()
}

async fn import(site: &Site, body: Vec<u8>) -> Answer {
    let token = site.token("admin", "search:write");
    site.send(request("POST", IMPORT, Some(&token), MULTIPART, body))
        .await
}

/// The last poll of a search, or the refusal to start it.
async fn searched(site: &Site, query: &str) -> Value {
    let range = [START - 3_600, START + 7_200];
    let mut data = json!({"query": query, "time_range": range, "repos": [], "limit": 10});
    loop {
        let fields = [("requestData", &*data.to_string())];
        let reply = site.form("/getsearchlogs", &fields).await.json;
        if reply["final"] == json!(true) || reply["success"] == json!(false) {
            return reply;
        }
        if let Some(id) = reply["search_id"].as_str() {
            data = json!({ "search_id": id });
        }
    }
}

async fn values(site: &Site, name: &str) -> Option<Vec<String>> {
    site.catalog.list_values(name).await.unwrap()
}

#[tokio::test]
async fn files_are_imported_and_listed() {
    let site = Site::new().await;
    let answer = import(
        &site,
        form(
            "bad_hosts",
            "bad_hosts.csv",
            b"ip,why\r\n10.1.1.1,x\r\n10.2.2.2\n10.1.1.1\n",
        ),
    )
    .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let expected = json!({
        "success": true,
        "summary": "BAD_HOSTS: 2 values, 1 duplicates left out, first line \"ip\" taken as a header",
        "message": "BAD_HOSTS imported successfully",
    });
    assert_eq!(answer.json, expected);
    assert_eq!(
        values(&site, "BAD_HOSTS").await.unwrap(),
        ["10.1.1.1", "10.2.2.2"]
    );
    let answer = import(
        &site,
        form("BAD_HOSTS", "x.txt", "\u{feff}a,b\n".as_bytes()),
    )
    .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(
        values(&site, "BAD_HOSTS").await.unwrap(),
        ["a,b"],
        "replaced"
    );
    for n in 0..30 {
        import(&site, form(&format!("LIST-{n:02}"), "x.csv", b"v\n")).await;
    }
    let list = async |query: &str| {
        let path = format!("/UserDefinedList/lists_api{query}");
        site.call("eve", "GET", &path, &Value::Null).await.json
    };
    let reply = list("").await;
    assert_eq!(
        (reply["rows"].as_array().unwrap().len(), &reply["total"]),
        (25, &json!(31))
    );
    let first = &reply["rows"][0];
    assert_eq!(
        (&first["name"], &first["list_type"]),
        (&json!("BAD_HOSTS"), &json!("static_list"))
    );
    let id = first["id"].as_str().unwrap();
    assert_eq!(first["vid"], json!(format!("VID_{id}")));
    assert_eq!(list("?page=2").await["rows"].as_array().unwrap().len(), 6);
    assert_eq!(
        list("?page=2&limit=30").await["rows"][0]["name"],
        json!("LIST-29")
    );
    assert_eq!(list("?page=9").await["rows"], json!([]));
    assert_eq!(
        list("?return_all_data=true").await["rows"]
            .as_array()
            .unwrap()
            .len(),
        31
    );
    assert_eq!(
        list("?limit=0").await["validationErrors"]["limit"],
        json!("must be a whole number from 1 to 18446744073709551615")
    );
}

#[tokio::test]
async fn what_is_wrong_is_told_and_changes_nothing() {
    let site = Site::new().await;
    import(&site, form("KEPT", "x.csv", b"a\n")).await;
    let check = async |body: Vec<u8>, part: &str, told: &str| {
        let answer = import(&site, body).await;
        assert_eq!(answer.status, 422, "{answer:?}");
        assert_eq!(answer.json["success"], json!(false));
        assert_eq!(answer.json["message"], json!("Validation error"));
        let message = answer.json["validationErrors"][part]
            .as_str()
            .unwrap_or_default();
        assert!(message.contains(told), "{answer:?}");
        assert_eq!(values(&site, "KEPT").await.unwrap(), ["a"]);
        assert_eq!(site.catalog.lists().await.unwrap().len(), 1);
    };
    let long = "x".repeat(101);
    for name in ["", "a", "_a", "a-", "a b", "ä\u{e4}", "a/b", long.as_str()] {
        check(
            form(name, "x.csv", b"a\n"),
            "package_import_name",
            "2 to 100",
        )
        .await;
    }
    for (bytes, told) in [
        (&b"b\n\"c\n"[..], "line 2"),
        (b"b\n\n\0", "line 3 holds a NUL"),
        (b"b\n\xff\n", "line 2 is not UTF-8"),
        (b"", "no values"),
    ] {
        check(form("KEPT", "x.csv", bytes), "package_import", told).await;
    }
    check(form("KEPT", "x.exe", b"a\n"), "package_import", ".csv").await;
    let end = b"--BOUNDARY--\r\n";
    let name = part("name=\"package_import_name\"", b"KEPT");
    let file = part("name=\"package_import\"; filename=\"x.csv\"", b"b\n");
    check([&name[..], end].concat(), "package_import", "is required").await;
    check(
        [&file[..], end].concat(),
        "package_import_name",
        "is required",
    )
    .await;
    check(
        [&name[..], &file, &file, end].concat(),
        "package_import",
        "one file",
    )
    .await;

    for (media, body, status) in [
        (JSON, b"{}".to_vec(), 415),
        ("multipart/form-data", form("KEPT", "x.csv", b"b\n"), 415),
        (MULTIPART, b"nothing".to_vec(), 400),
        (
            MULTIPART,
            form("KEPT", "x.csv", b"b\n")[..120].to_vec(),
            400,
        ),
    ] {
        let token = site.token("admin", ALL);
        let answer = site
            .send(request("POST", IMPORT, Some(&token), media, body))
            .await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(answer.json["success"], json!(false));
    }
    assert_eq!(values(&site, "KEPT").await.unwrap(), ["a"]);
}

/// Larger than any other endpoint takes.
#[tokio::test]
async fn a_million_values_are_one_import() {
    let site = Site::new().await;
    let lines: String = (0..1_000_000)
        .map(|n| format!("host-{n:07}.example\n"))
        .collect();
    assert!(lines.len() > 16 << 20);
    let answer = import(&site, form("MILLION", "m.txt", lines.as_bytes())).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json["summary"], json!("MILLION: 1000000 values"));
    let answer = import(&site, vec![b' '; (80 << 20) + 1]).await;
    assert_eq!(answer.status, 413, "{answer:?}");
}

#[tokio::test]
async fn dynamic_lists_are_configured_read_and_removed() {
    let site = Site::new().await;
    let path = "/api/v1/lists/suspects";
    let call =
        async |method: &str, path: &str, body: Value| site.call("admin", method, path, &body).await;
    let settings = json!({"kind": "dynamic", "age_limit_minute": 60});
    let answer = call("PUT", path, settings.clone()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json["kind"], json!("dynamic_list"));
    for body in [
        json!({}),
        json!({"kind": "static"}),
        json!({"kind": "dynamic"}),
        json!({"kind": "dynamic", "age_limit_minute": 0}),
        json!({"kind": "dynamic", "age_limit_minute": "60"}),
        json!({"kind": "dynamic", "age_limit_minute": 1e15}),
    ] {
        assert_eq!(call("PUT", path, body.clone()).await.status, 422, "{body}");
    }
    assert_eq!(call("PUT", path, json!(["a"])).await.status, 409);
    let answer = import(&site, form("SUSPECTS", "x.csv", b"a\n")).await;
    assert_eq!(answer.status, 422, "{answer:?}");
    assert!(answer.json["validationErrors"]["package_import_name"].is_string());

    let seen = (0..5).map(|n| format!("v{n}")).collect();
    site.catalog
        .add_to_list("SUSPECTS", seen, site.clock.now())
        .await
        .unwrap();
    let answer = call("GET", "/api/v1/lists/suspects?limit=2&page=2", Value::Null).await;
    assert_eq!(
        (&answer.json["page"], &answer.json["values"]),
        (&json!(["v2", "v3"]), &json!(5))
    );
    call("PUT", "/api/v1/lists/kept", json!(["a", "b"])).await;
    assert_eq!(
        call("PUT", "/api/v1/lists/kept", settings).await.status,
        409
    );
    let answer = call("GET", "/api/v1/lists", Value::Null).await;
    let names: Vec<&str> = answer.json["lists"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| l["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        (names, &answer.json["total"]),
        (vec!["KEPT", "SUSPECTS"], &json!(2))
    );
    site.clock.advance(Duration::minutes(60));
    let answer = call("GET", path, Value::Null).await;
    assert_eq!(
        (&answer.json["page"], &answer.json["values"]),
        (&json!([]), &json!(0))
    );
    assert_eq!(call("DELETE", path, Value::Null).await.status, 200);
    for method in ["GET", "DELETE"] {
        assert_eq!(
            call(method, path, Value::Null).await.status,
            404,
            "{method}"
        );
    }
    let actions: Vec<String> = site
        .catalog
        .audit_entries(100)
        .await
        .unwrap()
        .into_iter()
        .map(|e| e.action)
        .collect();
    for action in ["list_configured", "list_replaced", "list_deleted"] {
        assert!(
            actions.iter().any(|a| a == action),
            "{action} in {actions:?}"
        );
    }
}

#[tokio::test]
async fn a_search_feeds_a_list_that_others_see_at_once() {
    let site = Site::new().await;
    let settings = json!({"kind": "dynamic", "age_limit_minute": 60});
    site.call("admin", "PUT", "/api/v1/lists/suspects", &settings)
        .await;
    site.ingest("{\"user\":\"bob\",\"host\":\"web\"}\n{\"user\":\"amy\",\"host\":\"db\"}\n{\"user\":\"*\",\"host\":\"web\"}\n").await;
    let search = async |query: &str| searched(&site, query).await;
    let reply = search("user IN SUSPECTS").await;
    assert_eq!(reply["rows"], json!([]), "{reply}");
    let reply = search("host=web | process toList(SUSPECTS, user)").await;
    assert_eq!(reply["rows"].as_array().unwrap().len(), 2, "{reply}");
    let reply = search("user IN SUSPECTS | fields user | order by user").await;
    let users: Vec<&Value> = reply["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| &r["user"])
        .collect();
    assert_eq!(users, ["*", "bob"], "a star out of a log is no wildcard");
    site.clock.advance(Duration::minutes(60));
    assert_eq!(search("user IN SUSPECTS").await["rows"], json!([]));
    let reply = search("host=web | process toList(NO_LIST, user)").await;
    assert!(
        reply["message"]
            .as_str()
            .unwrap()
            .contains("does not exist"),
        "{reply}"
    );
}

#[tokio::test]
async fn a_rule_is_refused_that_feeds_what_cannot_be_fed() {
    let site = Site::new().await;
    let settings = json!({"kind": "dynamic", "age_limit_minute": 60});
    site.call("admin", "PUT", "/api/v1/lists/suspects", &settings)
        .await;
    let values = json!(["amy"]);
    site.call("admin", "PUT", "/api/v1/lists/fixed", &values)
        .await;
    let save = async |path: &str, id: Option<&str>, list: &str| {
        let mut body = rule("Feeds a list");
        body["search_params"]["query"] = json!(format!("host=web\n| process toList({list}, user)"));
        if let Some(id) = id {
            body["id"] = json!(id);
        }
        site.call("bob", "POST", path, &body).await
    };
    let create = "/AlertRules/create_api";
    let made = save(create, None, "Suspects").await;
    assert_eq!(made.status, 200, "{made:?}");
    let id = made.json["id"].as_str();
    for (list, why) in [("NOWHERE", "does not exist"), ("fixed", "is static")] {
        for (path, id) in [(create, None), ("/AlertRules/update_api", id)] {
            let refused = save(path, id, list).await;
            assert_eq!(refused.status, 422, "{refused:?}");
            let told = &refused.json["validationErrors"]["search_params"]["query"];
            let told = told.as_str().unwrap();
            let place = told.contains("line 2, column 18: ") && told.contains("toList(");
            assert!(place && told.contains(why), "{told}");
        }
    }
}
