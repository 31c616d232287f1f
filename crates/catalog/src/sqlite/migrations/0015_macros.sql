-- Named pieces of queries.
CREATE TABLE macros (
    name        TEXT PRIMARY KEY, -- in upper case
    parameters  TEXT NOT NULL,    -- JSON array of names
    text        TEXT NOT NULL,
    description TEXT NOT NULL,
    updated_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counters (name, value) VALUES ('macros', 0);
