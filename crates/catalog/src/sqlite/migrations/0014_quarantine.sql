-- The checksum (CRC-32) of an event file as it was written; of older files none is known.
ALTER TABLE files ADD COLUMN crc32 INTEGER;

-- Event files that cannot be read: no search asks for them, and every search whose range they
-- touch says so.
CREATE TABLE quarantined_files (
    id             TEXT NOT NULL PRIMARY KEY,
    repo           TEXT NOT NULL,
    path           TEXT NOT NULL UNIQUE,
    row_count      INTEGER NOT NULL,
    bytes          INTEGER NOT NULL,
    min_log_ts     INTEGER NOT NULL,
    max_log_ts     INTEGER NOT NULL,
    min_seq        INTEGER NOT NULL,
    max_seq        INTEGER NOT NULL,
    crc32          INTEGER,
    reason         TEXT NOT NULL,
    quarantined_at INTEGER NOT NULL
) STRICT;
