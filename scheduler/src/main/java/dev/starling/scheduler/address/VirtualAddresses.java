package dev.starling.scheduler.address;

import dev.starling.scheduler.filter.Ipv4Range;
import java.util.Optional;

/**
 * The last quarter of a subnet, which belongs to services and never to tasks: each (service, network) has one address of it. A subnet of fewer
 * than 128 addresses has none, and services on it are known by their tasks' addresses only.
 *
 * @param first as a number; the broadcast address after the last is not among them
 */
public record VirtualAddresses(int first, int count) {
    private static final int LEAST_SUBNET = 128;

    public static Optional<VirtualAddresses> of(String subnet) {
        Ipv4Range range = Ipv4Range.parse(subnet);
        if (range.size() < LEAST_SUBNET) {
            return Optional.empty();
        }
        long quarter = range.size() / 4;
        return Optional.of(new VirtualAddresses((int) (range.network() + range.size() - quarter), (int) (quarter - 1)));
    }

    /** The {@code i}-th, in text; {@code i} counts on around the end. */
    public String address(int i) {
        return Ipv4Range.format(first + Math.floorMod(i, count));
    }

    /** False also for what is no IPv4 address. */
    public boolean contains(String address) {
        try {
            int offset = Ipv4Range.parseAddress(address) - first;
            return offset >= 0 && offset < count;
        } catch (IllegalArgumentException notIpv4) {
            return false;
        }
    }
}
