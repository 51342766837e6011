package dev.starling.runtime.registry;

import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/**
 * How this node deals with registries: the section {@code registries} of the configuration.
 *
 * @param bytesPerSecond all downloads of images together, from registries and from other nodes; 0 for no limit
 * @param downloads      blobs that are downloaded at the same time
 * @param prefetch       whether images come here from nodes of the site before a task needs them
 * @param hosts          what is special about a registry, by {@code host} or {@code host:port} as image names have it
 */
public record RegistrySettings(long bytesPerSecond, int downloads, boolean prefetch, Map<String, Host> hosts) {
    public static final RegistrySettings DEFAULTS = new RegistrySettings(0, 3, true, Map.of());

    public RegistrySettings(long bytesPerSecond, int downloads, Map<String, Host> hosts) {
        this(bytesPerSecond, downloads, DEFAULTS.prefetch, hosts);
    }

    public RegistrySettings {
        hosts = Collections.unmodifiableMap(new TreeMap<>(hosts));
    }

    /**
     * @param mirror       asked before the registry itself; empty for none
     * @param caFile       PEM, trusted for this host instead of the machine's authorities; null for those
     * @param plainHttp    talk HTTP without TLS
     * @param user         empty for nobody
     * @param passwordFile null without user
     */
    public record Host(String mirror, Path caFile, boolean plainHttp, String user, Path passwordFile) {
        public static final Host PLAIN_DEFAULTS = new Host("", null, false, "", null);
    }

    Host host(String name) {
        return hosts.getOrDefault(name, Host.PLAIN_DEFAULTS);
    }
}
