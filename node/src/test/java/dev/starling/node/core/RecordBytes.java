package dev.starling.node.core;

import dev.starling.gossip.Bytes;
import dev.starling.scheduler.model.Task;

/** Record values as a node's core writes them, for tests elsewhere that send some which no honest core would. */
public final class RecordBytes {
    public static String key(Task task) {
        return RecordKeys.task(task.id());
    }

    public static Bytes value(Task task) {
        return RecordCodec.encode(task);
    }

    private RecordBytes() {}
}
