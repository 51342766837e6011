package dev.starling.node.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.esotericsoftware.kryo.kryo5.io.Output;
import dev.starling.gossip.Bytes;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.HybridTime;
import dev.starling.node.Sample;
import dev.starling.scheduler.model.BlockClaim;
import dev.starling.scheduler.model.CompletedWork;
import dev.starling.scheduler.model.GenericResources;
import dev.starling.scheduler.model.NodeConditions;
import dev.starling.scheduler.model.Obstacles;
import dev.starling.scheduler.model.Platform;
import dev.starling.scheduler.model.Refusal;
import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.ServiceLoad;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.Size;
import net.jqwik.api.constraints.StringLength;

/** Values come back as they went in; what a peer made up ends in one known exception, and quickly. */
class RecordCodecTest {
    private static final List<Function<Bytes, Object>> DECODERS =
            List.of(RecordCodec::decodeReport, RecordCodec::decodeTask, RecordCodec::decodeRefusal, RecordCodec::decodeBlocks, RecordCodec::decodeCompleted,
                    RecordCodec::decodeLoads);

    @Property(tries = 200)
    void aTaskComesBack(@ForAll @StringLength(max = 40) String text, @ForAll boolean global, @ForAll @IntRange(min = 1) int index,
            @ForAll @LongRange(min = 0) long generation, @ForAll TaskState state, @ForAll TaskState desired, @ForAll long claimed,
            @ForAll @IntRange(max = 1000) int price, @ForAll @LongRange(min = 0) long millis, @ForAll int exitCode,
            @ForAll @IntRange(min = 0) int pid, @ForAll @Size(max = 4) Map<String, String> addresses) {
        Slot slot = global ? Slot.global("s" + text, Sample.N2) : Slot.replica("s" + text, index);
        Task task = new Task("t" + text, slot, Sample.N1, generation, text, text, state, desired, new HybridTime(claimed), price, price,
                millis, millis, millis, text, text, exitCode, text, pid, new TreeMap<>(addresses));
        assertEquals(task, RecordCodec.decodeTask(RecordCodec.encode(task)));
        Task ofJob = task.ofJob(generation, generic(text, millis));
        assertEquals(ofJob, RecordCodec.decodeTask(RecordCodec.encode(ofJob)));
        Task ran = ofJob.withRanMillis(millis);
        assertEquals(ran, RecordCodec.decodeTask(RecordCodec.encode(ran)));
        Task published = ran.withHostPorts(List.of("udp/" + price, "tcp/" + price));
        assertEquals(published, RecordCodec.decodeTask(RecordCodec.encode(published)));
        Task picked = published.withPickedPorts(new TreeMap<>(Map.of("udp/28000", 1 + price, "tcp/29999", 65_535)));
        assertEquals(picked, RecordCodec.decodeTask(RecordCodec.encode(picked)));
        assertEquals(RecordCodec.encode(published), RecordCodec.encode(published.withPickedPorts(new TreeMap<>())), "the bytes of earlier releases");
    }

    private static GenericResources generic(String text, long count) {
        return GenericResources.of(new TreeMap<>(Map.of("c" + text, count)), new TreeMap<>(Map.of("n" + text, new TreeSet<>(List.of("a" + text, "b")))));
    }

    @Property(tries = 100)
    void completedWorkComesBack(@ForAll @LongRange(min = 0) long iteration, @ForAll @Size(max = 20) Set<@IntRange(min = 1, max = 100_000) Integer> slots) {
        BitSet replicas = new BitSet();
        slots.forEach(replicas::set);
        CompletedWork work = new CompletedWork("job", iteration, replicas, new TreeSet<>(List.of(Sample.N1, Sample.N2)));
        assertEquals(work, RecordCodec.decodeCompleted(RecordCodec.encode(work)));
    }

    /** What releases before this one wrote ends where it did then: without iteration, devices, fencing token, receiver, time run and host ports. */
    @Example
    void aTaskWithoutIterationAndDevicesIsOfNoJob() {
        Task task = Sample.task("task1", Slot.replica("web", 3), Sample.N1, TaskState.RUNNING, Map.of());
        byte[] now = RecordCodec.encode(task).toArray();
        assertEquals(task, RecordCodec.decodeTask(Bytes.of(Arrays.copyOf(now, now.length - 7))));
    }

    @Property(tries = 100)
    void aReportComesBack(@ForAll @StringLength(max = 40) String text, @ForAll Role role, @ForAll long amount,
            @ForAll @Size(max = 4) Map<String, String> labels, @ForAll @Size(max = 8) Set<String> names) {
        NodeReport report = new NodeReport(text, text, text, role, new Platform(text, text), new Resources(amount, -amount), text,
                new TreeMap<>(labels), new TreeSet<>(names), new TreeSet<>(names));
        assertEquals(report, RecordCodec.decodeReport(RecordCodec.encode(report)));
        NodeReport more = report.with(generic(text, 3), new Obstacles(new TreeSet<>(names), new TreeSet<>(names)));
        assertEquals(more, RecordCodec.decodeReport(RecordCodec.encode(more)));
        NodeReport dear = more.with(new NodeConditions(7, NodeConditions.Power.BATTERY_LOW, NodeConditions.Heat.HOT));
        assertEquals(dear, RecordCodec.decodeReport(RecordCodec.encode(dear)));
        byte[] before = RecordCodec.encode(more).toArray();
        assertEquals(more, RecordCodec.decodeReport(Bytes.of(Arrays.copyOf(before, before.length - 3))), "of a release that told nothing of it");
    }

    @Property(tries = 100)
    void loadsComeBackAndAreSmall(@ForAll @IntRange(max = 60) int tasks, @ForAll @IntRange(max = 32) int cpu, @ForAll @IntRange(max = 32) int memory) {
        List<ServiceLoad> loads = List.of(new ServiceLoad("a".repeat(25), tasks, cpu, memory), new ServiceLoad("b".repeat(25), 1, memory, cpu));
        Bytes written = RecordCodec.encodeLoads(loads);
        assertEquals(loads, RecordCodec.decodeLoads(written));
        assertEquals(2 + 2 * 28, written.size());
    }

    @Property(tries = 100)
    void refusalsAndBlocksComeBack(@ForAll @StringLength(max = 40) String text, @ForAll @IntRange(min = 1) int number,
            @ForAll @LongRange(min = 0) long millis, @ForAll @IntRange(max = 20) int count) {
        Refusal refusal = new Refusal(Slot.replica("s" + text, number), text, millis);
        assertEquals(refusal, RecordCodec.decodeRefusal(RecordCodec.encode(refusal)));
        List<BlockClaim> blocks = java.util.Collections.nCopies(count, new BlockClaim(text, number, new HybridTime(millis)));
        assertEquals(blocks, RecordCodec.decodeBlocks(RecordCodec.encode(blocks)));
    }

    @Property(tries = 1000)
    void noiseIsAValueOrMalformed(@ForAll @Size(max = 200) byte[] noise) {
        byte[] asLayoutOne = noise.clone();
        if (asLayoutOne.length > 0) {
            asLayoutOne[0] = 1;
        }
        DECODERS.forEach(decoder -> valueOrMalformed(decoder, Bytes.of(asLayoutOne)));
    }

    /** One byte of a real value is changed, or its end is missing: what a faulty or hostile peer sends. */
    @Property(tries = 500)
    void damageIsAValueOrMalformed(@ForAll @IntRange(max = 500) int position, @ForAll byte change, @ForAll boolean cut) {
        Task task = Sample.task("task1", Slot.replica("web", 3), new NodeId("n1"), TaskState.RUNNING, Map.of("net", "10.0.1.5/24"));
        byte[] bytes = RecordCodec.encode(task).toArray();
        int at = position % bytes.length;
        if (cut) {
            bytes = Arrays.copyOf(bytes, at);
        } else {
            bytes[at] = change;
        }
        valueOrMalformed(RecordCodec::decodeTask, Bytes.of(bytes));
    }

    private static void valueOrMalformed(Function<Bytes, Object> decoder, Bytes bytes) {
        try {
            decoder.apply(bytes);
        } catch (MalformedRecordException expected) {
            assertTrue(expected.getMessage() != null);
        }
    }

    /** Kryo alone would allocate two gigabytes for this, and the node would end. */
    @Example
    void aStringThatClaimsGigabytesIsRefusedBeforeAnythingIsAllocated() {
        Output out = new Output(16);
        out.writeByte(1);
        out.writeVarIntFlag(true, 1_000_000_001, true);
        Bytes bytes = Bytes.of(out.toBytes());
        for (Function<Bytes, Object> decoder : List.<Function<Bytes, Object>>of(RecordCodec::decodeReport, RecordCodec::decodeTask)) {
            String message = assertThrows(MalformedRecordException.class, () -> decoder.apply(bytes)).getMessage();
            assertTrue(message.contains("a string of 1000000000 characters where 0 bytes are left"), message);
        }
    }

    /** A null where the planner expects a string would stop the planner of each node that hears of it. */
    @Example
    void aMissingStringIsMalformed() {
        Output out = new Output(16);
        out.writeByte(1);
        out.writeString(null);
        assertThrows(MalformedRecordException.class, () -> RecordCodec.decodeTask(Bytes.of(out.toBytes())));
    }

    @Example
    void fieldsThatALaterReleaseAppendsAreIgnored() {
        Task task = Sample.task("task1", Slot.replica("web", 3), Sample.N1, TaskState.RUNNING, Map.of());
        byte[] now = RecordCodec.encode(task).toArray();
        byte[] later = Arrays.copyOf(now, now.length + 7);
        later[0] = 2;
        assertEquals(task, RecordCodec.decodeTask(Bytes.of(later)));
    }

    @Example
    void aPickedPortThatIsNoneIsRefused() {
        Task task = Sample.task("t", Slot.replica("s", 1), Sample.N1, TaskState.RUNNING, Map.of());
        for (Map.Entry<String, Integer> nonsense : Map.of("28000", 80, "sctp/1", 80, "tcp/123456", 80, "tcp/28000", 0).entrySet()) {
            Bytes bytes = RecordCodec.encode(task.withPickedPorts(new TreeMap<>(Map.of(nonsense.getKey(), nonsense.getValue()))));
            assertThrows(MalformedRecordException.class, () -> RecordCodec.decodeTask(bytes), nonsense::toString);
        }
    }
}
