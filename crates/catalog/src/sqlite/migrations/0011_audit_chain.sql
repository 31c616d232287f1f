-- What was asked for by a request that was refused.
ALTER TABLE audit ADD COLUMN method TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN path TEXT NOT NULL DEFAULT '';

-- The chain of the audit log. What the hash covers is written in src/audit_chain.rs.
CREATE TABLE audit_blocks (
    last_id  INTEGER NOT NULL PRIMARY KEY,
    first_id INTEGER NOT NULL,
    hash     BLOB NOT NULL CHECK (length(hash) = 32),
    marks    BLOB NOT NULL -- by which the entry is found that does not fit
) STRICT;
