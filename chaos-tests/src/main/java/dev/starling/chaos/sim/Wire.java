package dev.starling.chaos.sim;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.codec.MessageCodec;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.message.Message;
import dev.starling.gossip.record.KeyedEntries;
import dev.starling.gossip.record.RecordSharing;
import dev.starling.node.core.Document;
import dev.starling.node.core.NodeReport;
import dev.starling.node.core.ValueReader;
import dev.starling.scheduler.model.Task;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.function.Supplier;

/** How a message gets out of one node's memory into another's. */
interface Wire {
    /** @param message what a receiver gets; asked for once for each */
    record Carried(int bytes, Supplier<Message> message) {}

    Carried carry(Message message);

    /** For a node that starts. */
    ValueReader valueReader();

    /** Likewise. */
    RecordSharing recordSharing();

    /** As in the product: each receiver decodes bytes, and has its own copy of everything. */
    final class Encoded implements Wire {
        private final MessageCodec codec;

        Encoded(MessageCodec codec) {
            this.codec = codec;
        }

        @Override
        public Carried carry(Message message) {
            byte[] encoded = codec.encode(message);
            return new Carried(encoded.length, () -> codec.decode(encoded));
        }

        @Override
        public ValueReader valueReader() {
            return ValueReader.ofNode();
        }

        @Override
        public RecordSharing recordSharing() {
            return RecordSharing.NONE;
        }
    }

    /**
     * For large clusters: receivers get the sender's immutable message itself, so a task is in memory once and not once for each node; so is a state of a record that
     * all of them have worked out to be the same. Every message is still
     * encoded, since its size is measured, and of every {@link #SAMPLE}th it is checked that the codec gives back what went in.
     */
    final class Shared implements Wire {
        private static final int SAMPLE = 16;
        /** Values of a kind that are remembered by their bytes; then it begins anew, which costs time and memory only. */
        private static final int MOST_VALUES = 1 << 20;

        private final MessageCodec codec;
        private final ValueReader reader = ValueReader.ofNode();
        private final Map<Bytes, Task> tasks = new IdentityHashMap<>();
        private final Map<Bytes, NodeReport> reports = new IdentityHashMap<>();
        private final Map<DesiredObject, Document> documents = new IdentityHashMap<>();
        private final Map<Bytes, KeyedEntries> records = new HashMap<>();
        private Message last;
        private Carried carried;
        private long messages;

        Shared(MessageCodec codec) {
            this.codec = codec;
        }

        @Override
        public Carried carry(Message message) {
            if (message != last) { // a push goes to several
                byte[] encoded = codec.encode(message);
                if (messages++ % SAMPLE == 0 && !codec.decode(encoded).equals(message)) {
                    throw new AssertionError("the codec does not give back " + message);
                }
                last = message;
                carried = new Carried(encoded.length, () -> message);
            }
            return carried;
        }

        @Override
        public ValueReader valueReader() {
            return new ValueReader() {
                @Override
                public Task task(NodeId owner, Bytes value) {
                    return once(tasks, value, () -> reader.task(owner, value));
                }

                @Override
                public NodeReport report(Bytes value) {
                    return once(reports, value, () -> reader.report(value));
                }

                @Override
                public Document document(DesiredObject object) {
                    return once(documents, object, () -> reader.document(object));
                }
            };
        }

        @Override
        public RecordSharing recordSharing() {
            return entries -> once(records, entries.root(), () -> entries);
        }

        private static <K, V> V once(Map<K, V> known, K encoded, Supplier<V> read) {
            V value = known.get(encoded);
            if (value == null) {
                if (known.size() >= MOST_VALUES) {
                    known.clear();
                }
                value = read.get();
                known.put(encoded, value);
            }
            return value;
        }
    }
}
