import dev.starling.runtime.image.LocalImageStore;
import dev.starling.runtime.image.PullProgress;
import dev.starling.runtime.image.RegistryCredentials;
import dev.starling.runtime.registry.BandwidthLimit;
import dev.starling.runtime.registry.ImagePuller;
import dev.starling.runtime.registry.Registries;
import dev.starling.runtime.registry.RegistrySettings;
import java.nio.file.Path;

/**
 * One pull into an empty store, unpacked and on disk. Called by image-pull.sh.
 *
 * <pre>java -cp starling.jar ImagePulls.java STORE_DIRECTORY REFERENCE</pre>
 * Prints milliseconds and CPU milliseconds of the pull; the JVM is a fresh one, as after an agent's start.
 */
public final class ImagePulls {
    public static void main(String[] arguments) {
        LocalImageStore store = new LocalImageStore(Path.of(arguments[0]));
        ImagePuller puller = new ImagePuller(store, new Registries(RegistrySettings.DEFAULTS), new BandwidthLimit(0), RegistrySettings.DEFAULTS.downloads());
        long begin = System.nanoTime();
        long cpu = cpuMillis();
        puller.pull(arguments[1], RegistryCredentials.NONE, PullProgress.NONE);
        System.out.println((System.nanoTime() - begin) / 1_000_000 + " " + (cpuMillis() - cpu));
        puller.close();
    }

    private static long cpuMillis() {
        return ProcessHandle.current().info().totalCpuDuration().orElseThrow().toMillis();
    }
}
