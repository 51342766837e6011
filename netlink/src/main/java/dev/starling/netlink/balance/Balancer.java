package dev.starling.netlink.balance;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;

/** Where new connections go, on this host and in its containers. Calls are idempotent: they compare with what the kernel has. */
public interface Balancer {
    /** Features of the kernel that are missing, in a few words each; where there are any, the other calls fail. */
    List<String> missing();

    /** What {@link Choice#BY_CLIENT} needs and the kernel lacks, in a few words. Where it lacks something, that choice is random. */
    Optional<String> missingForAffinity();

    /** What rules for IPv6 need and the kernel lacks, in a few words. Where it lacks something there are none. */
    Optional<String> missingForIpv6();

    /**
     * Published ports, masquerading, and the borders between networks.
     *
     * @param ipv6 {@link HostNetworks#NONE} where no network has it: nothing of IPv6 is asked of the kernel then
     */
    void host(HostNetworks ipv4, HostNetworks ipv6);

    /**
     * Virtual addresses as a container sees them.
     *
     * @param key      names the container among this host's
     * @param netns    its network namespace
     * @param services by virtual address; those of IPv6 are left out where {@link #missingForIpv6} says something
     */
    void container(String key, Path netns, SortedMap<String, VirtualService> services);

    /** Containers other than these are gone. */
    void forgetAllBut(SortedSet<String> keys);

    /** Removes the rules of the host. */
    void remove();
}
