import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerRuntime;
import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.NativeRuntime;
import dev.starling.runtime.RuntimeOptions;
import dev.starling.runtime.image.Image;
import dev.starling.runtime.image.ImageStore;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.launch.Bundle;
import dev.starling.runtime.oci.OciProgram;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * Create, start, wait for and delete containers of /bin/true, by one of three ways and one clock. Called by container-starts.sh, which makes the root file
 * system.
 *
 * <pre>java -cp starling.jar ContainerStarts.java ROOTFS DIRECTORY N THREADS WAY [COMMAND...]</pre>
 *
 * <dl>
 *   <dt>starling</dt><dd>Starling's runtime: overlay, name files, log file, state file</dd>
 *   <dt>command</dt><dd>{@code COMMAND ID}, such as {@code crun run --bundle B}: no overlay, no name files, no log, the container's own state only</dd>
 *   <dt>engine</dt><dd>{@code COMMAND --bundle B ID} with what an engine does around it, done by this process: an overlay (volatile as well), name files,
 *   a log file read from a pipe, deletion by a thread behind</dd>
 * </dl>
 * Prints: median and 99th percentile of a cycle in milliseconds; cycles a second, until all is deleted; median of the start alone (until exec; 0 where it is
 * not known).
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

    private final int count;
    private final int threads;
    private final long[] startNanos;

    private ContainerStarts(int count, int threads) {
        this.count = count;
        this.threads = threads;
        this.startNanos = new long[count];
    }

    public static void main(String[] arguments) throws Exception {
        Path root = Path.of(arguments[0]).toAbsolutePath();
        Path directory = Files.createDirectories(Path.of(arguments[1]).toAbsolutePath());
        ContainerStarts starts = new ContainerStarts(Integer.parseInt(arguments[2]), Integer.parseInt(arguments[3]));
        List<String> command = Arrays.asList(arguments).subList(5, arguments.length);
        switch (arguments[4]) {
            case "starling" -> starts.byStarling(root, directory);
            case "command" -> starts.measure(number -> run(command, number), () -> {});
            case "engine" -> starts.byEngine(root, directory, command);
            default -> throw new IllegalArgumentException(arguments[4]);
        }
    }

    private void byStarling(Path root, Path directory) throws Exception {
        String name = System.getProperty("starling.oci"); // crun or runc: Starling's runtime through that
        OciProgram oci = name == null ? null : OciProgram.find(OciProgram.Kind.valueOf(name.toUpperCase(Locale.ROOT)), null);
        RuntimeOptions options = new RuntimeOptions("starling-bench/" + ProcessHandle.current().pid(), false, oci);
        NativeRuntime runtime = new NativeRuntime(directory, new OneImage(root), options);
        Map<String, CountDownLatch> ends = new ConcurrentHashMap<>();
        runtime.onExit(container -> ends.get(container.id()).countDown());
        measure(number -> {
            String id = String.format("%064x", number + 100);
            ends.put(id, new CountDownLatch(1));
            long begun = System.nanoTime();
            runtime.start(new ContainerSpec(id, "bench", "bench", List.of("/bin/true"), List.of(), List.of(), "", "", List.of(), "", Map.of(), "", false,
                    false, false, List.of(), List.of(), ContainerSpec.Dns.NONE, ContainerSpec.Limits.NONE, List.of(), List.of(), Map.of(), Map.of()),
                    ContainerRuntime.NetworkSetup.NONE);
            if (number >= 0) startNanos[number] = System.nanoTime() - begun;
            ends.get(id).await();
            ends.remove(id);
            Container ended = runtime.inspect(id);
            if (ended.exitCode().orElse(-1) != 0) throw new IllegalStateException("/bin/true ended with " + ended.exitCode());
            runtime.remove(id);
        }, runtime::close);
    }

    private static void run(List<String> command, int number) throws Exception {
        List<String> line = new ArrayList<>(command);
        line.add(id(number));
        ended(line, new ProcessBuilder(line).inheritIO().redirectOutput(ProcessBuilder.Redirect.DISCARD).start());
    }

    private static String id(int number) {
        return "starling-bench-" + ProcessHandle.current().pid() + "-" + (number + 100);
    }

    private static void ended(List<String> line, Process process) throws Exception {
        if (process.waitFor() != 0) throw new IllegalStateException(line + " ended with " + process.exitValue());
    }

    /** config.json beside the root file system names "root" as the root, and the name files, all relative to the bundle. */
    private void byEngine(Path root, Path directory, List<String> command) throws Exception {
        Kernel kernel = Kernel.load();
        byte[] config = Files.readAllBytes(root.resolveSibling("engine.json"));
        var deletion = Executors.newSingleThreadExecutor();
        measure(number -> {
            Path bundle = Files.createDirectory(directory.resolve(id(number)));
            for (String name : List.of("upper", "work", "root")) Files.createDirectory(bundle.resolve(name));
            Files.write(bundle.resolve("config.json"), config);
            for (String name : List.of("hosts", "hostname", "resolv.conf")) Files.writeString(bundle.resolve(name), "127.0.0.1 localhost\n");
            String options = "lowerdir=" + root + ",upperdir=" + bundle + "/upper,workdir=" + bundle + "/work,volatile";
            kernel.mount("overlay", bundle + "/root", "overlay", 0, options);
            List<String> line = new ArrayList<>(command);
            line.addAll(List.of("--bundle", bundle.toString(), id(number)));
            Process process = new ProcessBuilder(line).redirectErrorStream(true).start();
            try (InputStream output = process.getInputStream()) {
                Files.copy(output, bundle.resolve("log"));
            }
            ended(line, process);
            kernel.check(kernel.libc().umount2(bundle + "/root", 0), "umount", bundle + "/root");
            deletion.execute(() -> new Bundle("bench", bundle).delete());
        }, () -> {
            deletion.shutdown();
            deletion.awaitTermination(1, TimeUnit.MINUTES);
        });
    }

    /** The number is negative while it warms up. */
    private interface Cycle {
        void run(int number) throws Exception;
    }

    private interface Settling {
        void await() throws Exception;
    }

    private void measure(Cycle cycle, Settling settling) throws Exception {
        for (int i = -60; i < 0; i++) cycle.run(i);
        long[] nanos = new long[count];
        var workers = Executors.newFixedThreadPool(threads);
        long begun = System.nanoTime();
        List<Callable<Void>> all = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int number = i;
            all.add(() -> {
                long start = System.nanoTime();
                cycle.run(number);
                nanos[number] = System.nanoTime() - start;
                return null;
            });
        }
        for (var done : workers.invokeAll(all)) done.get();
        settling.await();
        double seconds = (System.nanoTime() - begun) / 1e9;
        workers.shutdown();
        Arrays.sort(nanos);
        Arrays.sort(startNanos);
        System.out.printf("%.1f %.1f %.0f %.1f%n", nanos[count / 2] / 1e6, nanos[count * 99 / 100] / 1e6, count / seconds, startNanos[count / 2] / 1e6);
    }
}
