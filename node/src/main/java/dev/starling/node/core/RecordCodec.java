package dev.starling.node.core;

import static dev.starling.node.core.RecordLayout.count;
import static dev.starling.node.core.RecordLayout.element;
import static dev.starling.node.core.RecordLayout.read;
import static dev.starling.node.core.RecordLayout.readList;
import static dev.starling.node.core.RecordLayout.readMap;
import static dev.starling.node.core.RecordLayout.readPorts;
import static dev.starling.node.core.RecordLayout.readSlot;
import static dev.starling.node.core.RecordLayout.readStrings;
import static dev.starling.node.core.RecordLayout.write;
import static dev.starling.node.core.RecordLayout.writeMap;
import static dev.starling.node.core.RecordLayout.writePorts;
import static dev.starling.node.core.RecordLayout.writeSlot;
import static dev.starling.node.core.RecordLayout.writeStrings;

import com.esotericsoftware.kryo.kryo5.io.Output;
import dev.starling.gossip.Bytes;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.HybridTime;
import dev.starling.scheduler.model.BlockClaim;
import dev.starling.scheduler.model.CompletedWork;
import dev.starling.scheduler.model.GenericResources;
import dev.starling.scheduler.model.NodeConditions;
import dev.starling.scheduler.model.Obstacles;
import dev.starling.scheduler.model.Platform;
import dev.starling.scheduler.model.Refusal;
import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.ServiceLoad;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.UnaryOperator;

/**
 * The values of a node's record as bytes: Kryo's buffers, hand-written layouts ({@link RecordLayout}), no object graph and no class names. What does not
 * parse is reported as {@link MalformedRecordException}, and the one value is left out of the view.
 */
final class RecordCodec {
    private static final TaskState[] TASK_STATES = TaskState.values();
    private static final Role[] ROLES = Role.values();
    private static final NodeConditions.Power[] POWERS = NodeConditions.Power.values();
    private static final NodeConditions.Heat[] HEATS = NodeConditions.Heat.values();

    static Bytes encode(NodeReport report) {
        return write(out -> {
            out.writeString(report.hostname());
            out.writeString(report.address());
            out.writeString(report.apiAddress());
            out.writeByte(report.role().ordinal());
            out.writeString(report.platform().os());
            out.writeString(report.platform().architecture());
            out.writeLong(report.capacity().nanoCpus());
            out.writeLong(report.capacity().memoryBytes());
            out.writeString(report.engineVersion());
            writeMap(out, report.engineLabels());
            writeStrings(out, report.images());
            writeStrings(out, report.warnings());
            writeGeneric(out, report.capacity().generic());
            writeStrings(out, report.obstacles().missingPaths());
            writeStrings(out, report.obstacles().takenPorts());
            out.writeByte(report.conditions().linkCost());
            out.writeByte(report.conditions().power().ordinal());
            out.writeByte(report.conditions().heat().ordinal());
        });
    }

    static NodeReport decodeReport(Bytes bytes) {
        return read(bytes, "node report", in -> {
            NodeReport report = new NodeReport(in.text(), in.text(), in.text(),
                    element(ROLES, in.readByte(), "role"), new Platform(in.text(), in.text()),
                    new Resources(in.readLong(), in.readLong()), in.text(), readMap(in), readStrings(in), readStrings(in));
            if (in.end()) {
                return report;
            }
            NodeReport whole = report.with(readGeneric(in), new Obstacles(readStrings(in), readStrings(in)));
            return in.end() ? whole : whole.with(readConditions(in));
        });
    }

    private static NodeConditions readConditions(BoundedInput in) {
        int linkCost = in.readByte();
        if (linkCost < 0 || linkCost > NodeConditions.MOST_LINK_COST) {
            throw new MalformedRecordException("a link cost of " + linkCost, null);
        }
        return new NodeConditions(linkCost, element(POWERS, in.readByte(), "power"), element(HEATS, in.readByte(), "heat"));
    }

    /** A byte each for what is coarse anyway: some 30 bytes a service. */
    static Bytes encodeLoads(List<ServiceLoad> loads) {
        return write(out -> {
            out.writeVarInt(loads.size(), true);
            for (ServiceLoad load : loads) {
                out.writeString(load.serviceUid());
                out.writeVarInt(load.tasks(), true);
                out.writeByte(load.cpu());
                out.writeByte(load.memory());
            }
        });
    }

    static List<ServiceLoad> decodeLoads(Bytes bytes) {
        return read(bytes, "loads", in -> {
            int count = count(in);
            List<ServiceLoad> loads = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                ServiceLoad load = new ServiceLoad(in.text(), count(in), in.readByte(), in.readByte());
                if (load.cpu() < 0 || load.cpu() > ServiceLoad.MOST || load.memory() < 0 || load.memory() > ServiceLoad.MOST) {
                    throw new MalformedRecordException("a load of " + load.cpu() + " and " + load.memory() + " eighths", null);
                }
                loads.add(load);
            }
            return List.copyOf(loads);
        });
    }

    static Bytes encode(Task task) {
        return write(out -> {
            out.writeString(task.id());
            writeSlot(out, task.slot());
            out.writeString(task.node().value());
            out.writeVarLong(task.serviceGeneration(), true);
            out.writeString(task.templateHash());
            out.writeString(task.image());
            out.writeByte(task.state().ordinal());
            out.writeByte(task.desired().ordinal());
            out.writeLong(task.claimed().packed());
            out.writeVarInt(task.price(), true);
            out.writeVarInt(task.attempt(), true);
            out.writeVarLong(task.notBefore(), true);
            out.writeVarLong(task.createdMillis(), true);
            out.writeVarLong(task.changedMillis(), true);
            out.writeString(task.message());
            out.writeString(task.error());
            out.writeVarInt(task.exitCode(), false);
            out.writeString(task.containerId());
            out.writeVarInt(task.pid(), true);
            writeMap(out, task.addresses());
            out.writeLong(task.reserved().nanoCpus());
            out.writeLong(task.reserved().memoryBytes());
            out.writeVarLong(task.iteration(), true);
            writeGeneric(out, task.reserved().generic());
            out.writeVarLong(task.fencingToken(), true);
            out.writeString(task.movesTo() == null ? null : task.movesTo().value());
            out.writeVarLong(task.ranMillis(), true);
            writeStrings(out, task.hostPorts());
            if (!task.pickedPorts().isEmpty()) { // most have none, and their bytes stay what they were; the first field after this one will have to write it always
                writePorts(out, task.pickedPorts());
            }
        });
    }

    static Task decodeTask(Bytes bytes) {
        return decodeTask(bytes, null, UnaryOperator.identity(), UnaryOperator.identity());
    }

    /**
     * @param owner  stands for an equal id; may be null
     * @param shared gives an equal text for those that many tasks have in common, and {@code reserved} equal resources
     */
    static Task decodeTask(Bytes bytes, NodeId owner, UnaryOperator<String> shared, UnaryOperator<Resources> reserved) {
        return read(bytes, "task", in -> {
            Task task = new Task(in.text(), readSlot(in, shared), ownerOr(owner, in.text()), in.readVarLong(true),
                    shared.apply(in.text()), shared.apply(in.text()), element(TASK_STATES, in.readByte(), "task state"),
                    element(TASK_STATES, in.readByte(), "desired state"), new HybridTime(in.readLong()), in.readVarInt(true),
                    in.readVarInt(true), in.readVarLong(true), in.readVarLong(true), in.readVarLong(true), shared.apply(in.text()), in.text(),
                    in.readVarInt(false), in.text(), in.readVarInt(true), readMap(in), reserved.apply(readResources(in)));
            Task whole = in.end() ? task : ofJob(task, in.readVarLong(true), readGeneric(in));
            Task moved = in.end() ? whole : whole.withFencingToken(in.readVarLong(true)).withMovesTo(readNode(in));
            Task ended = in.end() ? moved : moved.withRanMillis(in.readVarLong(true));
            Task published = in.end() ? ended : withHostPorts(ended, readList(in));
            return in.end() ? published : published.withPickedPorts(readPorts(in));
        });
    }

    private static NodeId ownerOr(NodeId owner, String id) {
        return owner != null && owner.value().equals(id) ? owner : new NodeId(id);
    }

    /** Most tasks have none: those stay as they are. */
    private static Task withHostPorts(Task task, List<String> ports) {
        return ports.isEmpty() ? task : task.withHostPorts(ports);
    }

    /** Most tasks are of no job and have nothing of the kind: those stay as they are. */
    private static Task ofJob(Task task, long iteration, GenericResources generic) {
        return iteration == 0 && generic.isNone() ? task : task.ofJob(iteration, generic);
    }

    static Bytes encode(CompletedWork work) {
        return write(out -> {
            out.writeString(work.serviceUid());
            out.writeVarLong(work.iteration(), true);
            byte[] bits = work.replicas().toByteArray();
            out.writeVarInt(bits.length, true);
            out.writeBytes(bits);
            out.writeVarInt(work.nodes().size(), true);
            work.nodes().forEach(node -> out.writeString(node.value()));
        });
    }

    static CompletedWork decodeCompleted(Bytes bytes) {
        return read(bytes, "completed work", in -> {
            String service = in.text();
            long iteration = in.readVarLong(true);
            BitSet replicas = BitSet.valueOf(in.readBytes(count(in)));
            int count = count(in);
            SortedSet<NodeId> nodes = new TreeSet<>();
            for (int i = 0; i < count; i++) {
                nodes.add(new NodeId(in.text()));
            }
            return new CompletedWork(service, iteration, replicas, nodes);
        });
    }

    private static void writeGeneric(Output out, GenericResources generic) {
        out.writeVarInt(generic.counts().size(), true);
        generic.counts().forEach((kind, count) -> {
            out.writeString(kind);
            out.writeVarLong(count, true);
        });
        out.writeVarInt(generic.named().size(), true);
        generic.named().forEach((kind, names) -> {
            out.writeString(kind);
            writeStrings(out, names);
        });
    }

    private static GenericResources readGeneric(BoundedInput in) {
        SortedMap<String, Long> counts = new TreeMap<>();
        for (int left = count(in); left > 0; left--) {
            counts.put(in.text(), in.readVarLong(true));
        }
        SortedMap<String, SortedSet<String>> named = new TreeMap<>();
        for (int left = count(in); left > 0; left--) {
            named.put(in.text(), readStrings(in));
        }
        return GenericResources.of(counts, named);
    }

    /** Came after the first release of the layout: one that wrote nothing here reserved nothing that it knew of. */
    private static Resources readResources(BoundedInput in) {
        return in.end() ? Resources.NONE : new Resources(in.readLong(), in.readLong());
    }

    static Bytes encode(CertificateReport report) {
        return write(out -> {
            out.writeString(report.issuer());
            out.writeString(report.oldest());
        });
    }

    static CertificateReport decodeCertificate(Bytes bytes) {
        return read(bytes, "certificate report", in -> new CertificateReport(in.text(), in.text()));
    }

    /** Its keys and ciphers; what it acknowledges has keys of its own in the record. */
    static Bytes encode(List<Bytes> keys, List<String> ciphers, Optional<TunnelReach> reach) {
        return write(out -> {
            out.writeVarInt(keys.size(), true);
            for (Bytes key : keys) {
                out.writeVarInt(key.size(), true);
                out.writeBytes(key.array());
            }
            writeStrings(out, ciphers);
            reach.ifPresent(said -> {
                out.writeBoolean(said.natted());
                writeStrings(out, said.candidates().stream().map(Endpoint::toString).toList());
            });
        });
    }

    /** Came after the first release of the layout: one that wrote nothing here knew no ESP inside UDP. */
    private static Optional<TunnelReach> readReach(BoundedInput in) {
        if (in.end()) {
            return Optional.empty();
        }
        boolean natted = in.readBoolean();
        int count = count(in);
        if (count > TunnelReach.MOST_CANDIDATES) {
            throw new MalformedRecordException(count + " places to reach a node at", null);
        }
        List<Endpoint> candidates = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String text = in.text();
            try {
                candidates.add(Endpoint.parse(text, 1));
            } catch (IllegalArgumentException e) {
                throw new MalformedRecordException("'" + text + "' is no place to reach a node at", e);
            }
        }
        return Optional.of(new TunnelReach(natted, List.copyOf(candidates)));
    }

    static NodeEncryption decodeEncryption(Bytes bytes) {
        return read(bytes, "encryption", in -> {
            int count = in.readVarInt(true);
            if (count < 1 || count > NodeEncryption.MOST_KEYS) {
                throw new MalformedRecordException(count + " encryption keys", null);
            }
            List<Bytes> keys = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                int size = in.readVarInt(true);
                if (size < 0 || size > in.limit() - in.position()) {
                    throw new MalformedRecordException("an encryption key of " + size + " bytes", null);
                }
                Bytes key = Bytes.wrap(in.readBytes(size));
                if (!NodeEncryption.isKey(key)) {
                    throw new MalformedRecordException("an encryption key of " + size + " bytes", null);
                }
                keys.add(key);
            }
            int ciphers = count(in);
            List<String> names = new ArrayList<>();
            for (int i = 0; i < ciphers; i++) {
                names.add(in.text());
            }
            return new NodeEncryption(List.copyOf(keys), List.copyOf(names), Collections.emptySortedMap(), readReach(in));
        });
    }

    static Bytes encode(KeyAcknowledgement acknowledgement) {
        return write(out -> {
            out.writeString(acknowledgement.own());
            out.writeString(acknowledgement.peers());
            out.writeString(acknowledgement.sendsTo());
        });
    }

    static KeyAcknowledgement decodeAcknowledgement(Bytes bytes) {
        return read(bytes, "key acknowledgement", in -> new KeyAcknowledgement(in.text(), in.text(), in.text()));
    }

    static Bytes encode(Refusal refusal) {
        return write(out -> {
            writeSlot(out, refusal.slot());
            out.writeString(refusal.reason());
            out.writeVarLong(refusal.sinceMillis(), true);
        });
    }

    static Refusal decodeRefusal(Bytes bytes) {
        return read(bytes, "refusal", in -> new Refusal(readSlot(in), in.text(), in.readVarLong(true)));
    }

    static Bytes encode(List<BlockClaim> blocks) {
        return write(out -> {
            out.writeVarInt(blocks.size(), true);
            for (BlockClaim block : blocks) {
                out.writeString(block.networkUid());
                out.writeVarInt(block.block(), true);
                out.writeLong(block.claimed().packed());
            }
        });
    }

    static List<BlockClaim> decodeBlocks(Bytes bytes) {
        return read(bytes, "blocks", in -> {
            int count = count(in);
            List<BlockClaim> blocks = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                blocks.add(new BlockClaim(in.text(), in.readVarInt(true), new HybridTime(in.readLong())));
            }
            return List.copyOf(blocks);
        });
    }

    private static NodeId readNode(BoundedInput in) {
        String id = in.readString();
        return id == null ? null : new NodeId(id);
    }

    private RecordCodec() {}
}
