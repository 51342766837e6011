package dev.starling.runtime.image;

import dev.starling.runtime.registry.BandwidthLimit;
import dev.starling.runtime.registry.ImagePuller;
import dev.starling.runtime.registry.Registries;
import dev.starling.runtime.registry.RegistrySettings;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** Each of its tests has a registry, a store and a puller of its own. */
abstract class PullForEachTest {
    static final MachinePlatform AMD64 = new MachinePlatform("linux", "amd64", "");

    @TempDir
    Path directory;
    /** Of the store. */
    Path home;
    FakeRegistry registry;
    LocalImageStore store;
    ImagePuller puller;
    /** Ended with the test: the downloads of a pull that failed go on, for the next one. */
    final List<ImagePuller> pullers = new ArrayList<>();

    @BeforeEach
    void openRegistry() throws Exception {
        Root.required();
        home = directory.resolve("store");
        registry = new FakeRegistry();
        open(ImageLimits.defaults());
    }

    /** Once more in the same test: what a restart finds. */
    final void open(ImageLimits limits) {
        store = new LocalImageStore(home, limits, AMD64);
        puller = puller(store, RegistrySettings.DEFAULTS);
    }

    final ImagePuller puller(LocalImageStore of, RegistrySettings settings) {
        return puller(of, settings, new Registries(settings));
    }

    final ImagePuller puller(LocalImageStore of, RegistrySettings settings, Registries registries) {
        ImagePuller made = new ImagePuller(of, registries, new BandwidthLimit(settings.bytesPerSecond()), settings.downloads());
        pullers.add(made);
        return made;
    }

    @AfterEach
    void closeRegistry() {
        if (registry != null) {
            registry.held.values().forEach(CountDownLatch::countDown);
            pullers.forEach(ImagePuller::close);
            registry.close();
        }
    }
}
