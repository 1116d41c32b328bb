-- What the file holds is described in docs/history.md.

-- The first table, so that it stays on its page for ever: by what it says, a file is known also where
-- only some of its pages are written back from the log.
CREATE TABLE state (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;

-- Numbers are never given twice, so that nobody takes a later writer or series for one that went.
CREATE TABLE writers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    started_ns INTEGER NOT NULL,
    source TEXT NOT NULL,
    hour_shift INTEGER NOT NULL,
    flushes INTEGER NOT NULL,
    last_start INTEGER NOT NULL,
    UNIQUE (host, pid, started_ns, source)
);

CREATE TABLE series (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    unit TEXT NOT NULL,
    method TEXT NOT NULL,
    status_class INTEGER NOT NULL,
    session TEXT NOT NULL,
    last_start INTEGER NOT NULL,
    UNIQUE (kind, name, unit, method, status_class, session)
);

CREATE TABLE minutes (
    start INTEGER NOT NULL,
    series INTEGER NOT NULL,
    writer INTEGER NOT NULL,
    count INTEGER NOT NULL,
    sum REAL,
    sum_squares REAL,
    min REAL,
    max REAL,
    first_ns INTEGER NOT NULL,
    last_ns INTEGER NOT NULL,
    buckets BLOB NOT NULL,
    PRIMARY KEY (start, series, writer)
) WITHOUT ROWID;

CREATE TABLE hours (
    start INTEGER NOT NULL,
    series INTEGER NOT NULL,
    writer INTEGER NOT NULL,
    count INTEGER NOT NULL,
    sum REAL,
    sum_squares REAL,
    min REAL,
    max REAL,
    first_ns INTEGER NOT NULL,
    last_ns INTEGER NOT NULL,
    buckets BLOB NOT NULL,
    PRIMARY KEY (start, series, writer)
) WITHOUT ROWID;
