package dev.starling.gossip.trust;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.List;
import javax.crypto.Cipher;
import javax.crypto.KeyGenerator;
import javax.crypto.SecretKey;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * Where a node's private keys rest: as they are (0600), or, on a manager of a cluster with autolock, sealed, so that whoever takes the disk
 * has nothing. Each file is encrypted with a data key (AES-256-GCM, bound to the file's name); the data key lies in {@code vault.lock},
 * encrypted with the {@link UnlockKey}. So a change of the unlock key is one atomic write.
 *
 * <pre>
 *   OPEN    no vault.lock: files are plain        -- seal -->     SEALED
 *   SEALED  data key in memory                    -- unseal -->   OPEN      -- the agent starts anew --> LOCKED
 *   LOCKED  vault.lock is there, key unknown      -- unlock -->   SEALED
 * </pre>
 *
 * A power cut: {@code seal} writes the lock before it encrypts the first file, {@code unseal} removes it after the last one is plain, and a plain
 * file under a lock is read all the same and sealed at the next unlock. So no moment leaves a file that the unlock key does not open.
 *
 * <p>{@link #KEY_FILES} are those that {@code seal} takes in; others may be read and written too. Safe for use by several threads.
 */
public final class KeyVault {
    /** The node's key, the CA's keys, and the key of the secrets at rest. */
    public static final List<String> KEY_FILES = List.of(NodeKey.KEY_FILE, "ca-key.pem", "secrets.key");

    private static final String LOCK_FILE = "vault.lock";
    private static final String LABEL = "STARLING SEALED KEY";
    private static final String CIPHER = "AES/GCM/NoPadding";
    private static final int NONCE_BYTES = 12;
    private static final int TAG_BITS = 128;
    private static final int DATA_KEY_BITS = 256;

    private final Path directory;
    private final SecureRandom random = new SecureRandom();
    /** Null while open or locked. */
    private SecretKey dataKey;

    private KeyVault(Path directory) {
        this.directory = directory;
    }

    public static KeyVault at(Path directory) {
        return new KeyVault(directory);
    }

    /** Whether the keys can be read only after {@link #unlock}. */
    public synchronized boolean isLocked() {
        return dataKey == null && file(LOCK_FILE).exists();
    }

    /** Whether what is written is encrypted. */
    public synchronized boolean isSealed() {
        return dataKey != null;
    }

    /** @throws TrustException where {@code key} is not the one; the vault stays locked */
    public synchronized void unlock(UnlockKey key) {
        SecretKey opened = new SecretKeySpec(decrypt(key.encryptionKey(), LOCK_FILE, file(LOCK_FILE).read()), "AES");
        dataKey = opened;
        encryptFiles(); // of a power cut while they were sealed
    }

    /** From now on, and after each start, {@code key} is needed. One that is sealed takes {@code key} instead of the old one. */
    public synchronized void seal(UnlockKey key) {
        requireUnlocked(LOCK_FILE);
        SecretKey data = dataKey == null ? newDataKey() : dataKey;
        file(LOCK_FILE).write(encrypt(key.encryptionKey(), LOCK_FILE, data.getEncoded()));
        dataKey = data;
        encryptFiles();
    }

    /** Files are plain from now on. */
    public synchronized void unseal() {
        requireUnlocked(LOCK_FILE);
        if (dataKey == null) {
            return;
        }
        for (String name : KEY_FILES) {
            if (file(name).exists()) {
                file(name).write(read(name));
            }
        }
        delete(LOCK_FILE);
        dataKey = null;
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
        if (dataKey == null) {
            throw TrustException.refused(directory.resolve(name) + " is sealed, and " + LOCK_FILE + ", which has the key to it, is missing");
        }
        return new String(decrypt(dataKey, name, content), StandardCharsets.US_ASCII);
    }

    /** Sealed where this vault is. ASCII. */
    public synchronized void write(String name, String content) {
        requireUnlocked(name);
        file(name).write(dataKey == null ? content : encrypt(dataKey, name, content.getBytes(StandardCharsets.US_ASCII)));
    }

    /** Nothing happens where it is not there. */
    public synchronized void delete(String name) {
        Path path = directory.resolve(name);
        try {
            if (Files.deleteIfExists(path)) {
                try (FileChannel parent = FileChannel.open(directory, StandardOpenOption.READ)) {
                    parent.force(true);
                }
            }
        } catch (IOException e) {
            throw TrustException.file("cannot delete", path, e);
        }
    }

    /** The membership is forgotten, and with it the lock. */
    public synchronized void forget() {
        delete(LOCK_FILE);
        dataKey = null;
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

    private SecretKey newDataKey() {
        try {
            KeyGenerator generator = KeyGenerator.getInstance("AES");
            generator.init(DATA_KEY_BITS, random);
            return generator.generateKey();
        } catch (GeneralSecurityException e) {
            throw TrustException.refused("this Java has no AES, which every Java must have", e);
        }
    }

    private String encrypt(SecretKey key, String name, byte[] content) {
        byte[] nonce = new byte[NONCE_BYTES];
        random.nextBytes(nonce);
        try {
            Cipher cipher = cipher(Cipher.ENCRYPT_MODE, key, nonce, name);
            byte[] sealed = cipher.doFinal(content);
            return Pem.encode(LABEL, ByteBuffer.allocate(nonce.length + sealed.length).put(nonce).put(sealed).array());
        } catch (GeneralSecurityException e) {
            throw TrustException.refused("cannot seal " + directory.resolve(name), e);
        }
    }

    private byte[] decrypt(SecretKey key, String name, String content) {
        byte[] bytes = Pem.decode(LABEL, content);
        if (bytes.length <= NONCE_BYTES) {
            throw TrustException.refused(directory.resolve(name) + " is cut short");
        }
        try {
            Cipher cipher = cipher(Cipher.DECRYPT_MODE, key, java.util.Arrays.copyOf(bytes, NONCE_BYTES), name);
            return cipher.doFinal(bytes, NONCE_BYTES, bytes.length - NONCE_BYTES);
        } catch (GeneralSecurityException e) {
            throw TrustException.refused(name.equals(LOCK_FILE) ? "invalid key" : directory.resolve(name) + " was changed: it does not decrypt", e);
        }
    }

    private static Cipher cipher(int mode, SecretKey key, byte[] nonce, String name) throws GeneralSecurityException {
        Cipher cipher = Cipher.getInstance(CIPHER);
        cipher.init(mode, key, new GCMParameterSpec(TAG_BITS, nonce));
        cipher.updateAAD(name.getBytes(StandardCharsets.US_ASCII));
        return cipher;
    }

    private PrivateFile file(String name) {
        return new PrivateFile(directory.resolve(name));
    }

    @Override
    public String toString() {
        return "KeyVault[" + directory + "]"; // never a key
    }
}
