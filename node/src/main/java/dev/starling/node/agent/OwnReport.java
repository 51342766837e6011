package dev.starling.node.agent;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.Role;
import dev.starling.node.config.NodeConfig;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.NodeReport;
import dev.starling.node.host.HostConditions;
import dev.starling.node.host.HostObstacles;
import dev.starling.node.host.ListeningPorts;
import dev.starling.scheduler.model.Resources;
import java.util.Collections;
import java.util.List;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** What this node says of its machine: put together, and watched for what others have to hear of before they place tasks here. */
final class OwnReport implements AutoCloseable {
    private final Host host;
    private final Endpoint advertise;
    private final Role role;
    private final Storage storage;
    private final HostObstacles obstacles;
    private final HostConditions conditions;
    private final Consumer<NodeReport> tell;

    OwnReport(Host host, Endpoint advertise, Role role, Storage storage, Supplier<ClusterSnapshot> snapshot, Consumer<NodeReport> tell) {
        this.host = host;
        this.advertise = advertise;
        this.role = role;
        this.storage = storage;
        this.obstacles = new HostObstacles(snapshot, ListeningPorts.OF_THIS_HOST, found -> tellAnew());
        this.conditions = new HostConditions(host.config().offer().conditions(), found -> tellAnew());
        this.tell = tell;
    }

    void start() {
        obstacles.start();
        conditions.start();
    }

    /**
     * Images came or went, the disk got into trouble or out of it, or something on the machine is another way than it was. One at a time: who looked
     * first could tell it last.
     */
    synchronized void tellAnew() {
        tell.accept(current());
    }

    NodeReport current() {
        NodeConfig config = host.config();
        Resources has = host.facts().capacity();
        TreeSet<String> warnings = new TreeSet<>(host.warnings());
        warnings.addAll(diskWarnings());
        Resources offers = new Resources(config.offer().resources().nanoCpus() > 0 ? config.offer().resources().nanoCpus() : has.nanoCpus(),
                config.offer().resources().memoryBytes() > 0 ? config.offer().resources().memoryBytes() : has.memoryBytes(), config.offer().genericResources());
        return new NodeReport(config.name(), advertise.host(), new Endpoint(advertise.host(), config.addresses().joinListen().port()).toString(),
                role, host.facts().platform(), offers, host.version(),
                Collections.unmodifiableSortedMap(new TreeMap<>(config.offer().labels())), host.images().names(),
                Collections.unmodifiableSortedSet(warnings), obstacles.current(), conditions.current());
    }

    List<String> diskWarnings() {
        String trouble = storage.trouble();
        return trouble == null ? List.of() : List.of("WARNING: " + trouble);
    }

    @Override
    public void close() {
        obstacles.close();
        conditions.close();
    }
}
