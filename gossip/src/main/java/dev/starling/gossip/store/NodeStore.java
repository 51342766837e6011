package dev.starling.gossip.store;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.HybridTime;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberStatus;
import dev.starling.gossip.trust.PrivateFile;
import dev.starling.gossip.trust.TrustException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a node has on disk. Each save is one transaction, durable when it returns, and blocks for as long as the disk takes: give it
 * a thread of its own. Methods may be called from any thread, one runs at a time.
 *
 * <p>The store keeps what it is given; whether one register supersedes another is decided before (the join is gossip's).
 *
 * <p>A damaged database is moved aside and the node starts with an empty one ({@link #movedAside}): its peers have the desired state.
 * The boot generation survives that in a second file.
 */
public final class NodeStore implements AutoCloseable {
    /** Far above what a cluster's desired state takes; a bound, so that a runaway writer cannot fill the disk. */
    public static final long DEFAULT_MAX_BYTES = 1L << 30;

    private static final Logger LOG = LoggerFactory.getLogger(NodeStore.class);
    private static final String DATABASE_FILE = "state.db";
    private static final String BOOT_FILE = "boot";

    private final Path file;
    private final long maxBytes;
    private final BootFile bootFile;
    private Database database;
    private Path movedAside;
    /** A boot number that is in use and not on disk yet, since the disk refused it; 0 for none. */
    private long owedBoot;

    private NodeStore(Path file, long maxBytes) {
        this.file = file;
        this.maxBytes = maxBytes;
        this.bootFile = new BootFile(file.resolveSibling(BOOT_FILE));
        openDatabase();
    }

    /** The store in {@code directory}, made where there is none. */
    public static NodeStore open(Path directory) {
        return open(directory, DEFAULT_MAX_BYTES);
    }

    /** @throws StoreException where it cannot be opened; a damaged database is no such case */
    public static NodeStore open(Path directory, long maxBytes) {
        return new NodeStore(directory.resolve(DATABASE_FILE), maxBytes);
    }

    private void openDatabase() {
        try {
            PrivateFile.makeDirectory(file.getParent());
            if (!Files.exists(file)) { // SQLite would make it readable for all; its journals take the rights of the file
                Files.createFile(file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
            }
            NativeLibraryHome.choose(file.getParent());
        } catch (IOException e) {
            throw StoreException.file(file, "preparing its directory", e);
        }
        try {
            database = Database.open(file, maxBytes);
        } catch (StoreException e) {
            if (e.reason() != StoreException.Reason.CORRUPT) {
                throw e;
            }
            movedAside = moveAside();
            LOG.error("{}; it was moved to {}, this node starts with an empty store and learns the cluster's state from its peers", e.getMessage(), movedAside);
            database = Database.open(file, maxBytes);
        }
    }

    private Path moveAside() {
        try {
            return Database.moveAside(file);
        } catch (IOException e) {
            throw StoreException.file(file, "moving the damaged file aside", e);
        }
    }

    /**
     * After a failure: closes the database and opens what its name leads to now, a new one where that is damaged or gone. It may hold
     * less than was saved before, so {@link #replaceAll} has to follow.
     */
    public synchronized void reopen() {
        try {
            database.close();
        } catch (StoreException e) {
            LOG.debug("{}", e.getMessage()); // it is left because it is broken
        }
        openDatabase();
    }

    /** @throws StoreException with reason LOST where somebody has removed or replaced the database since it was opened */
    public synchronized void requireInPlace() {
        database.requireInPlace("looking after it");
    }

    /** Where the damaged database went that was last found; null where each was sound. */
    public Path movedAside() {
        return movedAside;
    }

    // ---- this node

    /**
     * Counts one more start of the agent: greater than every number returned before, also by earlier runs. It is durable when this returns,
     * but on a disk that takes no write: then with the first write that succeeds. Until then the wall clock, which it follows, keeps it growing.
     *
     * @param random see {@link Member#nextBoot}
     */
    public synchronized long nextBoot(long wallMillis, RandomGenerator random) {
        long next = Member.nextBoot(Math.max(readBootFile(), meta("boot").map(Long::parseLong).orElse(0L)), wallMillis, random);
        owedBoot = next;
        try {
            saveOwedBoot();
        } catch (StoreException e) {
            LOG.error("the boot number {} is not on disk yet: {}", next, e.getMessage());
        }
        return next;
    }

    private long readBootFile() {
        try {
            return bootFile.read();
        } catch (TrustException e) {
            throw StoreException.file(bootFile.path(), "reading the boot number", e);
        }
    }

    private void saveOwedBoot() {
        if (owedBoot == 0) {
            return;
        }
        try {
            bootFile.write(owedBoot);
        } catch (TrustException e) {
            throw StoreException.file(bootFile.path(), "counting this start", e);
        }
        setMeta("boot", Long.toString(owedBoot));
        owedBoot = 0;
    }

    private Optional<String> meta(String key) {
        return database.transaction("reading " + key, connection -> {
            try (PreparedStatement select = connection.prepareStatement("SELECT value FROM meta WHERE key=?")) {
                select.setString(1, key);
                try (ResultSet row = select.executeQuery()) {
                    return row.next() ? Optional.of(row.getString(1)) : Optional.empty();
                }
            }
        });
    }

    private void setMeta(String key, String value) {
        database.transaction("saving " + key, connection -> {
            try (PreparedStatement upsert = connection.prepareStatement("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)")) {
                upsert.setString(1, key);
                upsert.setString(2, value);
                return upsert.executeUpdate();
            }
        });
    }

    // ---- all of it

    /** One transaction. @param record keys without a value are removed @param members replace all that were saved before; null leaves them */
    public synchronized void save(Collection<DesiredObject> desired, Map<String, Optional<Bytes>> record, Collection<Member> members) {
        saveOwedBoot();
        database.transaction("saving " + desired.size() + " desired objects and " + record.size() + " keys of the own record", connection -> {
            put(connection, desired, record, members);
            return null;
        });
    }

    /** As {@link #save}, and nothing else is kept: for a database that may not hold what was saved before. */
    public synchronized void replaceAll(Collection<DesiredObject> desired, Map<String, Optional<Bytes>> record, Collection<Member> members) {
        saveOwedBoot();
        database.transaction("saving all there is", connection -> {
            try (Statement statement = connection.createStatement()) {
                statement.executeUpdate("DELETE FROM desired");
                statement.executeUpdate("DELETE FROM own_record");
            }
            put(connection, desired, record, members);
            return null;
        });
    }

    private static void put(Connection connection, Collection<DesiredObject> desired, Map<String, Optional<Bytes>> record,
            Collection<Member> members) throws SQLException {
        if (!desired.isEmpty()) {
            putDesired(connection, desired);
        }
        if (!record.isEmpty()) {
            putRecord(connection, record);
        }
        if (members != null) {
            putMembers(connection, members);
        }
    }

    // ---- desired state

    /** Each object replaces the one of its uid. */
    public void saveDesired(Collection<DesiredObject> objects) {
        save(objects, Map.of(), null);
    }

    private static void putDesired(Connection connection, Collection<DesiredObject> objects) throws SQLException {
        try (PreparedStatement upsert = connection.prepareStatement("""
                INSERT INTO desired (uid, kind, created, generation, time, writer, deleted, body, signature, certificate)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (uid) DO UPDATE SET kind=excluded.kind, created=excluded.created,
                generation=excluded.generation, time=excluded.time, writer=excluded.writer, deleted=excluded.deleted, body=excluded.body,
                signature=excluded.signature, certificate=excluded.certificate""")) {
            for (DesiredObject object : objects) {
                upsert.setString(1, object.uid());
                upsert.setInt(2, object.kindCode());
                upsert.setLong(3, object.created().packed());
                upsert.setLong(4, object.generation());
                upsert.setLong(5, object.time().packed());
                upsert.setString(6, object.writer().value());
                upsert.setBoolean(7, object.deleted());
                upsert.setBytes(8, object.body().array());
                upsert.setBytes(9, object.signature().array());
                upsert.setBytes(10, object.certificate().array());
                upsert.addBatch();
            }
            upsert.executeBatch();
        }
    }

    /** All objects, tombstones too, in the order of their uids. */
    public synchronized List<DesiredObject> loadDesired() {
        return database.transaction("loading the desired state", connection -> list(connection, "SELECT * FROM desired ORDER BY uid", row ->
                new DesiredObject(row.getInt("kind"), row.getString("uid"), new HybridTime(row.getLong("created")),
                        row.getLong("generation"), new HybridTime(row.getLong("time")), new NodeId(row.getString("writer")),
                        row.getBoolean("deleted"), bytes(row, "body"), bytes(row, "signature"), bytes(row, "certificate"))));
    }

    // ---- own record

    /** Sets the keys that have a value and removes those that have none. */
    public void saveRecord(Map<String, Optional<Bytes>> changes) {
        save(List.of(), changes, null);
    }

    /** In place where the key is there: a page or two, where INSERT OR REPLACE moves the row and touches twice as many. */
    private static void putRecord(Connection connection, Map<String, Optional<Bytes>> changes) throws SQLException {
        try (PreparedStatement upsert = connection.prepareStatement(
                "INSERT INTO own_record (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value=excluded.value");
                PreparedStatement delete = connection.prepareStatement("DELETE FROM own_record WHERE key=?")) {
            for (Map.Entry<String, Optional<Bytes>> change : changes.entrySet()) {
                if (change.getValue().isPresent()) {
                    upsert.setString(1, change.getKey());
                    upsert.setBytes(2, change.getValue().get().array());
                    upsert.addBatch();
                } else {
                    delete.setString(1, change.getKey());
                    delete.addBatch();
                }
            }
            upsert.executeBatch();
            delete.executeBatch();
        }
    }

    public synchronized SortedMap<String, Bytes> loadRecord() {
        return database.transaction("loading the own record", connection -> {
            SortedMap<String, Bytes> record = new TreeMap<>();
            list(connection, "SELECT key, value FROM own_record", row -> record.put(row.getString("key"), bytes(row, "value")));
            return record;
        });
    }

    // ---- members

    /** {@code members} replace all that were saved before. */
    public void saveMembers(Collection<Member> members) {
        save(List.of(), Map.of(), members);
    }

    private static void putMembers(Connection connection, Collection<Member> members) throws SQLException {
        try (PreparedStatement clear = connection.prepareStatement("DELETE FROM members");
                PreparedStatement insert = connection.prepareStatement(
                        "INSERT INTO members (id, host, port, role, boot, incarnation, status, key, signature) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")) {
            clear.executeUpdate();
            for (Member member : members) {
                insert.setString(1, member.id().value());
                insert.setString(2, member.endpoint().host());
                insert.setInt(3, member.endpoint().port());
                insert.setString(4, member.role().name());
                insert.setLong(5, member.boot());
                insert.setLong(6, member.incarnation());
                insert.setString(7, member.status().name());
                insert.setBytes(8, member.key().array());
                insert.setBytes(9, member.signature().array());
                insert.addBatch();
            }
            insert.executeBatch();
        }
    }

    /** The members as last saved, by id; but for those that a release saved which did not know of their signatures, since nobody would believe them. */
    public synchronized List<Member> loadMembers() {
        return database.transaction("loading the members", connection -> list(connection, "SELECT * FROM members WHERE length(key) > 0 ORDER BY id", row ->
                new Member(new NodeId(row.getString("id")), new Endpoint(row.getString("host"), row.getInt("port")), Role.valueOf(row.getString("role")),
                        row.getLong("boot"), row.getLong("incarnation"), MemberStatus.valueOf(row.getString("status")),
                        Bytes.wrap(row.getBytes("key")), Bytes.wrap(row.getBytes("signature")))));
    }

    @Override
    public synchronized void close() {
        database.close();
    }

    @Override
    public String toString() {
        return "the node's store " + file;
    }

    @FunctionalInterface
    private interface Row<T> {
        T read(ResultSet row) throws SQLException;
    }

    private static <T> List<T> list(Connection connection, String sql, Row<T> reader) throws SQLException {
        try (PreparedStatement select = connection.prepareStatement(sql); ResultSet rows = select.executeQuery()) {
            List<T> found = new ArrayList<>();
            while (rows.next()) {
                found.add(reader.read(rows));
            }
            return found;
        }
    }

    private static Bytes bytes(ResultSet row, String column) throws SQLException {
        byte[] value = row.getBytes(column);
        return value == null ? Bytes.EMPTY : Bytes.wrap(value);
    }
}
