package dev.starling.scheduler.address;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.desired.HybridTime;
import dev.starling.scheduler.model.BlockClaim;
import dev.starling.scheduler.model.NetworkSpec;
import dev.starling.scheduler.model.View;
import dev.starling.scheduler.filter.Ipv4Range;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Which addresses a node may give to its tasks. Each subnet is cut into blocks of 16 addresses (a /24 has 16 blocks, of which the last four are
 * {@link VirtualAddresses}); a node claims a block when it first needs one and gives out addresses of its own blocks only, so no two nodes need to agree on an address. Blocks stay
 * with a node that is down, because its containers may still run; they are free again when the node is removed.
 *
 * <p>Nodes with equal views choose different blocks: the k-th enrolled node without a block takes the k-th free block. Two nodes that
 * chose the same one nevertheless: the earlier claim keeps it, then the smaller node id.
 *
 * <p>A network without a gateway address (the ingress network) has another gateway on each node: the second address of its first block.
 */
public final class AddressPlan {
    private static final int BLOCK_SIZE = 16;
    /** In a block, where each node has a gateway of its own. */
    private static final int GATEWAY_OFFSET = 1;

    private final View view;
    private final NodeId self;
    private final HybridTime now;
    private final Usage usage;

    /** What this node knows of its own addresses; the text is "10.0.1.18/24". */
    public interface Usage {
        boolean inUse(String networkUid, String address);

        /** When a task last gave it back, monotonic milliseconds, if that is so recent that it should rest; empty otherwise. */
        Optional<Long> restingSince(String networkUid, String address);
    }

    public sealed interface Outcome {
        /**
         * @param addresses network uid -> address with prefix length
         * @param blocks    network uid -> all blocks of this node in it, where that has changed
         */
        record Granted(SortedMap<String, String> addresses, SortedMap<String, List<BlockClaim>> blocks) implements Outcome {}

        record Exhausted(String reason) implements Outcome {}
    }

    /** @param now the time that a new block claim carries */
    public AddressPlan(View view, NodeId self, HybridTime now, Usage usage) {
        this.view = view;
        this.self = self;
        this.now = now;
        this.usage = usage;
    }

    /** One address in each of {@code networks}. */
    public Outcome choose(List<String> networks) {
        SortedMap<String, String> addresses = new TreeMap<>();
        SortedMap<String, List<BlockClaim>> changed = new TreeMap<>();
        for (String uid : networks) {
            NetworkSpec network = view.networks().get(uid);
            if (network == null) {
                return new Outcome.Exhausted("network " + uid + " is not known here");
            }
            List<BlockClaim> own = ownBlocks(view, self, uid);
            Optional<String> address = lowest(network, own);
            if (address.isEmpty()) {
                Optional<BlockClaim> claim = nextBlock(network, own);
                if (claim.isEmpty()) {
                    return new Outcome.Exhausted("no free address in network " + uid + " (" + network.subnet() + "): every block is claimed");
                }
                List<BlockClaim> more = new ArrayList<>(own);
                more.add(claim.get());
                changed.put(uid, List.copyOf(more));
                address = lowest(network, more);
                if (address.isEmpty()) {
                    return new Outcome.Exhausted("network " + uid + " (" + network.subnet() + ") has no address to give");
                }
            }
            addresses.put(uid, address.get());
        }
        return new Outcome.Granted(addresses, changed);
    }

    /** The lowest free address of the blocks; one that was given back just now only if there is no other, the longest rested first. */
    private Optional<String> lowest(NetworkSpec network, List<BlockClaim> blocks) {
        Ipv4Range subnet = Ipv4Range.parse(network.subnet());
        int gateway = network.hasGatewayPerNode() ? subnet.network() : Ipv4Range.parseAddress(network.gateway());
        String rested = null;
        long restedSince = Long.MAX_VALUE;
        for (BlockClaim claim : blocks) {
            long start = (long) claim.block() * BLOCK_SIZE;
            for (long offset = start; offset < Math.min(start + BLOCK_SIZE, subnet.size()); offset++) {
                int address = subnet.network() + (int) offset;
                boolean reserved = offset == 0 || offset == subnet.size() - 1 || address == gateway
                        || network.hasGatewayPerNode() && offset == start + GATEWAY_OFFSET;
                String text = Ipv4Range.format(address) + "/" + subnet.prefixLength();
                if (reserved || usage.inUse(network.uid(), text)) {
                    continue;
                }
                Optional<Long> resting = usage.restingSince(network.uid(), text);
                if (resting.isEmpty()) {
                    return Optional.of(text);
                }
                if (resting.get() < restedSince) {
                    rested = text;
                    restedSince = resting.get();
                }
            }
        }
        return Optional.ofNullable(rested);
    }

    private Optional<BlockClaim> nextBlock(NetworkSpec network, List<BlockClaim> own) {
        SortedSet<Integer> claimed = new TreeSet<>();
        view.blocks().forEach((node, claims) -> claims.stream().filter(claim -> claim.networkUid().equals(network.uid()))
                .forEach(claim -> claimed.add(claim.block())));
        own.forEach(claim -> claimed.add(claim.block()));
        List<Integer> free = new ArrayList<>();
        int count = blockCount(network);
        for (int block = 0; block < count; block++) {
            if (!claimed.contains(block)) {
                free.add(block);
            }
        }
        if (free.isEmpty()) {
            return Optional.empty();
        }
        int turn = 0;
        for (NodeId node : view.nodes().headMap(self).keySet()) {
            turn += !own.isEmpty() || ownBlocks(view, node, network.uid()).isEmpty() ? 1 : 0;
        }
        int place = turn % free.size();
        // Further blocks are taken from the far end, out of the way of nodes that take their first.
        int block = free.get(own.isEmpty() ? place : free.size() - 1 - place);
        return Optional.of(new BlockClaim(network.uid(), block, now));
    }

    private static int blockCount(NetworkSpec network) {
        long size = Ipv4Range.parse(network.subnet()).size() - VirtualAddresses.of(network.subnet()).map(virtual -> virtual.count() + 1).orElse(0);
        return (int) Math.min(1 << 16, Math.max(1, size / BLOCK_SIZE));
    }

    private static List<BlockClaim> ownBlocks(View view, NodeId node, String networkUid) {
        return view.blocks().getOrDefault(node, List.of()).stream().filter(claim -> claim.networkUid().equals(networkUid)).toList();
    }

    /** A first block in a network in which each node needs one, tasks or not; empty where it has one, and where all are taken. */
    public Optional<BlockClaim> firstBlock(NetworkSpec network) {
        return ownBlocks(view, self, network.uid()).isEmpty() ? nextBlock(network, List.of()) : Optional.empty();
    }

    /** The address of {@code node} in a network that has a gateway per node; empty while it holds no block. */
    public static Optional<String> gatewayOf(View view, NodeId node, NetworkSpec network) {
        return ownBlocks(view, node, network.uid()).stream().findFirst().map(claim ->
                Ipv4Range.format(Ipv4Range.parse(network.subnet()).network() + claim.block() * BLOCK_SIZE + GATEWAY_OFFSET));
    }

    /** Those of {@code self}'s blocks which another node holds by right: it claimed them earlier. In the order they are held. */
    public static List<BlockClaim> lost(View view, NodeId self) {
        Comparator<BlockClaim> earlier = Comparator.comparing(BlockClaim::claimed);
        List<BlockClaim> lost = new ArrayList<>();
        for (BlockClaim own : view.blocks().getOrDefault(self, List.of())) {
            boolean beaten = view.blocks().entrySet().stream().filter(entry -> !entry.getKey().equals(self))
                    .anyMatch(entry -> entry.getValue().stream()
                            .filter(other -> other.networkUid().equals(own.networkUid()) && other.block() == own.block())
                            .anyMatch(other -> earlier.compare(other, own) < 0
                                    || earlier.compare(other, own) == 0 && entry.getKey().compareTo(self) < 0));
            if (beaten) {
                lost.add(own);
            }
        }
        return lost;
    }

    /** Whether {@code address} lies in one of {@code blocks}, which are of this network. */
    public static boolean covers(NetworkSpec network, List<BlockClaim> blocks, String address) {
        Ipv4Range subnet = Ipv4Range.parse(network.subnet());
        int value = Ipv4Range.parseAddress(address.substring(0, address.indexOf('/')));
        int block = subnet.contains(value) ? (value - subnet.network()) / BLOCK_SIZE : -1;
        return blocks.stream().anyMatch(claim -> claim.block() == block);
    }
}
