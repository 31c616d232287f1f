-- What a search in all columns of tokens looks through: all texts of a token in one, in lower
-- case, with NUL between them, which no text has. In the order of ids, so that a part of them is
-- a stretch of it. The expression must be the one that sqlite/tokens/list.rs asks by.
CREATE INDEX api_tokens_texts ON api_tokens (
    id,
    kind,
    (lower(access_id || char(0) || user_name || char(0) || created_by || char(0) || last_address
      || char(0) || note)),
    user_number
);
