package dev.starling.runtime.oci;

import static dev.starling.runtime.kernel.Flags.O_RDWR;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.UserNamespace;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.launch.Bundle;
import dev.starling.runtime.launch.ExecChild;
import dev.starling.runtime.launch.ExecRequest;
import dev.starling.runtime.launch.Identity;
import dev.starling.runtime.launch.Pipe;
import dev.starling.runtime.launch.Terminal;
import dev.starling.runtime.launch.TreeDeletion;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Adds one process to a container by {@code exec --detach}; on a thread of {@link PrivateMounts}. */
final class OciExec {
    private final Kernel kernel;
    private final OciCall call;
    private final Orphans orphans;
    private final OciConfig config;
    private final ExecRequest request;
    private final UserNamespace mapping;
    private final List<Descriptor> open = new ArrayList<>();
    /** 0 until it is there. */
    private int pid;

    OciExec(Kernel kernel, OciCall call, Orphans orphans, OciConfig config, ExecRequest request, UserNamespace mapping) {
        this.kernel = kernel;
        this.call = call;
        this.orphans = orphans;
        this.config = config;
        this.request = request;
        this.mapping = mapping;
    }

    ExecChild start(Identity identity) {
        Path directory = makeDirectory(request.bundle());
        try {
            kernel.check(kernel.libc().chdir(directory.toString()), "chdir", directory.toString());
            config.writeProcess(directory.resolve("process.json"), request, identity);
            return request.terminal() != null ? withTerminal(directory) : withPipes(directory, identity);
        } catch (RuntimeException e) {
            open.forEach(Descriptor::close);
            if (pid != 0) {
                orphans.abandon(pid);
            }
            throw e;
        } finally {
            delete(directory);
        }
    }

    private static Path makeDirectory(Bundle bundle) {
        try {
            return Files.createTempDirectory(bundle.directory(), "exec-");
        } catch (IOException e) {
            throw RuntimeShimException.system("create a directory in " + bundle.directory() + ": " + e, e);
        }
    }

    private static void delete(Path directory) {
        try {
            TreeDeletion.delete(directory);
        } catch (IOException e) {
            throw RuntimeShimException.system("delete " + directory + ": " + e, e);
        }
    }

    private ExecChild withPipes(Path directory, Identity identity) {
        try (Descriptor none = kernel.open("/dev/null", O_RDWR)) {
            Pipe input = request.input() ? pipe() : null;
            Pipe output = pipe();
            Pipe error = pipe();
            // so that /dev/stdout can be opened again by name
            for (Descriptor end : input == null ? List.of(output.writer(), error.writer()) : List.of(input.reader(), output.writer(), error.writer())) {
                OciLauncher.own(kernel, end, identity, mapping);
            }
            pid = run(directory, List.of(), input == null ? none : input.reader(), output.writer(), error.writer());
            Pipe.neverBlock(kernel, output.reader());
            Pipe.neverBlock(kernel, error.reader());
            if (input != null) {
                Pipe.neverBlock(kernel, input.writer());
            }
            Descriptor process = process(pid);
            output.writer().close();
            error.writer().close();
            if (input != null) {
                input.reader().close();
            }
            return new ExecChild(pid, process, input == null ? null : input.writer(), output.reader(), error.reader(), false);
        }
    }

    private Pipe pipe() {
        Pipe pipe = Pipe.open(kernel);
        open.add(pipe.reader());
        open.add(pipe.writer());
        return pipe;
    }

    private ExecChild withTerminal(Path directory) {
        try (ConsoleSocket socket = new ConsoleSocket(kernel); Descriptor none = kernel.open("/dev/null", O_RDWR)) {
            pid = run(directory, List.of("--tty", "--console-socket", ConsoleSocket.NAME), none, none, none);
            Descriptor master = socket.receive();
            open.add(master);
            if (request.terminal().rows() > 0) {
                Terminal.resize(kernel, master, request.terminal().rows(), request.terminal().columns());
            }
            Pipe.neverBlock(kernel, master);
            Descriptor second = master.duplicate();
            open.add(second);
            return new ExecChild(pid, process(pid), second, master, null, true);
        }
    }

    private Descriptor process(int pid) {
        Descriptor process = kernel.openProcess(pid); // a child of the agent that nobody has reaped: the number is still its own
        open.add(process);
        return process;
    }

    private int run(Path directory, List<String> further, Descriptor input, Descriptor output, Descriptor error) {
        Path pidFile = directory.resolve("pid");
        List<String> arguments = new ArrayList<>(List.of("--detach", "--pid-file", pidFile.toString(), "--process", directory.resolve("process.json").toString()));
        arguments.addAll(further);
        arguments.add(request.bundle().id());
        return orphans.adopt(() -> {
            call.run(request.bundle(), "exec", arguments, input, output, error);
            return OciLauncher.pid(pidFile);
        });
    }
}
