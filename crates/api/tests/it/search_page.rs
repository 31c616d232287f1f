//! Where the links in e-mails lead.

use crate::site::{JSON, START, Site, request};

async fn page(site: &Site, query: &str) -> crate::site::Answer {
    let path = format!("/search{query}");
    let answer = site.send(request("GET", &path, None, JSON, "")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let kind = answer.headers["content-type"].to_str().unwrap();
    assert!(kind.starts_with("text/html"), "{kind}");
    let policy = answer.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
    assert!(!policy.contains("script-src"), "{policy}");
    answer
}

#[tokio::test]
async fn a_link_of_a_mail_shows_its_search() {
    let site = Site::new().await;
    let start = START - 600;
    let answer = page(
        &site,
        "?query=user%3D%27o%27%20%3Cscript%3Ealert(1)%3C%2Fscript%3E\
         &from=2025-12-31T23%3A50%3A00Z&to=2026-01-01T00%3A00%3A00Z\
         &repos=10.0.0.7%3A7070%2Fweb%2C%20-o%27x",
    )
    .await;
    for part in [
        "<pre>user=&#39;o&#39; &lt;script&gt;alert(1)&lt;/script&gt;</pre>",
        "2025-12-31T23:50:00Z – 2026-01-01T00:00:00Z",
        // Quoted for a shell, then for HTML.
        "cresset search --last 11m --repo=&#39;10.0.0.7:7070/web&#39; \
         --repo=&#39;-o&#39;\\&#39;&#39;x&#39; -- &#39;user=&#39;\\&#39;&#39;o&#39;\\&#39;&#39; &lt;script&gt;",
        "&quot;repos&quot;:[&quot;10.0.0.7:7070/web&quot;,&quot;-o&#39;\\&#39;&#39;x&quot;]",
        &format!("&quot;time_range&quot;:[{start},{START}]"),
        "/getsearchlogs&quot;",
    ] {
        assert!(answer.text.contains(part), "{part} in {}", answer.text);
    }
    assert!(!answer.text.contains("<script"), "{}", answer.text);
}

#[tokio::test]
async fn odd_links_show_a_page_too() {
    let site = Site::new().await;
    for (query, part) in [
        ("", "Open it from the link"),
        ("?query=%20", "Open it from the link"),
        ("?query=a", "not given – not given"),
        ("?query=a&from=%3Cb%3E&to=x", "&lt;b&gt; – x"),
        ("?query=a&from=%3Cb%3E&to=x", "does not read"),
        (
            "?query=%FF%00&from=2030-01-01T00:00:00Z&to=2030-01-01T00:00:01Z",
            "--last 1m -- &#39;",
        ),
        (
            "?query=-user%3Da&from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00Z&repos=%2C",
            "--last 1m -- &#39;-user=a&#39;",
        ),
        (
            "?query=a&from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00Z&repos=%2C",
            "&quot;repos&quot;:[]",
        ),
        ("?query=%3C!--content--%3E", "&lt;!--content--&gt;"),
    ] {
        let answer = page(&site, query).await;
        assert!(answer.text.contains(part), "{part} in {}", answer.text);
    }
}
