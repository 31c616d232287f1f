-- Other instances that this one searches, and the nodes of those that were removed.

CREATE TABLE instances (
    id         TEXT NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    node       TEXT NOT NULL UNIQUE,
    settings   TEXT NOT NULL, -- the instance without its health
    access_key TEXT NOT NULL, -- sealed
    health     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE removed_nodes (
    node       TEXT NOT NULL PRIMARY KEY,
    removed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
