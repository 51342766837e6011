package dev.starling.node.agent;

import dev.starling.gossip.Role;
import dev.starling.gossip.trust.ClusterAuthorities;
import dev.starling.gossip.trust.NodeCredentials;
import dev.starling.gossip.trust.TrustException;
import dev.starling.gossip.trust.UnlockKey;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.swarm.Autolock;
import dev.starling.node.swarm.IssuedCertificate;
import dev.starling.node.swarm.SessionTrust;
import dev.starling.node.swarm.SwarmDirectory;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps this node's identity as its certificate, the cluster's roots and the cluster's settings want it: on disk first, then in the session.
 * All of it on the thread of transitions, where sessions come and go.
 */
final class IdentityKeeper implements OwnCertificate.Installer {
    private static final Logger LOG = LoggerFactory.getLogger(IdentityKeeper.class);
    private static final Duration SAVE_TIME = Duration.ofHours(1);

    private final SwarmDirectory directory;
    private final Autolock autolock;
    private final Executor transitions;
    private final Supplier<SwarmSession> current;
    private final Consumer<SwarmSession> reopen;
    private Instant timeSaved = Instant.MIN;

    /** @param reopen makes the session anew: its role is another one */
    IdentityKeeper(SwarmDirectory directory, Autolock autolock, Executor transitions, Supplier<SwarmSession> current, Consumer<SwarmSession> reopen) {
        this.directory = directory;
        this.autolock = autolock;
        this.transitions = transitions;
        this.current = current;
        this.reopen = reopen;
    }

    @Override
    public CompletionStage<Void> install(SwarmSession session, IssuedCertificate issued, Role wanted) {
        return CompletableFuture.runAsync(() -> {
            if (current.get() != session) {
                throw new IllegalStateException("this node leaves the swarm, or is not in it yet");
            }
            take(session, issued.over(session.identity(), wanted), issued.unlockKey());
        }, transitions);
    }

    private void take(SwarmSession session, SwarmDirectory.Identity renewed, String unlockKey) {
        Role role = renewed.credentials().role();
        if (unlockKey != null && autolock.lacksKey(session.snapshot())) {
            autolock.learn(UnlockKey.parse(unlockKey));
        }
        autolock.follow(session.snapshot(), role);
        directory.renew(renewed);
        if (role == session.role()) {
            session.renew(renewed);
        } else {
            LOG.info("this node becomes {}", role);
            reopen.accept(session);
        }
    }

    @Override
    public void follow(SwarmSession session) {
        try {
            transitions.execute(() -> {
                try {
                    followNow(session);
                } catch (RuntimeException e) {
                    LOG.warn("what the cluster says of its CA and its keys could not be followed, tried again: {}", e.getMessage());
                }
            });
        } catch (RejectedExecutionException e) {
            LOG.debug("the agent ends");
        }
    }

    /** The roots that the cluster trusts, and whether managers lock themselves, as its documents say it now. */
    private void followNow(SwarmSession session) {
        if (current.get() != session) {
            return; // asked again in a few seconds
        }
        SessionTrust trust = session.trust();
        autolock.follow(session.snapshot(), session.role());
        NodeCredentials followed = session.credentials().trusting(trust.named(session.snapshot()));
        if (!followed.roots().equals(trust.roots())) {
            ClusterAuthorities held = trust.authorities() == null ? null : trust.authorities().within(followed.roots());
            SwarmDirectory.Identity identity = new SwarmDirectory.Identity(followed, held, trust.dataKey(), session.identity().advertise());
            directory.renew(identity);
            session.renew(identity);
        }
        if (session.role() == Role.MANAGER && trust.roots().trusted().size() > 1 && RootRotation.allMoved(session.snapshot(), trust.roots())) {
            session.loop().tell((core, now) -> RootRotation.finish(core, trust.roots(), now));
        }
        if (!trust.clock().instant().isBefore(timeSaved.plus(SAVE_TIME))) {
            saveTime(session);
        }
    }

    /** What this node is sure of, for its next start. */
    void saveTime(SwarmSession session) {
        Instant now = session.trust().clock().instant();
        if (session.trust().clock().inDoubt()) {
            return;
        }
        try {
            directory.saveKnownTime(now);
            timeSaved = now;
        } catch (TrustException e) {
            LOG.warn("the time could not be kept: {}", e.getMessage());
        }
    }

    @Override
    public boolean lacksUnlockKey(ClusterSnapshot snapshot) {
        return autolock.lacksKey(snapshot);
    }

    @Override
    public UnlockKey unlockKey(ClusterSnapshot snapshot) {
        return autolock.key(snapshot);
    }
}
