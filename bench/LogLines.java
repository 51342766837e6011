import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerRuntime;
import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.ProcessSpec;
import dev.starling.runtime.RuntimeOptions;
import dev.starling.runtime.supervision.NativeRuntime;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CountDownLatch;

/**
 * How fast containers may log: each of some at once writes lines as fast as it can, and the time runs until the last one's end is told, when all is in the logs. Called
 * by log-lines.sh, which compiles {@link OneImage}.
 *
 * <pre>java -cp starling.jar:CLASSES LogLines.java DIRECTORY CONTAINERS SCRIPT MODE</pre>
 *
 * SCRIPT is run by busybox's shell; MODE is blocking or non-blocking. Prints one line: lines a second, the agent's processor time for each line in
 * microseconds, lines that are in the logs.
 */
public final class LogLines {
    private LogLines() {}

    public static void main(String[] arguments) throws Exception {
        Path directory = Path.of(arguments[0]).toAbsolutePath();
        int containers = Integer.parseInt(arguments[1]);
        try (NativeRuntime runtime = new NativeRuntime(Files.createDirectories(directory.resolve("state")), new OneImage(directory.resolve("rootfs")),
                new RuntimeOptions("starling-bench/" + ProcessHandle.current().pid(), false, null, null, 0, 0))) {
            round(runtime, 1_000, containers, arguments[2], arguments[3]); // warm-up
            System.out.println(round(runtime, 2_000, containers, arguments[2], arguments[3]));
        }
    }

    private static String round(NativeRuntime runtime, int firstId, int containers, String script, String mode) throws Exception {
        CountDownLatch ends = new CountDownLatch(containers);
        runtime.onExit(container -> ends.countDown());
        long used = processorNanos();
        long begun = System.nanoTime();
        for (int i = 0; i < containers; i++) {
            String id = id(firstId + i);
            runtime.start(ContainerSpec.of(id, "bench", "bench")
                    .withProcess(ProcessSpec.INHERIT.withEntrypoint(List.of("/bin/busybox", "sh", "-c", script)))
                    .withLogging(new ContainerSpec.Logging("", Map.of("mode", mode, "max-size", "1g"))), ContainerRuntime.NetworkSetup.NONE);
        }
        ends.await();
        long nanos = System.nanoTime() - begun;
        long processor = processorNanos() - used;
        long lines = 0;
        for (int i = 0; i < containers; i++) {
            Container ended = runtime.inspect(id(firstId + i));
            if (ended.exitCode().orElse(-1) != 0) throw new IllegalStateException("container ended with " + ended.exitCode());
            try (var all = Files.lines(runtime.logFile(ended.id()))) {
                lines += all.filter(line -> line.contains("\"stdout\"")).count();
            }
            runtime.remove(ended.id());
        }
        return String.format(Locale.ROOT, "%.0f %.2f %d", lines * 1e9 / nanos, processor / 1e3 / lines, lines);
    }

    private static long processorNanos() {
        return ((com.sun.management.OperatingSystemMXBean) java.lang.management.ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
    }

    private static String id(int number) {
        return String.format("%064x", number);
    }
}
