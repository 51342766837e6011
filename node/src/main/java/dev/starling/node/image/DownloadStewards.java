package dev.starling.node.image;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.trust.PeerIdentity;
import dev.starling.runtime.image.Digest;
import java.io.InterruptedIOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BiFunction;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Who of a site downloads a blob, and who waits for whom, with nobody in charge: for each blob another node of the site keeps the line, its steward
 * ({@link Site#stewards}), and every node may be asked as one. A node asks the steward of a blob before it asks the registry. Gossip would not do: nodes
 * that start an image at the same moment have not heard of each other's downloads yet.
 *
 * <p>A request is {@code HEX} or {@code HEX NODE}, the node that was of no use; the answer the id of the node to follow, the asker's own where it is to
 * download. Where no steward answers, or one is of another mind than its askers as to who is up, a blob is downloaded more than once, and that is all.
 */
final class DownloadStewards {
    private static final int MAX_REQUEST_BYTES = 128;
    private static final Pattern REQUEST = Pattern.compile("([0-9a-f]{64})(?: ([0-9a-z]{1,40}))?");
    private static final long WAIT_SECONDS = 5;

    private final Supplier<Site> sites;
    private final BiFunction<Member, byte[], CompletableFuture<byte[]>> ask;
    private final LongSupplier nanos;
    private final DownloadLines lines = new DownloadLines();

    DownloadStewards(Supplier<Site> sites, BiFunction<Member, byte[], CompletableFuture<byte[]>> ask, LongSupplier nanos) {
        this.sites = sites;
        this.ask = ask;
        this.nanos = nanos;
    }

    /** Called on the event loop; takes no time. */
    CompletionStage<byte[]> answer(PeerIdentity from, byte[] request) {
        Matcher matcher = REQUEST.matcher(request.length > MAX_REQUEST_BYTES ? "" : new String(request, StandardCharsets.US_ASCII));
        if (!matcher.matches()) {
            return CompletableFuture.failedFuture(new IllegalArgumentException("no question to the steward of a blob"));
        }
        NodeId useless = matcher.group(2) == null ? null : new NodeId(matcher.group(2));
        NodeId followed = lines.follow(new Digest(matcher.group(1)), from.id(), useless, sites.get()::has, nanos.getAsLong());
        return CompletableFuture.completedFuture(followed.value().getBytes(StandardCharsets.US_ASCII));
    }

    /**
     * Whom this node is to follow; itself where it is to download, also where the blob has no steward that answers.
     *
     * @param useless as above; null for none
     */
    NodeId follow(Digest blob, NodeId useless) throws InterruptedIOException {
        Site site = sites.get();
        if (site.isAlone()) {
            return site.self();
        }
        byte[] request = (blob.hex() + (useless == null ? "" : " " + useless.value())).getBytes(StandardCharsets.US_ASCII);
        for (NodeId steward : site.stewards(blob)) {
            if (steward.equals(site.self())) {
                return lines.follow(blob, site.self(), useless, site::has, nanos.getAsLong());
            }
            try {
                byte[] answer = ask.apply(site.member(steward), request).get(WAIT_SECONDS, TimeUnit.SECONDS);
                NodeId followed = new NodeId(new String(answer, StandardCharsets.US_ASCII));
                return site.has(followed) ? followed : site.self();
            } catch (ExecutionException | TimeoutException | IllegalArgumentException unanswered) {
                // the next one, then
            } catch (InterruptedException end) {
                Thread.currentThread().interrupt();
                throw new InterruptedIOException("interrupted while waiting for node " + steward);
            }
        }
        return site.self();
    }
}
