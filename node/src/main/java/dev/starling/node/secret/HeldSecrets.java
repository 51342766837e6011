package dev.starling.node.secret;

import dev.starling.gossip.trust.PrivateFile;
import dev.starling.gossip.trust.SealingKey;
import dev.starling.gossip.trust.TrustException;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The secrets of this node's tasks, on its own disk and sealed with its own key: a node that boots on an island, with no manager in reach,
 * starts what it had claimed. One file a secret, named by its uid; gone a while after the last task that needed it. The while is for
 * a task that failed and its successor that is not there yet.
 */
public final class HeldSecrets {
    private static final Logger LOG = LoggerFactory.getLogger(HeldSecrets.class);
    static final long KEEP_MILLIS = 60_000;
    private static final Pattern UID = Pattern.compile("[a-z0-9]{1,64}");
    private static final int MAX_FILE_BYTES = 1 << 20;

    private final Path directory;
    private final SealingKey key;
    /** Secrets that no task needs -> since when, monotonic milliseconds. */
    private final Map<String, Long> unneeded = new TreeMap<>();

    public HeldSecrets(Path directory, SealingKey key) {
        this.directory = directory;
        this.key = key;
    }

    /** Null where it is not held, or what is there cannot be opened. */
    synchronized byte[] find(String uid) {
        PrivateFile file = file(uid);
        if (!file.exists()) {
            return null;
        }
        try {
            return key.open(file.readBytes(MAX_FILE_BYTES), context(uid));
        } catch (TrustException e) {
            LOG.warn("the held secret {} is of no use and is asked for again: {}", file.path(), e.getMessage());
            return null;
        }
    }

    synchronized boolean has(String uid) {
        return UID.matcher(uid).matches() && file(uid).exists();
    }

    /** A disk that refuses it costs the node its independence, not the task its start. */
    synchronized void put(String uid, byte[] value) {
        try {
            Files.createDirectories(directory, java.nio.file.attribute.PosixFilePermissions.asFileAttribute(
                    java.nio.file.attribute.PosixFilePermissions.fromString("rwx------")));
            file(uid).writeBytes(key.seal(value, context(uid)));
        } catch (IOException | TrustException e) {
            LOG.warn("a secret could not be kept, so tasks that use it will not start without a manager in reach: {}", e.toString());
        }
    }

    /** Deletes what has not been needed for {@link #KEEP_MILLIS}. Called every now and then. */
    public synchronized void sweep(Set<String> needed, long nowMillis) {
        Set<String> held = held();
        unneeded.keySet().removeIf(uid -> needed.contains(uid) || !held.contains(uid));
        for (String uid : held) {
            if (!needed.contains(uid) && nowMillis - unneeded.computeIfAbsent(uid, first -> nowMillis) >= KEEP_MILLIS) {
                delete(uid);
            }
        }
    }

    private void delete(String uid) {
        try {
            Files.deleteIfExists(directory.resolve(uid));
        } catch (IOException e) {
            LOG.warn("the held secret {} cannot be deleted: {}", directory.resolve(uid), e.toString());
        }
    }

    /** What is there, remains of a write that a power cut ended included. */
    private Set<String> held() {
        Set<String> names = new TreeSet<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
            files.forEach(file -> names.add(file.getFileName().toString()));
        } catch (NoSuchFileException e) {
            return names; // none was ever held
        } catch (IOException e) {
            LOG.warn("held secrets cannot be listed: {}", e.toString());
        }
        return names;
    }

    private PrivateFile file(String uid) {
        if (!UID.matcher(uid).matches()) {
            throw new IllegalArgumentException("\"" + uid + "\" is no id of a secret");
        }
        return new PrivateFile(directory.resolve(uid));
    }

    private static String context(String uid) {
        return "held secret " + uid;
    }
}
