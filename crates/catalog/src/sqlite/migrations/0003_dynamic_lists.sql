-- Lists that queries feed: each value with the time at which it was seen last.

-- Of dynamic lists only.
ALTER TABLE lists ADD COLUMN age_limit_minute INTEGER;

CREATE TABLE fed_values (
    list    INTEGER NOT NULL REFERENCES lists (number) ON DELETE CASCADE,
    folded  TEXT NOT NULL, -- what tells values apart: the value in lower case
    value   TEXT NOT NULL,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (list, folded)
) STRICT, WITHOUT ROWID;

CREATE INDEX fed_values_by_age ON fed_values (list, seen_at);
