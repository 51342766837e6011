package dev.starling.runtime.supervision;

import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.ContainerSpec.Dns;
import dev.starling.runtime.ContainerSpec.Filesystem;
import dev.starling.runtime.ContainerSpec.Logging;
import dev.starling.runtime.ContainerSpec.Names;
import dev.starling.runtime.ContainerSpec.Streams;
import dev.starling.runtime.HealthCheck;
import dev.starling.runtime.Mount;
import dev.starling.runtime.ProcessLimits;
import dev.starling.runtime.ProcessSpec;
import dev.starling.runtime.ResourceLimits;
import dev.starling.runtime.Security;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/** A spec with everything empty but what a test says: {@code script("id").with(s -> s.user = "7")}. */
final class SpecBuilder {
    private static final AtomicLong NEXT = new AtomicLong(1);

    String id = String.format("%056x%08x", 0xabcdefL, NEXT.getAndIncrement());
    String image = "busybox";
    List<String> entrypoint = List.of();
    List<String> args = List.of();
    List<String> env = List.of();
    String workingDirectory = "";
    String user = "";
    List<String> groups = List.of();
    String stopSignal = "";
    boolean init;
    ProcessLimits processLimits = ProcessLimits.NONE;
    boolean tty;
    boolean openStdin;
    boolean readOnlyRoot;
    List<Mount> mounts = List.of();
    Security security = Security.DEFAULT;
    String hostname = "";
    List<String> hosts = List.of();
    Dns dns = Dns.NONE;
    Map<String, String> sysctls = Map.of();
    ResourceLimits limits = ResourceLimits.NONE;
    String logDriver = "";
    Map<String, String> logOptions = Map.of();
    HealthCheck health = HealthCheck.INHERIT;

    static SpecBuilder run(String... args) {
        SpecBuilder builder = new SpecBuilder();
        builder.args = List.of(args);
        return builder;
    }

    /** With a shell. */
    static SpecBuilder script(String script) {
        return run("sh", "-c", script);
    }

    SpecBuilder with(Consumer<SpecBuilder> change) {
        change.accept(this);
        return this;
    }

    ContainerSpec build() {
        return new ContainerSpec(
                id, "test", image, Map.of("test", "yes"),
                new ProcessSpec(entrypoint, args, env, workingDirectory, user, groups, stopSignal, init, processLimits), new Streams(tty, openStdin),
                new Filesystem(readOnlyRoot, mounts), security, new Names(hostname, hosts, dns), sysctls, limits, new Logging(logDriver, logOptions), health);
    }
}
