package dev.starling.node.agent;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.Role;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberStatus;
import dev.starling.gossip.trust.NodeCredentials;
import dev.starling.gossip.trust.TrustClock;
import dev.starling.gossip.trust.UnlockKey;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.NodeReport;
import dev.starling.node.join.JoinClient;
import dev.starling.node.swarm.CertificateDesk;
import dev.starling.node.swarm.CertificateKeeper;
import dev.starling.node.swarm.CertificateRequest;
import dev.starling.node.swarm.ClusterDocument;
import dev.starling.node.swarm.IssuedCertificate;
import dev.starling.node.swarm.SessionTrust;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How a session gets its next certificate: a manager from its own desk, a worker from any manager that is up, in random order. Where no manager
 * answers, since this node's certificate has ended or is of a root that the others have retired: at the managers' join port, where its key
 * is enough.
 */
final class OwnCertificate implements CertificateKeeper.Node {
    private static final Logger LOG = LoggerFactory.getLogger(OwnCertificate.class);
    private static final long CUT_OFF_NANOS = TimeUnit.SECONDS.toNanos(60);
    private static final int MAX_JOIN_ADDRESSES = 16;

    /** The node's keeper of identities, on disk and in the session. */
    interface Installer {
        /**
         * Takes what was issued into use: on disk first, then by {@link SwarmSession#renew} or, for another role, with a session anew.
         *
         * @param wanted the role that it has to be for; null: any
         */
        CompletionStage<Void> install(SwarmSession session, IssuedCertificate issued, Role wanted);

        /** The cluster's roots or settings may have changed. Any thread; returns at once. */
        void follow(SwarmSession session);

        /** Whether managers are to seal their keys with one that is not known here. */
        boolean lacksUnlockKey(ClusterSnapshot snapshot);

        /** What other managers are told. Null where none is known. */
        UnlockKey unlockKey(ClusterSnapshot snapshot);
    }

    private final SwarmSession session;
    private final ClusterEdge edge;
    private final CertificateDesk desk;
    private final Installer installer;
    private final Host host;
    private long upNanos = System.nanoTime();

    /** @param desk null on a worker */
    OwnCertificate(SwarmSession session, ClusterEdge edge, CertificateDesk desk, Installer installer, Host host) {
        this.session = session;
        this.edge = edge;
        this.desk = desk;
        this.installer = installer;
        this.host = host;
    }

    @Override
    public NodeCredentials credentials() {
        return session.credentials();
    }

    @Override
    public TrustClock clock() {
        return session.trust().clock();
    }

    @Override
    public Duration life() {
        return ClusterDocument.certificateLife(session.snapshot());
    }

    @Override
    public CertificateKeeper.Cause cause() {
        ClusterSnapshot snapshot = session.snapshot();
        SessionTrust trust = session.trust();
        installer.follow(session);
        if (session.wantedRole() != trust.role()) {
            return CertificateKeeper.Cause.ROLE;
        }
        if (!trust.isUnderNewestRoot() || desk != null && !trust.mayIssue()) {
            return CertificateKeeper.Cause.ROTATION;
        }
        if (desk != null && installer.lacksUnlockKey(snapshot)) {
            return CertificateKeeper.Cause.UNLOCK_KEY;
        }
        if (trust.clock().inDoubt() && trust.clock().wallClock().isAfter(trust.credentials().identity().validUntil())) {
            return CertificateKeeper.Cause.CLOCK;
        }
        return isCutOff(snapshot) ? CertificateKeeper.Cause.CUT_OFF : CertificateKeeper.Cause.NONE;
    }

    /** Others are known, and none of them was up for a while: a partition, or they refuse this node's certificate. */
    private boolean isCutOff(ClusterSnapshot snapshot) {
        List<Member> others = snapshot.members().values().stream()
                .filter(member -> !member.id().equals(session.self()) && member.status() != MemberStatus.LEFT).toList();
        if (others.isEmpty() || others.stream().anyMatch(member -> member.status().isUp())) {
            upNanos = System.nanoTime();
        }
        return System.nanoTime() - upNanos > CUT_OFF_NANOS;
    }

    @Override
    public CompletionStage<Void> renew(CertificateKeeper.Cause cause) {
        byte[] pkcs10 = session.credentials().certificateRequest();
        Role wanted = session.wantedRole();
        boolean othersAreNeeded = desk == null || switch (cause) {
            case NONE, ROLE -> !session.trust().mayIssue();
            case ROTATION -> !session.trust().mayIssue();
            case UNLOCK_KEY, CLOCK, CUT_OFF -> true;
        };
        if (!othersAreNeeded) {
            return installer.install(session, desk.issueOwn(session.credentials().identity(), pkcs10), wanted);
        }
        byte[] request = new CertificateRequest(Bytes.of(pkcs10), clock().wallClock()).encode();
        CompletionStage<Void> asked = askManagers(request)
                .thenCompose(issued -> installer.install(session, told(issued), wanted))
                .exceptionallyCompose(failure -> askAtJoinPorts(request, failure)
                        .thenCompose(issued -> installer.install(session, told(issued), null)));
        return desk != null && cause == CertificateKeeper.Cause.CLOCK && session.trust().mayIssue()
                ? asked.exceptionallyCompose(nobody -> {
                    LOG.warn("this machine's clock shows {}, after the end of its certificate, and no other manager could be asked for the time",
                            clock().wallClock());
                    return installer.install(session, desk.issueOwn(session.credentials().identity(), pkcs10), wanted);
                }) : asked;
    }

    private IssuedCertificate told(IssuedCertificate issued) {
        clock().learn(issued.now(), issued.wallClock());
        return issued;
    }

    private CompletionStage<IssuedCertificate> askManagers(byte[] request) {
        List<Member> managers = new ArrayList<>(session.snapshot().members().values().stream()
                .filter(member -> member.role() == Role.MANAGER && member.status().isUp() && !member.id().equals(session.self())).toList());
        if (managers.isEmpty()) {
            return CompletableFuture.failedFuture(new IllegalStateException("no manager is up that could issue one"));
        }
        Collections.shuffle(managers, new SecureRandom());
        return ask(managers, request);
    }

    private CompletionStage<IssuedCertificate> ask(List<Member> managers, byte[] request) {
        CompletionStage<IssuedCertificate> first = edge.askForCertificate(managers.get(0), request).thenApply(IssuedCertificate::decode);
        return managers.size() == 1 ? first : first.exceptionallyCompose(failure -> ask(managers.subList(1, managers.size()), request));
    }

    private CompletionStage<IssuedCertificate> askAtJoinPorts(byte[] request, Throwable before) {
        List<Endpoint> addresses = joinAddresses(session.snapshot(), host.config().joining().joinAddresses(),
                host.config().addresses().joinListen().port());
        return host.vertx().executeBlocking(() -> {
            RuntimeException last = new IllegalStateException(String.valueOf(before.getMessage()), before);
            for (Endpoint address : addresses) {
                try {
                    return IssuedCertificate.decode(JoinClient.renew(address, session.credentials(), clock(), request));
                } catch (JoinClient.JoinException e) {
                    last.addSuppressed(e);
                    LOG.debug("no certificate at the join port {}: {}", address, e.getMessage());
                    if (e.refused()) {
                        last = new IllegalStateException(address + ": " + e.getMessage(), e);
                    }
                }
            }
            throw last;
        }, false).toCompletionStage();
    }

    /**
     * Where managers listen, or did: what they said themselves, the config, and the hosts of the last known members.
     *
     * @param configured addresses that the configuration names
     * @param port       where it names none
     */
    static List<Endpoint> joinAddresses(ClusterSnapshot snapshot, List<Endpoint> configured, int port) {
        Set<Endpoint> addresses = new LinkedHashSet<>();
        snapshot.reports().forEach((id, report) -> {
            Member teller = snapshot.members().get(id);
            if (teller != null && teller.role() == Role.MANAGER) { // by its certificate; a report may say anything
                addresses.addAll(joinAddress(report, port));
            }
        });
        addresses.addAll(configured);
        for (Member member : snapshot.members().values()) {
            if (member.role() == Role.MANAGER) {
                addresses.add(new Endpoint(member.endpoint().host(), port));
            }
        }
        NodeReport own = snapshot.reports().get(snapshot.self());
        if (own != null) {
            joinAddress(own, port).forEach(addresses::remove);
        }
        return addresses.stream().limit(MAX_JOIN_ADDRESSES).toList();
    }

    /** None where what the node said is no address. */
    private static List<Endpoint> joinAddress(NodeReport report, int port) {
        try {
            return List.of(Endpoint.parse(report.apiAddress(), port));
        } catch (IllegalArgumentException e) {
            LOG.debug("node {} says that it is joined at '{}': {}", report.hostname(), report.apiAddress(), e.getMessage());
            return List.of();
        }
    }
}
