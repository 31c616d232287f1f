//! Lists of tokens.

use super::{ONE, kind_number, token};
use crate::Result;
use crate::port::Moment;
use crate::sqlite::SqliteCatalog;
use crate::sqlite::columns::not_found;
use crate::sqlite::filter::Source;
use crate::sqlite::list_page::{Asked, Field, List, Part, Texts};
use crate::sqlite::memory::Question;
use crate::sqlite::points::Points;
use cresset_model::filter::{ListQuery, Page};
use cresset_model::token::{ApiToken, TOKEN_COLUMNS, TokenKind};
use rusqlite::types::Value;
use rusqlite::{Connection, Transaction, params};
use std::sync::Arc;

/// Of fewer tokens a list is read within about a millisecond.
const FEW: i64 = 500;

/// Most tokens of a page that is remembered: as many as a page has if nobody asks for more.
const REMEMBERED_ITEMS: usize = ListQuery::DEFAULT_SIZE as usize;

/// Most bytes of notes and networks on it.
const REMEMBERED_BYTES: usize = 16 * 1024;

/// Longest question to which a page is remembered, in bytes as it is printed for debugging.
const LONGEST_QUESTION: usize = 4096;

/// Fields are in the order of [`TOKEN_COLUMNS`].
const LIST: List = List {
    columns: TOKEN_COLUMNS,
    fields: &[
        Field::indexed("t.id", "t.id", "NOT INDEXED"),
        Field::indexed(
            "t.access_id",
            "t.access_id",
            "INDEXED BY api_tokens_access_id",
        ),
        Field::indexed(
            "t.user_number",
            "t.user_number",
            "INDEXED BY api_tokens_user_number",
        ),
        Field::indexed(
            "t.user_name",
            "t.user_name",
            "INDEXED BY api_tokens_user_name",
        ),
        Field::indexed(
            "t.created_by",
            "+t.created_by",
            "INDEXED BY api_tokens_created_by",
        ),
        Field::indexed(
            "t.created_on",
            "+t.created_on",
            "INDEXED BY api_tokens_created_on",
        ),
        Field::indexed(
            "t.expires_on",
            "+t.expires_on",
            "INDEXED BY api_tokens_expires_on",
        ),
        Field::indexed(
            "t.last_address",
            "+t.last_address",
            "INDEXED BY api_tokens_last_address",
        ),
        Field::indexed(
            "t.last_used_on",
            "+t.last_used_on",
            "INDEXED BY api_tokens_last_used_on",
        ),
        Field::indexed("t.note", "+t.note", "INDEXED BY api_tokens_note"),
        Field::elements(Source::Elements {
            of: "t.user_number",
            owner: "u.number",
            rows: "user_roles r JOIN users u ON u.id = r.user_id",
            item: "r.role",
        }),
        Field::indexed("t.status", "+t.status", "INDEXED BY api_tokens_status"),
    ],
    from: "api_tokens t",
    id: "t.id",
    between: Some("t.kind"),
    texts: Some(Texts {
        all: "lower(t.access_id || char(0) || t.user_name || char(0) || t.created_by \
              || char(0) || t.last_address || char(0) || t.note)",
        index: "INDEXED BY api_tokens_texts",
    }),
};
const _: () = assert!(LIST.fields.len() == TOKEN_COLUMNS.len());

/// A page that somebody asks for.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct TokenPage {
    pub(super) kind: TokenKind,
    /// Of one user or of all.
    pub(super) owner: Option<i64>,
    pub(super) query: ListQuery,
}

impl Question for TokenPage {
    /// None if there are too many tokens to read them in place.
    type Answer = Option<Arc<Page<ApiToken>>>;
}

impl TokenPage {
    fn asked(&self) -> Result<Asked> {
        // With the plus it can stand in the order, where an index has it, too.
        let kind = Value::Integer(kind_number(self.kind));
        let part = match self.owner {
            Some(owner) => Part {
                text: "+t.kind = ?1 AND t.user_number = ?2",
                bound: vec![kind, Value::Integer(owner)],
                small: true,
            },
            None => Part {
                text: "+t.kind = ?1",
                bound: vec![kind],
                small: false,
            },
        };
        LIST.ask(part, &self.query)
    }

    /// The page, unless there are so many tokens that it takes a thread of its own.
    fn in_place(connection: &Connection, page: &Self) -> Result<<Self as Question>::Answer> {
        // Before anything is read, so that what cannot be asked is refused in any case.
        let asked = page.asked()?;
        let view = connection.unchecked_transaction()?;
        let few = has_few(&view)?;
        let read = few.then(|| asked.page(&view, one)).transpose()?;
        Ok(read.map(Arc::new))
    }

    /// Whether it is remembered with that answer.
    fn is_worth_it(&self, answer: &<Self as Question>::Answer) -> bool {
        let short = answer.as_ref().is_some_and(|page| is_short(page));
        short && format!("{:?}", self.query).len() <= LONGEST_QUESTION
    }
}

impl SqliteCatalog {
    /// What [`crate::port::ApiTokens::tokens`] promises.
    pub(super) async fn token_page(
        &self,
        page: TokenPage,
        seen: Option<Moment>,
    ) -> Result<Arc<Page<ApiToken>>> {
        let (in_place, worth) = (TokenPage::in_place, TokenPage::is_worth_it);
        let known = self.points.remember(&page, seen, in_place, worth)?;
        if let (Some(read), _) = known {
            return Ok(read);
        }
        let asked = page.asked()?;
        let read = if page.owner.is_some() {
            self.points.view(move |view| asked.page(view, one)).await?
        } else {
            let page =
                move |view: &Transaction<'_>, points: &Points| asked.long_page(view, points, one);
            self.long_lists.view(page).await?
        };
        Ok(Arc::new(read))
    }
}

fn one(view: &Connection, id: i64) -> Result<ApiToken> {
    let mut prepared = view.prepare_cached(ONE)?;
    let mut rows = prepared.query(params![id, None::<i64>])?;
    let row = rows.next()?;
    row.map_or_else(|| Err(not_found("API token", id)), token)
}

/// Whether a page is remembered.
fn is_short(page: &Page<ApiToken>) -> bool {
    let bytes = |token: &ApiToken| {
        let networks: usize = token.networks.iter().map(String::len).sum();
        token.note.len() + networks
    };
    page.items.len() <= REMEMBERED_ITEMS
        && page.items.iter().map(bytes).sum::<usize>() <= REMEMBERED_BYTES
}

/// Whether all tokens are so few that a list of them takes no thread of its own.
fn has_few(view: &Connection) -> Result<bool> {
    let newest: Option<i64> = view
        .prepare_cached("SELECT max(id) FROM api_tokens")?
        .query_row([], |row| row.get(0))?;
    Ok(newest.unwrap_or(0) < FEW)
}
