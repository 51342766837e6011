package dev.starling.gossip.trust;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Keys at rest: who opens them, and what a power cut between two of its writes leaves. */
class KeyVaultTest {
    private static final String NODE_KEY = NodeKey.KEY_FILE;
    private static final String CA_KEY = "ca-key.pem";
    private static final String DATA_KEY = "data-key.pem";
    private static final String LOCK = "vault.lock";

    @TempDir
    Path directory;
    private final UnlockKey key = UnlockKey.generate();

    private KeyVault restarted() {
        return KeyVault.at(directory);
    }

    private KeyVault filled() {
        KeyVault vault = restarted();
        vault.write(NODE_KEY, "the node's key");
        vault.write(CA_KEY, "the CA's key");
        vault.write(DATA_KEY, "the data's key");
        return vault;
    }

    private static void assertReadable(KeyVault vault) {
        assertEquals("the node's key", vault.read(NODE_KEY));
        assertEquals("the CA's key", vault.read(CA_KEY));
        assertEquals("the data's key", vault.read(DATA_KEY));
    }

    private void assertOpen() throws IOException {
        assertFalse(Files.exists(directory.resolve(LOCK)));
        assertEquals("the node's key", Files.readString(directory.resolve(NODE_KEY)));
        assertEquals("the CA's key", Files.readString(directory.resolve(CA_KEY)));
        assertEquals("the data's key", Files.readString(directory.resolve(DATA_KEY)));
    }

    /** Cuts {@code writes} off before {@code file} is written: where the new content is put together, something lies that does not go away. */
    private void cutOff(String file, Runnable writes) throws IOException {
        Path inTheWay = Files.createDirectories(directory.resolve(file + ".new/in the way"));
        assertThrows(TrustException.class, writes::run);
        Files.delete(inTheWay);
        Files.delete(inTheWay.getParent());
    }

    private String onDisk() throws IOException {
        StringBuilder all = new StringBuilder();
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file : files.toList()) {
                all.append(Files.readString(file));
            }
        }
        return all.toString();
    }

    @Test
    void sealedKeysAreReadByThisProcessAndByNoOther() throws IOException {
        KeyVault vault = filled();
        vault.seal(key);
        assertTrue(vault.isSealed() && !vault.isLocked());
        assertEquals("the node's key", vault.read(NODE_KEY));
        assertFalse(onDisk().contains("'s key"), onDisk());
        KeyVault next = restarted();
        assertTrue(next.isLocked());
        TrustException locked = assertThrows(TrustException.class, () -> next.read(NODE_KEY));
        assertTrue(locked.getMessage().contains("docker swarm unlock"), locked.getMessage());
        assertThrows(TrustException.class, () -> next.write(NODE_KEY, "another"), "nothing plain goes under a lock");
        assertThrows(TrustException.class, () -> next.unlock(UnlockKey.generate()));
        assertTrue(next.isLocked());
        next.unlock(UnlockKey.parse(key.text()));
        assertEquals("the CA's key", next.read(CA_KEY));
        next.write(CA_KEY, "new CA's key");
        assertFalse(onDisk().contains("'s key"));
    }

    @Test
    void anotherUnlockKeyReplacesTheOldOne() {
        KeyVault vault = filled();
        vault.seal(key);
        UnlockKey rotated = UnlockKey.generate();
        vault.seal(rotated);
        KeyVault next = restarted();
        assertThrows(TrustException.class, () -> next.unlock(key));
        next.unlock(rotated);
        assertEquals("the node's key", next.read(NODE_KEY));
    }

    @Test
    void unsealedKeysArePlainAgain() throws IOException {
        KeyVault vault = filled();
        vault.seal(key);
        vault.unseal();
        assertEquals("the node's key", restarted().read(NODE_KEY));
        assertEquals("the CA's key", Files.readString(directory.resolve(CA_KEY)));
        assertFalse(Files.exists(directory.resolve("vault.lock")));
    }

    @ParameterizedTest
    @ValueSource(strings = {LOCK, NODE_KEY, CA_KEY, DATA_KEY})
    void aPowerCutWhileSealingLeavesNothingThatTheUnlockKeyDoesNotOpen(String before) throws IOException {
        KeyVault vault = filled();
        cutOff(before, () -> vault.seal(key));
        KeyVault next = restarted();
        assertEquals(!before.equals(LOCK), next.isLocked());
        if (next.isLocked()) {
            next.unlock(key);
            assertFalse(onDisk().contains("'s key"), "the rest is sealed");
            assertReadable(next);
        } else {
            assertOpen();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {NODE_KEY, CA_KEY, DATA_KEY})
    void aPowerCutWhileUnsealingAsksNobodyForAKeyThatIsNotGivenOutAnyMore(String before) throws IOException {
        KeyVault vault = filled();
        vault.seal(key);
        cutOff(before, vault::unseal);
        assertReadable(vault);
        KeyVault next = restarted();
        assertFalse(next.isLocked());
        assertReadable(next);
        assertTrue(next.unseal());
        assertFalse(next.unseal(), "there is nothing left to do");
        assertOpen();
    }

    @Test
    void aPowerCutBeforeUnsealingHasBegunLeavesAllSealed() throws IOException {
        KeyVault vault = filled();
        vault.seal(key);
        cutOff(LOCK, vault::unseal);
        KeyVault next = restarted();
        assertTrue(next.isLocked());
        next.unlock(key);
        assertReadable(next);
        assertTrue(next.unseal());
        assertOpen();
    }

    @Test
    void aPowerCutBeforeTheLockIsRemovedLeavesAllOpen() throws IOException {
        KeyVault vault = filled();
        vault.seal(key);
        cutOff(DATA_KEY, vault::unseal);
        String lock = Files.readString(directory.resolve(LOCK));
        vault.unseal();
        Files.writeString(directory.resolve(LOCK), lock);
        KeyVault next = restarted();
        assertFalse(next.isLocked());
        assertReadable(next);
        assertTrue(next.unseal());
        assertOpen();
    }

    @ParameterizedTest
    @ValueSource(strings = {NODE_KEY, CA_KEY, DATA_KEY})
    void whatIsHalfUnsealedIsSealedAgainWithAnotherKey(String before) throws IOException {
        KeyVault vault = filled();
        vault.seal(key);
        cutOff(before, vault::unseal);
        UnlockKey other = UnlockKey.generate();
        restarted().seal(other);
        assertFalse(onDisk().contains("'s key"), onDisk());
        KeyVault next = restarted();
        assertThrows(TrustException.class, () -> next.unlock(key));
        next.unlock(other);
        assertReadable(next);
    }

    @Test
    void aFileThatWasChangedOrExchangedIsRefused() throws IOException {
        KeyVault vault = filled();
        vault.seal(key);
        Files.copy(directory.resolve(CA_KEY), directory.resolve(NODE_KEY), java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        TrustException exchanged = assertThrows(TrustException.class, () -> vault.read(NODE_KEY));
        assertTrue(exchanged.getMessage().contains("node.key was changed"), exchanged.getMessage());
        Files.delete(directory.resolve("vault.lock"));
        TrustException lost = assertThrows(TrustException.class, () -> restarted().read(CA_KEY));
        assertTrue(lost.getMessage().contains("vault.lock"), lost.getMessage());
    }

    @Test
    void unlockKeysAreInDockersFormat() {
        assertTrue(key.text().matches("SWMKEY-1-[A-Za-z0-9+/]{43}"), key.text());
        assertEquals(key, UnlockKey.parse(key.text() + "\n"));
        assertFalse(key.toString().contains(key.text().substring(9)));
        assertFalse(key.digest().equals(key.text().substring(9)));
        for (String wrong : new String[] {"", "SWMKEY-1-", "SWMKEY-1-!!", "SWMKEY-1-AAAA", key.text().substring(9)}) {
            assertThrows(TrustException.class, () -> UnlockKey.parse(wrong), wrong);
        }
    }
}
