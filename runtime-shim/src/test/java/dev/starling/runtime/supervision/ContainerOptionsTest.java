package dev.starling.runtime.supervision;

import static dev.starling.runtime.supervision.SpecBuilder.run;
import static dev.starling.runtime.supervision.SpecBuilder.script;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerRuntime.NetworkSetup;
import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.ExecProcess;
import dev.starling.runtime.ExecSpec;
import dev.starling.runtime.Mount;
import dev.starling.runtime.ProcessLimits;
import dev.starling.runtime.ProcessLimits.Ulimit;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.RuntimeShimException.Kind;
import dev.starling.runtime.Security;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Options of a service that change what its container is given. */
@ParameterizedClass
@EnumSource(value = Implementation.class, mode = EnumSource.Mode.EXCLUDE, names = "CRUN_MAPPED")
class ContainerOptionsTest extends LabForAllTests {
    @Test
    void limitsOfProcessesAndTheOomScoreAreSet() {
        String output = lab.run(script("ulimit -Sn; ulimit -Hn; ulimit -c; cat /proc/self/oom_score_adj; grep NoNewPrivs /proc/self/status").with(s -> {
            s.security = Security.DEFAULT.withNoNewPrivileges(true);
            s.processLimits = new ProcessLimits(List.of(new Ulimit("nofile", 100, 200), new Ulimit("core", 0, 0)), 321);
        })).output();
        assertEquals("100\n200\n0\n321\nNoNewPrivs:\t1\n", output);
    }

    @Test
    void theAgentsOwnOomScoreIsNotInherited() {
        assertEquals("0\n", lab.run(run("cat", "/proc/self/oom_score_adj")).output());
    }

    @ParameterizedTest
    @CsvSource({"nofiles, 1, 1", "nofile, 2, 1", "nofile, -1, 1", "nofile, -2, -2"})
    void wrongLimitsAreRefused(String name, long soft, long hard) {
        ContainerSpec spec = run("true").with(s -> s.processLimits = new ProcessLimits(List.of(new Ulimit(name, soft, hard)), 0)).build();
        assertEquals(Kind.INVALID, assertThrows(RuntimeShimException.class, () -> lab.runtime.start(spec, NetworkSetup.NONE)).kind());
    }

    @Test
    void anOpenInputNeverEnds() {
        ContainerSpec spec = script("cat; echo ended").with(s -> s.openStdin = true).build();
        lab.runtime.start(spec, NetworkSetup.NONE);
        assertEquals(0, exec(spec, "test -p /proc/1/fd/0"));
        assertEquals(Container.State.RUNNING, lab.runtime.inspect(spec.id()).state());
        lab.runtime.stop(spec.id(), Duration.ZERO);
        assertEquals("", lab.finish(spec.id()).output());
    }

    @Test
    void whoIsAttachedSeesWhatItWritesFromNowOnAndWritesToItsInput() throws Exception {
        ContainerSpec spec = script("while read line; do echo \"heard $line\"; test $line = end && exit 3; done").with(s -> s.openStdin = true).build();
        lab.runtime.start(spec, NetworkSetup.NONE);
        StringBuffer first = new StringBuffer();
        StringBuffer second = new StringBuffer();
        ExecProcess one = lab.runtime.attach(spec.id(), (stream, bytes) -> first.append(stream).append(new String(bytes)) != null);
        ExecProcess other = lab.runtime.attach(spec.id(), (stream, bytes) -> second.append(stream).append(new String(bytes)) != null);
        one.write("hello\n".getBytes()).toCompletableFuture().get(90, TimeUnit.SECONDS);
        Lab.await(() -> first.toString().equals("1heard hello\n") && second.toString().equals("1heard hello\n"), "both see it");
        one.detach();
        one.exit().toCompletableFuture().get(90, TimeUnit.SECONDS);
        other.write("end\n".getBytes()).toCompletableFuture().get(90, TimeUnit.SECONDS);
        other.exit().toCompletableFuture().get(90, TimeUnit.SECONDS);
        assertEquals("1heard hello\n", first.toString());
        assertEquals("1heard hello\n1heard end\n", second.toString());
        Lab.Outcome outcome = lab.finish(spec.id());
        assertEquals(3, outcome.exitCode());
        assertEquals("heard hello\nheard end\n", outcome.output());
        assertEquals(Kind.NOT_FOUND, assertThrows(RuntimeShimException.class, () -> lab.runtime.attach(spec.id(), (stream, bytes) -> true)).kind());
    }

    private static int exec(ContainerSpec spec, String script) {
        return lab.runtime.exec(spec.id(), ExecSpec.of(List.of("sh", "-c", script)), (stream, bytes) -> true).exit().toCompletableFuture().join().orElseThrow();
    }

    @Test
    void initReapsOrphansAndHandsSignalsOn() {
        Assumptions.assumeTrue(Files.isExecutable(Path.of("/usr/bin/tini-static")), "the package tini is not installed (/usr/bin/tini-static)");
        ContainerSpec spec = script("trap 'exit 5' TERM; (sleep 0 & exec sh -c true); while true; do sleep 0.01; done").with(s -> s.init = true).build();
        lab.runtime.start(spec, NetworkSetup.NONE);
        Lab.await(() -> exec(spec, "grep -q docker-init /proc/1/cmdline") == 0, "init is process 1"); // the kernel lets us go before the new arguments can be read
        Lab.await(() -> exec(spec, "! grep -q '^State:.Z' /proc/[0-9]*/status") == 0, "zombies are reaped");
        lab.runtime.stop(spec.id(), Duration.ofSeconds(20));
        assertEquals(5, lab.finish(spec.id()).exitCode());
    }

    @Test
    void aNewVolumeBeginsWithWhatTheImageHasThere() throws IOException {
        String image = lab.images.with("with-data", root -> {
            Path data = Files.createDirectories(root.resolve("srv/data"));
            Files.writeString(data.resolve("file"), "from image");
            Files.createSymbolicLink(data.resolve("link"), Path.of("/etc/shadow"));
            Files.setPosixFilePermissions(data, PosixFilePermissions.fromString("rwxr-x---"));
            Files.setAttribute(data, "unix:uid", 1000);
            Files.createSymbolicLink(root.resolve("srv/out"), Path.of("../../../../etc"));
        });
        SpecBuilder first = script("cd /srv/data; cat file; stat -c %u:%a .; readlink link; echo changed > file").with(s -> {
            s.image = image;
            s.mounts = List.of(volume("filled", "/srv/data", false));
        });
        assertEquals("from image1000:750\n/etc/shadow\n", lab.run(first).output());
        SpecBuilder second = script("cat /srv/data/file; ls /v | wc -l; ls /srv/out").with(s -> {
            s.image = image;
            s.mounts = List.of(volume("filled", "/srv/data", false), volume("bare", "/v", true), volume("escape", "/srv/out", false));
        });
        String output = lab.run(second).output();
        assertTrue(output.startsWith("changed\n0\n"), output);
        assertTrue(output.contains("passwd") && !output.contains("shadow"), "the image's /etc, not the host's: " + output);
    }

    /** The disk was full, and has room again. */
    @Test
    void aVolumeThatWasFilledHalfWayIsFilledAgain() throws Exception {
        String image = lab.images.with("with-much-data", root -> {
            Files.createDirectories(root.resolve("srv/data"));
            Files.createSymbolicLink(root.resolve("srv/data/a-link"), Path.of("much"));
            Files.write(root.resolve("srv/data/much"), new byte[300_000]);
        });
        SpecBuilder spec = script("wc -c < /srv/data/a-link").with(s -> {
            s.image = image;
            s.mounts = List.of(volume("tight", "/srv/data", false));
        });
        Path data = Files.createDirectories(lab.directory.resolve("runtime/volumes/tight/_data"));
        host("mount", "-t", "tmpfs", "-o", "size=128k", "tight", data.toString());
        try {
            assertEquals(Kind.SYSTEM, assertThrows(RuntimeShimException.class, () -> lab.runtime.start(spec.build(), NetworkSetup.NONE)).kind());
            host("mount", "-o", "remount,size=1m", data.toString());
            assertEquals("300000\n", lab.run(spec).output());
            assertFalse(Files.exists(data.resolveSibling("_data.filling")));
        } finally {
            host("umount", data.toString());
        }
    }

    private static Mount volume(String name, String target, boolean noCopy) {
        return new Mount(Mount.Type.VOLUME, name, target, false).withNoCopy(noCopy);
    }

    @Test
    void volumesOfTheImageGoWithTheContainer() {
        String image = lab.images.with("declares", root -> {
            Files.createDirectories(root.resolve("var/lib/db"));
            Files.writeString(root.resolve("var/lib/db/seed"), "seed");
        });
        lab.images.volumes.put(image, List.of("/var/lib/db", "/cache"));
        ContainerSpec spec = script("cat /var/lib/db/seed; grep -c ' /var/lib/db \\| /cache ' /proc/self/mountinfo").with(s -> s.image = image).build();
        lab.runtime.start(spec, NetworkSetup.NONE);
        Lab.await(() -> lab.runtime.inspect(spec.id()).state() == Container.State.EXITED, "it ends");
        assertEquals("seed2\n", lab.output(spec.id(), "stdout"));
        Path volumes = lab.directory.resolve("runtime/containers").resolve(spec.id()).resolve("volumes");
        assertTrue(Files.exists(volumes.resolve("0/seed")));
        lab.runtime.remove(spec.id());
        assertFalse(Files.exists(volumes));
    }

    @ParameterizedTest
    @CsvSource({"'', '', 0", "rprivate, '', 0", "rslave, master:, 1", "rshared, shared:, 1"})
    void bindsPropagateAsAsked(String propagation, String field, int seenLater) throws Exception {
        Assumptions.assumeTrue(implementation == Implementation.NATIVE || !propagation.endsWith("shared"), "refused with an OCI runtime");
        Path source = Files.createDirectories(lab.directory.resolve("bind" + propagation + "/later")).getParent();
        host("mount", "--bind", source.toString(), source.toString());
        try {
            host("mount", "--make-shared", source.toString());
            ContainerSpec spec = run("sleep", "1000").with(s ->
                    s.mounts = List.of(new Mount(Mount.Type.BIND, source.toString(), "/b", false).withPropagation(propagation))).build();
            lab.runtime.start(spec, NetworkSetup.NONE);
            host("mount", "-t", "tmpfs", "later", source.resolve("later").toString());
            assertEquals(0, exec(spec, "grep ' /b ' /proc/self/mountinfo | grep -q '" + (field.isEmpty() ? " - " : field) + "'"));
            assertEquals(seenLater, 1 - exec(spec, "grep -q ' /b/later ' /proc/self/mountinfo"));
            lab.runtime.stop(spec.id(), Duration.ZERO);
            lab.runtime.remove(spec.id());
        } finally {
            host("umount", "-R", source.toString());
        }
    }

    private static void host(String... command) throws Exception {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes());
        assertEquals(0, process.waitFor(), String.join(" ", command) + ": " + output);
    }

    @ParameterizedTest
    @CsvSource({"json-file, 1", "local, 1", "none, 0"})
    void logsGoWhereTheDriverSays(String driver, int lines) {
        ContainerSpec spec = run("echo", "word").with(s -> s.logDriver = driver).build();
        lab.runtime.start(spec, NetworkSetup.NONE);
        Lab.await(() -> lab.runtime.inspect(spec.id()).state() == Container.State.EXITED, "it ends");
        assertEquals(lines, Lab.entries(lab.runtime.logFile(spec.id())).size());
        lab.runtime.remove(spec.id());
        ContainerSpec other = run("true").with(s -> s.logDriver = "syslog").build();
        assertEquals(Kind.UNSUPPORTED, assertThrows(RuntimeShimException.class, () -> lab.runtime.start(other, NetworkSetup.NONE)).kind());
    }
}
