-- Users and tokens as LogicMonitor's clients see them: numbered, with roles that can be made,
-- and tokens of two kinds.

-- Roles. A role is referred to by name, which other tables compare; `folded` is what tells
-- names apart.
CREATE TABLE new_roles (
    id          INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name        TEXT NOT NULL UNIQUE,
    folded      TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    privileges  TEXT NOT NULL, -- JSON
    extra       TEXT NOT NULL DEFAULT '{}', -- JSON
    built_in    INTEGER NOT NULL DEFAULT 0,
    users       INTEGER NOT NULL DEFAULT 0 -- how many have it
) STRICT;

INSERT INTO new_roles (id, name, folded, built_in, description, privileges) VALUES
  (1, 'administrator', 'administrator', 1, 'May do and see everything.',
   '[{"objectType":"setting","objectId":"*","operation":"write"},{"objectType":"logs","objectId":"*","operation":"write"}]'),
  (2, 'manager', 'manager', 1, 'Manages everything but users and roles.',
   '[{"objectType":"setting","objectId":"useraccess.apitoken","operation":"write"},{"objectType":"logs","objectId":"*","operation":"write"}]'),
  (3, 'ackonly', 'ackonly', 1, 'Sees everything but users and roles, and works on incidents.',
   '[{"objectType":"setting","objectId":"useraccess.apitoken","operation":"write"},{"objectType":"logs","objectId":"*","operation":"ack"}]'),
  (4, 'readonly', 'readonly', 1, 'Sees everything but users and roles.',
   '[{"objectType":"setting","objectId":"useraccess.apitoken","operation":"write"},{"objectType":"logs","objectId":"*","operation":"read"}]');

CREATE TABLE new_user_roles (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    place   INTEGER NOT NULL,
    role    TEXT NOT NULL REFERENCES new_roles (name) ON UPDATE CASCADE,
    PRIMARY KEY (user_id, place),
    UNIQUE (role, user_id)
) STRICT, WITHOUT ROWID;

INSERT INTO new_user_roles (user_id, place, role)
SELECT user_id, min(place), role FROM user_roles GROUP BY user_id, role;

UPDATE new_roles SET users = (SELECT count(*) FROM new_user_roles u WHERE u.role = new_roles.name);

DROP TABLE user_roles;
DROP TABLE roles;
ALTER TABLE new_roles RENAME TO roles;
ALTER TABLE new_user_roles RENAME TO user_roles;

CREATE TRIGGER role_given AFTER INSERT ON user_roles
BEGIN
  UPDATE roles SET users = users + 1 WHERE name = NEW.role;
END;

CREATE TRIGGER role_taken AFTER DELETE ON user_roles
BEGIN
  UPDATE roles SET users = users - 1 WHERE name = OLD.role;
END;

-- Users. Numbers are counted by the counter `users`, so that none is used again.
ALTER TABLE users ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN first_name TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN last_name TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN api_only INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN created_by TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN extra TEXT NOT NULL DEFAULT '{}'; -- JSON

UPDATE users SET number = counted.number
FROM (SELECT id, row_number() OVER (ORDER BY created_at, id) AS number FROM users) AS counted
WHERE users.id = counted.id;

CREATE UNIQUE INDEX users_by_number ON users (number);

INSERT INTO counters (name, value) SELECT 'users', count(*) FROM users;

-- Tokens. What a list shows, filters and sorts by stands here; the keys stand apart, so that a
-- list does not read past them.
CREATE TABLE new_tokens (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    kind         INTEGER NOT NULL DEFAULT 0 CHECK (kind IN (0, 1)), -- 0 signs, 1 is a bearer's
    access_id    TEXT NOT NULL CHECK ((access_id = '') = kind),
    shown_key    TEXT NOT NULL DEFAULT '',
    user_id      TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    user_number  INTEGER NOT NULL,
    user_name    TEXT NOT NULL, -- follows the user's
    note         TEXT NOT NULL,
    status       INTEGER NOT NULL DEFAULT 2 CHECK (status IN (1, 2)), -- 1 is disabled
    -- Times of tokens are in seconds, as clients filter them, and 0 for never.
    created_on   INTEGER NOT NULL,
    created_by   TEXT NOT NULL DEFAULT '',
    last_used_on INTEGER NOT NULL DEFAULT 0,
    last_address TEXT NOT NULL DEFAULT '',
    expires_on   INTEGER NOT NULL DEFAULT 0,
    scopes       TEXT, -- JSON, or NULL for all that the owner may do
    networks     TEXT NOT NULL DEFAULT '[]', -- JSON
    rotated_to   INTEGER
) STRICT;

INSERT INTO new_tokens (id, access_id, user_id, user_number, user_name, note, status, created_on)
SELECT t.id, t.access_id, t.user_id, u.number, u.username, t.note, 2 - t.disabled,
  t.created_at / 1000000
FROM api_tokens t JOIN users u ON u.id = t.user_id ORDER BY t.id;

CREATE TABLE token_keys (
    token  INTEGER NOT NULL PRIMARY KEY REFERENCES new_tokens (id) ON DELETE CASCADE,
    sealed TEXT,        -- of a token that signs
    digest BLOB UNIQUE, -- SHA-256 of a bearer token
    CHECK ((sealed IS NULL) <> (digest IS NULL))
) STRICT;

INSERT INTO token_keys (token, sealed) SELECT id, access_key FROM api_tokens ORDER BY id;

DROP TABLE api_tokens;
ALTER TABLE new_tokens RENAME TO api_tokens;

CREATE UNIQUE INDEX api_tokens_by_access_id ON api_tokens (access_id) WHERE access_id <> '';
CREATE INDEX api_tokens_of_user ON api_tokens (user_id, last_used_on);

-- One for each column that lists are sorted by. The kind stands last: SQLite would take
-- an index that begins with it for one that tells rows apart.
CREATE INDEX api_tokens_access_id ON api_tokens (access_id COLLATE NOCASE, kind);
CREATE INDEX api_tokens_user_number ON api_tokens (user_number, kind);
CREATE INDEX api_tokens_user_name ON api_tokens (user_name COLLATE NOCASE, kind);
CREATE INDEX api_tokens_created_by ON api_tokens (created_by COLLATE NOCASE, kind);
CREATE INDEX api_tokens_created_on ON api_tokens (created_on, kind);
CREATE INDEX api_tokens_expires_on ON api_tokens (expires_on, kind);
CREATE INDEX api_tokens_last_address ON api_tokens (last_address COLLATE NOCASE, kind);
CREATE INDEX api_tokens_last_used_on ON api_tokens (last_used_on, kind);
CREATE INDEX api_tokens_note ON api_tokens (note COLLATE NOCASE, kind);
CREATE INDEX api_tokens_status ON api_tokens (status, kind);

CREATE TRIGGER user_renamed AFTER UPDATE OF username ON users
BEGIN
  UPDATE api_tokens SET user_name = NEW.username WHERE user_id = NEW.id;
END;
