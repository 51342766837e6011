package dev.starling.node.core;

import com.esotericsoftware.kryo.kryo5.io.Output;
import dev.starling.gossip.Bytes;
import dev.starling.gossip.NodeId;
import dev.starling.scheduler.model.Slot;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;

/**
 * What the bytes of all values of records and of votes have in common: a layout number in front, and how lists, maps and slots are written. A later release
 * appends fields at the end; an older one reads what it knows and ignores the rest. Nothing is allocated on the word of a length.
 */
final class RecordLayout {
    private static final int LAYOUT = 1;
    private static final int INITIAL_BYTES = 256;
    private static final int MAX_BYTES = 1 << 20;
    private static final int MAX_ELEMENTS = 65_536;
    private static final Pattern HOST_PORT = Pattern.compile("(tcp|udp)/[0-9]{1,5}");

    static Bytes write(Consumer<Output> layout) {
        Output out = new Output(INITIAL_BYTES, MAX_BYTES);
        out.writeByte(LAYOUT);
        layout.accept(out);
        return Bytes.wrap(out.toBytes());
    }

    /** @throws MalformedRecordException where {@code layout} cannot read them */
    static <T> T read(Bytes bytes, String what, Function<BoundedInput, T> layout) {
        try {
            BoundedInput in = new BoundedInput(bytes.array());
            int version = in.readByte();
            if (version < LAYOUT) {
                throw new MalformedRecordException(what + ": layout " + version + " is unknown", null);
            }
            return layout.apply(in);
        } catch (MalformedRecordException e) {
            throw e;
        } catch (RuntimeException e) {
            throw new MalformedRecordException(what + " of " + bytes.size() + " bytes does not parse: " + e.getMessage(), e);
        }
    }

    static void writeSlot(Output out, Slot slot) {
        out.writeString(slot.serviceUid());
        out.writeVarInt(slot.index(), true);
        out.writeString(slot.node() == null ? null : slot.node().value());
    }

    static Slot readSlot(BoundedInput in) {
        return readSlot(in, UnaryOperator.identity());
    }

    static Slot readSlot(BoundedInput in, UnaryOperator<String> shared) {
        String service = shared.apply(in.text());
        int index = in.readVarInt(true);
        String node = in.readString();
        return new Slot(service, index, node == null ? null : new NodeId(node));
    }

    static void writeMap(Output out, SortedMap<String, String> map) {
        out.writeVarInt(map.size(), true);
        map.forEach((key, value) -> {
            out.writeString(key);
            out.writeString(value);
        });
    }

    static SortedMap<String, String> readMap(BoundedInput in) {
        int count = count(in);
        if (count == 0) {
            return Collections.emptySortedMap();
        }
        SortedMap<String, String> map = new TreeMap<>();
        for (int i = 0; i < count; i++) {
            map.put(in.text(), in.text());
        }
        return Collections.unmodifiableSortedMap(map);
    }

    /** "tcp/28000" to 80. */
    static void writePorts(Output out, SortedMap<String, Integer> ports) {
        out.writeVarInt(ports.size(), true);
        ports.forEach((hostPort, target) -> {
            out.writeString(hostPort);
            out.writeVarInt(target, true);
        });
    }

    static SortedMap<String, Integer> readPorts(BoundedInput in) {
        SortedMap<String, Integer> ports = new TreeMap<>();
        for (int count = count(in); count > 0; count--) {
            String hostPort = in.text();
            int target = in.readVarInt(true);
            if (!HOST_PORT.matcher(hostPort).matches() || target < 1 || target > 65_535) {
                throw new MalformedRecordException("a host port \"" + hostPort + "\" that leads to " + target, null);
            }
            ports.put(hostPort, target);
        }
        return Collections.unmodifiableSortedMap(ports);
    }

    static void writeStrings(Output out, Collection<String> strings) {
        out.writeVarInt(strings.size(), true);
        strings.forEach(out::writeString);
    }

    static SortedSet<String> readStrings(BoundedInput in) {
        return Collections.unmodifiableSortedSet(new TreeSet<>(readList(in)));
    }

    static List<String> readList(BoundedInput in) {
        int count = count(in);
        List<String> strings = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            strings.add(in.text());
        }
        return List.copyOf(strings);
    }

    static int count(BoundedInput in) {
        int count = in.readVarInt(true);
        if (count < 0 || count > MAX_ELEMENTS) {
            throw new MalformedRecordException("a list of " + count + " elements", null);
        }
        return count;
    }

    static <E> E element(E[] values, int ordinal, String what) {
        if (ordinal < 0 || ordinal >= values.length) {
            throw new MalformedRecordException(what + " " + ordinal + " is unknown", null);
        }
        return values[ordinal];
    }

    private RecordLayout() {}
}
