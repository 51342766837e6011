package dev.starling.runtime.supervision;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;

/**
 * What a leak of containers would add to, counted in /proc and below a lab's directory.
 *
 * @param descriptors of this JVM
 * @param mounts      that this JVM sees below the lab's directory: others of this machine may mount what they like meanwhile
 * @param children    of this JVM, without those that were there before the lab: other tests of the JVM may have left them
 * @param gates       of held processes, of which a lab keeps as many as it ever used at once; not compared
 */
record Footprint(long descriptors, long mounts, long children, long controlGroups, long bundles, long removed, long threads, long gates) {
    static Footprint of(Lab lab) {
        Path runtime = lab.directory.resolve("runtime");
        try {
            return new Footprint(
                    entries(Path.of("/proc/self/fd")), mountsBelow(lab.directory), lab.children().size(), lab.controlGroups().size(),
                    entries(runtime.resolve("containers")), entries(runtime.resolve("removed")), containerThreads(), entries(runtime.resolve("gates")));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Once what was removed is deleted, and all threads are gone. */
    static Footprint atRest(Lab lab) {
        AtomicReference<Footprint> last = new AtomicReference<>(of(lab));
        Lab.await(() -> {
            Footprint before = last.getAndSet(of(lab));
            return before.isAtRest() && last.get().equals(before);
        }, () -> "rest, but " + last + ", children " + lab.children());
        return last.get();
    }

    private boolean isAtRest() {
        return children == 0 && controlGroups == 0 && bundles == 0 && removed == 0 && threads == 0 && mounts == 0;
    }

    /** Waits until it is as it was. Descriptors that others have let go meanwhile (classes read, files collected) are no leak of ours. */
    void awaitAgain(Lab lab) {
        Lab.await(() -> {
            Footprint now = of(lab);
            return now.isAtRest() && now.descriptors <= descriptors;
        }, () -> "nothing is left, but: " + this + " -> " + of(lab) + ", children " + lab.children());
    }

    private static long entries(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.count();
        }
    }

    private static long mountsBelow(Path directory) throws IOException {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/mountinfo"))) {
            return lines.filter(line -> line.contains(directory + "/")).count();
        }
    }

    /** Those of a start or a further process, named so; the event loop and the deleting thread stay. */
    private static long containerThreads() {
        return Thread.getAllStackTraces().keySet().stream().map(Thread::getName).filter(name -> name.matches("(container|exec|proc|volume)-[0-9a-f]{12}")).count();
    }
}
