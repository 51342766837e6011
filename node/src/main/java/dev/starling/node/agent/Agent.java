package dev.starling.node.agent;

import dev.starling.netlink.NetNs;
import dev.starling.netlink.balance.Balancer;
import dev.starling.netlink.balance.NetfilterBalancer;
import dev.starling.netlink.overlay.NetlinkOverlay;
import dev.starling.netlink.xfrm.NetlinkVxlanEncryption;
import dev.starling.netlink.xfrm.VxlanEncryption;
import dev.starling.node.api.DockerApi;
import dev.starling.node.api.HostInfo;
import dev.starling.node.config.NodeConfig;
import dev.starling.node.config.RuntimeChoice;
import dev.starling.node.host.AgentClock;
import dev.starling.node.host.HostFacts;
import dev.starling.node.host.Threads;
import dev.starling.node.image.ImageHousekeeping;
import dev.starling.node.image.ImagesInUse;
import dev.starling.node.image.WatchedImages;
import dev.starling.node.spec.ServiceSpecCheck;
import dev.starling.node.swarm.SwarmDirectory;
import dev.starling.runtime.RuntimeOptions;
import dev.starling.runtime.image.LocalImageStore;
import dev.starling.runtime.launch.Bundle;
import dev.starling.runtime.oci.OciProgram;
import dev.starling.runtime.registry.BandwidthLimit;
import dev.starling.runtime.registry.ImagePuller;
import dev.starling.runtime.registry.Proxies;
import dev.starling.runtime.registry.Registries;
import dev.starling.runtime.supervision.NativeRuntime;
import io.micrometer.prometheus.PrometheusConfig;
import io.micrometer.prometheus.PrometheusMeterRegistry;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One running node: its containers, images and networks, its Docker API and metrics, and its membership in a swarm, if any. Everything it
 * opens is closed in reverse order; containers go on without it.
 */
public final class Agent implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Agent.class);
    private static final int EVENT_LOOPS = 2;
    private static final int WORKERS = 4;
    private static final long START_SECONDS = 20;
    private static final long STOP_SECONDS = 5;

    private final Deque<AutoCloseable> opened = new ArrayDeque<>();

    /** @throws RuntimeException with what could not be had (an address in use, a directory, a kernel feature); nothing is left open then */
    public static Agent start(NodeConfig config, String version, String commit) {
        Agent agent = new Agent();
        try {
            agent.open(config, version, commit);
            return agent;
        } catch (RuntimeException e) {
            agent.close();
            throw e;
        }
    }

    private Agent() {}

    private void open(NodeConfig config, String version, String commit) {
        lock(config.dataDir());
        HostFacts facts = HostFacts.read();
        PrometheusMeterRegistry meters = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        opened.push(meters::close);
        ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor(Threads.named("timer"));
        opened.push(timer::shutdownNow);
        // Nothing here looks up host names through Vert.x; its own resolver would fall back to a public name server.
        System.setProperty("vertx.disableDnsResolver", "true");
        Vertx vertx = Vertx.vertx(new VertxOptions().setEventLoopPoolSize(EVENT_LOOPS).setWorkerPoolSize(WORKERS)
                .setInternalBlockingPoolSize(WORKERS).setPreferNativeTransport(true));
        opened.push(() -> vertx.close().toCompletionStage().toCompletableFuture().get(STOP_SECONDS, TimeUnit.SECONDS));

        Path containers = config.dataDir().resolve("containers");
        LocalImageStore store = new LocalImageStore(config.dataDir().resolve("images"),
                () -> Bundle.layersBelow(NativeRuntime.bundlesBelow(containers)));
        BandwidthLimit bandwidth = new BandwidthLimit(config.registries().bytesPerSecond());
        Registries registries = new Registries(config.registries(), Proxies.of(System.getenv()));
        ImagePuller puller = keep(new ImagePuller(store, registries, bandwidth, config.registries().downloads()));
        WatchedImages images = new WatchedImages(store, puller);
        OciProgram oci = ociRuntime(config.runtime());
        NativeRuntime runtime = keep(new NativeRuntime(containers, images,
                new RuntimeOptions(config.cgroupParent(), false, oci, config.runtime().userNamespace(), config.logs().bytesPerHour())));
        NetlinkOverlay overlay = keep(new NetlinkOverlay());
        Balancer balancer = new NetfilterBalancer(NetNs.current());
        VxlanEncryption encryption = new NetlinkVxlanEncryption(NetNs.current());
        Host host = new Host(config, facts, version, new AgentClock(), runtime, images, overlay, balancer, balancer.missing(),
                encryption, vertx, meters, timer);
        host.warnings().forEach(LOG::warn);
        SwarmControl swarm = keep(new SwarmControl(host, new SwarmDirectory(config.dataDir())));
        ImagesInUse imagesInUse = new ImagesInUse(runtime, images, swarm::snapshot);
        store.keepWhile(imagesInUse::contains);
        ImageHousekeeping housekeeping = keep(
                new ImageHousekeeping(store, images, imagesInUse, config.images(), config.dataDir().resolve("images")));
        ImageMetrics.bind(meters, images, housekeeping.collector(), puller);
        housekeeping.start(timer);
        runtime.onExit(swarm::containerEnded);
        runtime.onHealth(swarm::healthChanged);

        DockerApi api = new DockerApi(vertx, swarm, runtime, runtime.volumes(), images, swarm,
                () -> facts.info(config.name(), version, commit, config.dataDir(),
                        Stream.of(host.warnings(), swarm.warnings()).flatMap(List::stream).toList(),
                        config.offer().labels().entrySet().stream().map(label -> label.getKey() + "=" + label.getValue()).toList(),
                        oci == null ? HostInfo.Runtime.NATIVE : new HostInfo.Runtime(oci.kind().toString(), oci.path().toString(), oci.version())), meters,
                SchedulerSeams.of(new ServiceSpecCheck.Features(host.missingForServices()), InstantSource.system()));
        opened.push(() -> api.close().toCompletionStage().toCompletableFuture().get(STOP_SECONDS, TimeUnit.SECONDS));
        swarm.resume();
        await("API socket " + config.addresses().apiSocket(), api.listen(config.addresses().apiSocket()).toCompletionStage().toCompletableFuture());
        if (config.metrics() != null) {
            keep(new MetricsEndpoint(vertx, meters, config.containerMetrics() ? new ContainerMetrics(runtime) : null)).listen(config.metrics());
        }
        if (!swarm.isInSwarm() && config.joining().isUnattended()) {
            keep(new UnattendedJoin(config, swarm, timer)).start();
        }
        LOG.info("starling {} on {} serves the Docker API at {}", version, config.name(), config.addresses().apiSocket());
    }

    /** Null for the native one. @throws RuntimeException where the program that is configured is not there */
    private static OciProgram ociRuntime(RuntimeChoice choice) {
        return switch (choice.name()) {
            case NATIVE -> null;
            case CRUN -> OciProgram.find(OciProgram.Kind.CRUN, choice.path());
            case RUNC -> OciProgram.find(OciProgram.Kind.RUNC, choice.path());
        };
    }

    /** One agent a data directory. */
    private void lock(Path dataDirectory) {
        try {
            Files.createDirectories(dataDirectory);
            FileChannel channel = keep(FileChannel.open(dataDirectory.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE));
            FileLock lock = channel.tryLock();
            if (lock == null) {
                throw new IllegalStateException("data directory " + dataDirectory + " is in use by another agent");
            }
        } catch (IOException e) {
            throw new UncheckedIOException("data directory " + dataDirectory + " cannot be used: " + e.getMessage(), e);
        }
    }

    private static void await(String what, CompletableFuture<?> future) {
        try {
            future.get(START_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(what + ": interrupted", e);
        } catch (ExecutionException | TimeoutException e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            throw new IllegalStateException(what + ": " + cause.getMessage(), cause);
        }
    }

    private <C extends AutoCloseable> C keep(C resource) {
        opened.push(resource);
        return resource;
    }

    @Override
    public void close() {
        for (AutoCloseable resource : List.copyOf(opened)) {
            try {
                resource.close();
            } catch (Exception e) {
                LOG.warn("closing {} failed: {}", resource.getClass().getSimpleName(), e.toString());
            }
        }
        opened.clear();
    }
}
