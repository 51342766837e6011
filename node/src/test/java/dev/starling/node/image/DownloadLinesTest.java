package dev.starling.node.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.NodeId;
import dev.starling.runtime.image.Digest;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class DownloadLinesTest {
    private static final Digest BLOB = Digest.of(new byte[] {1});
    private final DownloadLines lines = new DownloadLines();
    private final Set<NodeId> down = new HashSet<>();
    private long now;

    private static NodeId node(int number) {
        return new NodeId("node" + number);
    }

    private NodeId follow(NodeId asker, NodeId useless) {
        return lines.follow(BLOB, asker, useless, node -> !down.contains(node), now);
    }

    @Test
    void theFirstDownloadsAndTheOthersFollowFourAtMostTheSame() {
        List<NodeId> followed = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            followed.add(follow(node(i), null));
        }
        NodeId first = node(0);
        assertEquals(List.of(first, first, first, first, first, node(1), node(1), node(1), node(1), node(2)), followed);
        assertEquals(node(1), follow(node(5), null), "the same to the same question");
        assertEquals(first, follow(first, null));
    }

    @Test
    void whoIsOfNoUseLeavesTheLineOnceForAll() {
        for (int i = 0; i < 5; i++) {
            follow(node(i), null);
        }
        assertEquals(node(1), follow(node(1), node(0)), "the first to say so downloads");
        assertEquals(node(1), follow(node(3), node(0)), "the next one follows it");
        assertEquals(node(1), follow(node(0), null), "who left may come again, last");
        down.add(node(1));
        assertEquals(node(2), follow(node(2), null), "who is down leaves too");
    }

    @Test
    void whateverIsSaidThereIsOneWhoDownloadsAndNobodyFollowsAnybodyLaterInLine() {
        Random random = new Random(11);
        for (int i = 0; i < 20_000; i++) {
            NodeId asker = node(random.nextInt(30));
            NodeId followed = follow(asker, random.nextInt(5) == 0 ? node(random.nextInt(30)) : null);
            assertTrue(followed.equals(asker) || !follow(followed, null).equals(asker), "two follow each other");
        }
        long downloading = java.util.stream.IntStream.range(0, 30).filter(i -> follow(node(i), null).equals(node(i))).count();
        assertEquals(1, downloading);
    }

    @Test
    void blobsNodesAndTimeAreBounded() {
        follow(node(1), null);
        now = DownloadLines.KEPT.toNanos() + 1;
        assertEquals(node(2), follow(node(2), null), "what was said an hour ago is forgotten");
        for (int i = 0; i < DownloadLines.MOST_BLOBS + 50; i++) {
            lines.follow(Digest.of(new byte[] {2, (byte) i, (byte) (i >> 8)}), node(1), null, node -> true, now);
        }
        assertEquals(DownloadLines.MOST_BLOBS, lines.blobs());
        for (int i = 0; i < DownloadLines.MOST_NODES; i++) {
            follow(node(i), null);
        }
        assertEquals(node(5_000), follow(node(5_000), null), "a line that is full sends on to the registry");
    }
}
