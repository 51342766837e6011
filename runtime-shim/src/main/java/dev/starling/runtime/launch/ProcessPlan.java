package dev.starling.runtime.launch;

import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.ExecSpec;
import dev.starling.runtime.HealthCheck;
import dev.starling.runtime.ProcessSpec;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.image.Image;
import dev.starling.runtime.kernel.Capability;
import dev.starling.runtime.kernel.Signals;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The first process as it shall be: what the image says, overridden by the spec, completed by Docker's defaults.
 *
 * @param user {@code user[:group]} as written; looked up in the container's own files, see {@link Identity}
 */
public record ProcessPlan(
        List<String> argv, List<String> environment, String workingDirectory, String user, List<String> groups, String hostname,
        long capabilities, int stopSignal, HealthCheck health) {

    private static final String DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    private static final int HOSTNAME_FROM_ID = 12;

    /** @param availableCapabilities those the agent itself has */
    public static ProcessPlan of(ContainerSpec spec, Image.Config image, long availableCapabilities) {
        ProcessSpec process = spec.process();
        String hostname = spec.names().hostname().isEmpty() ? spec.id().substring(0, HOSTNAME_FROM_ID) : spec.names().hostname();
        String workingDirectory = firstSet(process.workingDirectory(), image.workingDir(), "/");
        if (!workingDirectory.startsWith("/")) {
            throw RuntimeShimException.invalid("the working directory '" + workingDirectory + "' is invalid, it needs to be an absolute path");
        }
        List<String> argv = argv(process, image);
        return new ProcessPlan(
                process.init() ? InitProgram.before(argv) : argv, environment(spec, image, hostname), workingDirectory, firstSet(process.user(), image.user(), "0"),
                process.groups(), hostname, Capability.select(spec.security().capabilityAdd(), spec.security().capabilityDrop(), availableCapabilities),
                Signals.number(firstSet(process.stopSignal(), image.stopSignal(), "SIGTERM")), spec.health().over(image.health()));
    }

    /** A further process beside this one. */
    public ProcessPlan exec(ExecSpec exec) {
        Map<String, String> completed = new LinkedHashMap<>();
        for (String entry : environment) {
            put(completed, entry);
        }
        if (!exec.user().isEmpty()) { // that user's own
            completed.remove("HOME");
        }
        if (exec.tty()) {
            completed.put("TERM", "xterm");
        }
        for (String entry : exec.env()) {
            put(completed, entry);
        }
        String directory = firstSet(exec.workingDirectory(), workingDirectory, "/");
        if (!directory.startsWith("/")) {
            throw RuntimeShimException.invalid("the working directory '" + directory + "' is invalid, it needs to be an absolute path");
        }
        return new ProcessPlan(
                exec.command(), entries(completed), directory, firstSet(exec.user(), user, "0"), groups, hostname, capabilities, stopSignal, HealthCheck.INHERIT);
    }

    private static List<String> argv(ProcessSpec process, Image.Config image) {
        List<String> argv = new ArrayList<>();
        if (process.entrypoint().isEmpty()) {
            argv.addAll(orEmpty(image.entrypoint()));
            argv.addAll(process.args().isEmpty() ? orEmpty(image.cmd()) : process.args());
        } else {
            argv.addAll(process.entrypoint());
            argv.addAll(process.args());
        }
        if (argv.isEmpty() || argv.get(0).isEmpty()) {
            throw RuntimeShimException.invalid("no command specified");
        }
        return List.copyOf(argv);
    }

    private static List<String> environment(ContainerSpec spec, Image.Config image, String hostname) {
        Map<String, String> environment = new LinkedHashMap<>();
        environment.put("PATH", DEFAULT_PATH);
        environment.put("HOSTNAME", hostname);
        if (spec.streams().tty()) {
            environment.put("TERM", "xterm");
        }
        for (String entry : orEmpty(image.env())) {
            put(environment, entry);
        }
        for (String entry : spec.process().env()) {
            put(environment, entry);
        }
        return entries(environment);
    }

    private static List<String> entries(Map<String, String> environment) {
        List<String> entries = new ArrayList<>();
        environment.forEach((name, value) -> entries.add(name + "=" + value));
        return List.copyOf(entries);
    }

    /** {@code NAME} without a value removes, as in Docker. */
    private static void put(Map<String, String> environment, String entry) {
        int equals = entry.indexOf('=');
        if (equals == 0 || entry.indexOf('\0') >= 0) {
            throw RuntimeShimException.invalid("invalid environment variable: " + entry);
        }
        if (equals < 0) {
            environment.remove(entry);
        } else {
            environment.put(entry.substring(0, equals), entry.substring(equals + 1));
        }
    }

    /** HOME is known only when the user is. */
    public List<String> environmentWithHome(String home) {
        for (String entry : environment) {
            if (entry.startsWith("HOME=")) {
                return environment;
            }
        }
        List<String> completed = new ArrayList<>(environment);
        completed.add("HOME=" + home);
        return completed;
    }

    String path() {
        for (String entry : environment) {
            if (entry.startsWith("PATH=")) {
                return entry.substring(5);
            }
        }
        return "";
    }

    private static List<String> orEmpty(List<String> list) {
        return list == null ? List.of() : list;
    }

    private static String firstSet(String first, String second, String otherwise) {
        if (first != null && !first.isEmpty()) {
            return first;
        }
        return second != null && !second.isEmpty() ? second : otherwise;
    }
}
