use cresset_catalog::{Catalog, Error};
use cresset_model::repo::Repo;

fn repo(name: &str, retention_days: u32) -> Repo {
    Repo {
        name: name.to_owned(),
        retention_days,
    }
}

async fn repos_are_listed_by_name(catalog: &dyn Catalog) {
    for made in [
        repo("web", 30),
        repo("_cresset", 7),
        repo("default", u32::MAX),
    ] {
        catalog.create_repo(made).await.unwrap();
    }
    let listed = catalog.repos().await.unwrap();
    assert_eq!(
        listed,
        [
            repo("_cresset", 7),
            repo("default", u32::MAX),
            repo("web", 30)
        ]
    );
    let error = catalog.create_repo(repo("web", 1)).await.unwrap_err();
    assert!(
        matches!(error, Error::Exists { what: "repo", .. }),
        "{error}"
    );
}

async fn retention_changes(catalog: &dyn Catalog) {
    catalog.create_repo(repo("web", 30)).await.unwrap();
    catalog.set_retention("web", 90).await.unwrap();
    assert_eq!(catalog.repos().await.unwrap(), [repo("web", 90)]);
    let error = catalog.set_retention("none", 90).await.unwrap_err();
    assert_eq!(error.to_string(), r#"repo "none" does not exist"#);
}

async fn unusable_repos_are_refused(catalog: &dyn Catalog) {
    for bad in [
        repo("", 1),
        repo("Web", 1),
        repo("a/b", 1),
        repo("..", 1),
        repo("web", 0),
    ] {
        let error = catalog.create_repo(bad).await.unwrap_err();
        assert!(matches!(error, Error::Refused(_)), "{error}");
    }
    catalog.create_repo(repo("web", 1)).await.unwrap();
    assert!(matches!(
        catalog.set_retention("web", 0).await,
        Err(Error::Refused(_))
    ));
    assert_eq!(catalog.repos().await.unwrap(), [repo("web", 1)]);
}

conformance!(
    repos_are_listed_by_name,
    retention_changes,
    unusable_repos_are_refused
);
