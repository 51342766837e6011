package dev.starling.gossip.store;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;

/**
 * One SQLite file, opened for this process alone, checked, and brought to the current schema. Commits are on the disk when they
 * return (WAL, synchronous=FULL). A damaged file is moved aside, never deleted: someone may want to look into it.
 */
final class Database implements AutoCloseable {
    static final int SCHEMA_VERSION = 2;

    private static final int PAGE_BYTES = 4096;
    private static final int BUSY_MILLIS = 200; // an agent that is just ending
    private static final String[] SCHEMA = {
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        """
        CREATE TABLE desired (
          uid TEXT PRIMARY KEY, kind INTEGER NOT NULL, created INTEGER NOT NULL, generation INTEGER NOT NULL, time INTEGER NOT NULL,
          writer TEXT NOT NULL, deleted INTEGER NOT NULL, body BLOB NOT NULL, signature BLOB NOT NULL, certificate BLOB NOT NULL)""",
        "CREATE TABLE own_record (key TEXT PRIMARY KEY, value BLOB NOT NULL)",
        """
        CREATE TABLE members (
          id TEXT PRIMARY KEY, host TEXT NOT NULL, port INTEGER NOT NULL, role TEXT NOT NULL, boot INTEGER NOT NULL,
          incarnation INTEGER NOT NULL, status TEXT NOT NULL) WITHOUT ROWID""",
    };
    /** Members carry the signature of what they say of themselves. */
    private static final String[] TO_VERSION_2 = {
        "ALTER TABLE members ADD COLUMN key BLOB NOT NULL DEFAULT x''", "ALTER TABLE members ADD COLUMN signature BLOB NOT NULL DEFAULT x''",
    };

    @FunctionalInterface
    interface Work<T> {
        T run(Connection connection) throws SQLException;
    }

    private final Path file;
    private final Connection connection;
    /** Device and inode of the files that are open, to tell whether a name still leads to them. */
    private final Object openFile;
    private final Object openJournal;

    private Database(Path file, Connection connection) {
        this.file = file;
        this.connection = connection;
        this.openFile = fileKey(file);
        this.openJournal = fileKey(journal(file));
    }

    /** @throws StoreException with reason CORRUPT where the file is damaged: {@link #moveAside} it and open again */
    static Database open(Path file, long maxBytes) {
        Connection connection = null;
        try {
            connection = DriverManager.getConnection("jdbc:sqlite:" + file);
            try (Statement statement = connection.createStatement()) {
                statement.execute("PRAGMA busy_timeout=" + BUSY_MILLIS);
                statement.execute("PRAGMA page_size=" + PAGE_BYTES);
                statement.execute("PRAGMA locking_mode=EXCLUSIVE");
                statement.execute("PRAGMA journal_mode=WAL");
                statement.execute("PRAGMA synchronous=FULL");
                statement.execute("PRAGMA max_page_count=" + Math.max(16, maxBytes / PAGE_BYTES));
                statement.execute("BEGIN IMMEDIATE"); // takes the lock: an agent that runs already is found here, not later
                statement.execute("COMMIT");
                try (ResultSet finding = statement.executeQuery("PRAGMA quick_check(1)")) {
                    if (finding.next() && !finding.getString(1).equals("ok")) {
                        throw StoreException.damaged(file, finding.getString(1));
                    }
                }
                migrate(file, statement);
            }
            connection.setAutoCommit(false);
            return new Database(file, connection);
        } catch (SQLException e) {
            closeQuietly(connection, e);
            throw StoreException.of(file, "opening it", e);
        } catch (StoreException e) {
            closeQuietly(connection, e);
            throw e;
        }
    }

    private static void migrate(Path file, Statement statement) throws SQLException {
        int found;
        try (ResultSet version = statement.executeQuery("PRAGMA user_version")) {
            found = version.getInt(1);
        }
        if (found > SCHEMA_VERSION) {
            throw StoreException.tooNew(file, found, SCHEMA_VERSION);
        }
        if (found < SCHEMA_VERSION) {
            statement.execute("BEGIN IMMEDIATE");
            for (String sql : found == 0 ? SCHEMA : new String[0]) {
                statement.execute(sql);
            }
            for (String sql : TO_VERSION_2) {
                statement.execute(sql);
            }
            statement.execute("PRAGMA user_version=" + SCHEMA_VERSION);
            statement.execute("COMMIT");
        }
    }

    /** Renames a damaged file and what belongs to it; returns the new name. */
    static Path moveAside(Path file) throws IOException {
        String stamp = DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss").withZone(ZoneOffset.UTC).format(Instant.now());
        Path aside = file.resolveSibling(file.getFileName() + ".damaged-" + stamp);
        for (int i = 1; Files.exists(aside); i++) {
            aside = file.resolveSibling(file.getFileName() + ".damaged-" + stamp + "-" + i);
        }
        Files.move(file, aside);
        for (String suffix : new String[] {"-wal", "-shm"}) {
            Path part = file.resolveSibling(file.getFileName() + suffix);
            if (Files.exists(part)) {
                Files.move(part, aside.resolveSibling(aside.getFileName() + suffix));
            }
        }
        return aside;
    }

    /** @throws StoreException with reason LOST where somebody has removed or replaced the file: what is written to it is lost */
    void requireInPlace(String doing) {
        if (openFile == null || !openFile.equals(fileKey(file)) || openJournal != null && !openJournal.equals(fileKey(journal(file)))) {
            throw StoreException.lost(file, doing);
        }
    }

    private static Path journal(Path file) {
        return file.resolveSibling(file.getFileName() + "-wal");
    }

    private static Object fileKey(Path file) {
        try {
            return Files.readAttributes(file, BasicFileAttributes.class).fileKey();
        } catch (IOException e) {
            return null;
        }
    }

    /** Runs {@code work} in one transaction: all of it is on the disk when this returns, or none of it where this throws. */
    <T> T transaction(String doing, Work<T> work) {
        try {
            T result = work.run(connection);
            connection.commit();
            requireInPlace(doing);
            return result;
        } catch (StoreException e) {
            throw e;
        } catch (SQLException e) {
            rollback(e);
            throw StoreException.of(file, doing, e);
        } catch (RuntimeException e) {
            rollback(e);
            throw StoreException.file(file, doing, e);
        }
    }

    private void rollback(Exception because) {
        try {
            connection.rollback();
        } catch (SQLException alreadyRolledBack) { // SQLite does so by itself where the disk is full; the driver then begins no new one
            try (Statement statement = connection.createStatement()) {
                statement.execute("BEGIN");
            } catch (SQLException e) {
                because.addSuppressed(alreadyRolledBack);
                because.addSuppressed(e);
            }
        }
    }

    @Override
    public void close() {
        try {
            connection.close();
        } catch (SQLException e) {
            throw StoreException.of(file, "closing it", e);
        }
    }

    private static void closeQuietly(Connection connection, Exception because) {
        if (connection != null) {
            try {
                connection.close();
            } catch (SQLException e) {
                because.addSuppressed(e);
            }
        }
    }
}
