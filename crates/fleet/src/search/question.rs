//! What is asked of other instances: the filter of a query, and how much of what it finds.

use cresset_model::Timestamp;
use cresset_model::instance::Product;
use cresset_query::Plan;
use cresset_query::ast::CommandKind;
use cresset_search::SearchRequest;
use std::collections::BTreeSet;

/// Rows asked for at a time.
pub(super) const PAGE: usize = 50_000;
/// Most rows that a search by an instance's public API gives.
const MOST_ROWS: usize = 100_000;

/// The column that holds a count.
pub(super) const COUNT: &str = "cresset_count";

/// In which form the answer is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// In the smallest that the query can do with.
    AsNeeded,
    /// As events with all their fields.
    WholeEvents,
}

/// A query's part for other instances.
#[derive(Debug)]
pub(super) struct Question {
    /// The filter as it was written.
    filter: String,
    /// The filter with the command that counts, if counts are enough.
    pub(super) counting: Option<String>,
    /// The filter with the command that leaves only the fields that matter.
    narrow: Option<String>,
    /// True if what is found has still to meet the whole filter, because it looks into lists
    /// or reads parts of a time.
    pub(super) unfiltered: bool,
    /// Only so many of the newest events matter.
    pub(super) newest: Option<usize>,
    /// Event time after this…
    pub(super) from: Timestamp,
    /// …up to and including this.
    pub(super) to: Timestamp,
}

impl Question {
    pub(super) fn of(request: &SearchRequest, how: How) -> Self {
        let plan = &*request.plan;
        let portable = plan.portable_filter();
        let unfiltered = portable.is_some();
        let filter = portable.unwrap_or_else(|| filter(plan));
        let small = how == How::AsNeeded;
        let fields = plan.fields_read().filter(|_| small);
        let by = plan.counted_by().filter(|_| small && !unfiltered);
        Self {
            counting: by.and_then(|by| counting(&filter, &by)),
            narrow: fields.and_then(|fields| narrow(&filter, fields)),
            unfiltered,
            newest: (small && !unfiltered && plan.rows_are_events())
                .then_some(request.limit)
                .filter(|limit| (1..=MOST_ROWS).contains(limit)),
            filter,
            from: request.from,
            to: request.to,
        }
    }

    /// Whether rows are events with all their fields.
    pub(super) const fn asks_for_whole_events(&self, product: Product) -> bool {
        self.counting.is_none() && (self.narrow.is_none() || matches!(product, Product::Other))
    }

    /// The query to send to an instance of this kind. Only of Cresset it is known what
    /// `fields` does to a row.
    pub(super) fn text(&self, product: Product) -> &str {
        if let Some(counting) = &self.counting {
            return counting;
        }
        match (product, &self.narrow) {
            (Product::Cresset, Some(narrow)) => narrow,
            (Product::Other, _) if self.filter.is_empty() => "*",
            _ => &self.filter,
        }
    }
}

/// The leading search of the query with the `search` commands that follow it directly,
/// which is what [`Plan::filter`] evaluates, as written.
fn filter(plan: &Plan) -> String {
    let commands = &plan.query().commands;
    let first = commands
        .iter()
        .find(|command| !matches!(command.kind, CommandKind::Search(_)));
    let text = match first {
        Some(command) => plan.text()[..command.span.start].trim_end(),
        None => plan.text(),
    };
    let text = if first.is_some() {
        text.strip_suffix('|').unwrap_or(text)
    } else {
        text
    };
    text.trim().to_owned()
}

/// The filter followed by a `chart` that counts; `None` if a name cannot be written down.
fn counting(filter: &str, by: &[&str]) -> Option<String> {
    let mut text = format!("{filter} | chart count() as {COUNT}");
    if !by.is_empty() {
        text = format!("{text} by {}", by.join(", "));
    }
    let text = text.trim().to_owned();
    let plan = cresset_query::compile(&text).ok()?;
    (plan.counted_by()? == by && !by.contains(&COUNT)).then_some(text)
}

/// The filter followed by `fields`; `None` if a name cannot be written down.
fn narrow(filter: &str, mut fields: BTreeSet<String>) -> Option<String> {
    fields.remove("log_ts");
    let names = fields
        .iter()
        .fold(String::new(), |names, name| names + ", " + name);
    let text = format!("{filter} | fields log_ts{names}").trim().to_owned();
    let plan = cresset_query::compile(&text).ok()?;
    let CommandKind::Fields(read) = &plan.query().commands.last()?.kind else {
        return None;
    };
    let same = read.len() == fields.len() + 1 && read[1..].iter().map(|n| &n.text).eq(&fields);
    same.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cresset_model::Duration;
    use std::sync::Arc;

    fn question(query: &str, limit: usize) -> Question {
        let request = SearchRequest {
            plan: Arc::new(cresset_query::compile(query).unwrap()),
            repos: Vec::new(),
            from: Timestamp(0),
            to: Timestamp(1),
            part_of: None,
            timezone: "UTC".to_owned(),
            limit,
            up_to_seq: None,
            timeout: Duration::seconds(1),
        };
        Question::of(&request, How::AsNeeded)
    }

    #[test]
    fn the_filter_is_asked_and_no_more() {
        let check = |query: &str, of_cresset: &str, of_others: &str| {
            let asked = question(query, 100);
            assert_eq!(asked.text(Product::Cresset), of_cresset, "{query}");
            assert_eq!(asked.text(Product::Other), of_others, "{query}");
        };
        check("user=bob", "user=bob", "user=bob");
        check("", "", "*");
        let counting = "| chart count() as cresset_count";
        check("| chart count()", counting, counting);
        let counting = "label=Fail | search user=b* | chart count() as cresset_count by user, ip";
        check(
            "label=Fail | search user=b* | chart count() as c by user, ip | search c>2",
            counting,
            counting,
        );
        check(
            "label=Fail | search user=b* | chart max(n) as m by user, ip | search m>2",
            "label=Fail | search user=b* | fields log_ts, ip, label, n, user",
            "label=Fail | search user=b*",
        );
        let rest = "label=\"Fail\"";
        check(
            "label=Fail user in L | chart count() by user",
            "label=\"Fail\" | fields log_ts, label, user",
            rest,
        );
        check(
            "label=Fail hour(log_ts)>=20 | chart count() by user",
            "label=\"Fail\" | fields log_ts, label, user",
            rest,
        );
        check(
            "msg=\"a | b\"|fields user",
            "msg=\"a | b\" | fields log_ts, msg, user",
            "msg=\"a | b\"",
        );
    }

    #[test]
    fn a_search_for_the_newest_events_asks_for_no_more() {
        let check = |query: &str, limit: usize, newest: Option<usize>| {
            assert_eq!(question(query, limit).newest, newest, "{query} {limit}");
        };
        check("user=bob", 100, Some(100));
        check("user=bob", 0, None);
        check("user=bob", MOST_ROWS, Some(MOST_ROWS));
        check("user=bob", MOST_ROWS + 1, None);
        check("user in L", 100, None);
        check("hour(log_ts)=3", 100, None);
        check("user=bob | chart count()", 100, None);
    }
}
