package dev.starling.runtime;

import dev.starling.runtime.volume.VolumeOptions;
import java.util.Map;

/**
 * Something of the host, a volume or an empty file system in memory, in a container's file system.
 *
 * @param source    a host path of a bind, a volume's name (empty: one of this container alone), or empty for tmpfs
 * @param sizeBytes of a tmpfs; 0 for the kernel's default, half of the memory
 * @param mode      permission bits of a tmpfs; 0 for Docker's default, 1777
 * @param propagation of a bind: {@code rprivate} (also where empty), {@code rslave}, {@code shared} and so on
 * @param noCopy    an empty volume stays empty; else it is filled with what the image has at {@code target}
 * @param volumeOptions of a volume that is made ({@link VolumeOptions}); one that is there has to have the same. Empty: as it is
 * @param volumeLabels  of a volume that is made
 */
public record Mount(
        Type type, String source, String target, boolean readOnly, long sizeBytes, int mode, String propagation, boolean noCopy,
        Map<String, String> volumeOptions, Map<String, String> volumeLabels) {
    public enum Type { BIND, VOLUME, TMPFS }

    public Mount {
        volumeOptions = Map.copyOf(volumeOptions);
        volumeLabels = Map.copyOf(volumeLabels);
    }

    public Mount(Type type, String source, String target, boolean readOnly) {
        this(type, source, target, readOnly, 0, 0, "", false, Map.of(), Map.of());
    }

    public Mount withTmpfs(long newSizeBytes, int newMode) {
        return new Mount(type, source, target, readOnly, newSizeBytes, newMode, propagation, noCopy, volumeOptions, volumeLabels);
    }

    public Mount withPropagation(String other) {
        return new Mount(type, source, target, readOnly, sizeBytes, mode, other, noCopy, volumeOptions, volumeLabels);
    }

    public Mount withNoCopy(boolean wanted) {
        return new Mount(type, source, target, readOnly, sizeBytes, mode, propagation, wanted, volumeOptions, volumeLabels);
    }

    public Mount withVolume(Map<String, String> options, Map<String, String> labels) {
        return new Mount(type, source, target, readOnly, sizeBytes, mode, propagation, noCopy, options, labels);
    }

    /** As it is on this host. */
    public Mount at(String hostPath, String plainTarget) {
        return new Mount(type, hostPath, plainTarget, readOnly, sizeBytes, mode, propagation, noCopy, volumeOptions, volumeLabels);
    }

    /** As the volume that is there has them. */
    public Mount withOptions(Map<String, String> options) {
        boolean fixed = readOnly || VolumeOptions.of(options).isReadOnly();
        return new Mount(type, source, target, fixed, sizeBytes, mode, propagation, noCopy, options, volumeLabels);
    }
}
