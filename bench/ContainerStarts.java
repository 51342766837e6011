import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerRuntime;
import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.HealthCheck;
import dev.starling.runtime.ProcessLimits;
import dev.starling.runtime.ProcessSpec;
import dev.starling.runtime.RuntimeOptions;
import dev.starling.runtime.Security;
import dev.starling.runtime.cgroup.Cgroups;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Flags;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.kernel.SpawnActions;
import dev.starling.runtime.launch.Bundle;
import dev.starling.runtime.launch.ContainerLauncher;
import dev.starling.runtime.launch.Devices;
import dev.starling.runtime.launch.ExitStatus;
import dev.starling.runtime.launch.Gates;
import dev.starling.runtime.launch.ImageRoot;
import dev.starling.runtime.launch.LaunchRequest;
import dev.starling.runtime.launch.NativeLauncher;
import dev.starling.runtime.launch.ProcessPlan;
import dev.starling.runtime.oci.OciProgram;
import dev.starling.runtime.supervision.NativeRuntime;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import jnr.ffi.Pointer;

/**
 * Create, start, wait for and delete containers of /bin/true, by several ways and one clock: one cycle of each way after the other, so that what else the machine
 * does meets all of them alike. Called by container-starts.sh, which compiles {@link OneImage} and makes the directory: a bundle of OCI with {@code rootfs},
 * {@code config.json} and {@code engine.json}.
 *
 * <pre>java -cp starling.jar:CLASSES ContainerStarts.java DIRECTORY CYCLES ROUNDS WAY...</pre>
 *
 * <dl>
 *   <dt>starling</dt><dd>Starling's runtime: overlay, name files, log file, state file. With {@code -Dstarling.oci=crun} through that</dd>
 *   <dt>starling-bundle</dt><dd>its launcher alone on what the bundle has, as crun gets it: the root directory itself, no output kept; a state file in {@code run}</dd>
 *   <dt>crun, runc</dt><dd>{@code run --bundle DIRECTORY}, its state in {@code run} as well; spawned with vfork, and waited for without a thread in between</dd>
 *   <dt>crun-engine</dt><dd>crun with what an engine does around it, done by this process: an overlay (volatile as well), name files, a log file read
 *   from a pipe, deletion by a thread behind</dd>
 * </dl>
 * Then the same with eight at once, where the ways follow each other in rounds. Prints a line a way: its name, median and 99th percentile of a cycle in
 * milliseconds, median of the start alone until exec (0 where it is not known), starts a second with eight at once, until all is deleted (median of the rounds).
 */
public final class ContainerStarts {
    private static final int WARM_UPS = 60;
    private static final int AT_ONCE = 8;
    private static final int SANDBOXES = Integer.getInteger("starling.sandboxes", 2);
    private static final int TIMEOUT_MILLIS = 60_000;
    private static final int PAUSE_MILLIS = 500;

    /** The number is another one each time. */
    private interface Way extends AutoCloseable {
        void cycle(int number) throws Exception;

        /** Until what is done behind is done. */
        default void settle() throws Exception {}

        @Override
        default void close() throws Exception {}
    }

    private static final Kernel KERNEL = Kernel.load();
    private static final long PID = ProcessHandle.current().pid();
    /** Nanoseconds of the starts alone, of who can tell them. */
    private static final Map<String, List<Long>> STARTS = new ConcurrentHashMap<>();

    private ContainerStarts() {}

    public static void main(String[] arguments) throws Exception {
        Path directory = Path.of(arguments[0]).toAbsolutePath();
        int cycles = Integer.parseInt(arguments[1]);
        int rounds = Integer.parseInt(arguments[2]);
        Map<String, Way> ways = new LinkedHashMap<>();
        for (String name : Arrays.asList(arguments).subList(3, arguments.length)) ways.put(name, way(name, directory));
        int number = 100;
        for (Way way : ways.values()) for (int i = 0; i < WARM_UPS; i++) way.cycle(number++);
        STARTS.clear();
        Map<String, long[]> nanos = new LinkedHashMap<>();
        for (String name : ways.keySet()) nanos.put(name, new long[cycles]);
        for (int i = 0; i < cycles; i++) {
            for (Map.Entry<String, Way> each : ways.entrySet()) {
                long begun = System.nanoTime();
                each.getValue().cycle(number++);
                nanos.get(each.getKey())[i] = System.nanoTime() - begun;
                each.getValue().settle();
            }
        }
        Map<String, Double> starts = new LinkedHashMap<>();
        STARTS.forEach((name, all) -> starts.put(name, median(all.stream().mapToDouble(each -> each / 1e6).toArray())));
        Map<String, double[]> perSecond = new LinkedHashMap<>();
        for (String name : ways.keySet()) perSecond.put(name, new double[rounds]);
        for (int round = 0; round < rounds; round++) {
            for (Map.Entry<String, Way> each : ways.entrySet()) {
                Thread.sleep(PAUSE_MILLIS); // the kernel is still taking the last ones' networks apart
                perSecond.get(each.getKey())[round] = atOnce(each.getValue(), number, cycles);
                number += cycles;
            }
        }
        for (String name : ways.keySet()) {
            long[] sorted = nanos.get(name);
            Arrays.sort(sorted);
            System.out.printf(Locale.ROOT, "%s %.1f %.1f %.1f %.0f%n", name, sorted[cycles / 2] / 1e6, sorted[cycles * 99 / 100] / 1e6,
                    starts.getOrDefault(name, 0.0), median(perSecond.get(name)));
        }
        for (Way way : ways.values()) way.close();
    }

    /** @return starts a second */
    private static double atOnce(Way way, int firstNumber, int cycles) throws Exception {
        var workers = Executors.newFixedThreadPool(AT_ONCE);
        try {
            List<Callable<Void>> all = new ArrayList<>();
            for (int i = 0; i < cycles; i++) {
                int number = firstNumber + i;
                all.add(() -> {
                    way.cycle(number);
                    return null;
                });
            }
            long begun = System.nanoTime();
            for (var done : workers.invokeAll(all)) done.get();
            way.settle();
            return cycles * 1e9 / (System.nanoTime() - begun);
        } finally {
            workers.shutdown();
        }
    }

    private static double median(double[] values) {
        Arrays.sort(values);
        return values.length == 0 ? 0 : values[values.length / 2];
    }

    private static Way way(String name, Path directory) throws Exception {
        return switch (name) {
            case "starling" -> new Runtime(directory);
            case "starling-bundle" -> new Launched(directory);
            case "crun", "runc" -> number -> run(List.of(name, "--root", directory + "/run/" + name, "run", "--bundle", directory.toString(), id(number)), -1);
            case "crun-engine" -> new Engine("crun", directory);
            default -> throw new IllegalArgumentException(name);
        };
    }

    private static String id(int number) {
        return "starling-bench-" + PID + "-" + number;
    }

    private static String longId(int number) {
        return String.format("%064x", number);
    }

    private static void started(String name, long begun) {
        List<Long> all = STARTS.computeIfAbsent(name, any -> java.util.Collections.synchronizedList(new ArrayList<>()));
        all.add(System.nanoTime() - begun);
    }

    private static final class Runtime implements Way {
        private final NativeRuntime runtime;
        private final Path removed;
        private final Map<String, CountDownLatch> ends = new ConcurrentHashMap<>();

        Runtime(Path directory) throws Exception {
            String name = System.getProperty("starling.oci");
            OciProgram oci = name == null ? null : OciProgram.find(OciProgram.Kind.valueOf(name.toUpperCase(Locale.ROOT)), null);
            Path state = Files.createDirectories(directory.resolve("starling"));
            this.runtime = new NativeRuntime(state, new OneImage(directory.resolve("rootfs")), new RuntimeOptions("starling-bench/" + PID, false, oci, null, 0, SANDBOXES));
            this.removed = state.resolve("removed");
            runtime.onExit(container -> ends.get(container.id()).countDown());
        }

        @Override
        public void cycle(int number) throws Exception {
            String id = longId(number);
            ends.put(id, new CountDownLatch(1));
            long begun = System.nanoTime();
            runtime.start(ContainerSpec.of(id, "bench", "bench").withProcess(ProcessSpec.INHERIT.withEntrypoint(List.of("/bin/true"))),
                    ContainerRuntime.NetworkSetup.NONE);
            started("starling", begun);
            ends.get(id).await();
            ends.remove(id);
            Container ended = runtime.inspect(id);
            require("/bin/true", ended.exitCode());
            runtime.remove(id);
        }

        @Override
        public void settle() throws Exception {
            while (true) {
                try (var left = Files.list(removed)) {
                    if (left.findAny().isEmpty()) return;
                }
                Thread.sleep(0, 200_000);
            }
        }

        @Override
        public void close() {
            runtime.close();
        }
    }

    private static void require(Object what, OptionalInt exitCode) {
        if (exitCode.orElse(-1) != 0) throw new IllegalStateException(what + " ended with " + exitCode);
    }

    /** After a {@link Runtime} was made, whose trial container has loaded all classes. */
    private static final class Launched implements Way {
        private final Path directory;
        private final Path state;
        private final Cgroups cgroups = Cgroups.detect(KERNEL, "starling-bench/bundle-" + PID);
        private final NativeLauncher launcher;
        private final ProcessPlan plan;

        Launched(Path directory) throws Exception {
            this.directory = directory;
            this.state = Files.createDirectories(directory.resolve("run/starling"));
            for (String stream : List.of("stdout", "stderr")) Files.createSymbolicLink(directory.resolve(stream), Path.of("/dev/null"));
            this.launcher = new NativeLauncher(KERNEL, cgroups, new Gates(KERNEL, directory.resolve("bundle-gates")), SANDBOXES, false);
            this.plan = new ProcessPlan(List.of("/bin/true"), List.of("PATH=/usr/bin:/bin"), "/", "", List.of(), "bench", 0x20000420L, 15, HealthCheck.INHERIT);
        }

        @Override
        public void cycle(int number) throws Exception {
            String id = longId(number);
            long begun = System.nanoTime();
            LaunchRequest request = new LaunchRequest(
                    new Bundle(id, directory), plan, new ImageRoot.Directory(directory.resolve("rootfs")), ContainerSpec.Filesystem.DEFAULT, List.of(), List.of(),
                    Map.of(), Security.DEFAULT, ProcessLimits.NONE, Devices.NONE, ContainerSpec.Streams.DEFAULT, null);
            ContainerLauncher.Held held = launcher.hold(request);
            held.furnish();
            Path file = state.resolve(id);
            Files.writeString(file, "{\"pid\": " + held.pid() + ", \"startTime\": " + held.startTime() + ", \"plan\": \"" + plan + "\"}\n");
            held.release();
            started("starling-bundle", begun);
            try (Descriptor process = held.descriptor()) {
                if (!KERNEL.waitReadable(process, TIMEOUT_MILLIS)) throw new IllegalStateException(id + " did not end");
                require(id, ExitStatus.of(KERNEL, held.pid(), process));
            }
            if (!cgroups.remove(id, 1000)) throw new IllegalStateException("the control groups of " + id + " stay");
            Files.delete(file);
        }

        @Override
        public void close() {
            launcher.close();
        }
    }

    private static final Pointer ATTRIBUTES = SpawnActions.attributes(KERNEL);
    private static final Kernel.StringArray ENVIRONMENT = KERNEL.strings(List.of("PATH=" + System.getenv("PATH")));

    private static String program(String name) {
        for (String directory : System.getenv("PATH").split(":")) if (Files.isExecutable(Path.of(directory, name))) return directory + "/" + name;
        throw new IllegalStateException("there is no " + name);
    }

    private static int spawn(List<String> line, int output) {
        try (SpawnActions actions = new SpawnActions(KERNEL)) {
            actions.open(0, "/dev/null", Flags.O_RDONLY);
            if (output < 0) {
                actions.open(1, "/dev/null", Flags.O_WRONLY);
            } else {
                actions.duplicate(output, 1).duplicate(output, 2);
            }
            SpawnActions.Spawned spawned = actions.closeFrom(3).spawn(program(line.get(0)), KERNEL.strings(line), ENVIRONMENT, ATTRIBUTES);
            if (spawned.errno() != 0) throw new IllegalStateException(line + ": errno " + spawned.errno());
            return spawned.pid();
        }
    }

    private static void await(List<String> line, int pid) {
        Pointer status = KERNEL.memory(4);
        KERNEL.check(KERNEL.libc().waitpid(pid, status, 0), "waitpid");
        if (status.getInt(0) != 0) throw new IllegalStateException(line + " ended with " + ExitStatus.decode(status.getInt(0)));
    }

    private static void run(List<String> line, int output) {
        await(line, spawn(line, output));
    }

    /** config.json beside the root file system names "root" as the root, and the name files, all relative to the bundle. */
    private static final class Engine implements Way {
        private final String program;
        private final Path root;
        private final Path directory;
        private final Path state;
        private final byte[] config;
        private final java.util.concurrent.ExecutorService deletion = Executors.newSingleThreadExecutor();

        Engine(String program, Path directory) throws Exception {
            this.program = program;
            this.root = directory.resolve("rootfs");
            this.directory = Files.createDirectories(directory.resolve("engine"));
            this.state = directory.resolve("run/engine");
            this.config = Files.readAllBytes(directory.resolve("engine.json"));
        }

        @Override
        public void cycle(int number) throws Exception {
            Path bundle = Files.createDirectory(directory.resolve(id(number)));
            for (String name : List.of("upper", "work", "root")) Files.createDirectory(bundle.resolve(name));
            Files.write(bundle.resolve("config.json"), config);
            for (String name : List.of("hosts", "hostname", "resolv.conf")) Files.writeString(bundle.resolve(name), "127.0.0.1 localhost\n");
            KERNEL.mount("overlay", bundle + "/root", "overlay", 0, "lowerdir=" + root + ",upperdir=" + bundle + "/upper,workdir=" + bundle + "/work,volatile");
            List<String> line = List.of(program, "--root", state.toString(), "run", "--bundle", bundle.toString(), id(number));
            Pointer ends = KERNEL.memory(8);
            KERNEL.check(KERNEL.libc().pipe2(ends, Flags.O_CLOEXEC), "pipe2");
            int pid = spawn(line, ends.getInt(4));
            KERNEL.libc().close(ends.getInt(4));
            try (Descriptor output = new Descriptor(KERNEL, ends.getInt(0)); var log = Files.newOutputStream(bundle.resolve("log"))) {
                Pointer buffer = KERNEL.memory(8192);
                for (long count = 1; count > 0;) {
                    count = KERNEL.libc().read(output.number(), buffer, 8192);
                    byte[] bytes = new byte[(int) Math.max(0, count)];
                    buffer.get(0, bytes, 0, bytes.length);
                    log.write(bytes);
                }
            }
            await(line, pid);
            KERNEL.check(KERNEL.libc().umount2(bundle + "/root", 0), "umount", bundle + "/root");
            deletion.execute(() -> new Bundle("bench", bundle).delete());
        }

        @Override
        public void settle() throws Exception {
            deletion.submit(() -> {}).get(1, TimeUnit.MINUTES);
        }

        @Override
        public void close() {
            deletion.shutdown();
        }
    }
}
