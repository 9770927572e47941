/// The tables of a store, in the versions that there have been.
enum SQLiteSchema {
    /// `PRAGMA application_id`: the bytes "dndl".
    static let application: Int64 = 0x646e_646c
    static let version: Int64 = 1

    /// What is removed is not overwritten, as Debian's build does: on a full disk nothing could end any more.
    ///
    /// Group commit: a transaction is written to the log and synced once, however many changes are in it. The log goes into the
    /// database when it has some tens of megabytes.
    static let writer = """
        PRAGMA auto_vacuum = INCREMENTAL;
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = FULL;
        PRAGMA secure_delete = OFF;
        PRAGMA wal_autocheckpoint = 8192;
        PRAGMA journal_size_limit = 67108864;
        PRAGMA cache_size = -4096;
        PRAGMA temp_store = MEMORY;
        """

    static let reader = """
        PRAGMA query_only = ON;
        PRAGMA cache_size = -1024;
        PRAGMA temp_store = MEMORY;
        """

    /// Inputs and results lie apart, so that looking through the invocations reads none of them. What changes most often, what
    /// has not ended, has an index of its own, which is short.
    static let tables = """
        BEGIN IMMEDIATE;
        CREATE TABLE invocations(
            id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, space TEXT NOT NULL, name TEXT NOT NULL, class TEXT,
            fresh INTEGER NOT NULL, time INTEGER NOT NULL, schedule TEXT, state INTEGER NOT NULL, attempts INTEGER NOT NULL,
            accepted INTEGER NOT NULL, begun INTEGER NOT NULL, due INTEGER NOT NULL, ended INTEGER NOT NULL,
            input INTEGER NOT NULL, result INTEGER NOT NULL, exit INTEGER NOT NULL, timeline TEXT, failure TEXT);
        CREATE INDEX of_owner ON invocations(tenant, space, id);
        CREATE INDEX open ON invocations(id) WHERE state < 2;
        CREATE INDEX troubled ON invocations(tenant, space, state, id) WHERE state > 4;
        CREATE INDEX over ON invocations(ended) WHERE state > 1;
        CREATE TABLE inputs(id INTEGER PRIMARY KEY, data BLOB NOT NULL);
        CREATE TABLE results(id INTEGER PRIMARY KEY, data BLOB NOT NULL);
        CREATE TABLE keys(
            tenant TEXT NOT NULL, space TEXT NOT NULL, key TEXT NOT NULL, id INTEGER NOT NULL,
            fingerprint BLOB NOT NULL, ends INTEGER NOT NULL, PRIMARY KEY(tenant, space, key)) WITHOUT ROWID;
        CREATE INDEX keys_end ON keys(ends);
        CREATE TABLE effects(
            number INTEGER PRIMARY KEY, id INTEGER NOT NULL, place TEXT NOT NULL, digest TEXT NOT NULL,
            function TEXT NOT NULL, item TEXT NOT NULL, doubted INTEGER NOT NULL, data BLOB);
        CREATE UNIQUE INDEX effects_place ON effects(id, place);
        CREATE TABLE schedules(
            number INTEGER PRIMARY KEY, tenant TEXT NOT NULL, space TEXT NOT NULL, name TEXT NOT NULL,
            target TEXT NOT NULL, class TEXT, fresh INTEGER NOT NULL, time INTEGER NOT NULL, cron TEXT,
            every INTEGER NOT NULL, zone TEXT NOT NULL, missed TEXT NOT NULL, next INTEGER NOT NULL,
            last INTEGER NOT NULL, last_id INTEGER, input INTEGER NOT NULL, data BLOB NOT NULL);
        CREATE UNIQUE INDEX schedules_name ON schedules(tenant, space, name);
        PRAGMA user_version = 1;
        PRAGMA application_id = \(application);
        COMMIT;
        """
}
