package dev.starling.netlink.overlay;

import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Addresses that stand for peers whose packets go inside UDP: VXLAN sends to the alias, ESP puts the address and port in its place by which the peer is
 * reached at the time. An alias means something on one host only and is never on a wire. They are of 240.0.0.0/4, which nobody else uses (RFC 1112, 4).
 *
 * <p>They follow from the peers' names, so that a restarted agent finds what the kernel still has of the last one under the same aliases.
 */
public final class TunnelAlias {
    private static final int PREFIX = 0xf000_0000;
    private static final int MASK = 0x07ff_ffff;

    /** An alias for each; where two would have the same, the later in order takes the next one. */
    public static SortedMap<String, String> of(Collection<String> peers) {
        TreeMap<String, String> aliases = new TreeMap<>();
        Set<Integer> taken = new HashSet<>();
        for (String peer : new TreeSet<>(peers)) {
            int number = peer.hashCode() & MASK;
            while (!taken.add(number)) {
                number = number + 1 & MASK;
            }
            aliases.put(peer, text(PREFIX | number));
        }
        return Collections.unmodifiableSortedMap(aliases);
    }

    public static boolean isOne(String address) {
        int dot = address.indexOf('.');
        return dot == 3 && address.compareTo("240") >= 0 && address.compareTo("248") < 0;
    }

    private static String text(int address) {
        return (address >>> 24) + "." + (address >>> 16 & 0xff) + "." + (address >>> 8 & 0xff) + "." + (address & 0xff);
    }

    private TunnelAlias() {}
}
