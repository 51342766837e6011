package dev.starling.runtime.oci;

import dev.starling.runtime.RuntimeShimException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * The OCI runtime of this host: which one, where, and its version.
 *
 * <p>The two differ in what we have to mind: runc puts processes into control groups by itself; crun does not run on a machine with both versions of
 * control groups (as of 1.8), so it is told to leave them alone, and is born in the container's group.
 */
public record OciProgram(Kind kind, Path path, String version) {
    public enum Kind {
        CRUN, RUNC;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    private static final List<Path> PLACES = List.of(Path.of("/usr/bin"), Path.of("/usr/sbin"), Path.of("/usr/local/bin"), Path.of("/usr/local/sbin"));
    private static final int VERSION_SECONDS = 10;
    private static final int MAX_LINE_BYTES = 4096;

    /**
     * @param path null: where programs usually are
     * @throws RuntimeShimException UNSUPPORTED where it is not there or does not say its version
     */
    public static OciProgram find(Kind kind, Path path) {
        Path found = path != null ? path : PLACES.stream().map(place -> place.resolve(kind.toString())).filter(Files::isExecutable).findFirst().orElseThrow(
                () -> RuntimeShimException.unsupported("the container runtime \"" + kind + "\" is configured, and there is no " + kind + " in any of " + PLACES
                        + " (Debian: install the package " + kind + ", or set runtime.path)"));
        if (!Files.isExecutable(found)) {
            throw RuntimeShimException.unsupported("the container runtime \"" + kind + "\" is configured, and " + found + " (runtime.path) is no program");
        }
        return new OciProgram(kind, found, versionOf(kind, found));
    }

    /** {@code crun version 1.8.1}, its first line. */
    private static String versionOf(Kind kind, Path path) {
        String call = "\"" + path + " --version\"";
        Process process;
        try {
            process = new ProcessBuilder(path.toString(), "--version").redirectErrorStream(true).redirectInput(Path.of("/dev/null").toFile()).start();
        } catch (IOException e) {
            throw new RuntimeShimException(RuntimeShimException.Kind.UNSUPPORTED, "run " + call + ": " + e.getMessage(), 0, e);
        }
        try {
            String line = CompletableFuture.supplyAsync(() -> firstLine(process.getInputStream())).get(VERSION_SECONDS, TimeUnit.SECONDS);
            if (line.startsWith(kind + " version ")) {
                return line;
            }
            throw RuntimeShimException.unsupported(call + " does not say that it is " + kind + ", but: " + line.strip());
        } catch (TimeoutException e) {
            throw RuntimeShimException.unsupported(call + " says nothing within " + VERSION_SECONDS + " s");
        } catch (ExecutionException e) {
            throw RuntimeShimException.system("read what " + call + " says: " + e.getCause(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw RuntimeShimException.system("interrupted while " + call + " ran", e);
        } finally {
            process.destroyForcibly();
        }
    }

    /** Not more of it: a program may leave another behind that holds its output open. */
    private static String firstLine(InputStream output) {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        try {
            for (int next = output.read(); next >= 0 && next != '\n' && line.size() < MAX_LINE_BYTES; next = output.read()) {
                line.write(next);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return line.toString(StandardCharsets.UTF_8);
    }

    boolean joinsGroupsByItself() {
        return kind == Kind.RUNC;
    }
}
