package dev.starling.node.agent;

import dev.starling.gossip.Role;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.trust.NodeCredentials;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** How a session gets its next certificate: a manager from its own desk, a worker from any manager that is up, in random order. */
final class OwnCertificate implements CertificateKeeper.Node {
    /** Takes a renewed identity into use: on disk first, then by {@link SwarmSession#renew} or, for another role, with a session anew. */
    @FunctionalInterface
    interface Installer {
        CompletionStage<Void> install(SwarmSession session, SwarmDirectory.Identity renewed);
    }

    private final SwarmSession session;
    private final ClusterEdge edge;
    private final CertificateDesk desk;
    private final Installer installer;

    /** @param desk null on a worker */
    OwnCertificate(SwarmSession session, ClusterEdge edge, CertificateDesk desk, Installer installer) {
        this.session = session;
        this.edge = edge;
        this.desk = desk;
        this.installer = installer;
    }

    @Override
    public NodeCredentials credentials() {
        return session.credentials();
    }

    @Override
    public Role wantedRole() {
        return session.wantedRole();
    }

    @Override
    public CompletionStage<Void> renew() {
        SwarmDirectory.Identity current = session.identity();
        byte[] request = current.credentials().certificateRequest();
        if (desk != null) {
            return installer.install(session, desk.issue(current.credentials().identity(), request).over(current, wantedRole()));
        }
        List<Member> managers = new ArrayList<>(session.snapshot().members().values().stream()
                .filter(member -> member.role() == Role.MANAGER && member.status().isUp() && !member.id().equals(session.self())).toList());
        if (managers.isEmpty()) {
            return CompletableFuture.failedFuture(new IllegalStateException("no manager is up that could issue one"));
        }
        Collections.shuffle(managers, new SecureRandom());
        return ask(managers, request).thenCompose(issued -> installer.install(session, issued.over(current, wantedRole())));
    }

    private CompletionStage<IssuedCertificate> ask(List<Member> managers, byte[] request) {
        CompletionStage<IssuedCertificate> first = edge.askForCertificate(managers.get(0), request).thenApply(IssuedCertificate::decode);
        return managers.size() == 1 ? first : first.exceptionallyCompose(failure -> ask(managers.subList(1, managers.size()), request));
    }
}
