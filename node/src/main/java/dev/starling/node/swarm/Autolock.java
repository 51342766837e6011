package dev.starling.node.swarm;

import dev.starling.gossip.Role;
import dev.starling.gossip.trust.KeyVault;
import dev.starling.gossip.trust.UnlockKey;
import dev.starling.node.core.ClusterSnapshot;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Seals this manager's keys as the cluster's settings want it. The settings, which every worker has a copy of, hold a digest of the unlock key;
 * the key itself goes from manager to manager with the CA's key. A manager that does not have the key which the settings name stays as it is
 * and asks for it. On the thread of transitions, but for {@link #key} and {@link #lacksKey}.
 */
public final class Autolock {
    private static final Logger LOG = LoggerFactory.getLogger(Autolock.class);

    private final KeyVault vault;
    /** What the vault is sealed with; null for open. */
    private volatile UnlockKey key;
    /** Made here or from another manager, and perhaps not the one that the settings name. */
    private volatile UnlockKey told;

    public Autolock(KeyVault vault) {
        this.vault = vault;
    }

    KeyVault vault() {
        return vault;
    }

    public boolean isLocked() {
        return vault.isLocked();
    }

    /** @throws dev.starling.gossip.trust.TrustException where it is not the key */
    public void unlock(UnlockKey given) {
        vault.unlock(given);
        key = given;
    }

    /** As after a start: what {@link #unlock} was to be the beginning of did not come about. */
    public void lockAgain() {
        vault.lock();
        key = null;
    }

    /** The key that the settings name, where it is known here, be this manager's disk sealed with it yet or not; else what it is sealed with, null for none. */
    public UnlockKey key(ClusterSnapshot snapshot) {
        UnlockKey learned = told;
        String wanted = ClusterDocument.unlockKeyDigest(snapshot);
        return wanted != null && isNamed(learned, wanted) ? learned : key;
    }

    /** Whether the settings name a key that is not known here. */
    public boolean lacksKey(ClusterSnapshot snapshot) {
        return isUnknown(ClusterDocument.unlockKeyDigest(snapshot));
    }

    private boolean isUnknown(String wanted) {
        return wanted != null && !isNamed(key, wanted);
    }

    private static boolean isNamed(UnlockKey known, String digest) {
        return known != null && known.digest().equals(digest);
    }

    /** Seals at once: for who knows that the settings name it, or that it will be shown. */
    public void take(UnlockKey given) {
        if (!given.equals(key)) {
            vault.seal(given);
            key = given;
            LOG.info("this manager's keys are sealed: after a restart it needs docker swarm unlock");
        }
    }

    /**
     * Told by another manager, or made here; it counts, and seals, where the settings name it. Never before: a disk that is sealed with a key that
     * nobody was ever shown is lost, while a key that is named and was lost with a power cut is made anew ({@code docker swarm unlock-key --rotate}).
     */
    public void learn(UnlockKey key) {
        told = key;
    }

    public void follow(ClusterSnapshot snapshot, Role role) {
        String wanted = ClusterDocument.unlockKeyDigest(snapshot);
        if (role == Role.WORKER || wanted == null && ClusterDocument.of(snapshot) != null) {
            open();
        } else if (wanted != null && isUnknown(wanted) && isNamed(told, wanted)) {
            take(told);
        }
    }

    void open() {
        if (vault.unseal()) {
            LOG.info("this node's keys are not sealed any more");
        }
        key = null;
        told = null;
    }

    /** The membership is given up. */
    public void forget() {
        vault.forget();
        key = null;
        told = null;
    }
}
