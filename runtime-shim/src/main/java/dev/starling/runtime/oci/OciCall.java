package dev.starling.runtime.oci;

import static dev.starling.runtime.kernel.Flags.MNT_DETACH;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.cgroup.Cgroups;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Errno;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.kernel.Signals;
import dev.starling.runtime.kernel.SpawnActions;
import dev.starling.runtime.launch.Bundle;
import dev.starling.runtime.launch.ExitStatus;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import jnr.ffi.Pointer;

/**
 * One call of the OCI runtime, with bounded time and output. It keeps its own state below the bundle ({@code oci/}) and goes with it, so that nothing
 * has to be deleted afterwards. What it complains of comes from its log, since its standard streams are the container's.
 */
final class OciCall {
    private static final int TIMEOUT_MILLIS = 30_000;
    private static final int MAX_LOG_BYTES = 64 << 10;
    private static final Path HIERARCHIES = Path.of("/sys/fs/cgroup");
    private static final String JOIN_SCRIPT = "echo 0 > \"$0\" && exec \"$@\"";
    private static final List<String> ENVIRONMENT = List.of("PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C");
    private static final ObjectMapper JSON = new ObjectMapper();
    /** What is wrong with the program asked for, and not with this machine. */
    private static final Set<Errno> OF_THE_PROGRAM =
            Set.of(Errno.ENOENT, Errno.EACCES, Errno.EISDIR, Errno.ENOTDIR, Errno.ENOEXEC, Errno.ELOOP);

    private final Kernel kernel;
    private final Cgroups cgroups;
    private final OciProgram program;
    private final Pointer spawnAttributes;

    OciCall(Kernel kernel, Cgroups cgroups, OciProgram program) {
        this.kernel = kernel;
        this.cgroups = cgroups;
        this.program = program;
        this.spawnAttributes = SpawnActions.attributes(kernel);
    }

    static Path stateDirectory(Bundle bundle) {
        return bundle.directory().resolve("oci");
    }

    /**
     * On a thread of {@link PrivateMounts}: waits for the call's end. The container's processes get the three streams.
     *
     * @throws RuntimeShimException where it fails, with what it logged; INVALID where the program to run was to blame
     */
    void run(Bundle bundle, String command, List<String> arguments, Descriptor input, Descriptor output, Descriptor error) {
        Path log = bundle.directory().resolve("oci.log");
        boolean joinFirst = !program.joinsGroupsByItself() && !command.equals("start");
        hideOtherHierarchies();
        if (joinFirst) {
            cgroups.enterWithThread(bundle.id());
        }
        List<String> line = new ArrayList<>();
        Optional<Path> group = joinFirst ? cgroups.namespaceMakerJoins(bundle.id()) : Optional.empty();
        group.ifPresent(file -> line.addAll(List.of("/bin/sh", "-c", JOIN_SCRIPT, file.toString())));
        line.addAll(List.of(program.path().toString(), "--root", stateDirectory(bundle).toString(), "--log", log.toString(), "--log-format", "json"));
        if (program.kind() == OciProgram.Kind.CRUN) {
            line.add("--cgroup-manager=disabled");
        }
        line.add(command);
        line.addAll(arguments);
        delete(log);
        int exitCode = spawn(command, line, input, output, error);
        if (exitCode != 0) {
            throw failure(command, exitCode, log);
        }
    }

    private static void delete(Path log) {
        try {
            Files.deleteIfExists(log);
        } catch (IOException e) {
            throw RuntimeShimException.system("delete " + log + ": " + e, e);
        }
    }

    /**
     * Beside version 1: crun 1.8 refuses a machine with both versions, and runc would leave groups in hierarchies that are not ours. For this thread and its
     * children there are none.
     */
    private void hideOtherHierarchies() {
        Set<String> ours = new HashSet<>();
        for (Cgroups.ControllerMount mount : cgroups.mounts()) {
            ours.add(mount.name());
        }
        if (ours.contains("")) { // version 2 alone
            return;
        }
        for (String name : Cgroups.childrenOf(HIERARCHIES)) {
            if (!ours.contains(name)) { // a link is no mount: EINVAL
                kernel.libc().umount2(HIERARCHIES.resolve(name).toString(), MNT_DETACH);
            }
        }
    }

    private int spawn(String command, List<String> line, Descriptor input, Descriptor output, Descriptor error) {
        try (SpawnActions actions = new SpawnActions(kernel)) {
            actions.duplicate(input.number(), 0).duplicate(output.number(), 1).duplicate(error.number(), 2).closeFrom(3);
            SpawnActions.Spawned spawned = actions.spawn(line.get(0), kernel.strings(line), kernel.strings(ENVIRONMENT), spawnAttributes);
            if (spawned.errno() != 0) {
                throw kernel.failure("run " + line.get(0), spawned.errno());
            }
            try (Descriptor process = kernel.openProcess(spawned.pid())) {
                boolean ended = kernel.waitReadable(process, TIMEOUT_MILLIS);
                if (!ended) {
                    kernel.signal(process, Signals.SIGKILL);
                }
                int exitCode = ExitStatus.await(kernel, spawned.pid());
                if (!ended) {
                    throw RuntimeShimException.system(program.kind() + " " + command + " did not end within " + TIMEOUT_MILLIS + " ms", null);
                }
                return exitCode;
            }
        }
    }

    private RuntimeShimException failure(String command, int exitCode, Path log) {
        String message = lastMessage(log);
        String text = program.kind() + " " + command + ": " + (message.isEmpty() ? "ended with status " + exitCode : message);
        Errno errno = errnoIn(message);
        boolean ofTheProgram = errno != null && (OF_THE_PROGRAM.contains(errno) || message.contains("executable")) && !command.equals("start");
        return new RuntimeShimException(
                ofTheProgram ? RuntimeShimException.Kind.INVALID : RuntimeShimException.Kind.SYSTEM,
                ofTheProgram ? "unable to start container process: " + text : text, errno == null ? 0 : errno.number(), null);
    }

    /** Empty where it has logged none. */
    private static String lastMessage(Path log) {
        if (!Files.exists(log)) {
            return "";
        }
        String last = "";
        try (InputStream file = Files.newInputStream(log)) {
            for (String line : new String(file.readNBytes(MAX_LOG_BYTES), StandardCharsets.UTF_8).split("\n")) {
                JsonNode entry = parsed(line);
                if (entry.path("level").asText().equals("error")) {
                    last = entry.path("msg").asText();
                }
            }
        } catch (IOException e) {
            return "it failed, and its log " + log + " cannot be read: " + e;
        }
        return last;
    }

    private static JsonNode parsed(String line) {
        try {
            return JSON.readTree(line);
        } catch (IOException e) {
            return JSON.missingNode(); // cut off
        }
    }

    /** Both write what the C library says, in their own capitals. */
    private static Errno errnoIn(String message) {
        String lower = message.toLowerCase(Locale.ROOT);
        if (lower.contains("not found in $path")) {
            return Errno.ENOENT;
        }
        for (Errno errno : Errno.values()) {
            if (lower.contains(Errno.text(errno.number()))) {
                return errno;
            }
        }
        return null;
    }
}
