package dev.starling.node.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.desired.Kind;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The real docker command: saving images, looking where the disk went, tidying up. */
final class HousekeepingCliTest extends WithDockerCli {
    private String ok(String... arguments) throws Exception {
        return docker.run(arguments).ok().out();
    }

    @Test
    void anImageTellsHowItWasMade() throws Exception {
        String history = ok("history", "--no-trunc", "--format", "{{.ID}}|{{.CreatedBy}}|{{.Size}}|{{.Comment}}", "busybox");
        assertEquals(FakeImages.ID + "|CMD sh|0B|by hand\n<missing>|COPY busybox /bin|1.98MB|\n", history);
        assertEquals("edge linux/amd64\n", ok("image", "inspect", "--format", "{{.Author}} {{.Os}}/{{.Architecture}}", "busybox"));
    }

    @Test
    void saving() throws Exception {
        Path archive = api.directory.resolve("saved.tar");
        ok("save", "-o", archive.toString(), "busybox", FakeImages.ID);
        byte[] content = Files.readAllBytes(archive);
        int noise = FakeImages.SAVED_PIECES * FakeImages.SAVED_PIECE;
        assertEquals("busybox," + FakeImages.ID, new String(content, noise, content.length - noise));
        DockerCli.Result unknown = docker.run("save", "-o", archive.toString(), "nosuch");
        assertEquals(1, unknown.exitCode());
        assertTrue(unknown.err().contains("No such image: nosuch"), unknown.err());
        assertEquals(503, savedBeyondTheBound());
    }

    /** Clients that do not read hold all there is, sooner or later; the next one is turned away. */
    private int savedBeyondTheBound() throws Exception {
        List<SocketChannel> stalled = new ArrayList<>();
        try {
            int[] status = new int[1];
            DockerCliTest.until(() -> {
                try {
                    stalled.add(stalled());
                    status[0] = api.http().get("/images/get?names=busybox").status();
                } catch (Exception e) {
                    throw new AssertionError(e);
                }
                return status[0] == 503;
            });
            return status[0];
        } finally {
            for (SocketChannel channel : stalled) {
                channel.close();
            }
        }
    }

    private SocketChannel stalled() throws Exception {
        SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        channel.connect(UnixDomainSocketAddress.of(api.socket));
        channel.write(ByteBuffer.wrap("GET /images/get?names=busybox HTTP/1.1\r\nHost: docker\r\n\r\n".getBytes(StandardCharsets.US_ASCII)));
        return channel;
    }

    @Test
    void pruningImages() throws Exception {
        assertTrue(ok("image", "prune", "-f").contains("Total reclaimed space: 0B"), "it has a tag");
        assertTrue(ok("image", "prune", "-af", "--filter", "until=2020-01-01T00:00:00Z").contains("reclaimed space: 0B"), "it is younger");
        assertTrue(ok("image", "prune", "-af", "--filter", "label=keep").contains("reclaimed space: 0B"));
        String pruned = ok("image", "prune", "-af", "--filter", "label!=keep");
        assertTrue(pruned.contains("deleted: " + FakeImages.ID) && pruned.contains("reclaimed space: 1.984MB"), pruned);
    }

    @Test
    void volumes() throws Exception {
        ok("volume", "create", "data");
        ok("volume", "create", "spare");
        Files.writeString(api.volumes.find("data").data().resolve("file"), "12345");
        api.runtime.add("ab".repeat(32), "db.1", Map.of(), List.of("sleep"), "data");
        assertEquals("data\nspare\n", ok("volume", "ls", "-q"));
        assertEquals("spare\n", ok("volume", "ls", "-qf", "dangling=true"));
        assertTrue(ok("volume", "inspect", "data").contains(api.volumes.find("data").data().toString()));
        DockerCli.Result used = docker.run("volume", "rm", "data");
        assertTrue(used.err().contains("volume is in use"), used.err());
        assertTrue(docker.run("volume", "rm", "nosuch").err().contains("no such volume"));
        assertTrue(docker.run("volume", "create", "--driver", "nfs", "x").err().contains("volume drivers (nfs)"));
        assertTrue(docker.run("volume", "create", "../x").err().contains("includes invalid characters"));
        ok("service", "create", "-d", "--name", "db", "--replicas", "0", "--mount", "type=volume,source=promised,target=/d", "busybox");
        ok("volume", "create", "promised");
        assertFalse(ok("volume", "prune", "-f").contains("spare"), "it has a name");
        assertTrue(ok("volume", "prune", "-af").contains("Deleted Volumes:\nspare"));
        assertEquals("data\npromised\n", ok("volume", "ls", "-q"), "one is in use, the other a service will want");
        ok("volume", "rm", "promised");
        assertEquals(List.of("data"), api.volumes.list().stream().map(volume -> volume.name()).toList());
    }

    @Test
    void volumesWithOptionsAndLabels() throws Exception {
        String[] create = {"volume", "create", "--label", "shelf=a", "-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "o=size=1m,uid=1000", "scratch"};
        ok(create);
        ok(create);
        ok("volume", "create", "scratch");
        ok("volume", "create", "plain");
        assertEquals("local map[device:tmpfs o:size=1m,uid=1000 type:tmpfs] map[shelf:a]\n",
                ok("volume", "inspect", "--format", "{{.Driver}} {{.Options}} {{.Labels}}", "scratch"));
        assertEquals("map[] map[]\n", ok("volume", "inspect", "--format", "{{.Options}} {{.Labels}}", "plain"));
        assertEquals("scratch\n", ok("volume", "ls", "-qf", "label=shelf=a"));
        DockerCli.Result other = docker.run("volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "o=size=2m", "scratch");
        assertTrue(other.err().contains("volume name must be unique") && other.err().contains("size=1m") && other.err().contains("size=2m"), other.err());
        assertTrue(docker.run("volume", "create", "-o", "kind=x", "y").err().contains("create y: invalid option: \"kind\""));
        assertTrue(docker.run("volume", "create", "-o", "type=tmpfs", "y").err().contains("create y: missing required option: \"device\""));
        assertTrue(ok("system", "df", "-v").contains("scratch"));
        assertTrue(ok("volume", "prune", "-af", "--filter", "label!=shelf").contains("plain"));
        assertEquals("scratch\n", ok("volume", "ls", "-q"));
        assertTrue(ok("volume", "prune", "-af", "--filter", "label=shelf").contains("scratch"));
        assertEquals("", ok("volume", "ls", "-q"));
    }

    @Test
    void whereTheDiskWent() throws Exception {
        ok("volume", "create", "data");
        Files.writeString(api.volumes.find("data").data().resolve("file"), "12345");
        api.runtime.add("ab".repeat(32), "db.1", Map.of(), List.of("sleep"), "data");
        String usage = ok("system", "df", "-v");
        assertTrue(usage.contains("data          1         5B"), usage);
        assertTrue(usage.contains("db.1"), usage);
    }

    @Test
    void pruningAll() throws Exception {
        ok("network", "create", "-d", "overlay", "spare");
        ok("network", "create", "-d", "overlay", "used");
        ok("service", "create", "-d", "--name", "db", "--replicas", "0", "--network", "used", "busybox");
        ok("volume", "create", "data");
        String pruned = ok("system", "prune", "-af", "--volumes");
        assertTrue(pruned.contains("Deleted Networks:\nspare") && pruned.contains("deleted: " + FakeImages.ID), pruned);
        assertEquals(List.of("used"), api.cluster.snapshot().documents().get(Kind.NETWORK).stream().map(network -> network.name())
                .filter(name -> !name.equals("ingress")).toList());
        assertEquals("data\n", ok("volume", "ls", "-q"), "only volumes without a name go, as in Docker");
        ok("builder", "prune", "-f");
    }
}
