import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerRuntime;
import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.NativeRuntime;
import dev.starling.runtime.RuntimeOptions;
import dev.starling.runtime.image.Image;
import dev.starling.runtime.image.ImageStore;
import dev.starling.runtime.oci.OciProgram;
import java.io.InputStream;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;

/**
 * Create, start, wait for and delete containers of /bin/true with Starling's runtime, or with a command ({@code crun run ... ID}) in its place, so that both
 * are measured by the same clock. Called by container-starts.sh, which makes the root file system.
 *
 * <pre>java -cp starling.jar ContainerStarts.java ROOTFS STATE_DIRECTORY N THREADS [COMMAND...]</pre>
 * Prints: median and 99th percentile of a cycle in milliseconds, cycles a second.
 */
public final class ContainerStarts {
    /** One image: a directory. */
    private record OneImage(Path root) implements ImageStore {
        public Image find(String reference) {
            return new Image("bench", List.of(), List.of(), Instant.EPOCH, "linux", "", "", List.of(), 0,
                    new Image.Config(List.of(), List.of(), List.of(), "", "", "", Map.of(), List.of(), List.of()));
        }

        public List<Path> layerDirectories(Image image) {
            return List.of(root);
        }

        public List<String> load(InputStream archive) {
            throw new UnsupportedOperationException();
        }

        public List<Image> list() {
            throw new UnsupportedOperationException();
        }

        public void tag(String reference, String newTag) {
            throw new UnsupportedOperationException();
        }

        public List<String> remove(String reference, boolean force) {
            throw new UnsupportedOperationException();
        }
    }

    public static void main(String[] arguments) throws Exception {
        int count = Integer.parseInt(arguments[2]);
        int threads = Integer.parseInt(arguments[3]);
        if (arguments.length > 4) {
            List<String> command = Arrays.asList(arguments).subList(4, arguments.length);
            measure(count, threads, number -> () -> {
                List<String> line = new ArrayList<>(command);
                line.add("starling-bench-" + ProcessHandle.current().pid() + "-" + number);
                Process process = new ProcessBuilder(line).inheritIO().redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
                if (process.waitFor() != 0) throw new IllegalStateException(line + " ended with " + process.exitValue());
                return null;
            });
            return;
        }
        String name = System.getProperty("starling.oci"); // crun or runc: Starling's runtime through that
        OciProgram oci = name == null ? null : OciProgram.find(OciProgram.Kind.valueOf(name.toUpperCase(Locale.ROOT)), null);
        RuntimeOptions options = new RuntimeOptions("starling-bench/" + ProcessHandle.current().pid(), false, oci);
        try (NativeRuntime runtime = new NativeRuntime(Path.of(arguments[1]), new OneImage(Path.of(arguments[0])), options)) {
            Map<String, CountDownLatch> ends = new java.util.concurrent.ConcurrentHashMap<>();
            runtime.onExit(container -> ends.get(container.id()).countDown());
            measure(count, threads, number -> () -> {
                String id = String.format("%064x", number + 1);
                ends.put(id, new CountDownLatch(1));
                runtime.start(new ContainerSpec(id, "bench", "bench", List.of("/bin/true"), List.of(), List.of(), "", "", List.of(), "", Map.of(), "", false,
                        false, false, List.of(), List.of(), ContainerSpec.Dns.NONE, ContainerSpec.Limits.NONE, List.of(), List.of(), Map.of(), Map.of()),
                        ContainerRuntime.NetworkSetup.NONE);
                ends.get(id).await();
                ends.remove(id);
                Container ended = runtime.inspect(id);
                if (ended.exitCode().orElse(-1) != 0) throw new IllegalStateException("/bin/true ended with " + ended.exitCode());
                runtime.remove(id);
                return null;
            });
        }
    }

    private interface Cycle {
        Callable<Void> of(int number);
    }

    private static void measure(int count, int threads, Cycle cycle) throws Exception {
        for (int i = 0; i < 20; i++) cycle.of(i).call();
        long[] nanos = new long[count];
        var workers = Executors.newFixedThreadPool(threads);
        long begun = System.nanoTime();
        List<Callable<Void>> all = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int number = i;
            all.add(() -> {
                long start = System.nanoTime();
                cycle.of(100 + number).call();
                nanos[number] = System.nanoTime() - start;
                return null;
            });
        }
        for (var done : workers.invokeAll(all)) done.get();
        double seconds = (System.nanoTime() - begun) / 1e9;
        workers.shutdown();
        Arrays.sort(nanos);
        System.out.printf("%.1f %.1f %.0f%n", nanos[count / 2] / 1e6, nanos[count * 99 / 100] / 1e6, count / seconds);
    }
}
