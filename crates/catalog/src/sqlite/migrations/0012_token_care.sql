-- What the server does about API tokens by itself: it disables those that nobody uses, and
-- tells owners by e-mail what happens to theirs.

-- When a token was enabled last, in seconds; until then nobody could use it.
ALTER TABLE api_tokens ADD COLUMN enabled_on INTEGER NOT NULL DEFAULT 0;

-- An outbox beside that of incidents, whose rows come into being with the changes.
CREATE TABLE token_mails (
    id          INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    address     TEXT NOT NULL,
    username    TEXT NOT NULL,
    news        TEXT NOT NULL, -- JSON
    state       TEXT NOT NULL DEFAULT 'pending',
    attempts    INTEGER NOT NULL DEFAULT 0,
    due_at      INTEGER NOT NULL,
    last_error  TEXT NOT NULL DEFAULT '',
    created_at  INTEGER NOT NULL,
    finished_at INTEGER
) STRICT;

CREATE INDEX token_mails_due ON token_mails (due_at, id) WHERE state = 'pending';
CREATE INDEX token_mails_finished ON token_mails (finished_at) WHERE finished_at IS NOT NULL;
