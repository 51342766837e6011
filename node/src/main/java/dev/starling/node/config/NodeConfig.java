package dev.starling.node.config;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.GossipConfig;
import dev.starling.scheduler.model.GenericResources;
import dev.starling.scheduler.model.Resources;
import dev.starling.runtime.image.CollectionPolicy;
import dev.starling.runtime.registry.RegistrySettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What starling.yml says of one node, with defaults filled in. Keys that belong together stand together in a record of their own here; in the file they
 * are plain keys all the same: a component {@code dataDir} is the key {@code data-dir}, in the file's order. deploy/starling.yml shows and
 * explains every key.
 *
 * @param name              what users see in {@code docker node ls}
 * @param dataDir           everything that survives a restart: identity, desired state, images, containers
 * @param addresses         where it listens, and where others are
 * @param joining           how it gets into a cluster without an operator
 * @param metrics           where Prometheus metrics are served; null where they are off
 * @param containerMetrics  whether metrics tell of each task's container
 * @param offer             what it is and has, for the scheduler
 * @param profile           timing of failure detection
 * @param gossip            the profile's parameters, with those that the file sets itself
 * @param cgroupParent      the cgroup, relative to the root of each hierarchy, below which containers get theirs
 * @param logLevel          least severe event that is logged
 * @param logs              how much containers may log
 * @param registries        how images are pulled, and from where
 * @param images            when images are removed by themselves
 * @param networkKeyRenewal how often the keys of encrypted overlay networks are changed
 * @param overlay           where the tunnels of overlay networks end here
 * @param runtime           what makes the containers
 */
public record NodeConfig(
        String name, Path dataDir, Addresses addresses, Joining joining, Endpoint metrics, boolean containerMetrics, Offer offer, Profile profile,
        GossipConfig gossip, String cgroupParent, LogLevel logLevel, LogSettings logs, RegistrySettings registries, CollectionPolicy images,
        Duration networkKeyRenewal, OverlaySettings overlay, RuntimeChoice runtime) {

    public static final int GOSSIP_PORT = 7946;
    public static final int JOIN_PORT = 2377;
    public static final int METRICS_PORT = 9323;

    /**
     * @param apiSocket  the unix socket of the Docker API
     * @param listen     where other nodes' gossip is accepted
     * @param advertise  where other nodes reach {@code listen}; null where {@link AdvertiseAddress} has to find it
     * @param joinListen where {@code docker swarm join} of other nodes is answered
     * @param seeds      gossip addresses tried at every start; any live one will do
     */
    public record Addresses(Path apiSocket, Endpoint listen, Endpoint advertise, Endpoint joinListen, List<Endpoint> seeds) {
        public Addresses {
            seeds = List.copyOf(seeds);
        }
    }

    /**
     * @param joinToken     token for joining unattended; null where none is written here
     * @param joinTokenFile file that holds the token instead; null where there is none
     * @param joinAddresses nodes asked, in turn, to let this node join while it has no identity; empty: wait for an operator
     */
    public record Joining(String joinToken, Path joinTokenFile, List<Endpoint> joinAddresses) {
        public static final Joining BY_OPERATOR = new Joining(null, null, List.of());

        public Joining {
            joinAddresses = List.copyOf(joinAddresses);
        }

        /** Whether this node, as long as it has no identity, tries to join by itself. */
        public boolean isUnattended() {
            return !joinAddresses.isEmpty();
        }

        /**
         * The token to join with. The file is read anew each time, since it may be written after the node has started and
         * removed once it has joined.
         *
         * @throws ConfigException where the file cannot be read or holds no token
         */
        public String readToken() {
            if (joinTokenFile == null) {
                return joinToken;
            }
            String token;
            try {
                token = Files.readString(joinTokenFile).strip();
            } catch (IOException e) {
                throw new ConfigException("join-token-file " + joinTokenFile + ": " + IoReason.of(e), e);
            }
            if (!token.startsWith(ConfigLoader.TOKEN_PREFIX)) {
                throw new ConfigException("join-token-file " + joinTokenFile + ": holds no token; one begins with '"
                        + ConfigLoader.TOKEN_PREFIX + "'");
            }
            return token;
        }
    }

    /**
     * @param labels           engine labels, for placement constraints
     * @param resources        what this node offers; an amount of 0 means: as much as the machine has
     * @param genericResources what it offers besides, by kind
     * @param conditions       what it tells of its link, battery and heat
     */
    public record Offer(Map<String, String> labels, Resources resources, GenericResources genericResources, ConditionSettings conditions) {
        public static final Offer DEFAULTS = new Offer(Map.of(), Resources.NONE, GenericResources.NONE, ConditionSettings.DEFAULTS);

        public Offer {
            labels = Collections.unmodifiableMap(new TreeMap<>(labels)); // sorted: what nodes say of themselves is in one order
        }
    }

    /** The configuration of a node whose file is empty. */
    public static NodeConfig defaults(String hostName) {
        return new NodeConfig(hostName, Path.of("/var/lib/starling"),
                new Addresses(Path.of("/run/starling/docker.sock"), new Endpoint("0.0.0.0", GOSSIP_PORT), null, new Endpoint("0.0.0.0", JOIN_PORT), List.of()),
                Joining.BY_OPERATOR, new Endpoint("127.0.0.1", METRICS_PORT), true, Offer.DEFAULTS, Profile.LAN, Profile.LAN.gossip(), "starling",
                LogLevel.INFO, LogSettings.DEFAULTS, RegistrySettings.DEFAULTS, CollectionPolicy.DEFAULTS, Duration.ofHours(12), OverlaySettings.DEFAULTS,
                RuntimeChoice.DEFAULT);
    }

    public NodeConfig withDataDir(Path changed) {
        return new NodeConfig(name, changed, addresses, joining, metrics, containerMetrics, offer, profile, gossip, cgroupParent, logLevel, logs, registries,
                images, networkKeyRenewal, overlay, runtime);
    }

    public NodeConfig withAddresses(Addresses changed) {
        return new NodeConfig(name, dataDir, changed, joining, metrics, containerMetrics, offer, profile, gossip, cgroupParent, logLevel, logs, registries,
                images, networkKeyRenewal, overlay, runtime);
    }

    public NodeConfig withJoining(Joining changed) {
        return new NodeConfig(name, dataDir, addresses, changed, metrics, containerMetrics, offer, profile, gossip, cgroupParent, logLevel, logs, registries,
                images, networkKeyRenewal, overlay, runtime);
    }

    /** With the profile's own parameters of gossip. */
    public NodeConfig withProfile(Profile changed) {
        return new NodeConfig(name, dataDir, addresses, joining, metrics, containerMetrics, offer, changed, changed.gossip(), cgroupParent, logLevel, logs,
                registries, images, networkKeyRenewal, overlay, runtime);
    }
}
