-- What the file holds is described in docs/history.md.

-- What a program calls its release, NULL where it does not say.
ALTER TABLE writers ADD COLUMN version TEXT;

-- The start of the first row among hours; NULL of a writer that an earlier release made.
ALTER TABLE writers ADD COLUMN first_start INTEGER;

-- Rows of minutes, which seconds is 60 of, and of hours, 3600. An error without a text has an empty one.
CREATE TABLE errors (
    seconds INTEGER NOT NULL,
    start INTEGER NOT NULL,
    series INTEGER NOT NULL,
    writer INTEGER NOT NULL,
    status INTEGER NOT NULL,
    error TEXT NOT NULL,
    count INTEGER NOT NULL,
    first_ns INTEGER NOT NULL,
    last_ns INTEGER NOT NULL,
    PRIMARY KEY (seconds, start, series, writer, status, error)
) WITHOUT ROWID;
