package dev.starling.node.image;

import dev.starling.gossip.member.Member;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.NodeReport;
import dev.starling.runtime.image.ImageSource;
import dev.starling.runtime.image.RegistryReference;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Where an image is looked for before the registry is asked, the nearest first:
 *
 * <ol>
 *   <li>nodes of the site whose records say that they have it, in an order of chance so that not all ask the same one;
 *   <li>whichever node of the site is downloading it ({@link SiteSource}); from here on only one of the site goes on;
 *   <li>nodes elsewhere that have it, those with the cheapest link first.
 * </ol>
 */
final class Neighbours implements Function<RegistryReference, List<ImageSource>> {
    private static final int MOST_NEAR = 3;
    private static final int MOST_FAR = 2;

    private final Supplier<ClusterSnapshot> snapshots;
    private final DownloadStewards stewards;
    private final Function<Member, PeerSource> peers;

    /** @param ask for a piece of a blob, see {@link BlobDesk} */
    Neighbours(Supplier<ClusterSnapshot> snapshots, BiFunction<Member, byte[], CompletableFuture<byte[]>> ask, DownloadStewards stewards,
            PeerSource.Patience patience) {
        this.snapshots = snapshots;
        this.stewards = stewards;
        this.peers = member -> new PeerSource(member, ask, patience);
    }

    @Override
    public List<ImageSource> apply(RegistryReference reference) {
        ClusterSnapshot snapshot = snapshots.get();
        Site site = Site.of(snapshot);
        List<Member> having = having(reference, snapshot);
        List<ImageSource> sources = near(having, site);
        if (!site.isAlone()) {
            sources.add(new SiteSource(site, stewards, peers));
        }
        having.stream().filter(member -> !site.has(member.id()))
                .sorted(Comparator.comparingInt(member -> snapshot.reports().get(member.id()).conditions().linkCost()))
                .limit(MOST_FAR).map(peers).forEach(sources::add);
        return sources;
    }

    /** Nodes of the site that have it, and nothing else; none where nobody of them does. */
    List<ImageSource> near(RegistryReference reference) {
        ClusterSnapshot snapshot = snapshots.get();
        return near(having(reference, snapshot), Site.of(snapshot));
    }

    private List<ImageSource> near(List<Member> having, Site site) {
        List<ImageSource> sources = new ArrayList<>();
        having.stream().filter(member -> site.has(member.id())).limit(MOST_NEAR).map(peers).forEach(sources::add);
        return sources;
    }

    /** Other nodes that say that they have it, shuffled. */
    private static List<Member> having(RegistryReference reference, ClusterSnapshot snapshot) {
        String wanted = reference.digest().isEmpty() ? reference.familiar() : reference.digest();
        List<Member> having = new ArrayList<>();
        for (Member member : snapshot.members().values()) {
            NodeReport report = snapshot.reports().get(member.id());
            if (!member.id().equals(snapshot.self()) && member.status().isUp() && report != null && report.images().contains(wanted)) {
                having.add(member);
            }
        }
        Collections.shuffle(having, ThreadLocalRandom.current());
        return having;
    }
}
