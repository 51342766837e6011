package dev.starling.runtime.volume;

import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;

/**
 * A named volume of this node.
 *
 * @param data    where the volume's files are
 * @param options see {@link VolumeOptions}; empty for a plain directory
 */
public record Volume(String name, Path data, Instant created, Map<String, String> options, Map<String, String> labels) {}
