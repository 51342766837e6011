package dev.starling.node.agent;

import dev.starling.netlink.overlay.Overlay;
import dev.starling.node.config.NodeConfig;
import dev.starling.runtime.ContainerRuntime;
import io.micrometer.core.instrument.MeterRegistry;
import io.vertx.core.Vertx;
import java.util.concurrent.ScheduledExecutorService;

/** The parts of this node that are there whether it is in a swarm or not. */
record Host(
        NodeConfig config, HostFacts facts, String version, AgentClock clock, ContainerRuntime runtime, WatchedImages images, Overlay overlay,
        Vertx vertx, MeterRegistry meters, ScheduledExecutorService timer) {}
