package dev.starling.gossip.trust;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/**
 * Where a node's private keys rest: as they are (0600), or, on a manager of a cluster with autolock, sealed, so that whoever takes the disk
 * has nothing. Each file is sealed ({@link SealingKey}, bound to the file's name) with a key of the vault's own, which lies in
 * {@code vault.lock}, sealed with one derived from the {@link UnlockKey}. So a change of the unlock key is one atomic write.
 *
 * <pre>
 *   OPEN    no vault.lock: files are plain                    -- seal -->     SEALED
 *   SEALED  vault.lock is sealed, its key is in memory        -- unseal -->   OPEN      -- the agent starts anew --> LOCKED
 *   LOCKED  vault.lock is sealed, its key unknown             -- unlock -->   SEALED    -- lock -->   LOCKED
 *   OPENING vault.lock holds its key in the clear             -- unseal -->   OPEN
 * </pre>
 *
 * The one write of the lock decides, whenever a power cut comes or the agent is stopped. {@code seal} writes it, sealed, before it encrypts the
 * first file: a plain file under such a lock is read all the same, and sealed at the next unlock. {@code unseal} first puts the vault's own key
 * into it in the clear: from then on nobody needs an unlock key, which the cluster would not give out any more, and what is still encrypted is read
 * with that; the next {@code unseal} goes on from there. The lock goes after the last file is plain.
 *
 * <p>{@link #KEY_FILES} are those that {@code seal} takes in; others may be read and written too. Safe for use by several threads.
 */
public final class KeyVault {
    /** The node's key, the CA's keys, and the cluster's data key, which secrets are sealed with. */
    public static final List<String> KEY_FILES = List.of(NodeKey.KEY_FILE, "ca-key.pem", "data-key.pem");

    private static final String LOCK_FILE = "vault.lock";
    private static final String LABEL = "STARLING SEALED KEY";
    private static final String CONTEXT = "key vault, ";

    private final Path directory;
    /** Null while open, locked or opening. */
    private SealingKey vaultKey;

    private KeyVault(Path directory) {
        this.directory = directory;
    }

    public static KeyVault at(Path directory) {
        return new KeyVault(directory);
    }

    /** Whether the keys can be read only after {@link #unlock}. */
    public synchronized boolean isLocked() {
        return vaultKey == null && file(LOCK_FILE).exists() && isEncrypted(file(LOCK_FILE).read());
    }

    /** Whether what is written is encrypted. */
    public synchronized boolean isSealed() {
        return vaultKey != null;
    }

    /** @throws TrustException where {@code key} is not the one; the vault stays locked */
    public synchronized void unlock(UnlockKey key) {
        vaultKey = SealingKey.ofPem(decrypt(key.sealingKey(), LOCK_FILE, file(LOCK_FILE).read()));
        encryptFiles(); // of a power cut while they were sealed
    }

    /** Forgets the vault's key, as a start does. */
    public synchronized void lock() {
        vaultKey = null;
    }

    /** From now on, and after each start, {@code key} is needed. One that is sealed takes {@code key} instead of the old one. */
    public synchronized void seal(UnlockKey key) {
        SealingKey held = heldKey();
        SealingKey data = held == null ? SealingKey.generate() : held;
        file(LOCK_FILE).write(encrypt(key.sealingKey(), LOCK_FILE, data.pem()));
        vaultKey = data;
        encryptFiles();
    }

    /** Files are plain from now on. @return whether this was still to do */
    public synchronized boolean unseal() {
        SealingKey held = heldKey();
        if (held == null) {
            return false;
        }
        file(LOCK_FILE).write(held.pem()); // here it is decided
        for (String name : KEY_FILES) {
            if (file(name).exists()) {
                file(name).write(read(name));
            }
        }
        delete(LOCK_FILE);
        vaultKey = null;
        return true;
    }

    /** What files are encrypted with, or may be where {@link #unseal} did not come to its end; null where all are plain. */
    private SealingKey heldKey() {
        requireUnlocked(LOCK_FILE);
        if (vaultKey != null) {
            return vaultKey;
        }
        return file(LOCK_FILE).exists() ? SealingKey.ofPem(file(LOCK_FILE).read()) : null;
    }

    public boolean exists(String name) {
        return file(name).exists();
    }

    /** @throws TrustException where there is no such file, the vault is locked, or the file was changed or exchanged */
    public synchronized String read(String name) {
        String content = file(name).read();
        if (!isEncrypted(content)) {
            return content;
        }
        requireUnlocked(name);
        SealingKey held = heldKey();
        if (held == null) {
            throw TrustException.refused(directory.resolve(name) + " is sealed, and " + LOCK_FILE + ", which has the key to it, is missing");
        }
        return decrypt(held, name, content);
    }

    /** Sealed where this vault is. ASCII. */
    public synchronized void write(String name, String content) {
        requireUnlocked(name);
        file(name).write(vaultKey == null ? content : encrypt(vaultKey, name, content));
    }

    /** Nothing happens where it is not there. */
    public synchronized void delete(String name) {
        file(name).delete();
    }

    /** The membership is forgotten, and with it the lock. */
    public synchronized void forget() {
        delete(LOCK_FILE);
        vaultKey = null;
    }

    private void encryptFiles() {
        for (String name : KEY_FILES) {
            if (file(name).exists()) {
                String content = file(name).read();
                if (!isEncrypted(content)) {
                    write(name, content);
                }
            }
        }
    }

    private void requireUnlocked(String name) {
        if (isLocked()) {
            throw TrustException.refused(directory.resolve(name) + " is sealed: unlock it first (docker swarm unlock)");
        }
    }

    private static boolean isEncrypted(String content) {
        return content.startsWith("-----BEGIN " + LABEL);
    }

    private static String encrypt(SealingKey key, String name, String content) {
        return Pem.encode(LABEL, key.seal(content.getBytes(StandardCharsets.US_ASCII), CONTEXT + name));
    }

    private String decrypt(SealingKey key, String name, String content) {
        try {
            return new String(key.open(Pem.decode(LABEL, content), CONTEXT + name), StandardCharsets.US_ASCII);
        } catch (TrustException e) {
            throw TrustException.refused(name.equals(LOCK_FILE) ? "invalid key" : directory.resolve(name) + " was changed", e);
        }
    }

    private PrivateFile file(String name) {
        return new PrivateFile(directory.resolve(name));
    }

    @Override
    public String toString() {
        return "KeyVault[" + directory + "]"; // never a key
    }
}
