package dev.starling.node.agent;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.Role;
import dev.starling.gossip.store.NodeStore;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.gossip.trust.NodeCredentials;
import dev.starling.gossip.trust.PrivateFile;
import dev.starling.gossip.trust.SealingKey;
import dev.starling.node.config.NodeConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Comparator;
import java.util.stream.Stream;

/**
 * What this node keeps of its membership, below {@code DATA/swarm} (0700): its key and certificates, on a manager the CA's key and the cluster's data key,
 * the address it advertises, the store, and the secrets that its tasks use, sealed.
 */
final class SwarmDirectory {
    /** @param authority null on a worker; {@code dataKey}, by which secrets are sealed in the desired state, likewise */
    record Identity(NodeCredentials credentials, ClusterAuthority authority, SealingKey dataKey, Endpoint advertise) {}

    private static final String CA_KEY = "ca-key.pem";
    private static final String DATA_KEY = "data-key.pem";
    private static final String ADVERTISE = "advertise";

    private final Path directory;

    SwarmDirectory(Path dataDirectory) {
        this.directory = dataDirectory.resolve("swarm");
    }

    /** Where the secrets of this node's tasks are held. */
    static Path heldSecrets(Path dataDirectory) {
        return dataDirectory.resolve("swarm").resolve("secrets");
    }

    /** Complete: {@link #save} writes the advertised address last. */
    boolean hasIdentity() {
        return file(ADVERTISE).exists() && NodeCredentials.exist(directory);
    }

    Identity load() {
        NodeCredentials credentials = NodeCredentials.load(directory);
        try {
            PrivateFile caKey = file(CA_KEY);
            if (credentials.role() == Role.WORKER) {
                deleteManagersKeys(); // of a promotion or demotion that a power cut ended half way
            }
            ClusterAuthority authority = caKey.exists()
                    ? ClusterAuthority.of(caKey.read(), ClusterAuthority.pem(credentials.ca())) : null;
            Endpoint advertise = Endpoint.parse(file(ADVERTISE).read().strip(), NodeConfig.GOSSIP_PORT);
            SealingKey dataKey = file(DATA_KEY).exists() ? SealingKey.ofPem(file(DATA_KEY).read()) : null;
            return new Identity(credentials, authority, dataKey, advertise);
        } catch (IOException e) {
            throw new UncheckedIOException(directory + " cannot be read", e);
        }
    }

    void save(Identity identity) {
        try {
            wipe();
            Files.createDirectories(directory, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            identity.credentials().save(directory);
            writeManagersKeys(identity);
            file(ADVERTISE).write(identity.advertise() + "\n");
        } catch (IOException e) {
            throw new UncheckedIOException(directory + " cannot be written", e);
        }
    }

    /**
     * Another certificate for the same key, perhaps with another role. A power cut leaves the old or the new one; the CA's key and the data key
     * are there before a manager's certificate is, and go after it.
     */
    void renew(Identity identity) {
        try {
            writeManagersKeys(identity);
            identity.credentials().save(directory);
            if (identity.authority() == null) {
                deleteManagersKeys();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(directory + " cannot be written", e);
        }
    }

    private void writeManagersKeys(Identity identity) {
        if (identity.authority() != null) {
            file(CA_KEY).write(identity.authority().keyPem());
        }
        if (identity.dataKey() != null) {
            file(DATA_KEY).write(identity.dataKey().pem());
        }
    }

    private void deleteManagersKeys() throws IOException {
        Files.deleteIfExists(file(CA_KEY).path());
        Files.deleteIfExists(file(DATA_KEY).path());
    }

    private PrivateFile file(String name) {
        return new PrivateFile(directory.resolve(name));
    }

    NodeStore openStore() {
        return NodeStore.open(directory);
    }

    /** Forgets the membership. The marker goes first, so that a half-done wipe is no identity. */
    void wipe() {
        try {
            Files.deleteIfExists(directory.resolve(ADVERTISE));
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
