package dev.starling.gossip;

import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.message.Message;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/**
 * Counts on how many disks a write is: each node that took an object in tells its writer once it is durable there. The count is for one
 * generation "or later", since a later one holds what the earlier one did.
 */
final class Copies {
    /** Writes whose copies are counted at a time; the oldest drops out, and is then no longer reported on. */
    private static final int MAX_WRITES = 1024;

    private static final class Write {
        private final long generation;
        private final TreeSet<NodeId> holders = new TreeSet<>();

        Write(long generation) {
            this.generation = generation;
        }
    }

    private record Owed(NodeId writer, long generation) {}

    private final NodeId self;
    private final Map<String, Write> writes = new LinkedHashMap<>();
    private final TreeMap<String, Owed> owed = new TreeMap<>();

    Copies(NodeId self) {
        this.self = self;
    }

    /** This node wrote {@code object}. */
    void wrote(DesiredObject object) {
        owed.remove(object.uid());
        writes.remove(object.uid());
        writes.put(object.uid(), new Write(object.generation()));
        if (writes.size() > MAX_WRITES) {
            Iterator<String> oldest = writes.keySet().iterator();
            oldest.next();
            oldest.remove();
        }
    }

    /** Another node's write came in, and its writer waits for this node's word. */
    void owe(DesiredObject object) {
        if (!object.writer().equals(self)) {
            owed.put(object.uid(), new Owed(object.writer(), object.generation()));
        }
    }

    /** On this node's disk up to {@code generation}. */
    void persisted(String uid, long generation, BiConsumer<NodeId, Message> send, Consumer<Output> emit) {
        stored(self, uid, generation, emit);
        Owed due = owed.get(uid);
        if (due != null && due.generation() <= generation) {
            owed.remove(uid);
            send.accept(due.writer(), new Message.Stored(uid, due.generation()));
        }
    }

    /** On {@code holder}'s disk up to {@code generation}. Nothing is told before it is on this node's own: that may yet refuse it. */
    void stored(NodeId holder, String uid, long generation, Consumer<Output> emit) {
        Write write = writes.get(uid);
        if (write != null && generation >= write.generation && write.holders.add(holder) && write.holders.contains(self)) {
            emit.accept(new Output.Replicated(uid, write.generation, write.holders.size()));
        }
    }
}
