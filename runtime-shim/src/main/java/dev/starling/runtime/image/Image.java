package dev.starling.runtime.image;

import dev.starling.runtime.HealthCheck;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/**
 * An image in the store.
 *
 * @param id       {@code sha256:} and the digest of its config
 * @param tags     {@code repository:tag}, normalised as Docker shows them ({@code busybox:latest})
 * @param digests  {@code repository@sha256:...} where known
 * @param layers   diff ids, lowest first
 * @param size     bytes unpacked
 * @param config   what a container inherits
 */
public record Image(
        String id, List<String> tags, List<String> digests, Instant created, String os, String architecture, String variant,
        List<String> layers, long size, Config config) {

    public record Config(
            List<String> entrypoint, List<String> cmd, List<String> env, String workingDir, String user, String stopSignal,
            Map<String, String> labels, List<String> exposedPorts, List<String> volumes, HealthCheck health) {

        public Config(
                List<String> entrypoint, List<String> cmd, List<String> env, String workingDir, String user, String stopSignal,
                Map<String, String> labels, List<String> exposedPorts, List<String> volumes) {
            this(entrypoint, cmd, env, workingDir, user, stopSignal, labels, exposedPorts, volumes, HealthCheck.INHERIT);
        }
    }
}
