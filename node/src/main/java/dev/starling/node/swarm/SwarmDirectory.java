package dev.starling.node.swarm;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.Role;
import dev.starling.gossip.store.NodeStore;
import dev.starling.gossip.trust.ClusterAuthorities;
import dev.starling.gossip.trust.KeyVault;
import dev.starling.gossip.trust.NodeCredentials;
import dev.starling.gossip.trust.PrivateFile;
import dev.starling.gossip.trust.SealingKey;
import dev.starling.gossip.trust.UnlockKey;
import dev.starling.node.config.NodeConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoUnit;
import java.util.Comparator;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What this node keeps of its membership, below {@code DATA/swarm} (0700): its key and certificates, on a manager the CA's key and the cluster's data key,
 * the address it advertises, the store, and the secrets that its tasks use, sealed.
 */
public final class SwarmDirectory {
    private static final Logger LOG = LoggerFactory.getLogger(SwarmDirectory.class);

    /** @param authorities null on a worker; {@code dataKey}, by which secrets are sealed in the desired state, likewise */
    public record Identity(NodeCredentials credentials, ClusterAuthorities authorities, SealingKey dataKey, Endpoint advertise) {}

    private static final String CA_KEY = "ca-key.pem";
    private static final String DATA_KEY = "data-key.pem";
    private static final String ADVERTISE = "advertise";
    private static final String CLOCK = "clock";

    private final Path directory;
    private final KeyVault vault;

    public SwarmDirectory(Path dataDirectory) {
        this.directory = dataDirectory.resolve("swarm");
        this.vault = KeyVault.at(directory);
    }

    /** Where the secrets of this node's tasks are held. */
    public static Path heldSecrets(Path dataDirectory) {
        return dataDirectory.resolve("swarm").resolve("secrets");
    }

    /** Complete: {@link #save} writes the advertised address last. */
    public boolean hasIdentity() {
        return file(ADVERTISE).exists() && NodeCredentials.exist(directory);
    }

    /** Where the keys are: on a manager perhaps locked, and then nothing can be loaded. */
    public KeyVault vault() {
        return vault;
    }

    public Identity load() {
        NodeCredentials credentials = NodeCredentials.load(directory, vault);
        if (credentials.role() == Role.WORKER) {
            deleteManagersKeys(); // of a promotion or demotion that a power cut ended half way
        }
        ClusterAuthorities authorities = vault.exists(CA_KEY) ? ClusterAuthorities.parse(vault.read(CA_KEY), credentials.roots()) : null;
        SealingKey dataKey = vault.exists(DATA_KEY) ? SealingKey.ofPem(vault.read(DATA_KEY)) : null;
        return new Identity(credentials, authorities, dataKey, Endpoint.parse(file(ADVERTISE).read().strip(), NodeConfig.GOSSIP_PORT));
    }

    public void save(Identity identity) {
        try {
            wipe();
            PrivateFile.makeDirectory(directory);
            write(identity);
        } catch (IOException e) {
            throw new UncheckedIOException(directory + " cannot be written", e);
        }
    }

    private void write(Identity identity) {
        identity.credentials().save(directory, vault);
        writeManagersKeys(identity);
        file(ADVERTISE).write(identity.advertise() + "\n");
    }

    /** Puts the identity of a running node back where somebody has removed it from under it. {@code unlockKey}: null without autolock. */
    public void restore(Identity identity, UnlockKey unlockKey) {
        if (!hasIdentity()) {
            LOG.warn("{} has lost this node's identity; it is written anew", directory);
            if (unlockKey != null) {
                vault.seal(unlockKey); // the lock is lost too, and without it nobody could open what is written now
            }
            write(identity);
        }
    }

    /**
     * Another certificate for the same key, perhaps with another role. A power cut leaves the old or the new one; the CA's key and the data key
     * are there before a manager's certificate is, and go after it.
     */
    public void renew(Identity identity) {
        writeManagersKeys(identity);
        identity.credentials().save(directory, vault);
        if (identity.authorities() == null) {
            deleteManagersKeys();
        }
    }

    /** The last time that this node was sure of; {@link Instant#EPOCH} where none is known. */
    public Instant knownTime() {
        try {
            return file(CLOCK).exists() ? Instant.parse(file(CLOCK).read().strip()) : Instant.EPOCH;
        } catch (DateTimeParseException e) {
            throw new IllegalStateException(file(CLOCK).path() + " holds no time: " + e.getMessage() + "; delete it", e);
        }
    }

    public void saveKnownTime(Instant time) {
        file(CLOCK).write(time.truncatedTo(ChronoUnit.SECONDS) + "\n");
    }

    private void writeManagersKeys(Identity identity) {
        if (identity.authorities() != null) {
            vault.write(CA_KEY, identity.authorities().keysPem());
        }
        if (identity.dataKey() != null) {
            vault.write(DATA_KEY, identity.dataKey().pem());
        }
    }

    private void deleteManagersKeys() {
        vault.delete(CA_KEY);
        vault.delete(DATA_KEY);
    }

    private PrivateFile file(String name) {
        return new PrivateFile(directory.resolve(name));
    }

    public NodeStore openStore() {
        return NodeStore.open(directory);
    }

    /** Forgets the membership. The marker goes first, so that a half-done wipe is no identity. */
    public void wipe() {
        try {
            file(ADVERTISE).delete();
            vault.forget();
            if (Files.exists(directory)) {
                try (Stream<Path> files = Files.walk(directory)) {
                    for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                        Files.deleteIfExists(file);
                    }
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(directory + " cannot be removed", e);
        }
    }
}
