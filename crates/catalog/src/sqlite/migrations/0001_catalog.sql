-- Times are microseconds since the epoch, ids are 24 hex characters, documents
-- are JSON text, truth values are 0 and 1.

CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE counters (
    name  TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO counters (name, value) VALUES ('lists', 0), ('rules', 0);

CREATE TABLE roles (
    name TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

INSERT INTO roles (name)
VALUES ('administrator'), ('manager'), ('ackonly'), ('readonly');

CREATE TABLE users (
    id             TEXT NOT NULL PRIMARY KEY,
    username       TEXT NOT NULL UNIQUE,
    email          TEXT NOT NULL,
    disabled       INTEGER NOT NULL DEFAULT 0,
    timezone       TEXT NOT NULL DEFAULT 'UTC',
    password_hash  TEXT,
    api_access_key TEXT NOT NULL, -- sealed
    created_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE user_roles (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    place   INTEGER NOT NULL,
    role    TEXT NOT NULL REFERENCES roles (name),
    PRIMARY KEY (user_id, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE api_tokens (
    id         INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    access_id  TEXT NOT NULL UNIQUE,
    access_key TEXT NOT NULL, -- sealed
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    note       TEXT NOT NULL,
    disabled   INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX api_tokens_of_user ON api_tokens (user_id, id);

CREATE TABLE audit (
    id      INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    actor   TEXT NOT NULL,
    address TEXT NOT NULL,
    action  TEXT NOT NULL,
    detail  TEXT NOT NULL
) STRICT;

CREATE TABLE repos (
    name           TEXT NOT NULL PRIMARY KEY,
    retention_days INTEGER NOT NULL CHECK (retention_days >= 1)
) STRICT, WITHOUT ROWID;

CREATE TABLE lists (
    number      INTEGER NOT NULL PRIMARY KEY, -- what a million rows repeat
    id          TEXT NOT NULL UNIQUE,
    name        TEXT NOT NULL UNIQUE, -- upper case
    kind        TEXT NOT NULL,
    value_count INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE list_values (
    list  INTEGER NOT NULL REFERENCES lists (number) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (list, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE rules (
    id           TEXT NOT NULL PRIMARY KEY,
    owner        TEXT NOT NULL REFERENCES users (id),
    name         TEXT NOT NULL,
    active       INTEGER NOT NULL,
    version      INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    activated_at INTEGER NOT NULL,
    spec         TEXT NOT NULL, -- JSON
    UNIQUE (owner, name)
) STRICT;

CREATE INDEX rules_active ON rules (active, id);

CREATE TABLE email_notifications (
    rule_id  TEXT NOT NULL PRIMARY KEY REFERENCES rules (id) ON DELETE CASCADE,
    enabled  INTEGER NOT NULL,
    dispatch TEXT NOT NULL,
    settings TEXT NOT NULL -- JSON
) STRICT;

-- Everything but the two columns that the detector asks for is sealed: the
-- address, the credentials, and the templates, which often carry a token.
CREATE TABLE http_notifications (
    rule_id  TEXT NOT NULL PRIMARY KEY REFERENCES rules (id) ON DELETE CASCADE,
    enabled  INTEGER NOT NULL,
    dispatch TEXT NOT NULL,
    settings TEXT NOT NULL -- sealed JSON
) STRICT;

CREATE TABLE rule_states (
    rule_id     TEXT NOT NULL PRIMARY KEY REFERENCES rules (id) ON DELETE CASCADE,
    evaluations INTEGER NOT NULL DEFAULT 0, -- ever recorded
    state       TEXT                        -- JSON
) STRICT;

-- A ring per rule: record n stands at place n modulo the number kept, so that
-- the newest are kept without a search for the old ones.
CREATE TABLE evaluations (
    rule_id    TEXT NOT NULL REFERENCES rules (id) ON DELETE CASCADE,
    place      INTEGER NOT NULL,
    n          INTEGER NOT NULL,
    evaluation TEXT NOT NULL, -- JSON
    PRIMARY KEY (rule_id, place)
) STRICT, WITHOUT ROWID;

-- No reference to rules: incidents and deliveries outlive them.
CREATE TABLE incidents (
    id          TEXT NOT NULL PRIMARY KEY,
    rule_id     TEXT NOT NULL,
    slot_end    INTEGER NOT NULL,
    owner       TEXT NOT NULL,
    assignee    TEXT,
    status      TEXT NOT NULL,
    detected_at INTEGER NOT NULL,
    incident    TEXT NOT NULL, -- JSON without rows and comments
    comments    TEXT NOT NULL, -- JSON
    UNIQUE (rule_id, slot_end)
) STRICT;

CREATE INDEX incidents_by_time ON incidents (detected_at, id);

CREATE TABLE incident_rows (
    incident_id TEXT NOT NULL PRIMARY KEY REFERENCES incidents (id) ON DELETE CASCADE,
    rows        TEXT NOT NULL -- JSON
) STRICT;

CREATE TABLE deliveries (
    id           TEXT NOT NULL PRIMARY KEY,
    incident_id  TEXT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
    rule_id      TEXT NOT NULL,
    channel      TEXT NOT NULL,
    lane         TEXT NOT NULL, -- rule and channel, so that one index step leads from lane to lane
    state        TEXT NOT NULL,
    attempts     INTEGER NOT NULL,
    due_at       INTEGER NOT NULL,
    available_at INTEGER NOT NULL, -- when a worker may take it: due_at, or the end of a lease
    leased       INTEGER NOT NULL DEFAULT 0,
    lease        INTEGER NOT NULL DEFAULT 0, -- fencing token
    last_error   TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    finished_at  INTEGER
) STRICT;

-- The state stands first although it is the same in all of a partial index: without
-- it SQLite prefers deliveries_by_state, and a claim reads every pending row.
CREATE INDEX deliveries_by_lane ON deliveries (state, lane, due_at, id) WHERE state = 'pending';
CREATE INDEX deliveries_available ON deliveries (state, available_at) WHERE state = 'pending';
CREATE INDEX deliveries_by_state ON deliveries (state, created_at, id);
CREATE INDEX deliveries_by_time ON deliveries (created_at, id);
CREATE INDEX deliveries_of_lane ON deliveries (lane, created_at);
CREATE INDEX deliveries_of_incident ON deliveries (incident_id);

CREATE TABLE delivery_attempts (
    id          INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    delivery_id TEXT NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
    at          INTEGER NOT NULL,
    detail      TEXT NOT NULL,
    duration_us INTEGER NOT NULL,
    outcome     TEXT NOT NULL,
    retry_at    INTEGER
) STRICT;

CREATE INDEX delivery_attempts_of ON delivery_attempts (delivery_id, id);

CREATE TABLE files (
    id         TEXT NOT NULL PRIMARY KEY,
    repo       TEXT NOT NULL,
    path       TEXT NOT NULL UNIQUE,
    row_count  INTEGER NOT NULL,
    bytes      INTEGER NOT NULL,
    min_log_ts INTEGER NOT NULL,
    max_log_ts INTEGER NOT NULL,
    min_seq    INTEGER NOT NULL,
    max_seq    INTEGER NOT NULL
) STRICT;

CREATE INDEX files_by_time ON files (min_log_ts, max_log_ts);
CREATE INDEX files_by_repo ON files (repo, min_log_ts, max_log_ts);

CREATE TABLE cursors (
    consumer TEXT NOT NULL PRIMARY KEY,
    seq      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE batch_keys (
    repo      TEXT NOT NULL,
    key       TEXT NOT NULL,
    first_seq INTEGER NOT NULL,
    events    INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    PRIMARY KEY (repo, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX batch_keys_by_time ON batch_keys (at);
