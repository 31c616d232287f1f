//! Which tokens a list is asked for.
//!
//! Beside the columns that the catalog has, a filter may name `userPermission`: how far the
//! caller may go with a token. That follows from its owner, so such conditions are turned
//! into others about `adminId` and `roles`. `_all` does not look at it, and nothing is sorted
//! by it.

use super::authority::{Permissions, Viewer};
use crate::error::{Error, Result};
use crate::logicmonitor::call::Call;
use cresset_model::filter::{self, Cell, Column, Condition, Filter, ListQuery, Op, Pattern, Row};
use cresset_model::role::Right;
use cresset_model::token::TOKEN_COLUMNS;

const PERMISSION: Column = Column::text("userPermission");
/// The parameter that asks for tokens which nobody has used since.
pub(super) const UNUSED_SINCE: &str = "unusedSince";
/// Beyond the year 9999; milliseconds since 1970 are, too.
const NO_SECONDS: i64 = 253_402_300_800;
const KNOWN: usize = TOKEN_COLUMNS.len();

/// What filters may name.
const COLUMNS: [Column; KNOWN + 1] = {
    let mut all = [PERMISSION; KNOWN + 1];
    let mut place = 0;
    while place < KNOWN {
        all[place] = TOKEN_COLUMNS[place];
        place += 1;
    }
    all
};

/// What the caller asks for, by columns of the catalog alone.
pub(super) fn list_query(call: &Call, viewer: &Viewer<'_>) -> Result<ListQuery> {
    let mut query = call.list_query(&COLUMNS)?;
    if let Some(filter) = query.filter.take() {
        query.filter = settled(filter, &viewer.permissions());
    }
    if let Some(text) = call.param(UNUSED_SINCE) {
        query.filter = Some(narrowed(query.filter, &unused_since(text)?));
    }
    Ok(query)
}

/// What a body asks for: a filter as it is written, not encoded, and a moment as in
/// [`UNUSED_SINCE`].
pub(super) fn selection(
    filter: Option<&str>,
    unused: Option<&str>,
    viewer: &Viewer<'_>,
) -> Result<Option<Filter>> {
    let mut asked = None;
    if let Some(text) = filter {
        let refuse = |error: filter::FilterError| Error::Malformed(error.to_string());
        let read = filter::parse(text).map_err(refuse)?;
        read.check(&COLUMNS).map_err(refuse)?;
        asked = settled(read, &viewer.permissions());
    }
    Ok(match unused {
        Some(text) => Some(narrowed(asked, &unused_since(text)?)),
        None => asked,
    })
}

/// A filter that asks the same and these conditions besides.
pub(super) fn narrowed(filter: Option<Filter>, more: &[Condition]) -> Filter {
    let groups = filter.map_or_else(|| vec![Vec::new()], |filter| filter.any);
    let any = groups.into_iter();
    let any = any.map(|mut group| {
        group.extend_from_slice(more);
        group
    });
    Filter { any: any.collect() }
}

/// A condition on a column of the catalog.
pub(super) fn condition(field: &str, op: Op, values: Vec<Pattern>) -> Condition {
    Condition {
        field: field.to_owned(),
        op,
        values,
        character: 1,
    }
}

/// Not used since then, and there since before: a new token that waits for its first use is
/// not meant.
fn unused_since(text: &str) -> Result<[Condition; 2]> {
    let seconds = text.trim().parse().ok();
    let seconds = seconds.filter(|seconds| (1..NO_SECONDS).contains(seconds));
    let Some(seconds) = seconds else {
        return Err(Error::Malformed(format!(
            "{UNUSED_SINCE} must be seconds since 1970"
        )));
    };
    let before = |field| condition(field, Op::Less, vec![Pattern::exactly(seconds.to_string())]);
    Ok([before("lastUsedOn"), before("createdOn")])
}

/// `None` if every token passes.
fn settled(filter: Filter, permissions: &Permissions) -> Option<Filter> {
    let mut any = Vec::new();
    for group in filter.any {
        let about = |c: &Condition| c.field.eq_ignore_ascii_case(PERMISSION.name);
        let (asked, rest): (Vec<_>, Vec<_>) = group.into_iter().partition(about);
        let passes = |right: Right| asked.iter().all(|c| c.matches(&Permission(right)));
        for mut group in owners(permissions, passes) {
            group.extend(rest.iter().cloned());
            if group.is_empty() {
                return None;
            }
            any.push(group);
        }
    }
    if any.is_empty() {
        // Ids begin with 1.
        any.push(vec![condition("id", Op::Less, vec![Pattern::exactly("1")])]);
    }
    Some(Filter { any })
}

/// The owners with whose tokens the caller may go as far as `passes` asks: the caller, those
/// who may do more, and all others.
fn owners(permissions: &Permissions, passes: impl Fn(Right) -> bool) -> Vec<Vec<Condition>> {
    let Permissions {
        caller,
        own,
        others,
        above,
        above_roles,
    } = permissions;
    let caller = || vec![Pattern::exactly(caller.to_string())];
    let roles = || above_roles.iter().map(Pattern::exactly).collect();
    let me = || condition("adminId", Op::Equal, caller());
    let not_me = || condition("adminId", Op::NotEqual, caller());
    let (own, others) = (passes(*own), passes(*others));
    let above = if above_roles.is_empty() {
        others
    } else {
        passes(*above)
    };
    let mut groups = match (others, above) {
        _ if own && others && above => return vec![Vec::new()],
        (true, true) => return vec![vec![not_me()]],
        (true, false) => vec![vec![not_me(), condition("roles", Op::NotEqual, roles())]],
        (false, true) => vec![vec![not_me(), condition("roles", Op::Equal, roles())]],
        (false, false) => Vec::new(),
    };
    if own {
        groups.push(vec![me()]);
    }
    groups
}

/// A row that has nothing but the permission.
struct Permission(Right);

impl Row for Permission {
    fn columns(&self) -> &[Column] {
        &[PERMISSION]
    }

    fn cell(&self, _: &Column) -> Cell {
        Cell::Text(self.0.as_str().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cresset_model::filter::parse;

    /// An administrator's clerk: the owner 7, who may change all but administrators.
    fn clerk() -> Permissions {
        Permissions {
            caller: 7,
            own: Right::Write,
            others: Right::Write,
            above: Right::Read,
            above_roles: vec!["administrator".to_owned(), "chief".to_owned()],
        }
    }

    fn auditor() -> Permissions {
        Permissions {
            others: Right::Read,
            above_roles: Vec::new(),
            ..clerk()
        }
    }

    #[test]
    fn permissions_become_owners() {
        let check = |permissions: &Permissions, filter: &str, expected: Option<&str>| {
            let settled = settled(parse(filter).unwrap(), permissions);
            let text = settled.map(|filter| filter.to_string());
            assert_eq!(text.as_deref(), expected, "{filter}");
        };
        let higher = r#""administrator"|"chief""#;
        let (clerk, auditor) = (clerk(), auditor());
        check(&clerk, "id:1", Some(r#"id:"1""#));
        check(
            &clerk,
            "userPermission:write",
            Some(&format!(r#"adminId!:"7",roles!:{higher}||adminId:"7""#)),
        );
        check(
            &clerk,
            "USERPERMISSION:READ,status:2",
            Some(&format!(r#"adminId!:"7",roles:{higher},status:"2""#)),
        );
        check(&clerk, "userPermission:none", Some(r#"id<"1""#));
        check(&clerk, "userPermission:*", None);
        check(&clerk, "userPermission:read|write||id:1", None);
        check(&clerk, "userPermission!:none,note~x", Some(r#"note~"x""#));
        check(&clerk, "userPermission:::empty", Some(r#"id<"1""#));
        check(
            &clerk,
            "userPermission:read,userPermission:write||id:1",
            Some(r#"id:"1""#),
        );
        check(&auditor, "userPermission:write", Some(r#"adminId:"7""#));
        check(&auditor, "userPermission:read", Some(r#"adminId!:"7""#));
        check(&auditor, "userPermission~a", Some(r#"adminId!:"7""#));
    }

    #[test]
    fn unused_since_a_moment() {
        let check = |text: &str, expected: Option<&str>| {
            let narrowed = unused_since(text).map(|more| narrowed(parse("id:1||id:2").ok(), &more));
            let text = narrowed.ok().map(|filter| filter.to_string());
            assert_eq!(text.as_deref(), expected);
        };
        check(
            " 1700000000",
            Some(
                r#"id:"1",lastUsedOn<"1700000000",createdOn<"1700000000"||id:"2",lastUsedOn<"1700000000",createdOn<"1700000000""#,
            ),
        );
        for bad in [
            "0",
            "-1",
            "x",
            "1700000000000",
            "1e9",
            "99999999999999999999",
        ] {
            check(bad, None);
        }
    }
}
