package dev.starling.runtime.supervision;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.volume.Volume;
import dev.starling.runtime.volume.VolumesInUse;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** The named volumes of a runtime's directory for those who look at them, make and remove them; containers get theirs by {@link Volumes}. */
public final class NamedVolumes {
    private final VolumesInUse volumes;

    /** Of a runtime: {@link NativeRuntime#volumes}. */
    NamedVolumes(VolumesInUse volumes) {
        this.volumes = volumes;
    }

    /** Where no containers are run. @param directory of a runtime */
    public NamedVolumes(Path directory) {
        this(new VolumesInUse(Kernel.load(), Volumes.below(directory)));
    }

    /** By name. */
    public List<Volume> list() {
        return volumes.list();
    }

    /** Null where there is none. */
    public Volume find(String name) {
        return volumes.find(name);
    }

    /** There already: that one. */
    public Volume create(String name) {
        return create(name, Map.of(), Map.of());
    }

    /**
     * There already: that one, if it has the same options.
     *
     * @param options see {@link dev.starling.runtime.volume.VolumeOptions}
     */
    public Volume create(String name, Map<String, String> options, Map<String, String> labels) {
        return volumes.make(name, options, labels);
    }

    /** With all its files; of one with options, what is mounted is let alone. @throws RuntimeShimException CONFLICT where a running container uses it */
    public void remove(String name) {
        volumes.remove(name);
    }

    /** Of its files; -1 for one with options: what is mounted is not counted, it may be large, of the host, or on a server that is away. */
    public long bytes(Volume volume) {
        return volume.options().isEmpty() ? DiskUsage.below(volume.data()) : -1;
    }
}
