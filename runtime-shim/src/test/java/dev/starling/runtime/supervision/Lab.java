package dev.starling.runtime.supervision;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerRuntime.NetworkSetup;
import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.ExecSpec;
import dev.starling.runtime.RuntimeOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.opentest4j.TestAbortedException;

/** A directory, images and a runtime for one test class; takes everything away again, whatever has happened. */
final class Lab implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(90);
    private static final ObjectMapper JSON = new ObjectMapper();

    final Path directory;
    private final Set<ProcessHandle> childrenBefore = ProcessHandle.current().children().collect(Collectors.toSet());
    final BusyboxImages images;
    final Implementation implementation;
    final RuntimeOptions options;
    NativeRuntime runtime;

    private Lab(Path directory, Implementation implementation, RuntimeOptions options) {
        this.implementation = implementation;
        this.directory = directory;
        this.images = new BusyboxImages(directory.resolve("images"));
        this.options = options;
    }

    static void assumePossible() {
        Assumptions.assumeTrue("root".equals(System.getProperty("user.name")), "containers need root");
        Assumptions.assumeTrue(Files.isExecutable(BusyboxImages.HOST_BUSYBOX), "the package busybox-static is not installed (/bin/busybox)");
        Assumptions.assumeTrue(Files.isDirectory(Path.of("/sys/fs/cgroup")), "no control groups are mounted");
    }

    static Lab open() {
        return open(Implementation.NATIVE, false);
    }

    static Lab open(Implementation implementation) {
        return open(implementation, false);
    }

    static Lab open(Implementation implementation, boolean procThroughHelper) {
        assumePossible();
        try {
            return open(Files.createTempDirectory("starling-runtime"), implementation, procThroughHelper);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** In a directory below {@code parent}. */
    static Lab openIn(Path parent) throws IOException {
        assumePossible();
        return open(Files.createTempDirectory(parent, "starling-runtime"), Implementation.NATIVE, false);
    }

    private static Lab open(Path directory, Implementation implementation, boolean procThroughHelper) throws IOException {
        Lab lab;
        try {
            lab = new Lab(directory, implementation, implementation.options("starling-test/" + directory.getFileName(), procThroughHelper));
        } catch (TestAbortedException e) {
            Files.delete(directory);
            throw e;
        }
        try {
            lab.runtime = lab.openRuntime();
        } catch (RuntimeException e) {
            lab.deleteAll();
            throw e;
        }
        return lab;
    }

    NativeRuntime openRuntime() {
        return new NativeRuntime(directory.resolve("runtime"), images, options);
    }

    /** What a finished container left to see. */
    record Outcome(Container container, String output, String errors) {
        int exitCode() {
            return container.exitCode().orElseThrow();
        }
    }

    /** Starts, waits for the end, reads the log, removes. */
    Outcome run(SpecBuilder builder) {
        ContainerSpec spec = builder.build();
        runtime.start(spec, NetworkSetup.NONE);
        return finish(spec.id());
    }

    /** An empty file in a running container, made from within: under a user namespace the host's root is nobody there. */
    void touch(String id, String path) {
        int exitCode = runtime.exec(id, ExecSpec.of(List.of("touch", path)), (stream, bytes) -> true).exit().toCompletableFuture().join().orElseThrow();
        if (exitCode != 0) {
            throw new AssertionError("touch " + path + " in container " + id + " ends with " + exitCode);
        }
    }

    Outcome finish(String id) {
        await(() -> runtime.inspect(id).state() == Container.State.EXITED, "container " + id + " ends");
        Outcome outcome = new Outcome(runtime.inspect(id), output(id, "stdout"), output(id, "stderr"));
        runtime.remove(id);
        return outcome;
    }

    String output(String id, String stream) {
        StringBuilder text = new StringBuilder();
        for (JsonNode entry : entries(runtime.logFile(id))) {
            if (entry.get("stream").asText().equals(stream)) {
                text.append(entry.get("log").asText());
            }
        }
        return text.toString();
    }

    static List<JsonNode> entries(Path file) {
        try {
            List<JsonNode> entries = new ArrayList<>();
            for (String line : Files.readAllLines(file)) {
                entries.add(JSON.readTree(line));
            }
            return entries;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static void await(BooleanSupplier condition, String what) {
        await(condition, () -> what);
    }

    /** @param what told where it did not happen: as it is then */
    static void await(BooleanSupplier condition, Supplier<String> what) {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("waited " + PATIENCE.toSeconds() + " s in vain for: " + what.get());
            }
            try {
                Thread.sleep(1);
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
    }

    /** Children of this JVM that were not there when the lab was opened: PID and command. */
    List<String> children() {
        return ProcessHandle.current().children().filter(child -> !childrenBefore.contains(child))
                .map(child -> child.pid() + " " + child.info().commandLine().orElse("(ended)")).toList();
    }

    /** Directories of this lab's containers in all control group hierarchies; the sandboxes that wait for one are none. */
    List<Path> controlGroups() {
        return groups(name -> !name.startsWith("sandbox-"));
    }

    /** Of the sandboxes that wait for a container. */
    List<Path> sandboxGroups() {
        return groups(name -> name.startsWith("sandbox-"));
    }

    private List<Path> groups(Predicate<String> named) {
        List<Path> groups = new ArrayList<>();
        for (Path parent : controlGroupParents()) {
            groups.addAll(directoriesIn(parent));
        }
        groups.removeIf(group -> !named.test(group.getFileName().toString()));
        return groups;
    }

    private List<Path> controlGroupParents() {
        List<Path> parents = new ArrayList<>();
        Path root = Path.of("/sys/fs/cgroup");
        List<Path> hierarchies = new ArrayList<>(directoriesIn(root));
        hierarchies.add(root);
        for (Path hierarchy : hierarchies) {
            Path parent = hierarchy.resolve(options.cgroupParent());
            if (Files.isDirectory(parent)) {
                parents.add(parent);
            }
        }
        return parents;
    }

    private static List<Path> directoriesIn(Path parent) {
        List<Path> directories = new ArrayList<>();
        try (DirectoryStream<Path> children = Files.newDirectoryStream(parent, Files::isDirectory)) {
            children.forEach(directories::add);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return directories;
    }

    @Override
    public void close() {
        try {
            for (Container container : runtime.list()) {
                runtime.stop(container.id(), Duration.ZERO);
                runtime.remove(container.id());
            }
        } finally {
            runtime.close();
            deleteAll();
        }
    }

    private void deleteAll() {
        for (Path parent : controlGroupParents()) {
            parent.toFile().delete();
            parent.getParent().toFile().delete(); // only once it is empty
        }
        deleteTree(directory);
    }

    static void deleteTree(Path directory) {
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(java.util.Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
