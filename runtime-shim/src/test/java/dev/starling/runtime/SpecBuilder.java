package dev.starling.runtime;

import dev.starling.runtime.ContainerSpec.Dns;
import dev.starling.runtime.ContainerSpec.Limits;
import dev.starling.runtime.ContainerSpec.Mount;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

/** A spec with everything empty but what a test says. */
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
    String hostname = "";
    String stopSignal = "";
    boolean tty;
    boolean openStdin;
    boolean readOnlyRoot;
    List<Mount> mounts = List.of();
    List<String> hosts = List.of();
    Dns dns = Dns.NONE;
    Limits limits = Limits.NONE;
    List<String> capabilityAdd = List.of();
    List<String> capabilityDrop = List.of();
    Map<String, String> sysctls = Map.of();
    Map<String, String> logOptions = Map.of();
    String logDriver = "";
    ContainerSpec.ProcessOptions options = ContainerSpec.ProcessOptions.NONE;
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

    SpecBuilder with(java.util.function.Consumer<SpecBuilder> change) {
        change.accept(this);
        return this;
    }

    ContainerSpec build() {
        return new ContainerSpec(
                id, "test", image, entrypoint, args, env, workingDirectory, user, groups, hostname, Map.of("test", "yes"), stopSignal, tty, openStdin,
                readOnlyRoot, mounts, hosts, dns, limits, capabilityAdd, capabilityDrop, sysctls, logOptions, logDriver, options, health);
    }
}
