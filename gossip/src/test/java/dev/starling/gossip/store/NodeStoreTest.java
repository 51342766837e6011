package dev.starling.gossip.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.HybridTime;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberStatus;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.DriverManager;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NodeStoreTest {
    private static final RandomGenerator NO_CHANCE = () -> 0;

    @TempDir
    Path directory;

    @Test
    void everythingComesBackAsItWas() {
        DesiredObject service = object("b", 3, "{\"Name\":\"web\"}", false);
        DesiredObject tombstone = object("a", 9, "", true);
        Member member = new Member(new NodeId("n1"), new Endpoint("fd00::1", 7946), Role.MANAGER, 4, 2, MemberStatus.SUSPECT, Bytes.utf8("key"), Bytes.utf8("signature"));
        try (NodeStore store = NodeStore.open(directory)) {
            store.saveDesired(List.of(service, tombstone));
            store.saveRecord(Map.of("cpu", Optional.of(Bytes.utf8("4")), "empty", Optional.of(Bytes.EMPTY)));
            store.saveMembers(List.of(member));
        }
        try (NodeStore store = NodeStore.open(directory)) {
            assertEquals(List.of(tombstone, service), store.loadDesired());
            assertEquals(Map.of("cpu", Bytes.utf8("4"), "empty", Bytes.EMPTY), store.loadRecord());
            assertEquals(List.of(member), store.loadMembers());
            assertNull(store.movedAside());
        }
    }

    @Test
    void onlyTheOwnerReadsIt() throws Exception {
        try (NodeStore store = NodeStore.open(directory)) {
            store.saveRecord(Map.of("cpu", Optional.of(Bytes.utf8("4"))));
            for (String name : List.of("state.db", "state.db-wal")) {
                assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(directory.resolve(name))), name);
            }
        }
    }

    @Test
    void laterSavesReplaceEarlierOnes() {
        try (NodeStore store = NodeStore.open(directory)) {
            store.saveDesired(List.of(object("a", 1, "old", false), object("b", 1, "stays", false)));
            store.saveDesired(List.of(object("a", 2, "new", false)));
            assertEquals(List.of(object("a", 2, "new", false), object("b", 1, "stays", false)), store.loadDesired());
            store.saveRecord(Map.of("x", Optional.of(Bytes.utf8("1")), "y", Optional.of(Bytes.utf8("2"))));
            store.saveRecord(Map.of("x", Optional.empty(), "y", Optional.of(Bytes.utf8("3"))));
            assertEquals(Map.of("y", Bytes.utf8("3")), store.loadRecord());
        }
    }

    @Test
    void bootsAreCountedAndNeverRepeat() {
        for (int run = 1; run <= 3; run++) {
            try (NodeStore store = NodeStore.open(directory)) {
                assertEquals(run, store.nextBoot(0, NO_CHANCE));
            }
        }
    }

    @Test
    void aKilledAgentLosesNothingThatItWasToldIsSaved() throws Exception {
        // a JVM of its own, killed with SIGKILL while it saves; what it printed as saved must be there
        Process agent = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx64m", "-XX:+UseSerialGC",
                "-cp", System.getProperty("java.class.path"), SavingAgent.class.getName(), directory.toString())
                .redirectError(ProcessBuilder.Redirect.DISCARD).start();
        long saved = 0;
        try (BufferedReader out = new BufferedReader(new InputStreamReader(agent.getInputStream()))) {
            String line;
            while ((line = out.readLine()) != null) {
                saved = Long.parseLong(line);
                if (saved == 25) {
                    agent.toHandle().destroyForcibly(); // unlike Process.destroyForcibly, leaves its output readable
                }
            }
        } finally {
            agent.destroyForcibly();
        }
        assertTrue(agent.waitFor(90, TimeUnit.SECONDS));
        assertTrue(saved >= 25, "the agent ended early, after " + saved);
        try (NodeStore store = NodeStore.open(directory)) {
            DesiredObject found = store.loadDesired().get(0);
            assertTrue(found.generation() >= saved, found.generation() + " on disk, " + saved + " acknowledged");
            long copy = Long.parseLong(store.loadRecord().get("copy").utf8());
            assertTrue(copy == found.generation() || copy == found.generation() + 1, "saved in this order: record " + copy + ", desired " + found.generation());
            assertEquals(2, store.nextBoot(0, NO_CHANCE), "the killed agent was boot 1");
            assertNull(store.movedAside());
        }
    }

    @Test
    void aSecondAgentIsToldThatTheDirectoryIsInUse() {
        try (NodeStore first = NodeStore.open(directory)) {
            StoreException refused = assertThrows(StoreException.class, () -> NodeStore.open(directory));
            assertEquals(StoreException.Reason.IN_USE, refused.reason(), refused.getMessage());
            assertTrue(refused.getMessage().contains("another agent uses this data directory"), refused.getMessage());
            first.nextBoot(0, NO_CHANCE);
        }
    }

    @Test
    void garbageIsMovedAsideAndTheBootGenerationGoesOn() throws Exception {
        try (NodeStore store = NodeStore.open(directory)) {
            assertEquals(1, store.nextBoot(0, NO_CHANCE));
            assertEquals(2, store.nextBoot(0, NO_CHANCE));
        }
        Files.writeString(directory.resolve("state.db"), "this is no database, and it is longer than the header of one. ".repeat(20));
        try (NodeStore store = NodeStore.open(directory)) {
            assertNotNull(store.movedAside());
            assertTrue(Files.readString(store.movedAside()).startsWith("this is no database"));
            assertEquals(List.of(), store.loadDesired());
            assertEquals(3, store.nextBoot(0, NO_CHANCE));
        }
    }

    @Test
    void aDamagedPageIsFoundAtOpening() throws Exception {
        try (NodeStore store = NodeStore.open(directory)) {
            for (int i = 0; i < 200; i++) {
                store.saveDesired(List.of(object("uid" + i, 1, "x".repeat(2000), false)));
            }
        }
        try (RandomAccessFile file = new RandomAccessFile(directory.resolve("state.db").toFile(), "rw")) {
            for (long page = 3; page < file.length() / 4096; page++) {
                file.seek(page * 4096);
                file.write(new byte[] {(byte) 0xff, (byte) 0xff, (byte) 0xff, (byte) 0xff, (byte) 0xff, (byte) 0xff});
            }
        }
        try (NodeStore store = NodeStore.open(directory)) {
            assertNotNull(store.movedAside());
            assertEquals(List.of(), store.loadDesired());
        }
    }

    @Test
    void aFullStoreSaysSoAndKeepsWhatItHas() {
        try (NodeStore store = NodeStore.open(directory, 256 * 1024)) {
            store.saveDesired(List.of(object("a", 1, "kept", false)));
            StoreException full = assertThrows(StoreException.class, () -> store.saveDesired(List.of(object("b", 1, "small", false), object("c", 1, "x".repeat(1 << 20), false))));
            assertEquals(StoreException.Reason.FULL, full.reason());
            assertTrue(full.getMessage().contains("state.db") && full.getMessage().contains("no space is left"), full.getMessage());
            assertEquals(List.of(object("a", 1, "kept", false)), store.loadDesired(), "all of a batch or none");
            store.saveDesired(List.of(object("d", 1, "fits", false)));
            assertEquals(2, store.loadDesired().size());
        }
    }

    @Test
    void aStoreOfANewerReleaseIsLeftAlone() throws Exception {
        NodeStore.open(directory).close();
        try (var connection = DriverManager.getConnection("jdbc:sqlite:" + directory.resolve("state.db")); var statement = connection.createStatement()) {
            statement.execute("PRAGMA user_version=99");
        }
        StoreException refused = assertThrows(StoreException.class, () -> NodeStore.open(directory));
        assertEquals(StoreException.Reason.TOO_NEW, refused.reason());
        assertTrue(refused.getMessage().contains("schema version 99"), refused.getMessage());
    }

    @Test
    void aDirectoryThatCannotBeMadeIsNamed() throws Exception {
        Path inTheWay = Files.writeString(directory.resolve("file"), "");
        StoreException refused = assertThrows(StoreException.class, () -> NodeStore.open(inTheWay.resolve("data")));
        assertTrue(refused.getMessage().contains("file/data"), refused.getMessage());
    }

    @Test
    void nativeCodeIsNotUnpackedWhereItCannotRun() {
        List<String> mounts = List.of("/dev/sda1 / ext4 rw,relatime 0 0", "tmpfs /tmp tmpfs rw,nosuid,noexec 0 0", "/dev/sdb1 /var/lib/starling ext4 rw 0 0",
                "tmpfs /var\\040x tmpfs rw,noexec 0 0");
        assertFalse(NativeLibraryHome.allowsExecution(Path.of("/tmp/x"), mounts));
        assertTrue(NativeLibraryHome.allowsExecution(Path.of("/var/lib/starling/native"), mounts));
        assertTrue(NativeLibraryHome.allowsExecution(Path.of("/tmpx"), mounts));
        assertFalse(NativeLibraryHome.allowsExecution(Path.of("/var x/y"), mounts));
    }

    private static DesiredObject object(String uid, long generation, String body, boolean deleted) {
        return new DesiredObject(Kind.SERVICE, uid, HybridTime.of(1_700_000_000_000L, 1), generation, HybridTime.of(1_700_000_000_000L + generation, 2),
                new NodeId("w1"), deleted, Bytes.utf8(body), Bytes.utf8("signature"), Bytes.utf8("certificate"));
    }

    @Test
    void aFullDiskIsReportedAndUsedAgainOnceThereIsRoom() throws Exception {
        // a mount namespace of its own: the little disk goes with the process, however it ends
        List<String> output = inMountNamespace("mount -t tmpfs -o size=400k none \"$1\" && head -c 250k /dev/zero > \"$1\"/ballast && ", FillingAgent.class);
        assertEquals(List.of("FULL true", "saved after making room", "kept and new"), output);
    }

    @Test
    void aReadOnlyDiskIsReported() throws Exception {
        List<String> output = inMountNamespace("mount -t tmpfs none \"$1\" && touch \"$1\"/state.db && mkdir \"$1\"/native && mount -o remount,ro \"$1\" && ", OpeningAgent.class);
        assertEquals(1, output.size(), output.toString());
        assertTrue(output.get(0).startsWith("READ_ONLY") && output.get(0).contains("state.db"), output.get(0));
    }

    private List<String> inMountNamespace(String before, Class<?> agent) throws Exception {
        Process probe = new ProcessBuilder("sh", "-c", "unshare -m mount -t tmpfs none /mnt").redirectErrorStream(true).start();
        Assumptions.assumeTrue(probe.waitFor() == 0, "needs the right to mount in a mount namespace of its own (root, CAP_SYS_ADMIN)");
        Process process = new ProcessBuilder("unshare", "-m", "sh", "-c", before + "exec \"$2\" -Xmx64m -XX:+UseSerialGC -cp \"$3\" \"$4\" \"$1\"", "sh",
                directory.toString(), Path.of(System.getProperty("java.home"), "bin", "java").toString(), System.getProperty("java.class.path"), agent.getName())
                .redirectErrorStream(true).start();
        try {
            List<String> output = new BufferedReader(new InputStreamReader(process.getInputStream())).lines().toList();
            assertTrue(process.waitFor(90, TimeUnit.SECONDS));
            return output;
        } finally {
            process.destroyForcibly();
        }
    }

    /** Writes until the disk is full, makes room, writes again. */
    static final class FillingAgent {
        public static void main(String[] arguments) throws Exception {
            Path directory = Path.of(arguments[0]);
            System.setProperty("org.sqlite.tmpdir", System.getProperty("java.io.tmpdir")); // the little disk has no room for the library
            try (NodeStore store = NodeStore.open(directory)) {
                store.saveDesired(List.of(object("a", 1, "kept", false)));
                try {
                    store.saveDesired(List.of(object("b", 1, "x".repeat(300_000), false)));
                    System.out.println("300 kB fit into less");
                } catch (StoreException e) {
                    System.out.println(e.reason() + " " + e.getMessage().contains("no space is left"));
                }
                Files.delete(directory.resolve("ballast"));
                store.saveDesired(List.of(object("c", 1, "x".repeat(30_000), false)));
                System.out.println("saved after making room");
            }
            try (NodeStore store = NodeStore.open(directory)) {
                System.out.println(store.loadDesired().stream().map(DesiredObject::uid).toList().equals(List.of("a", "c")) ? "kept and new" : "lost");
            }
        }
    }

    /** Says why the store cannot be opened. */
    static final class OpeningAgent {
        public static void main(String[] arguments) {
            try (NodeStore store = NodeStore.open(Path.of(arguments[0]))) {
                System.out.println("opened " + store);
            } catch (StoreException e) {
                System.out.println(e.reason() + " " + e.getMessage().replace('\n', ' '));
            }
        }
    }

    /** Saves ever higher generations until it is killed, and prints each once it is saved. */
    static final class SavingAgent {
        public static void main(String[] arguments) {
            try (NodeStore store = NodeStore.open(Path.of(arguments[0]))) {
                store.nextBoot(0, NO_CHANCE);
                for (long generation = 1; generation < 100_000; generation++) {
                    store.saveRecord(Map.of("copy", Optional.of(Bytes.utf8(Long.toString(generation)))));
                    store.saveDesired(List.of(object("a", generation, "body " + generation, false)));
                    System.out.println(generation);
                }
            }
        }
    }
}
