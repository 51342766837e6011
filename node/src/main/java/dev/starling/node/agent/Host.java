package dev.starling.node.agent;

import dev.starling.netlink.balance.Balancer;
import dev.starling.netlink.overlay.Overlay;
import dev.starling.netlink.xfrm.VxlanEncryption;
import dev.starling.node.config.NodeConfig;
import dev.starling.node.host.AgentClock;
import dev.starling.node.host.HostFacts;
import dev.starling.node.image.WatchedImages;
import dev.starling.runtime.ContainerRuntime;
import io.micrometer.core.instrument.MeterRegistry;
import io.vertx.core.Vertx;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ScheduledExecutorService;

/**
 * The parts of this node that are there whether it is in a swarm or not.
 *
 * @param missingForServices what the kernel lacks for {@code balancer}
 */
record Host(
        NodeConfig config, HostFacts facts, String version, AgentClock clock, ContainerRuntime runtime, WatchedImages images, Overlay overlay,
        Balancer balancer, List<String> missingForServices, VxlanEncryption encryption, Vertx vertx, MeterRegistry meters, ScheduledExecutorService timer) {
    /** What this machine lacks, in a line each. */
    List<String> warnings() {
        List<String> warnings = new ArrayList<>(facts.warnings());
        missingForServices.forEach(feature ->
                warnings.add("WARNING: the kernel lacks " + feature + ": no published ports, virtual addresses or way out for containers"));
        return warnings;
    }
}
