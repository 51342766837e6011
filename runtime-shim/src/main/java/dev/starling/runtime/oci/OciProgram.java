package dev.starling.runtime.oci;

import dev.starling.runtime.RuntimeShimException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

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
    private static final int MAX_VERSION_BYTES = 4096;

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

    /** The first line is {@code crun version 1.8.1}. */
    private static String versionOf(Kind kind, Path path) {
        try {
            Process process = new ProcessBuilder(path.toString(), "--version").redirectErrorStream(true).start();
            try (InputStream output = process.getInputStream()) {
                process.getOutputStream().close();
                String text = new String(output.readNBytes(MAX_VERSION_BYTES), StandardCharsets.UTF_8);
                if (process.waitFor(VERSION_SECONDS, TimeUnit.SECONDS) && text.startsWith(kind + " version ")) return text.lines().findFirst().orElseThrow();
                throw RuntimeShimException.unsupported("\"" + path + " --version\" does not say that it is " + kind + ", but: " + text.strip());
            } finally {
                process.destroyForcibly();
            }
        } catch (IOException e) {
            throw new RuntimeShimException(RuntimeShimException.Kind.UNSUPPORTED, "run " + path + " --version: " + e.getMessage(), 0, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw RuntimeShimException.system("interrupted while " + path + " --version ran", e);
        }
    }

    boolean joinsGroupsByItself() {
        return kind == Kind.RUNC;
    }
}
