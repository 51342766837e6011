package dev.starling.node.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.desired.Kind;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;

/** The real docker command against the API, as an operator types it. */
final class DockerCliTest extends WithDockerCli {
    private String ok(String... arguments) throws Exception {
        return docker.run(arguments).ok().out();
    }

    private String createService(String name, String... more) throws Exception {
        List<String> arguments = new java.util.ArrayList<>(List.of("service", "create", "-d", "--name", name));
        arguments.addAll(List.of(more));
        arguments.addAll(List.of("busybox:latest", "sleep", "1000"));
        return ok(arguments.toArray(String[]::new)).strip();
    }

    private void untilRunning(int count) throws Exception {
        until(() -> {
            api.cluster.snapshot();
            return api.cluster.tasks().stream().filter(task -> task.state() == TaskState.RUNNING).count() == count;
        });
    }

    static void until(BooleanSupplier condition) throws InterruptedException {
        long deadline = System.nanoTime() + 90_000_000_000L;
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < deadline, "waited 90 s in vain");
            Thread.sleep(20);
        }
    }

    @Test
    void versionAndInfo() throws Exception {
        String version = ok("version");
        assertTrue(version.contains("Server: Starling"), version);
        assertTrue(version.contains("1.50 (minimum version 1.40)"), version);
        DockerCli.Result info = docker.run("info").ok();
        for (String line : List.of("Swarm: active", "NodeID: " + FakeCluster.N1, "Is Manager: true", "Managers: 2", "Nodes: 3",
                "10.77.0.12:2377", "Name: n1", "Images: 1", "Cgroup Version: 2", "Server Version: 0.1.0")) {
            assertTrue(info.out().contains(line), () -> line + " is not in\n" + info.out());
        }
        assertTrue(info.err().contains("no ESP"), info.err());
    }

    @Test
    void nodes() throws Exception {
        api.cluster.die(FakeCluster.N2);
        String list = ok("node", "ls");
        assertTrue(list.matches("(?s).*01 \\* +n1 +Ready +Active +Reachable.*"), list);
        assertTrue(list.matches("(?s).*n2 +Down +Active +Unreachable.*"), list);
        assertTrue(list.matches("(?s).*n3 +Ready +Active.*"), list);
        assertEquals("n3", ok("node", "update", "--availability", "drain", "--label-add", "zone=a", "n3").strip());
        String pretty = ok("node", "inspect", "--pretty", "n3");
        assertTrue(pretty.contains("Drain") && pretty.contains("zone=a") && pretty.contains("10.77.0.13"), pretty);
        assertTrue(ok("node", "inspect", "self").contains(FakeCluster.N1.value()));
        assertEquals(1, ok("node", "ls", "-q", "--filter", "role=worker").lines().count());
        assertTrue(ok("node", "promote", "n3").contains("Node n3 promoted to a manager in the swarm"));
        assertTrue(ok("node", "promote", "n3").contains("already a manager"));
        assertTrue(ok("node", "demote", "n3").contains("Manager n3 demoted in the swarm"));
        DockerCli.Result remove = docker.run("node", "rm", "n3");
        assertTrue(remove.err().contains("is not down and can't be removed"), remove.err());
    }

    @Test
    void createWithProgressEndsByItself() throws Exception {
        String out = ok("service", "create", "--name", "web", "--replicas", "3", "--update-monitor", "300ms", "busybox:latest", "sleep", "9");
        assertTrue(out.contains("3 out of 3 tasks"), out);
        assertTrue(out.contains("converged"), out);
        out = ok("service", "create", "--name", "everywhere", "--mode", "global", "--update-monitor", "300ms", "busybox:latest");
        assertTrue(out.contains("3 out of 3 tasks") && out.contains("converged"), out);
    }

    @Test
    void updateScaleAndRollbackWithProgress() throws Exception {
        createService("web", "--replicas", "2", "--update-monitor", "300ms");
        untilRunning(2);
        String first = api.cluster.document(Kind.SERVICE, "web").spec().path("TaskTemplate").toString();
        String out = ok("service", "update", "--env-add", "B=2", "--update-parallelism", "0", "web");
        assertTrue(out.contains("converged"), out);
        assertTrue(ok("service", "scale", "web=4").contains("converged"));
        assertEquals("4/4", ok("service", "ls", "--format", "{{.Replicas}}").strip());
        assertTrue(ok("service", "update", "--replicas", "2", "web").contains("converged"));
        assertTrue(ok("service", "update", "--env-rm", "B", "web").contains("converged"));
        assertEquals(Json.parse(first.getBytes(StandardCharsets.UTF_8), "spec").path("ContainerSpec").path("Args"),
                api.cluster.document(Kind.SERVICE, "web").spec().path("TaskTemplate").path("ContainerSpec").path("Args"));
        out = ok("service", "rollback", "web");
        assertTrue(out.contains("converged"), out);
        assertEquals("[B=2]", ok("service", "inspect", "--format", "{{.Spec.TaskTemplate.ContainerSpec.Env}}", "web").strip());
    }

    @Test
    void jobsRunToTheirEndAndAgainWhereForced() throws Exception {
        String out = ok("service", "create", "--name", "job", "--mode", "replicated-job", "--replicas", "3", "--max-concurrent", "2",
                "--restart-condition", "on-failure", "--generic-resource", "gpu=1", "busybox:latest", "true");
        assertTrue(out.contains("job complete"), out);
        assertEquals("job replicated job 0/2 (3/3 completed)", ok("service", "ls", "--format", "{{.Name}} {{.Mode}} {{.Replicas}}").strip());
        assertEquals("", ok("service", "ls", "-q", "--filter", "mode=replicated"));
        assertTrue(ok("service", "ls", "-q", "--filter", "mode=replicated-job").length() > 9);
        String ps = ok("service", "ps", "job");
        assertTrue(ps.matches("(?s).*job\\.2 +busybox:latest +n. +Complete +Complete.*"), ps);
        assertTrue(ok("service", "update", "--force", "job").contains("job complete"));
        assertEquals("2", ok("service", "inspect", "--format", "{{.JobStatus.JobIteration.Index}}", "job").strip());
        assertTrue(ok("service", "create", "--name", "each", "--mode", "global-job", "busybox:latest").contains("job complete"));
        assertEquals("0/0 (3/3 completed)", ok("service", "ls", "--format", "{{.Replicas}}", "--filter", "mode=global-job").strip());
        assertError("jobs are not updated step by step", "service", "update", "-d", "--update-parallelism", "2", "job");
    }

    @Test
    void serviceListPsInspectRemove() throws Exception {
        ok("network", "create", "--driver", "overlay", "--subnet", "10.9.0.0/24", "net");
        String id = createService("web", "--replicas", "2", "--network", "net", "--label", "tier=front", "--limit-memory", "64M",
                "--constraint", "node.labels.zone==a");
        untilRunning(2);
        String list = ok("service", "ls");
        assertTrue(list.matches("(?s).*web +replicated +2/2 +busybox:latest.*"), list);
        assertEquals("", ok("service", "ls", "-q", "--filter", "label=tier=back"));
        assertEquals("", ok("service", "ls", "-q", "--filter", "mode=global"));
        String ps = ok("service", "ps", "web");
        assertTrue(ps.matches("(?s).*web\\.1 +busybox:latest +n2 +Running +Running.*"), ps);
        assertTrue(ok("node", "ps", "n2").contains("web.1"));
        String pretty = ok("service", "inspect", "--pretty", "web");
        assertTrue(pretty.contains("Networks: net") && pretty.contains("Memory:\t64MiB") && pretty.contains("node.labels.zone==a"), pretty);
        assertEquals(id, ok("service", "inspect", "--format", "{{.ID}}", id).strip());
        assertTrue(ok("inspect", "web").contains("\"Replicas\": 2"), "docker inspect finds it behind containers, images, networks, volumes");
        DockerCli.Result used = docker.run("network", "rm", "net");
        assertTrue(used.err().contains("is in use by service"), used.err());
        assertEquals("web", ok("service", "rm", "web").strip());
        DockerCli.Result missing = docker.run("service", "inspect", "web");
        assertTrue(missing.err().contains("no such service: web"), missing.err());
        ok("network", "rm", "net");
    }

    @Test
    void conflictsAndRefusals() throws Exception {
        createService("web");
        assertError("service web already exists", "service", "create", "-d", "--name", "web", "busybox");
        assertError("invalid oom score", "service", "create", "-d", "--oom-score-adj", "2000", "busybox");
        assertError("expected one operator", "service", "create", "-d", "--constraint", "node.role", "busybox");
        assertError("encrypt", "network", "create", "-d", "overlay", "--opt", "encrypted", "n");
        assertError("is not for networks", "network", "create", "-d", "overlay", "--ipv6", "--subnet", "fe80::/64", "n");
        assertError("docker run", "run", "busybox");
        assertEquals(1, api.cluster.snapshot().documents().get(Kind.SERVICE).size());
    }

    private void assertError(String text, String... arguments) throws Exception {
        DockerCli.Result result = docker.run(arguments);
        assertTrue(result.exitCode() != 0, () -> String.join(" ", arguments) + " was taken");
        assertTrue(result.err().contains(text), () -> text + " is not in " + result.err());
    }

    @Test
    void serviceLogs() throws Exception {
        createService("web", "--replicas", "2");
        untilRunning(2);
        List<Task> tasks = api.cluster.tasks();
        for (int i = 0; i < 5; i++) {
            api.logs.add(tasks.get(0).id(), 1, "one " + i);
            api.logs.add(tasks.get(1).id(), 2, "two " + i);
        }
        DockerCli.Result all = docker.run("service", "logs", "web").ok();
        assertEquals(5, all.out().lines().filter(line -> line.matches("web\\.1\\..*@n2 +\\| one [0-4]")).count(), all.out());
        assertEquals(5, all.err().lines().filter(line -> line.matches("web\\.2\\..*@n3 +\\| two [0-4]")).count(), all.err());
        DockerCli.Result tail = docker.run("service", "logs", "--tail", "2", "--timestamps", "--raw", "web").ok();
        assertEquals("2026-11-22T12:30:03.000000000Z one 3\n2026-11-22T12:30:04.000000000Z one 4\n", tail.out());
        assertEquals(2, docker.run("service", "logs", "--raw", "--since", "2026-11-22T12:30:03Z", tasks.get(0).id()).ok().out().lines().count());
        try (DockerCli.Running follow = docker.start("service", "logs", "-f", "--tail", "1", "--raw", "web")) {
            until(() -> read(follow.out()).equals("one 4\n"));
            api.logs.add(tasks.get(0).id(), 1, "late");
            until(() -> read(follow.out()).equals("one 4\nlate\n"));
        }
        api.logs.fail(tasks.get(1).id(), "node n3 cannot be reached");
        DockerCli.Result partly = docker.run("service", "logs", "web").ok();
        assertEquals(6, partly.out().lines().count());
        assertTrue(partly.err().contains("node n3 cannot be reached") && partly.err().contains("web.2"), partly.err());
        try (DockerCli.Running follow = docker.start("service", "logs", "-f", "--raw", "web")) {
            until(() -> read(follow.out()).endsWith("late\n"));
            api.logs.end(tasks.get(0).id());
            ok("service", "rm", "web");
            assertTrue(follow.process().waitFor(90, TimeUnit.SECONDS), "following ends with the service");
        }
    }

    /** The CLI shows them as they come, without names, and asks for {@code --raw} to say so. */
    @Test
    void logsOfATerminalHaveNoHeaders() throws Exception {
        createService("screen", "--tty", "--mode", "global");
        untilRunning(3);
        Task local = api.cluster.tasks().stream().filter(task -> task.node().equals(FakeCluster.N1)).findFirst().orElseThrow();
        api.logs.add(local.id(), 1, "typed\r");
        assertEquals("typed\r\n", ok("service", "logs", "--raw", "screen"));
        assertEquals("typed\r\n", ok("service", "logs", "--raw", local.id()));
        api.runtime.addWithTerminal(local.containerId(), "screen", Map.of("com.docker.swarm.task.id", local.id()));
        assertEquals("typed\r\n", ok("logs", "screen"));
    }

    private void createQuietly(String service) {
        try {
            createService(service);
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Test
    void networks() throws Exception {
        ok("network", "create", "--driver", "overlay", "--attachable", "a");
        ok("network", "create", "--driver", "overlay", "--subnet", "10.200.0.0/16", "--gateway", "10.200.0.9", "b");
        String list = ok("network", "ls");
        assertTrue(list.matches("(?s).*a +overlay +swarm.*"), list);
        assertTrue(list.matches("(?s).*bridge +bridge +local.*"), list);
        assertEquals("[{10.200.0.0/16  10.200.0.9 map[]}]", ok("network", "inspect", "--format", "{{.IPAM.Config}}", "b").strip());
        assertError("Pool overlaps", "network", "create", "-d", "overlay", "--subnet", "10.200.7.0/24", "c");
        assertError("already exists", "network", "create", "-d", "overlay", "a");
        assertError("pre-defined", "network", "rm", "host");
        ok("network", "rm", "a", "b");
        assertEquals(3, ok("network", "ls", "-q").lines().count());
    }

    @Test
    void imagesAndContainers() throws Exception {
        assertTrue(ok("image", "ls").contains("82157df42829"));
        Path archive = api.directory.resolve("image.tar");
        Files.write(archive, new byte[30 << 20]); // more than the bound for JSON, and than what waits in memory
        assertTrue(ok("image", "load", "-i", archive.toString()).contains("Loaded image: busybox:latest"));
        assertEquals(30 << 20, api.images.loadedBytes);
        Files.write(archive, ("bad" + "x".repeat(10_000)).getBytes(StandardCharsets.UTF_8));
        assertError("the archive is no image", "image", "load", "-i", archive.toString());
        ok("tag", "busybox:latest", "registry.example/team/busybox:2");
        assertTrue(ok("image", "inspect", "registry.example/team/busybox:2").contains(FakeImages.ID));
        assertTrue(ok("image", "rm", "registry.example/team/busybox:2").contains("Untagged: registry.example/team/busybox:2"));
        String pulled = ok("pull", "busybox");
        assertTrue(pulled.contains(FakeImages.LAYER.hex().substring(0, 12) + ": Pull complete"), pulled);
        assertTrue(pulled.contains("Status: Image is up to date for busybox:latest"), pulled);
        assertError("manifest for nosuch:1 not found: manifest unknown", "pull", "nosuch:1");
        assertEquals("", ok("ps", "-q"));
        String id = "cd".repeat(32);
        createService("web", "--mode", "replicated", "--replicas", "2");
        untilRunning(2);
        Task local = api.cluster.tasks().get(0);
        api.runtime.add(id, "web.1." + local.id(), Map.of("com.docker.swarm.task.id", local.id()), List.of("sleep", "1 000"));
        String ps = ok("ps", "--no-trunc");
        assertTrue(ps.contains(id) && ps.contains("sleep '1 000'") && ps.contains("Up About a minute"), ps);
        assertTrue(ok("inspect", id.substring(0, 5)).contains("\"Running\": true"));
        ok("stop", "-t", "3", id);
        ok("kill", "-s", "USR1", id);
        assertEquals(List.of("stop " + id + " PT3S", "signal " + id + " USR1"), api.runtime.calls);
        assertTrue(ok("system", "df").contains("1.984MB"));
    }

    @Test
    void containerLogs() throws Exception {
        createService("web", "--mode", "global");
        untilRunning(3);
        Task local = api.cluster.tasks().stream().filter(task -> task.node().equals(FakeCluster.N1)).findFirst().orElseThrow();
        api.runtime.add(local.containerId(), "web", Map.of("com.docker.swarm.task.id", local.id()), List.of("sleep"));
        api.logs.add(local.id(), 1, "hello");
        assertEquals("hello\n", ok("logs", "web"));
        api.logs.end(local.id());
        assertEquals("hello\n", ok("logs", "-f", "web"), "following ends with the container");
    }

    @Test
    void swarm() throws Exception {
        assertTrue(ok("swarm", "join-token", "worker").contains("--token SWMTKN-1-ca-w0 10.77.0.11:2377"));
        String rotated = ok("swarm", "join-token", "--rotate", "-q", "worker").strip();
        assertFalse(rotated.equals("SWMTKN-1-ca-w0"), rotated);
        assertError("swarm update", "swarm", "update", "--dispatcher-heartbeat", "7s");
        assertError("expected 0 to 100, got 101", "swarm", "update", "--task-history-limit", "101");
        assertTrue(ok("swarm", "ca").contains("BEGIN CERTIFICATE"));
        assertError("no unlock key is set", "swarm", "unlock-key");
        assertError("already part of a swarm", "swarm", "init");
        assertError("--force", "swarm", "leave");
        ok("swarm", "leave", "--force");
        assertError("This node is not a swarm manager", "node", "ls");
        assertTrue(ok("info").contains("Swarm: inactive"));
        assertTrue(ok("swarm", "init").contains("Swarm initialized: current node (" + FakeCluster.N1 + ") is now a manager"));
        ok("swarm", "leave", "--force");
        assertTrue(ok("swarm", "join", "--token", rotated, "10.77.0.12:2377").contains("joined a swarm as a worker"));
    }

    @Test
    void aWorkerReadsButDoesNotWrite() throws Exception {
        createService("web");
        api.cluster.becomeWorker();
        assertTrue(ok("node", "ls").contains("n2"));
        assertTrue(ok("service", "ls").contains("web"));
        assertError("Worker nodes can't be used to view or modify cluster state", "service", "create", "-d", "busybox");
        assertError("Worker nodes can't be used to view or modify cluster state", "service", "rm", "web");
        assertTrue(ok("info").contains("Is Manager: false"));
        assertError("Worker nodes can't be used", "swarm", "join-token", "worker");
    }

    @Test
    void aStack() throws Exception {
        Path compose = api.directory.resolve("compose.yml");
        Files.writeString(compose, """
                version: "3.8"
                services:
                  a:
                    image: busybox:latest
                    command: sh -c "sleep 100"
                    environment: {X: "1"}
                    networks: [back]
                    deploy: {replicas: 2}
                networks: {back: {driver: overlay}}
                """);
        String out = ok("stack", "deploy", "--detach=true", "-c", compose.toString(), "st");
        assertTrue(out.contains("Creating service st_a"), out);
        untilRunning(2);
        assertTrue(ok("stack", "ls").matches("(?s).*st +1.*"));
        assertTrue(ok("stack", "ps", "st").contains("st_a.1"));
        assertTrue(ok("stack", "services", "st").contains("2/2"));
        out = ok("stack", "deploy", "--detach=true", "-c", compose.toString(), "st");
        assertTrue(out.contains("Updating service st_a"), out);
        untilRunning(2);
        assertEquals(2, api.cluster.tasks().size(), "an unchanged stack must not restart its tasks");
        out = ok("stack", "rm", "st");
        assertTrue(out.contains("Removing network st_back"), out);
        assertEquals(0, api.cluster.snapshot().documents().get(Kind.SERVICE).size());
    }
}
