package dev.starling.node.swarm;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.Role;
import dev.starling.gossip.trust.ClusterAuthorities;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.gossip.trust.JoinToken;
import dev.starling.gossip.trust.NodeCredentials;
import dev.starling.gossip.trust.NodeKey;
import dev.starling.gossip.trust.SealingKey;
import dev.starling.gossip.trust.TrustClock;
import dev.starling.gossip.trust.TrustException;
import dev.starling.gossip.trust.UnlockKey;
import dev.starling.node.api.ApiException;
import dev.starling.node.api.ClusterControl;
import dev.starling.node.config.AdvertiseAddress;
import dev.starling.node.config.ConfigException;
import dev.starling.node.config.NodeConfig;
import dev.starling.node.core.DockerId;
import dev.starling.node.join.JoinClient;
import dev.starling.node.join.JoinReply;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;

/** How a node gets its identity, and puts it on disk: as the first of a swarm, or from a manager that lets it in. On the thread of transitions. */
public final class SwarmEntry {
    /** The first node of a swarm, and what it is to write into its desired state. */
    public record First(SwarmDirectory.Identity identity, String clusterId, ObjectNode settings, X509Certificate root) {}

    /** @param seeds gossip addresses of live members */
    public record Joined(SwarmDirectory.Identity identity, TrustClock clock, List<Endpoint> seeds) {}

    private final NodeConfig config;
    private final SwarmDirectory directory;
    private final Autolock autolock;
    private final InstantSource wallClock;
    /** The key of a join that has not succeeded yet: a try after a lost reply is the same node again. */
    private NodeKey joining;

    public SwarmEntry(NodeConfig config, SwarmDirectory directory, Autolock autolock, InstantSource wallClock) {
        this.config = config;
        this.directory = directory;
        this.autolock = autolock;
        this.wallClock = wallClock;
    }

    public First asFirst(ClusterControl.Init request) {
        Endpoint advertise = advertise(request.advertiseAddress());
        String clusterId = DockerId.random(new SecureRandom());
        ClusterAuthority authority = ClusterAuthority.create(clusterId);
        NodeKey key = NodeKey.generate();
        ObjectNode settings = ClusterDocument.body(request.spec());
        X509Certificate certificate = authority.issue(key.certificateRequest(), Role.MANAGER, wallClock.instant().plus(ClusterAuthority.NODE_LIFE));
        SwarmDirectory.Identity identity = new SwarmDirectory.Identity(
                new NodeCredentials(key.privateKey(), certificate, authority.certificate()), ClusterAuthorities.of(authority), SealingKey.generate(),
                advertise);
        directory.save(identity);
        if (request.spec().path("EncryptionConfig").path("AutoLockManagers").asBoolean(false)) {
            UnlockKey unlockKey = UnlockKey.generate();
            ClusterDocument.nameUnlockKey(settings, unlockKey.digest());
            autolock.take(unlockKey);
        }
        return new First(identity, clusterId, settings, authority.certificate());
    }

    public Joined byToken(ClusterControl.Join request) {
        JoinToken token = parse(request.token());
        Endpoint advertise = advertise(request.advertiseAddress()); // before a manager enrols what could not come up
        NodeKey key = joining == null ? NodeKey.generate() : joining;
        joining = key;
        String availability = request.availability() == null || request.availability().isEmpty() ? "active" : request.availability();
        JoinReply reply = askForEntry(request.remoteAddresses(), token, key, availability);
        NodeCredentials credentials = NodeCredentials.of(key, reply.certificate(), reply.caCertificate(), reply.retired());
        SwarmDirectory.Identity identity = new SwarmDirectory.Identity(credentials,
                reply.caKey() == null ? null : ClusterAuthorities.parse(reply.caKey(), credentials.roots()),
                reply.dataKey() == null ? null : SealingKey.ofPem(reply.dataKey()), advertise);
        directory.save(identity);
        if (reply.unlockKey() != null) {
            autolock.take(UnlockKey.parse(reply.unlockKey()));
        }
        TrustClock clock = new TrustClock(wallClock, System::nanoTime, directory.knownTime());
        clock.learn(reply.now(), reply.wallClock());
        directory.saveKnownTime(clock.instant());
        return new Joined(identity, clock, reply.gossip().stream().map(text -> Endpoint.parse(text, NodeConfig.GOSSIP_PORT)).toList());
    }

    /** The session is open: the next join is another node's. */
    public void succeeded() {
        joining = null;
    }

    private static JoinToken parse(String text) {
        try {
            return JoinToken.parse(text);
        } catch (TrustException e) {
            throw new ApiException(400, "invalid join token: " + e.getMessage(), e);
        }
    }

    private static JoinReply askForEntry(List<String> managers, JoinToken token, NodeKey key, String availability) {
        List<String> failures = new ArrayList<>();
        for (String manager : managers) {
            try {
                return JoinClient.join(Endpoint.parse(manager, NodeConfig.JOIN_PORT), token, key, availability);
            } catch (JoinClient.JoinException e) {
                if (e.refused()) {
                    throw new ApiException(400, "rpc error: code = InvalidArgument desc = " + e.getMessage(), e);
                }
                failures.add(e.getMessage());
            } catch (IllegalArgumentException e) {
                throw new ApiException(400, e.getMessage(), e);
            }
        }
        throw ApiException.unavailable("no manager could be reached: " + (failures.isEmpty() ? "no address given" : String.join("; ", failures)));
    }

    private Endpoint advertise(String asked) {
        try {
            if (asked == null || asked.isEmpty()) {
                return AdvertiseAddress.of(config);
            }
            // Docker's flag carries the address; the port in it is the join port there, while gossip has its own
            return new Endpoint(Endpoint.parse(asked, NodeConfig.JOIN_PORT).host(), config.addresses().listen().port());
        } catch (ConfigException | IllegalArgumentException e) {
            throw new ApiException(400, e.getMessage(), e);
        }
    }
}
