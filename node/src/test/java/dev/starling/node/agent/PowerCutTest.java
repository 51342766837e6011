package dev.starling.node.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberStatus;
import dev.starling.gossip.store.NodeStore;
import dev.starling.gossip.trust.ClusterAuthorities;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.gossip.trust.NodeKey;
import dev.starling.gossip.trust.SealingKey;
import dev.starling.node.Sample;
import dev.starling.node.powercut.CutDisk;
import dev.starling.node.powercut.DiskCall;
import dev.starling.node.powercut.DiskRecording;
import dev.starling.node.swarm.SwarmDirectory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The power is cut in the middle of what a node writes, at any byte. A node's writes are recorded once as the kernel saw them, with the
 * moments at which each counted as written ("acknowledged"). Then, for one moment after another, a disk is made as it may look after
 * a cut there ({@link CutDisk}), and the product's own code starts from it.
 *
 * <p>By default some hundred moments, chosen by a seed that a failure names. {@code -Dstarling.powercut.cuts=20000} takes more,
 * {@code -Dstarling.powercut.seed=N} others, {@code -Dstarling.powercut.bytes=true} two commits byte by byte: each of
 * SQLite's headers of frames, each sixteenth of its pages.
 */
@Timeout(3_600)
class PowerCutTest {
    private static final int CUTS = Integer.getInteger("starling.powercut.cuts", 150);
    private static final long SEED = Long.getLong("starling.powercut.seed", 1);
    private static final boolean EACH_BYTE = Boolean.getBoolean("starling.powercut.bytes");
    private static final String ACKNOWLEDGEMENTS = "acknowledgements";
    private static final int SMALL_WRITES = 40;
    /** As many pages as make SQLite copy its journal into the database (1,000), and a few more. */
    private static final int LARGE_WRITES = 14;
    private static final int LARGE_BYTES = 320_000;

    private static List<DiskCall> calls;

    @TempDir
    Path directory;
    private Path disk;

    @BeforeEach
    void memoryForADisk() throws IOException {
        Path memory = Path.of("/dev/shm"); // each cut is synced a few times; a card would take minutes
        disk = Files.isWritable(memory) ? Files.createTempDirectory(memory, "starling-powercut-") : directory.resolve("disk");
    }

    @AfterEach
    void giveBack() throws IOException {
        clear(disk);
    }

    @BeforeAll
    static void record(@TempDir Path parent) throws Exception {
        calls = DiskRecording.of(Node.class, Files.createDirectories(parent.resolve("node")));
    }

    @Test
    void whateverIsLeftOfAnyWriteWhatWasAcknowledgedIsThere() throws IOException {
        List<String> acknowledged = startAfterCuts(calls, CUTS);
        assertEquals("left", acknowledged.get(acknowledged.size() - 1), "the recording is complete");
    }

    /** A test that finds nothing there would find nothing at all. */
    @Test
    void onADiskThatLiesAboutItsSyncsAcknowledgedWritesAreLost() {
        List<DiskCall> withoutSyncs = calls.stream().filter(call -> !(call instanceof DiskCall.Sync)).toList();
        assertThrows(AssertionError.class, () -> startAfterCuts(withoutSyncs, 30));
    }

    /** @return all acknowledgements, in order */
    private List<String> startAfterCuts(List<DiskCall> calls, int howMany) throws IOException {
        int acknowledgements = calls.stream().filter(call -> call instanceof DiskCall.Open open && open.path().equals(ACKNOWLEDGEMENTS))
                .mapToInt(call -> ((DiskCall.Open) call).file()).findFirst().orElseThrow();
        Random random = new Random(SEED);
        int[] cuts = cutsOf(calls, acknowledgements, howMany, random);
        CutDisk replayed = new CutDisk();
        List<String> acknowledged = new ArrayList<>();
        for (int i = 0; i < calls.size(); i++) {
            DiskCall call = calls.get(i);
            if (call instanceof DiskCall.Write write && write.file() == acknowledgements) {
                acknowledged.add(new String(write.bytes(), StandardCharsets.US_ASCII).strip());
                continue;
            }
            for (int cut = 0; cut < cuts[i]; cut++) {
                CutDisk.Left left = CutDisk.Left.values()[random.nextInt(CutDisk.Left.values().length)];
                startAfterCut(replayed, left, random, acknowledged, "seed " + SEED + ", before call " + i + " (" + name(call) + "), left: " + left);
            }
            if (EACH_BYTE && call instanceof DiskCall.Write write && (acknowledged.size() == 10 || acknowledged.size() == 30)) {
                eachByte(calls.subList(0, i), write, acknowledged, random);
            }
            replayed.replay(call, Integer.MAX_VALUE);
        }
        return acknowledged;
    }

    private void eachByte(List<DiskCall> before, DiskCall.Write write, List<String> acknowledged, Random random) throws IOException {
        for (int bytes = 0; bytes <= write.bytes().length; bytes += write.bytes().length > 64 ? 16 : 1) {
            CutDisk torn = new CutDisk();
            before.forEach(call -> torn.replay(call, Integer.MAX_VALUE));
            torn.replay(write, bytes);
            startAfterCut(torn, CutDisk.Left.EVERYTHING, random, acknowledged, "before byte " + bytes + " of call " + before.size());
        }
    }

    /** How many cuts come before each call: each acknowledged write is as likely, however many calls it took. */
    private static int[] cutsOf(List<DiskCall> calls, int acknowledgements, int howMany, Random random) {
        List<List<Integer>> writes = new ArrayList<>();
        List<Integer> current = new ArrayList<>();
        for (int i = 0; i < calls.size(); i++) {
            if (calls.get(i) instanceof DiskCall.Write write && write.file() == acknowledgements) {
                writes.add(current);
                current = new ArrayList<>();
            } else {
                current.add(i);
            }
        }
        writes.removeIf(List::isEmpty);
        int[] cuts = new int[calls.size()];
        for (int i = 0; i < howMany; i++) {
            List<Integer> write = writes.get(random.nextInt(writes.size()));
            cuts[write.get(random.nextInt(write.size()))]++;
        }
        return cuts;
    }

    private static String name(DiskCall call) {
        return call instanceof DiskCall.Write write ? "Write of " + write.bytes().length : call.toString();
    }

    private void startAfterCut(CutDisk cut, CutDisk.Left left, Random random, List<String> acknowledged, String where) throws IOException {
        clear(disk);
        Files.createDirectories(disk);
        cut.cut(disk, left, random);
        try {
            start(new Acknowledged(acknowledged));
        } catch (RuntimeException | AssertionError e) {
            throw new AssertionError(where + ", after '" + (acknowledged.isEmpty() ? "" : acknowledged.get(acknowledged.size() - 1)) + "': " + e, e);
        }
    }

    /** What the node had been told was written. */
    private record Acknowledged(List<String> lines) {
        boolean has(String what) {
            return lines.contains(what);
        }

        long last(String what) {
            return lines.stream().filter(line -> line.startsWith(what + " ")).mapToLong(line -> Long.parseLong(line.substring(what.length() + 1))).max().orElse(0);
        }

        String nodeId() {
            return lines.stream().filter(line -> line.startsWith("identity ")).map(line -> line.substring("identity ".length())).findFirst().orElse(null);
        }
    }

    private void start(Acknowledged acknowledged) {
        SwarmDirectory membership = new SwarmDirectory(disk);
        boolean isMember = membership.hasIdentity();
        if (acknowledged.nodeId() != null && !acknowledged.has("leaving")) {
            assertTrue(isMember, "a membership that was complete is complete");
        }
        if (acknowledged.has("left")) {
            assertFalse(isMember, "a swarm that was left is left");
        }
        if (!isMember) {
            return;
        }
        SwarmDirectory.Identity identity = membership.load();
        if (acknowledged.nodeId() != null) {
            assertEquals(acknowledged.nodeId(), identity.credentials().nodeId().value());
        }
        if (identity.credentials().role() == Role.MANAGER) {
            assertTrue(identity.authorities() != null && identity.dataKey() != null, "a manager has the CA's key and the data key");
        }
        if (acknowledged.has("demoted")) {
            assertEquals(Role.WORKER, identity.credentials().role());
            assertNull(identity.authorities());
            assertNull(identity.dataKey());
        }
        if (!acknowledged.has("leaving")) {
            loadStore(membership, acknowledged);
        }
    }

    private static void loadStore(SwarmDirectory membership, Acknowledged acknowledged) {
        try (NodeStore store = membership.openStore()) {
            assertNull(store.movedAside(), "a power cut damages nothing");
            Bytes last = store.loadRecord().get("write");
            int found = last == null ? 0 : Integer.parseInt(last.utf8());
            long sure = acknowledged.last("write");
            assertTrue(found == sure || found == sure + 1, found + " writes are there, " + sure + " were acknowledged");
            Map<String, DesiredObject> expected = new TreeMap<>();
            for (int i = 1; i <= found; i++) {
                expected.put(object(i).uid(), object(i));
            }
            assertEquals(List.copyOf(expected.values()), store.loadDesired(), "after write " + found + ", whole and nothing else");
            long boot = store.nextBoot(0, new SecureRandom());
            assertTrue(boot > acknowledged.last("boot"), "boot " + boot + " after " + acknowledged.last("boot"));
            if (found > 0) {
                assertEquals(List.of(member(found)), store.loadMembers());
            }
        }
    }

    private static DesiredObject object(int write) {
        String body = write <= SMALL_WRITES ? "{\"Write\": " + write + "}" : "x".repeat(LARGE_BYTES) + write;
        return Sample.object(Kind.SERVICE, "object" + write % 7, 1_000, write, write % 5 == 0, write % 5 == 0 ? "" : body);
    }

    private static Member member(int write) {
        return new Member(new NodeId("peer"), new Endpoint("192.0.2." + write % 250, 7946), Role.MANAGER, write, 0, MemberStatus.ALIVE, Bytes.utf8("key"), Bytes.utf8("signature"));
    }

    private static void clear(Path directory) throws IOException {
        if (Files.exists(directory)) {
            try (Stream<Path> files = Files.walk(directory)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(file);
                }
            }
        }
    }

    /** The life of a node, as far as its disk sees it. Runs in a JVM of its own, under strace. */
    static final class Node {
        private static FileChannel acknowledgements;

        public static void main(String[] arguments) throws IOException {
            Path root = Path.of(arguments[0]);
            System.setProperty("org.sqlite.tmpdir", System.getProperty("java.io.tmpdir")); // the library is no write of the store
            acknowledgements = FileChannel.open(root.resolve(ACKNOWLEDGEMENTS), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            SwarmDirectory membership = new SwarmDirectory(root);
            ClusterAuthority authority = ClusterAuthority.create("k3x9");
            NodeKey key = NodeKey.generate();
            Endpoint address = new Endpoint("192.0.2.1", 7946);
            membership.save(new SwarmDirectory.Identity(authority.enrol(key, Role.MANAGER), ClusterAuthorities.of(authority), SealingKey.generate(), address));
            acknowledge("identity " + key.nodeId().value());

            int write = 0;
            try (NodeStore store = membership.openStore()) {
                acknowledge("boot " + store.nextBoot(0, new SecureRandom()));
                while (write < SMALL_WRITES / 2) {
                    save(store, ++write);
                }
            } // checkpoints, and deletes the journal
            NodeStore store = membership.openStore();
            acknowledge("boot " + store.nextBoot(0, new SecureRandom()));
            while (write < SMALL_WRITES + LARGE_WRITES) {
                save(store, ++write);
            }
            store.close();
            membership.renew(new SwarmDirectory.Identity(authority.enrol(key, Role.WORKER), null, null, address));
            acknowledge("demoted");
            acknowledge("leaving");
            membership.wipe();
            acknowledge("left");
        }

        private static void save(NodeStore store, int write) throws IOException {
            Map<String, Optional<Bytes>> record = new LinkedHashMap<>();
            record.put("write", Optional.of(Bytes.utf8(Integer.toString(write))));
            record.put("only " + write, Optional.of(Bytes.utf8("a key that the next write removes")));
            record.put("only " + (write - 1), Optional.empty());
            store.save(List.of(object(write)), record, List.of(member(write)));
            acknowledge("write " + write);
        }

        private static void acknowledge(String what) throws IOException {
            acknowledgements.write(ByteBuffer.wrap((what + "\n").getBytes(StandardCharsets.US_ASCII)));
        }
    }
}
