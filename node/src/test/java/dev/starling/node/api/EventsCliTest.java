package dev.starling.node.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** The real docker command: what it is told of what happens, and logging in to a registry. */
final class EventsCliTest extends WithDockerCli {
    private static final String ID = "ab".repeat(32);

    private static String output(DockerCli.Running running) {
        try {
            return running.output();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void untilTold(DockerCli.Running events, String... texts) throws InterruptedException {
        try {
            DockerCliTest.until(() -> List.of(texts).stream().allMatch(output(events)::contains));
        } catch (AssertionError late) {
            throw new AssertionError("not all of " + List.of(texts) + " in " + output(events), late);
        }
    }

    private String since(long second, String... filters) throws Exception {
        Instant now = Instant.now(); // not 0s: the CLI makes a whole second of that, and what happened in this one would be missing
        List<String> arguments = new java.util.ArrayList<>(
                List.of("events", "--since", Long.toString(second), "--until", "%d.%09d".formatted(now.getEpochSecond(), now.getNano())));
        List.of(filters).forEach(filter -> arguments.addAll(List.of("--filter", filter)));
        return docker.run(arguments.toArray(String[]::new)).ok().out();
    }

    @Test
    void whatHappensIsToldAsItHappensAndAfterwards() throws Exception {
        long begin = 1; // the fake cluster's clock is another one; and 0 the CLI takes for a duration: now
        try (DockerCli.Running events = docker.start("events", "--since", Long.toString(begin), "--format", "{{.Type}} {{.Action}} {{.Actor.Attributes.name}}")) {
            docker.run("service", "create", "-d", "--name", "web", "busybox").ok();
            docker.run("network", "create", "-d", "overlay", "back").ok();
            docker.run("tag", "busybox:latest", "busybox:3").ok();
            api.runtime.add(ID, "web.1.x", Map.of("tier", "front"), List.of("sleep"));
            untilTold(events, "service create web", "network create back", "image tag busybox:3", "container create web.1.x", "container start web.1.x");
            docker.run("network", "rm", "back").ok();
            api.runtime.end(ID, 137);
            untilTold(events, "network remove back", "container die web.1.x");
        }
        String all = since(begin);
        assertTrue(all.contains("service create") && all.contains("exitCode=137"), all);
        assertEquals(3, since(begin, "type=container").lines().count());
        assertEquals(1, since(begin, "container=web.1.x", "event=die").lines().count());
        assertEquals(3, since(begin, "image=busybox", "type=container").lines().count());
        assertEquals(1, since(begin, "image=busybox:3").lines().count());
        assertEquals(3, since(begin, "label=tier=front").lines().count());
        assertEquals("", since(begin, "label=tier=back"));
        assertEquals(1, since(begin, "service=web").lines().count());
        assertEquals(2, since(begin, "scope=swarm", "type=network").lines().count());
        assertEquals("", since(Instant.now().getEpochSecond() + 1_000));
        assertTrue(docker.run("events", "--filter", "colour=red").err().contains("invalid filter"));
    }

    @Test
    void theStreamEndsAtUntil() throws Exception {
        try (DockerCli.Running events = docker.start("events", "--until", Long.toString(System.currentTimeMillis() / 1000 + 1))) {
            assertTrue(events.process().waitFor(90, TimeUnit.SECONDS));
            assertEquals(0, events.process().exitValue());
        }
    }

    /** In their order, each at once: nobody has to look for it. */
    @Test
    void aContainerThatComesAndGoesIsToldWhole() throws Exception {
        try (DockerCli.Running events = docker.start("events", "--filter", "type=container", "--format", "{{.Action}} {{.Actor.Attributes.name}}")) {
            Thread watcher = new Thread(() -> {
                for (int i = 0; !output(events).contains("start") && i < 20_000; i++) { // until the CLI is there to be told
                    api.runtime.add(String.format("%064x", i), "short", Map.of(), List.of("true"));
                    api.runtime.end(String.format("%064x", i), 0);
                    LockSupport.parkNanos(5_000_000);
                }
            });
            watcher.start();
            untilTold(events, "create short\nstart short\ndie short\n");
            watcher.join();
        }
    }

    @Test
    void theLogIsBounded() {
        EventLog log = new EventLog();
        for (int i = 0; i < EventLog.KEPT + 10; i++) {
            log.add("image", "tag", "a:" + i, new TreeMap<>(), "local", Instant.EPOCH);
        }
        List<EventLog.Event> kept = log.after(0);
        assertEquals(EventLog.KEPT, kept.size());
        assertEquals("a:10", kept.get(0).id());
        assertEquals(log.newest(), kept.get(EventLog.KEPT - 1).number());
        assertEquals(List.of(), log.after(log.newest()));
    }

    @Test
    void credentialsGoWithAService() throws Exception {
        String login = docker.runWith("s3cret", "login", "-u", "edge", "--password-stdin", "registry.example:5000").ok().out();
        assertTrue(login.contains("Login Succeeded"), login);
        docker.run("service", "create", "-d", "--with-registry-auth", "--name", "app", "registry.example:5000/busybox").ok();
        String uid = docker.run("service", "inspect", "app", "--format", "{{.ID}}").ok().out().strip();
        String sent = api.cluster.registryAuth.get(uid);
        assertEquals("edge", dev.starling.runtime.image.RegistryCredentials.ofHeader(sent).user());
        docker.run("service", "create", "-d", "--name", "plain", "registry.example:5000/busybox").ok();
        assertEquals(1, api.cluster.registryAuth.size(), "without the option nothing is sent along");
        assertFalse(docker.run("service", "inspect", "app").ok().out().contains("edge"));
        DockerCli.Result wrong = docker.runWith("guess", "login", "-u", "edge", "--password-stdin", "registry.example:5000");
        assertTrue(wrong.err().contains("incorrect username or password"), wrong.err());
        assertTrue(docker.runWith("s3cret", "login", "-u", "edge", "--password-stdin", "nowhere.example").err().contains("cannot be reached"));
    }
}
